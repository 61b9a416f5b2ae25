"""`inference cleanup --stack`: what a stack left goes, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.local.sagemaker.hosted_templates import at_rest

Run = Callable[..., SimpleNamespace]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def everything(hosting: Any) -> set[tuple[str, str]]:
    """All that there is of the kinds that stacks leave, with its name."""

    def listed(service: str, operation: str, member: str, name: str, **given: Any) -> Iterator[str]:
        pages = hosting.connect(service).get_paginator(operation).paginate(**given)
        return (each[name] if name else each for page in pages for each in page.get(member, ()))

    kms = hosting.connect("kms")
    found = {
        "endpoint": listed("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
        "config": listed(
            "sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"
        ),
        "model": listed("sagemaker", "list_models", "Models", "ModelName"),
        "alarm": listed("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "group": listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "table": listed("dynamodb", "list_tables", "TableNames", ""),
        "queue": listed("sqs", "list_queues", "QueueUrls", ""),
        "target": listed(
            "application-autoscaling",
            "describe_scalable_targets",
            "ScalableTargets",
            "ResourceId",
            ServiceNamespace="sagemaker",
        ),
        "bucket": (each["Name"] for each in hosting.s3.list_buckets()["Buckets"]),
        "key": (
            key
            for key in listed("kms", "list_keys", "Keys", "KeyId")
            if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion"
        ),
    }
    return {(kind, name) for kind, names in found.items() for name in names}


def template(hosting: Any, name: str) -> dict[str, Any]:
    """An endpoint with all that belongs to it, of which nearly everything is retained."""
    model = {
        "ExecutionRoleArn": hosting.role,
        "PrimaryContainer": {
            "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            "ModelDataUrl": hosting.artifact("left"),
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    }
    config = {
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1,
            }
        ],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": {"Fn::Sub": "s3://${Bucket}/captured"},
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    }
    endpoint = {
        "EndpointName": name,
        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
    }
    alarm = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": name}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1000,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/AllTraffic"},
        "MinCapacity": 1,
        "MaxCapacity": 2,
    }
    table = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    key = {
        "KeyPolicy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }
    }
    role = {
        "AssumeRolePolicyDocument": TRUST,
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
    }
    function = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context):\n    print('called')\n"},
    }
    retained = {
        "Model": ("AWS::SageMaker::Model", model),
        "Config": ("AWS::SageMaker::EndpointConfig", config),
        "Endpoint": ("AWS::SageMaker::Endpoint", endpoint),
        "Alarm": ("AWS::CloudWatch::Alarm", alarm),
        "Target": ("AWS::ApplicationAutoScaling::ScalableTarget", target),
        "Group": ("AWS::Logs::LogGroup", {}),
        "Bucket": ("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Enabled"}}),
        "Table": ("AWS::DynamoDB::Table", table),
        "Key": ("AWS::KMS::Key", key),
        "Queue": ("AWS::SQS::Queue", {}),
    }
    deleted = {
        "Role": ("AWS::IAM::Role", role),
        "Function": ("AWS::Lambda::Function", function),
    }
    resources = {
        logical_id: {"Type": kind, "Properties": properties}
        for logical_id, (kind, properties) in (retained | deleted).items()
    }
    for logical_id in retained:
        resources[logical_id]["DeletionPolicy"] = "Retain"
    return {"Resources": resources}


def names(found: list[dict[str, str]], kind: str) -> list[str]:
    """The names of a kind."""
    return [each["name"] for each in found if each["kind"] == kind]


def test_what_a_deleted_stack_left_goes_and_nothing_else(run: Run, hosting: Any) -> None:
    """As all lists of all services before and after show."""
    cloudformation, stack = hosting.connect("cloudformation"), f"{hosting.prefix}-left"
    # Beside it: by hand, with names that begin as the stack's, and a stack whose name does.
    by_hand = hosting.create_model("left-by-hand")
    hosting.create_config("left-by-hand", {"ModelName": by_hand})
    hosting.connect("logs").create_log_group(logGroupName=f"/aws/lambda/{stack}-by-hand")
    hosting.s3.create_bucket(Bucket=f"{stack}-by-hand")
    queue = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    cloudformation.create_stack(StackName=f"{stack}-two", TemplateBody=json.dumps(queue))
    assert at_rest(cloudformation, f"{stack}-two") == "CREATE_COMPLETE"
    before = everything(hosting)

    body = json.dumps(template(hosting, stack))
    made = cloudformation.create_stack(
        StackName=stack, TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
    )
    assert at_rest(cloudformation, stack) == "CREATE_COMPLETE"
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    hosting.connect("lambda").invoke(FunctionName=ids["Function"])
    for _ in range(2):
        key = f"captured/{stack}/AllTraffic/1.jsonl"
        hosting.s3.put_object(Bucket=ids["Bucket"], Key=key, Body=b"{}")
    refused = run("cleanup", "--stack", stack, "--data", "--yes")
    assert refused.code == 1
    assert f"stack {stack} is CREATE_COMPLETE" in refused.err
    assert f"run `cdk destroy {stack}`" in refused.err

    cloudformation.delete_stack(StackName=stack)
    assert at_rest(cloudformation, made["StackId"]) == "DELETE_COMPLETE"
    after = everything(hosting) - before
    assert {kind for kind, _ in after} == {
        *("endpoint", "config", "model", "alarm", "target"),
        *("group", "bucket", "table", "key", "queue"),
    }
    found = run("cleanup", "--stack", stack, "--json")
    assert found.code == 0
    assert everything(hosting) - before >= after, "nothing is deleted without --yes"
    assert names(found.json["found"], "endpoint") == [stack]
    assert set(names(found.json["found"], "log group")) == {
        f"/aws/sagemaker/Endpoints/{stack}",
        f"/aws/lambda/{ids['Function']}",
        ids["Group"],
    }
    queue_arn = f"arn:aws:sqs:us-east-1:123456789012:{ids['Queue'].rpartition('/')[2]}"
    assert [each["name"] for each in found.json["kept"]] == [queue_arn]
    kinds = {each["kind"] for each in found.json["data"]}
    assert kinds == {"captured data", "bucket", "table", "key"}

    # A config by hand uses the stack's model: it stays for as long.
    model = ids["Model"].rpartition("/")[2]
    user = hosting.create_config("user-of-left", {"ModelName": model})
    told = run("cleanup", "--stack", stack, "--yes")
    assert told.code == 1
    assert "still there after the deletion: sqs" in told.err
    assert f"is used by endpoint config {user}" in told.out
    left = everything(hosting) - before
    assert {kind for kind, _ in left} == {"model", "config", "bucket", "table", "key", "queue"}

    hosting.api.delete_endpoint_config(EndpointConfigName=user)
    hosting.connect("sqs").delete_queue(QueueUrl=ids["Queue"])
    done = run("cleanup", "--stack", stack, "--data", "--yes", "--json")
    assert (done.code, done.json["left"]) == (0, [])
    assert everything(hosting) == before
    assert run("cleanup", "--stack", made["StackId"], "--json").json["found"] == []


def test_a_stack_of_the_same_name_keeps_what_is_its_own(run: Run, hosting: Any) -> None:
    """What the one before it left is found beside it, and only that is deleted."""
    cloudformation, stack = hosting.connect("cloudformation"), f"{hosting.prefix}-again"
    group = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"}
    body = json.dumps({"Resources": {"Group": group}})
    groups = []
    for _ in range(2):
        made = cloudformation.create_stack(StackName=stack, TemplateBody=body)["StackId"]
        assert at_rest(cloudformation, made) == "CREATE_COMPLETE"
        (resource,) = cloudformation.describe_stack_resources(StackName=made)["StackResources"]
        groups.append(resource["PhysicalResourceId"])
        if len(groups) == 1:
            cloudformation.delete_stack(StackName=made)
            assert at_rest(cloudformation, made) == "DELETE_COMPLETE"
    done = run("cleanup", "--stack", stack, "--yes", "--json")
    assert done.code == 0
    assert names(done.json["found"], "log group") == groups[:1]
    assert [(each["name"], each["why"]) for each in done.json["kept"]] == [
        (groups[1], f"belongs to stack {stack}")
    ]
    assert ("group", groups[1]) in everything(hosting)
    assert ("group", groups[0]) not in everything(hosting)


def test_what_a_stack_replaced_and_retained_is_its_own_for_as_long_as_it_exists(
    run: Run, hosting: Any
) -> None:
    """Though no list of its resources has it: it may want to go back to it."""
    cloudformation, stack = hosting.connect("cloudformation"), f"{hosting.prefix}-replaced"
    group: dict[str, Any] = {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"LogGroupName": f"{stack}/1"},
    }
    template = {"Resources": {"Group": group}}
    made = cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    assert at_rest(cloudformation, stack) == "CREATE_COMPLETE"
    group["Properties"] = {"LogGroupName": f"{stack}/2"}
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    assert at_rest(cloudformation, stack) == "UPDATE_COMPLETE"
    refused = run("cleanup", "--stack", stack, "--yes")
    assert refused.code == 1
    assert f"stack {stack} is UPDATE_COMPLETE" in refused.err

    # Another stack takes a group over: it stays, whoever made it.
    cloudformation.delete_stack(StackName=stack)
    assert at_rest(cloudformation, made["StackId"]) == "DELETE_COMPLETE"
    hosting.connect("logs").delete_log_group(logGroupName=f"{stack}/2")
    cloudformation.create_stack(StackName=f"{stack}-other", TemplateBody=json.dumps(template))
    assert at_rest(cloudformation, f"{stack}-other") == "CREATE_COMPLETE"
    done = run("cleanup", "--stack", stack, "--yes", "--json")
    assert done.code == 0
    assert names(done.json["found"], "log group") == [f"{stack}/1"]
    assert [(each["name"], each["why"]) for each in done.json["kept"]] == [
        (f"{stack}/2", f"belongs to stack {stack}-other")
    ]


def test_nothing_is_found_of_a_stack_that_never_was(run: Run) -> None:
    """And an endpoint and a stack at once are one too many."""
    told = run("cleanup", "--stack", "never-was", "--data", "--yes")
    assert told.code == 0
    assert "nothing of never-was" in told.out
    for arguments in ((), ("one", "--stack", "two"), ("--stack", "two", "--config", "three")):
        assert run("cleanup", *arguments).code == 2


@pytest.mark.long
def test_an_endpoint_that_took_over_the_name_stays(run: Run, hosting: Any) -> None:
    """The stack deleted its own; somebody made another one by hand, with its own logs."""
    cloudformation, stack = hosting.connect("cloudformation"), f"{hosting.prefix}-taken"
    body = template(hosting, stack)
    for name in ("Target", "Alarm", "Bucket", "Table", "Key", "Queue", "Function", "Role"):
        del body["Resources"][name]
    del body["Resources"]["Config"]["Properties"]["DataCaptureConfig"]
    del body["Resources"]["Endpoint"]["DeletionPolicy"]
    made = cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(body))["StackId"]
    assert at_rest(cloudformation, made) == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName=stack)
    assert at_rest(cloudformation, made) == "DELETE_COMPLETE"
    model = hosting.create_model("taken-by-hand")
    hosting.create_endpoint("taken", hosting.create_config("taken-by-hand", {"ModelName": model}))
    done = run("cleanup", "--stack", stack, "--yes", "--json")
    assert done.code == 0
    assert {each["kind"] for each in done.json["found"]} == {
        "endpoint config",
        "model",
        "log group",
    }
    assert f"/aws/sagemaker/Endpoints/{stack}" not in names(done.json["found"], "log group")
    assert [(each["kind"], each["name"]) for each in done.json["kept"]] == [("endpoint", stack)]
    assert hosting.api.describe_endpoint(EndpointName=stack)["EndpointStatus"] == "InService"
    assert hosting.api.describe_model(ModelName=model)
