"""Functions, state machines, rules, schedules, tables and secrets, as templates describe them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.cloudformation.provider import ResourceError

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}


@pytest.fixture
def function(drive: Any, role: str) -> Any:
    """A function with inline code; gives the driven provider, what it made and its properties."""
    driven = drive("AWS::Lambda::Function", {"stage": "dev"})
    properties = {
        "Code": {"ZipFile": "import os\ndef handler(event, context):\n    return os.environ['A']"},
        "Role": role,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Environment": {"Variables": {"A": "one"}},
        "MemorySize": "256",
        "Timeout": "10",
        "ReservedConcurrentExecutions": 2,
    }
    return driven, driven.create(properties), properties


def invoked(local_aws: Any, name: str) -> Any:
    """What a function answers."""
    answer = local_aws.client("lambda").invoke(FunctionName=name)
    return json.loads(answer["Payload"].read())


def test_a_function_is_made_changed_and_deleted(function: Any, local_aws: Any) -> None:
    """Code and configuration change in place; settings that leave the template are reset."""
    driven, created, old = function
    api = local_aws.client("lambda")
    name = created.physical_id
    assert created.attributes["Arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert invoked(local_aws, name) == "one"
    found = api.get_function(FunctionName=name)
    assert found["Configuration"]["MemorySize"] == 256
    assert found["Concurrency"]["ReservedConcurrentExecutions"] == 2
    assert found["Tags"] == {"stage": "dev"}

    kept = {key: old[key] for key in ("Code", "Role", "Runtime", "Handler")}
    new = {**kept, "Environment": {"Variables": {"A": "two"}}, "Timeout": 10}
    driven.update(created, old, new)
    assert invoked(local_aws, name) == "two"
    found = api.get_function(FunctionName=name)
    assert found["Configuration"]["MemorySize"] == 128
    assert "Concurrency" not in found
    code = {**new, "Code": {"ZipFile": "def handler(event, context):\n    return 'new code'"}}
    driven.update(created, new, code)
    assert invoked(local_aws, name) == "new code"

    driven.delete(created, code)
    driven.delete(created, code)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.get_function(FunctionName=name)


def test_versions_and_aliases_follow_their_function(
    drive: Any, function: Any, local_aws: Any
) -> None:
    """Ref of both is an ARN; after the function is gone their deletion is no error."""
    driven, created, properties = function
    name = created.physical_id
    arn = created.attributes["Arn"]
    version = drive("AWS::Lambda::Version")
    published = version.create({"FunctionName": name})
    assert published.physical_id == f"{arn}:1"
    assert published.attributes["Version"] == "1"
    alias = drive("AWS::Lambda::Alias")
    given = {"FunctionName": name, "Name": "live", "FunctionVersion": "1"}
    named = alias.create(given)
    assert named.physical_id == f"{arn}:live"
    assert invoked(local_aws, named.physical_id) == "one"
    driven.delete(created, properties)
    alias.delete(named, given)
    version.delete(published, {"FunctionName": name})


def test_a_permission_is_a_statement_of_the_functions_policy(
    drive: Any, function: Any, local_aws: Any
) -> None:
    """Added with its condition, and removed."""
    name = function[1].physical_id
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    permission = drive("AWS::Lambda::Permission")
    properties = {
        "FunctionName": name,
        "Action": "lambda:InvokeFunction",
        "Principal": "sns.amazonaws.com",
        "SourceArn": topic,
    }
    created = permission.create(properties)
    api = local_aws.client("lambda")
    [statement] = json.loads(api.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Sid"] == created.physical_id
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": topic}}
    permission.delete(created, properties)
    permission.delete(created, properties)


def test_asynchronous_settings_are_put_and_replaced(
    drive: Any, function: Any, local_aws: Any
) -> None:
    """An update counts, and deletion after the function is no error."""
    driven, created, properties = function
    name = created.physical_id
    config = drive("AWS::Lambda::EventInvokeConfig")
    old = {"FunctionName": name, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}
    made = config.create(old)
    config.update(made, old, {**old, "MaximumRetryAttempts": "1"})
    api = local_aws.client("lambda")
    found = api.get_function_event_invoke_config(FunctionName=name)
    assert found["MaximumRetryAttempts"] == 1
    config.delete(made, old)
    config.delete(made, old)
    driven.delete(created, properties)
    config.delete(made, old)


def test_a_state_machine_runs_what_its_template_defines(
    drive: Any, role: str, local_aws: Any
) -> None:
    """Substitutions are made; an update changes definition and logging in place."""
    machine = drive("AWS::StepFunctions::StateMachine", {"stage": "dev"})
    log = drive("AWS::Logs::LogGroup").create({}).attributes["Arn"]
    state = {"Type": "Pass", "Result": {"place": "${Place}", "other": "${Unknown}"}, "End": True}
    old = {
        "StateMachineName": "template-machine",
        "DefinitionString": json.dumps({"StartAt": "Only", "States": {"Only": state}}),
        "DefinitionSubstitutions": {"Place": "here"},
        "RoleArn": role,
        "LoggingConfiguration": {
            "Level": "ERROR",
            "IncludeExecutionData": True,
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": log}}],
        },
        "TracingConfiguration": {"Enabled": True},
    }
    created = machine.create(old)
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:template-machine"
    assert created.physical_id == arn
    assert created.attributes["Arn"] == arn
    assert created.attributes["Name"] == "template-machine"
    api = local_aws.client("stepfunctions")
    found = api.describe_state_machine(stateMachineArn=arn)
    assert found["loggingConfiguration"]["level"] == "ERROR"
    assert found["tracingConfiguration"]["enabled"] is True

    def output() -> Any:
        execution = api.start_execution(stateMachineArn=arn)["executionArn"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            described = api.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                return json.loads(described["output"])
            time.sleep(0.1)
        raise AssertionError("the execution does not end")

    assert output() == {"place": "here", "other": "${Unknown}"}
    new = {**old, "DefinitionSubstitutions": {"Place": "there"}}
    del new["TracingConfiguration"]
    machine.update(created, old, new)
    assert output()["place"] == "there"
    found = api.describe_state_machine(stateMachineArn=arn)
    assert found["tracingConfiguration"]["enabled"] is False
    tags = api.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags == [{"key": "stage", "value": "dev"}]
    machine.delete(created, new)
    machine.delete(created, new)


def test_a_state_machine_may_be_defined_in_s3_or_as_an_object(
    drive: Any, role: str, local_aws: Any
) -> None:
    """The three places of a definition."""
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="definitions")
    s3.put_object(Bucket="definitions", Key="machine.json", Body=json.dumps(PASS))
    place = {"Bucket": "definitions", "Key": "machine.json"}
    for given in ({"DefinitionS3Location": place}, {"Definition": PASS}):
        arn = (
            drive("AWS::StepFunctions::StateMachine").create({**given, "RoleArn": role}).physical_id
        )
        found = local_aws.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        assert json.loads(found["definition"]) == PASS
    with pytest.raises(ResourceError, match="is required"):
        drive("AWS::StepFunctions::StateMachine").create({"RoleArn": role})


def test_a_rule_has_the_targets_of_its_template(drive: Any, local_aws: Any) -> None:
    """Targets that leave the template leave the rule; deletion takes the rest along."""
    queue = drive("AWS::SQS::Queue").create({}).attributes["Arn"]
    rule = drive("AWS::Events::Rule")
    old = {
        "EventPattern": {"source": ["aws.sagemaker"]},
        "State": "ENABLED",
        "Targets": [{"Id": "a", "Arn": queue}, {"Id": "b", "Arn": queue}],
    }
    created = rule.create(old)
    with pytest.raises(ResourceError, match="already exists"):
        drive("AWS::Events::Rule").create({**old, "Name": created.physical_id})
    new = {**old, "Targets": [{"Id": "b", "Arn": queue, "Input": '{"x": 1}'}]}
    rule.update(created, old, new)
    events = local_aws.client("events")
    targets = events.list_targets_by_rule(Rule=created.physical_id)["Targets"]
    assert [(target["Id"], target.get("Input")) for target in targets] == [("b", '{"x": 1}')]
    assert created.attributes["Arn"].endswith(f":rule/{created.physical_id}")
    rule.delete(created, new)
    rule.delete(created, new)


def test_a_rule_of_another_bus_names_it(drive: Any) -> None:
    """Ref has the bus before the rule."""
    bus = drive("AWS::Events::EventBus")
    named = bus.create({"Name": "orders"})
    rule = drive("AWS::Events::Rule")
    properties = {
        "Name": "r",
        "EventBusName": "orders",
        "EventPattern": {"source": ["x"]},
    }
    created = rule.create(properties)
    assert created.physical_id == "orders|r"
    rule.delete(created, properties)
    bus.delete(named, {})


def test_a_schedule_lives_in_its_group(drive: Any, role: str, local_aws: Any) -> None:
    """Made, changed and deleted; a group that is gone took it along."""
    group = drive("AWS::Scheduler::ScheduleGroup")
    grouped = group.create({"Name": "nightly"})
    assert grouped.attributes["Arn"].endswith(":schedule-group/nightly")
    schedule = drive("AWS::Scheduler::Schedule")
    old = {
        "GroupName": "nightly",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:sqs:us-east-1:123456789012:q",
            "RoleArn": role,
            "RetryPolicy": {"MaximumRetryAttempts": "3"},
        },
    }
    created = schedule.create(old)
    schedule.update(created, old, {**old, "ScheduleExpression": "rate(2 hours)"})
    api = local_aws.client("scheduler")
    found = api.get_schedule(GroupName="nightly", Name=created.physical_id)
    assert found["ScheduleExpression"] == "rate(2 hours)"
    assert found["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 3
    group.delete(grouped, {"Name": "nightly"})
    schedule.delete(created, old)
    group.delete(grouped, {"Name": "nightly"})


def test_a_table_is_made_changed_and_deleted(drive: Any, local_aws: Any) -> None:
    """Stream, recovery and expiry; another key needs another table."""
    table = drive("AWS::DynamoDB::Table", {"stage": "dev"})
    old = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        "SSESpecification": {"SSEEnabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    created = table.create(old)
    name = created.physical_id
    assert created.attributes["Arn"] == f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
    assert created.attributes["StreamArn"].startswith(created.attributes["Arn"] + "/stream/")
    api = local_aws.client("dynamodb")
    backups = api.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    index = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    owner = {"AttributeName": "owner", "AttributeType": "S"}
    new = {
        **old,
        "AttributeDefinitions": [*old["AttributeDefinitions"], owner],
        "GlobalSecondaryIndexes": [index],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": "true"},
    }
    table.update(created, old, new)
    described = api.describe_table(TableName=name)["Table"]
    assert [entry["IndexName"] for entry in described["GlobalSecondaryIndexes"]] == ["by-owner"]
    expiry = api.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "ENABLED"
    other_key = {**new, "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}]}
    assert table.provider.replaces(new, other_key)
    assert not table.provider.replaces(old, new)
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    encrypted = {**new, "SSESpecification": encryption}
    table.update(created, new, encrypted)
    described = api.describe_table(TableName=name)["Table"]["SSEDescription"]
    assert (described["Status"], described["KMSMasterKeyArn"]) == ("ENABLED", key)
    new = encrypted
    table.delete(created, new)
    table.delete(created, new)


def test_a_global_table_has_one_replica_here(drive: Any, local_aws: Any) -> None:
    """With what the replica says of recovery; replicas elsewhere there are none."""
    table = drive("AWS::DynamoDB::GlobalTable")
    replica = {
        "Region": "us-east-1",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    old = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Replicas": [replica],
    }
    created = table.create(old)
    name = created.physical_id
    api = local_aws.client("dynamodb")
    backups = api.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    expiry = {"AttributeName": "expires", "Enabled": True}
    table.update(created, old, {**old, "TimeToLiveSpecification": expiry})
    found = api.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert found["TimeToLiveStatus"] == "ENABLED"
    table.delete(created, old)
    with pytest.raises(Exception, match="/Replicas with other regions is not supported"):
        table.create({**old, "Replicas": [replica, {"Region": "eu-west-1"}]})


def test_a_secret_is_generated_once(drive: Any, local_aws: Any) -> None:
    """Another description leaves the value alone; after deletion the name is free again."""
    secret = drive("AWS::SecretsManager::Secret")
    old = {
        "Name": "login",
        "GenerateSecretString": {
            "SecretStringTemplate": '{"username": "admin"}',
            "GenerateStringKey": "password",
            "PasswordLength": "20",
            "ExcludePunctuation": True,
        },
    }
    created = secret.create(old)
    api = local_aws.client("secretsmanager")

    def value() -> Any:
        return json.loads(api.get_secret_value(SecretId=created.physical_id)["SecretString"])

    first = value()
    assert first["username"] == "admin"
    assert len(first["password"]) == 20
    assert first["password"].isalnum()
    secret.update(created, old, {**old, "Description": "for the demo"})
    assert value() == first
    secret.delete(created, old)
    secret.delete(created, old)
    again = drive("AWS::SecretsManager::Secret").create(old)
    assert again.physical_id.startswith(
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:login-"
    )
