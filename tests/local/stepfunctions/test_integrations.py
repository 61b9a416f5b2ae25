"""Tasks call services with the state machine's role, and fail with AWS's error names."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

JOB = "arn:aws:states:::sagemaker:createTransformJob.sync"


def sdk(action: str, **parameters: Any) -> dict[str, Any]:
    """A state machine of one call."""
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:{action}",
        "Parameters": parameters,
        "End": True,
    }
    return {"T": task}


@pytest.fixture(scope="module")
def bucket(local_aws: Any) -> str:
    """A bucket with one object."""
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="integrations")
    s3.put_object(Bucket="integrations", Key="in/a.txt", Body=b"hello")
    return "integrations"


def test_a_call_gives_what_the_service_answered_as_json(machines: Any, bucket: str) -> None:
    """Dates are text, bodies are read, and the answer's metadata stays out."""
    listed = machines.run(sdk("s3:listObjectsV2", Bucket=bucket, Prefix="in/")).output
    assert listed["KeyCount"] == 1
    assert listed["Contents"][0]["Key"] == "in/a.txt"
    assert listed["Contents"][0]["LastModified"].endswith("Z")
    assert "ResponseMetadata" not in listed
    got = machines.run(sdk("s3:getObject", Bucket=bucket, Key="in/a.txt")).output
    assert got["Body"] == "hello"


def test_names_begin_with_a_capital_whatever_the_api_does(machines: Any) -> None:
    """CloudWatch Logs writes logGroupName; a state machine LogGroupName."""
    made = machines.run(sdk("cloudwatchlogs:createLogGroup", LogGroupName="/capital"))
    assert made.status == "SUCCEEDED"
    found = machines.run(sdk("cloudwatchlogs:describeLogGroups", LogGroupNamePrefix="/capital"))
    assert [group["LogGroupName"] for group in found.output["LogGroups"]] == ["/capital"]


@pytest.mark.parametrize(
    ("action", "parameters", "error"),
    [
        ("s3:getObject", {"Key": "none"}, "S3.NoSuchKeyException"),
        ("s3:headObject", {"Key": "none"}, "S3.NoSuchKeyException"),
        ("s3:listObjectsV2", {"Bucket": "integrations-none"}, "S3.NoSuchBucketException"),
        ("sagemaker:describeModel", {"ModelName": "none"}, "SageMaker.SageMakerException"),
        (
            "sfn:describeExecution",
            {"ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:none:none"},
            "Sfn.ExecutionDoesNotExistException",
        ),
        (
            "dynamodb:getItem",
            {"TableName": "none", "Key": {"k": {"S": "v"}}},
            "DynamoDb.ResourceNotFoundException",
        ),
    ],
)
def test_an_sdk_call_fails_with_the_java_clients_name(
    machines: Any, bucket: str, action: str, parameters: dict[str, Any], error: str
) -> None:
    """What the operation declares by its own name, all else by the service's."""
    given = {"Bucket": bucket, **parameters} if action.startswith("s3:") else parameters
    run = machines.run(sdk(action, **given))
    assert run.status == "FAILED"
    assert run.failure[0] == error
    assert "Status Code: 4" in run.failure[1]


def test_a_call_without_permission_fails_and_can_be_caught(
    machines: Any, make_role: Callable[..., str], bucket: str
) -> None:
    """The state machine's role is judged, not whoever started the execution."""
    poor = make_role("states.amazonaws.com", "s3:ListBucket")
    states = sdk("s3:getObject", Bucket=bucket, Key="in/a.txt")
    states["T"]["Catch"] = [{"ErrorEquals": ["S3.S3Exception"], "Next": "Caught"}]
    states["Caught"] = {"Type": "Succeed"}
    run = machines.run(states, role=poor)
    assert run.status == "SUCCEEDED"
    assert "is not authorized to perform: s3:GetObject" in run.output["Cause"]


def test_a_task_with_credentials_uses_that_role(
    machines: Any, make_role: Callable[..., str], bucket: str
) -> None:
    """Credentials name another role that Step Functions assumes."""
    reader = make_role("states.amazonaws.com", "s3:GetObject")
    nobody = make_role("states.amazonaws.com", "sts:AssumeRole")
    states = sdk("s3:getObject", Bucket=bucket, Key="in/a.txt")
    assert machines.run(states, role=nobody).status == "FAILED"
    states["T"]["Credentials"] = {"RoleArn": reader}
    assert machines.run(states, role=nobody).status == "SUCCEEDED"


def test_messages_are_published_and_refusals_named(
    local_aws: Any, machines: Any, make_role: Callable[..., str]
) -> None:
    """``sns:publish`` writes an object as JSON; a missing topic and a missing right have names."""
    sns, sqs = local_aws.client("sns"), local_aws.client("sqs")
    topic = sns.create_topic(Name="integrations")["TopicArn"]
    queue = sqs.create_queue(QueueName="integrations")["QueueUrl"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:integrations",
    }
    sqs.set_queue_attributes(
        QueueUrl=queue,
        Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})},
    )
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:integrations",
        Attributes={"RawMessageDelivery": "true"},
    )

    def publish(arn: str, role: str | None = None) -> Any:
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"TopicArn": arn, "Message": {"rows.$": "$.rows"}, "Subject": "done"},
            "End": True,
        }
        return machines.run({"T": task}, {"rows": 3}, role=role)

    assert publish(topic).status == "SUCCEEDED"
    received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(received[0]["Body"]) == {"rows": 3}
    assert publish(f"{topic}-none").failure[0] == "SNS.NotFoundException"
    poor = make_role("states.amazonaws.com", "sns:ListTopics")
    assert publish(topic, poor).failure[0] == "SNS.AuthorizationErrorException"


