"""What a batch workflow calls besides its jobs: DynamoDB, EventBridge, CloudWatch."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

TABLE = "claims"


@pytest.fixture(scope="module")
def table(local_aws: Any) -> Any:
    """DynamoDB with a table whose key is ``id``."""
    client = local_aws.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def task(resource: str, **parameters: Any) -> dict[str, Any]:
    """One Task state."""
    return {
        "T": {
            "Type": "Task",
            "Resource": f"arn:aws:states:::{resource}",
            "Parameters": parameters,
            "End": True,
        }
    }


def claim(**more: Any) -> dict[str, Any]:
    """Parameters of a write that succeeds only once for each id."""
    return {
        "TableName": TABLE,
        "Item": {"id": {"S.$": "$.id"}, "execution": {"S.$": "$$.Execution.Id"}, **more},
        "ConditionExpression": "attribute_not_exists(id)",
    }


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        ("dynamodb:putItem", "DynamoDB.ConditionalCheckFailedException"),
        ("aws-sdk:dynamodb:putItem", "DynamoDb.ConditionalCheckFailedException"),
    ],
)
def test_a_conditional_write_that_fails_has_a_name_to_catch(
    machines: Any, table: Any, resource: str, error: str
) -> None:
    """The optimized integration and the SDK's spell the service differently."""
    states = task(resource, **claim())
    states["T"]["Catch"] = [{"ErrorEquals": [error], "ResultPath": "$.caught", "Next": "Taken"}]
    states["Taken"] = {"Type": "Pass", "Result": "taken", "End": True}
    given = {"id": resource}
    first, second = machines.run(states, given), machines.run(states, given)
    assert first.status == "SUCCEEDED"
    assert second.output == "taken"
    item = table.get_item(TableName=TABLE, Key={"id": {"S": resource}})["Item"]
    assert item["execution"] == {"S": first.arn}


def test_only_one_of_many_writes_at_once_meets_its_condition(table: Any) -> None:
    """A condition and its write are one step, whoever else writes."""

    def put(number: int) -> bool:
        try:
            table.put_item(
                TableName=TABLE,
                Item={"id": {"S": f"race-{number // 20}"}, "n": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(id)",
            )
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(put, range(200)))
    assert [sum(won[start : start + 20]) for start in range(0, 200, 20)] == [1] * 10


def test_items_are_updated_and_read(machines: Any, table: Any) -> None:
    """Names, values and what is returned, as the service's API has them."""
    table.put_item(TableName=TABLE, Item={"id": {"S": "u"}, "state": {"S": "running"}})
    run = machines.run(
        task(
            "dynamodb:updateItem",
            TableName=TABLE,
            Key={"id": {"S": "u"}},
            UpdateExpression="SET #s = :s, expires = :e",
            ConditionExpression="#s = :r",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={
                ":s": {"S": "done"},
                ":r": {"S": "running"},
                ":e": {"N.$": "States.Format('{}', $.at)"},
            },
            ReturnValues="ALL_NEW",
        ),
        {"at": 5},
    )
    assert run.output["Attributes"] == {
        "id": {"S": "u"},
        "state": {"S": "done"},
        "expires": {"N": "5"},
    }
    read = machines.run(
        task("dynamodb:getItem", TableName=TABLE, Key={"id": {"S": "u"}}, ConsistentRead=True)
    )
    assert read.output["Item"]["state"] == {"S": "done"}
    none = machines.run(task("dynamodb:getItem", TableName=TABLE, Key={"id": {"S": "none"}}))
    assert "Item" not in none.output


def test_a_role_that_may_not_fails_with_the_services_own_error(
    machines: Any, make_role: Any, table: Any
) -> None:
    """What an API does not declare has its client's name; EventBridge declares a denied call."""
    del table
    role = make_role("states.amazonaws.com", "s3:ListBucket")
    entries = [{"Source": "s", "DetailType": "d", "Detail": {}}]
    for states, error in (
        (task("dynamodb:putItem", **claim()), "DynamoDB.AmazonDynamoDBException"),
        (task("events:putEvents", Entries=entries), "EventBridge.AccessDeniedException"),
    ):
        run = machines.run(states, {"id": "x"}, role=role)
        assert run.failure[0] == error
        assert "is not authorized to perform" in run.failure[1]


def test_an_event_names_the_execution_that_put_it(local_aws: Any, machines: Any) -> None:
    """Resources hold the state machine and the execution; the detail may be an object."""
    sqs, events = local_aws.client("sqs"), local_aws.client("events")
    url = sqs.create_queue(QueueName="batch-events")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:batch-events"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="batch-events", EventPattern=json.dumps({"source": ["inference.batch"]}))
    events.put_targets(Rule="batch-events", Targets=[{"Id": "q", "Arn": arn}])
    run = machines.run(
        task(
            "events:putEvents",
            Entries=[
                {
                    "Source": "inference.batch",
                    "DetailType": "Batch Run Succeeded",
                    "Detail": {"records.$": "$.records"},
                }
            ],
        ),
        {"records": 3},
    )
    assert run.output["FailedEntryCount"] == 0
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert event["detail"] == {"records": 3}
    assert event["resources"] == [run.described["stateMachineArn"], run.arn]


def test_metrics_are_put_by_a_state(local_aws: Any, machines: Any) -> None:
    """``aws-sdk:cloudwatch:putMetricData`` with values from the state's input."""
    machines.run(
        task(
            "aws-sdk:cloudwatch:putMetricData",
            Namespace="Batch",
            MetricData=[
                {
                    "MetricName": "Records",
                    "Dimensions": [{"Name": "Workflow", "Value": "w"}],
                    "Value.$": "$.records",
                    "Unit": "Count",
                }
            ],
        ),
        {"records": 41},
    )
    now = datetime.now(UTC)
    deadline = time.monotonic() + 20
    points: list[Any] = []
    while not points and time.monotonic() < deadline:
        points = local_aws.client("cloudwatch").get_metric_statistics(
            Namespace="Batch",
            MetricName="Records",
            Dimensions=[{"Name": "Workflow", "Value": "w"}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
    assert [point["Sum"] for point in points] == [41]