def test_a_state_machine_is_refused_when_its_role_cannot_run_it(
    machines: Any, make_role: Callable[..., str]
) -> None:
    """The trust, the rule by which jobs are heard of, and log delivery are checked at once."""
    job = {"T": {"Type": "Task", "Resource": JOB, "Parameters": {}, "End": True}}
    plain = {"P": {"Type": "Pass", "End": True}}
    log_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/x:*"
    logging = {
        "level": "ALL",
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": log_arn}}],
    }
    service = "states.amazonaws.com"
    refused = [
        (plain, make_role("lambda.amazonaws.com", "*"), {}, "authorized to assume the provided"),
        (job, make_role(service, "sagemaker:*"), {}, "not authorized to create managed-rule"),
        (
            plain,
            make_role(service, "logs:CreateLogDelivery"),
            {"loggingConfiguration": logging},
            "not authorized to access the Log Destination",
        ),
    ]
    for states, role, settings, message in refused:
        with pytest.raises(ClientError, match=message) as error:
            machines.create(states, role=role, settings=settings)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    rules = make_role(service, "events:PutRule", "events:PutTargets", "events:DescribeRule")
    assert machines.create(job, role=rules)
    assert machines.create(
        plain, role=make_role(service, "logs:*"), settings={"loggingConfiguration": logging}
    )


def test_an_execution_needs_the_key_of_its_state_machine(
    local_aws: Any, machines: Any, make_role: Callable[..., str]
) -> None:
    """Data under a customer's key: without kms:GenerateDataKey nothing starts."""
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    settings = {
        "encryptionConfiguration": {
            "type": "CUSTOMER_MANAGED_KMS_KEY",
            "kmsKeyId": key,
            "kmsDataKeyReusePeriodSeconds": 300,
        }
    }
    plain = {"P": {"Type": "Pass", "End": True}}
    poor = make_role("states.amazonaws.com", "s3:GetObject")
    with pytest.raises(ClientError) as refused:
        machines.start(machines.create(plain, role=poor, settings=settings))
    assert refused.value.response["Error"]["Code"] == "KmsAccessDeniedException"
    able = make_role("states.amazonaws.com", "kms:GenerateDataKey", "kms:Decrypt")
    assert machines.run(plain, role=able, settings=settings).status == "SUCCEEDED"


def test_a_role_may_be_confined_to_one_state_machine(
    local_aws: Any, machines: Any, make_role: Callable[..., str]
) -> None:
    """Step Functions names the machine as aws:SourceArn: when it is made, and in each task."""
    role = make_role("states.amazonaws.com", "s3:ListAllMyBuckets")
    iam = local_aws.client("iam")

    def confine(source: str) -> None:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        iam.update_assume_role_policy(
            RoleName=role.rpartition("/")[2],
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )

    branches = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "T", "States": sdk("s3:listBuckets")}],
    }
    confine("arn:aws:states:us-east-1:123456789012:stateMachine:*")
    machine = machines.create({"P": {**branches, "End": True}}, role=role)
    assert machines.start(machine).wait().status == "SUCCEEDED"
    confine(f"{machine}-of-others")
    assert machines.start(machine).wait().status == "FAILED"


@pytest.mark.parametrize(
    ("missing", "traced"), [(None, True), ("GetSamplingRules", False), ("PutTraceSegments", False)]
)
def test_an_execution_is_traced_if_its_role_may(
    local_aws: Any, machines: Any, make_role: Callable[..., str], missing: str | None, traced: bool
) -> None:
    """DescribeExecution names the trace; X-Ray has it only if the role may sample and send."""
    needed = {"GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments"}
    role = make_role("states.amazonaws.com", *(f"xray:{name}" for name in needed - {missing}))
    settings = {"tracingConfiguration": {"enabled": True}}
    run = machines.run({"P": {"Type": "Pass", "End": True}}, role=role, settings=settings)
    assert run.status == "SUCCEEDED"
    trace = re.fullmatch(
        r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24});Sampled=1", run.described["traceHeader"]
    )
    assert trace is not None
    xray = local_aws.client("xray")
    deadline = time.monotonic() + (10 if traced else 0.5)
    while not (found := xray.batch_get_traces(TraceIds=[trace[1]])["Traces"]):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert bool(found) is traced


def test_an_unknown_job_is_refused_when_the_machine_is_made(machines: Any) -> None:
    """``.sync`` of what is no job, and an operation that is not integrated."""
    for resource in ("createModel.sync", "describeModel"):
        task = {
            "Type": "Task",
            "Resource": f"arn:aws:states:::sagemaker:{resource}",
            "Parameters": {},
            "End": True,
        }
        with pytest.raises(ClientError) as refused:
            machines.create({"T": task})
        assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
        assert "not a valid resource ARN" in str(refused.value)
