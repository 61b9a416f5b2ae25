"""Alarms on a running local AWS: one minute of an alarm passes in one second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
PUBLISHER = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
    "Resource": "*",
}
ADMINISTRATION = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def wait_for(find: Callable[[], Any], *, seconds: float = 60) -> Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s")


@pytest.fixture(scope="module")
def cloudwatch(local_aws: Any) -> Any:
    """A client."""
    return local_aws.client("cloudwatch")


@pytest.fixture
def put_alarm(cloudwatch: Any) -> Any:
    """Puts alarms on a metric of the same name, with one period of a minute."""
    names: list[str] = []

    def put(name: str, **options: Any) -> str:
        names.append(name)
        defaults = {
            "Namespace": "Tests",
            "MetricName": name,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 10.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        given = {key: value for key, value in (defaults | options).items() if value is not None}
        cloudwatch.put_metric_alarm(AlarmName=name, **given)
        return name

    yield put
    cloudwatch.delete_alarms(AlarmNames=names)


def state(cloudwatch: Any, name: str) -> str:
    """An alarm's state."""
    found = cloudwatch.describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    value: str = [*found["MetricAlarms"], *found["CompositeAlarms"]][0]["StateValue"]
    return value


def publish(cloudwatch: Any, name: str, *values: float) -> None:
    """Publish values now."""
    cloudwatch.put_metric_data(
        Namespace="Tests", MetricData=[{"MetricName": name, "Values": list(values)}]
    )


def history(cloudwatch: Any, name: str, kind: str) -> list[dict[str, Any]]:
    """Entries of an alarm's history, the newest first."""
    entries: list[dict[str, Any]] = cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType=kind
    )["AlarmHistoryItems"]
    return entries


def test_an_alarm_begins_without_data_fires_and_recovers(cloudwatch: Any, put_alarm: Any) -> None:
    """INSUFFICIENT_DATA, then ALARM on what was published, then OK when missing data is good."""
    put_alarm("fires", TreatMissingData="ignore")
    assert state(cloudwatch, "fires") == "INSUFFICIENT_DATA"
    publish(cloudwatch, "fires", 6, 7)
    wait_for(lambda: state(cloudwatch, "fires") == "ALARM")
    put_alarm("fires", TreatMissingData="notBreaching")
    assert state(cloudwatch, "fires") == "ALARM", "putting an alarm again keeps its state"
    wait_for(lambda: state(cloudwatch, "fires") == "OK")
    summaries = [entry["HistorySummary"] for entry in history(cloudwatch, "fires", "StateUpdate")]
    assert summaries == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]
    newest = json.loads(history(cloudwatch, "fires", "StateUpdate")[1]["HistoryData"])
    assert newest["newState"]["stateReasonData"]["evaluatedDatapoints"][0]["value"] == 13.0


def test_an_alarm_on_a_percentile_sees_the_slow_few(cloudwatch: Any, put_alarm: Any) -> None:
    """p99 is above the threshold while p50 is not."""
    for name, statistic in (("p50", "p50"), ("p99", "p99")):
        put_alarm(name, MetricName="latency", Statistic=None, ExtendedStatistic=statistic)
    publish(cloudwatch, "latency", *[1.0] * 90, *[100.0] * 10)
    wait_for(lambda: state(cloudwatch, "p99") == "ALARM")
    wait_for(lambda: state(cloudwatch, "p50") == "OK")


def test_an_alarm_on_metric_math_fires_on_the_rate(cloudwatch: Any, put_alarm: Any) -> None:
    """Errors per request, although neither metric crosses the threshold by itself."""

    def query(identifier: str, metric: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "Tests", "MetricName": metric}, "Period": 60, "Stat": "Sum"}
        return {"Id": identifier, "MetricStat": stat, "ReturnData": False}

    put_alarm(
        "rate",
        **dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period")),
        Metrics=[
            {"Id": "rate", "Expression": "100 * errors / requests"},
            query("errors", "rate-errors"),
            query("requests", "rate-requests"),
        ],
        Threshold=20.0,
    )
    now = datetime.now(UTC)
    cloudwatch.put_metric_data(
        Namespace="Tests",
        MetricData=[
            {"MetricName": "rate-errors", "Value": 5, "Timestamp": now},
            {"MetricName": "rate-requests", "Value": 10, "Timestamp": now},
        ],
    )
    wait_for(lambda: state(cloudwatch, "rate") == "ALARM")


def test_a_composite_alarm_follows_its_rule(cloudwatch: Any, put_alarm: Any) -> None:
    """It is in ALARM while one child is and the other is not."""
    put_alarm("child-a", TreatMissingData="ignore")
    put_alarm("child-b", TreatMissingData="ignore")
    cloudwatch.put_composite_alarm(
        AlarmName="composite", AlarmRule='ALARM("child-a") AND NOT ALARM("child-b")'
    )
    try:
        with pytest.raises(ClientError, match="Cannot delete child-a"):
            cloudwatch.delete_alarms(AlarmNames=["child-a"])
        cloudwatch.set_alarm_state(AlarmName="child-a", StateValue="ALARM", StateReason="test")
        wait_for(lambda: state(cloudwatch, "composite") == "ALARM")
        cloudwatch.set_alarm_state(AlarmName="child-b", StateValue="ALARM", StateReason="test")
        wait_for(lambda: state(cloudwatch, "composite") == "OK")
        assert cloudwatch.describe_alarms(AlarmNames=["composite"])["CompositeAlarms"] == []
    finally:
        cloudwatch.delete_alarms(AlarmNames=["composite"])


def test_a_composite_alarm_on_a_missing_alarm_is_refused(cloudwatch: Any) -> None:
    """AWS names the alarms that do not exist."""
    with pytest.raises(ClientError, match=r"alarms \[nobody\] in the alarm rule do not exist"):
        cloudwatch.put_composite_alarm(AlarmName="lost", AlarmRule="ALARM(nobody)")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Period": 45}, "must be 10, 20, 30 or a multiple of 60"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal"),
        ({"EvaluationPeriods": 1441}, "across more than a day"),
        ({"ComparisonOperator": "GreaterThan"}, "comparison operator"),
        ({"TreatMissingData": "breach"}, "is not supported for TreatMissingData"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic or ExtendedStatistic"),
    ],
)
def test_a_faulty_alarm_is_refused(put_alarm: Any, options: dict[str, Any], words: str) -> None:
    """ValidationError, and no alarm."""
    with pytest.raises(ClientError, match=words) as raised:
        put_alarm("faulty", **options)
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def topic_and_queue(local_aws: Any, name: str, **attributes: str) -> tuple[str, str]:
    """A topic whose messages land in a queue."""
    queue = local_aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    sns = local_aws.client("sns")
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def received(local_aws: Any, queue: str) -> list[dict[str, Any]]:
    """Messages of alarms that are in a queue."""
    found = local_aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [
        json.loads(json.loads(message["Body"])["Message"]) for message in found.get("Messages", [])
    ]


def test_a_notification_tells_what_happened(
    local_aws: Any, cloudwatch: Any, put_alarm: Any
) -> None:
    """The message has AWS's fields; the history says that the action was executed."""
    topic, queue = topic_and_queue(local_aws, "told")
    put_alarm("told", AlarmActions=[topic], AlarmDescription="too much", TreatMissingData="ignore")
    publish(cloudwatch, "told", 11)
    (message,) = wait_for(lambda: received(local_aws, queue))
    assert message["AlarmName"] == "told"
    assert message["AlarmDescription"] == "too much"
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert message["Region"] == "US East (N. Virginia)"
    assert message["AWSAccountId"] == ACCOUNT
    trigger = message["Trigger"]
    assert (trigger["MetricName"], trigger["Statistic"], trigger["Threshold"]) == (
        "told",
        "SUM",
        10.0,
    )
    (entry,) = wait_for(lambda: history(cloudwatch, "told", "Action"))
    assert entry["HistorySummary"] == f"Successfully executed action {topic}"


def test_an_encrypted_topic_is_silent_until_its_key_lets_cloudwatch(
    local_aws: Any, cloudwatch: Any, put_alarm: Any
) -> None:
    """Only the alarm's history tells; with the grant in the key's policy the message arrives."""
    kms = local_aws.client("kms")
    key = kms.create_key(Policy=json.dumps({"Statement": [ADMINISTRATION]}))["KeyMetadata"]["Arn"]
    topic, queue = topic_and_queue(local_aws, "locked", KmsMasterKeyId=key)
    put_alarm("locked", AlarmActions=[topic], TreatMissingData="notBreaching")
    cloudwatch.set_alarm_state(AlarmName="locked", StateValue="ALARM", StateReason="test")
    (entry,) = wait_for(lambda: history(cloudwatch, "locked", "Action"))
    assert entry["HistorySummary"] == f"Failed to execute action {topic}"
    assert json.loads(entry["HistoryData"])["error"] == (
        "CloudWatch Alarms does not have authorization to access the SNS topic encryption key."
    )
    assert received(local_aws, queue) == []
    wait_for(lambda: state(cloudwatch, "locked") == "OK")
    policy = json.dumps({"Statement": [ADMINISTRATION, PUBLISHER]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    cloudwatch.set_alarm_state(AlarmName="locked", StateValue="ALARM", StateReason="test")
    assert wait_for(lambda: received(local_aws, queue))[0]["NewStateReason"] == "test"


def test_a_topic_policy_without_cloudwatch_stops_the_notification(
    local_aws: Any, cloudwatch: Any, put_alarm: Any
) -> None:
    """A policy of one's own replaces the default one, which let the account's alarms publish."""
    topic, _ = topic_and_queue(local_aws, "strict")
    deny = {
        "Sid": "ssl",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    local_aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [deny]})
    )
    put_alarm("strict", AlarmActions=[topic])
    cloudwatch.set_alarm_state(AlarmName="strict", StateValue="ALARM", StateReason="test")
    (entry,) = wait_for(lambda: history(cloudwatch, "strict", "Action"))
    assert json.loads(entry["HistoryData"])["error"].startswith(
        "CloudWatch Alarms is not authorized to perform: SNS:Publish"
    )


def test_disabled_actions_are_not_executed(local_aws: Any, cloudwatch: Any, put_alarm: Any) -> None:
    """The state changes, nobody is told."""
    topic, queue = topic_and_queue(local_aws, "quiet")
    put_alarm("quiet", AlarmActions=[topic], ActionsEnabled=False)
    cloudwatch.set_alarm_state(AlarmName="quiet", StateValue="ALARM", StateReason="test")
    wait_for(lambda: history(cloudwatch, "quiet", "StateUpdate"))
    time.sleep(0.5)
    assert history(cloudwatch, "quiet", "Action") == []
    assert received(local_aws, queue) == []


def test_statistics_and_data_answer_with_percentiles(cloudwatch: Any) -> None:
    """GetMetricStatistics and GetMetricData agree, and leave periods without data out."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    dimensions = [{"Name": "EndpointName", "Value": "one"}]
    for minutes, values in ((3, [1.0, 2.0, 3.0]), (1, [10.0])):
        cloudwatch.put_metric_data(
            Namespace="Tests",
            MetricData=[
                {
                    "MetricName": "asked",
                    "Dimensions": dimensions,
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Values": values,
                    "Unit": "Microseconds",
                }
            ],
        )
    window = {"StartTime": now - timedelta(minutes=5), "EndTime": now}
    metric = {"Namespace": "Tests", "MetricName": "asked", "Dimensions": dimensions}
    points = cloudwatch.get_metric_statistics(
        **metric,
        **window,
        Period=60,
        Statistics=["Sum", "Average"],
        ExtendedStatistics=["p50", "p99"],
    )["Datapoints"]
    by_time = sorted(points, key=lambda point: point["Timestamp"])
    assert [point["Timestamp"] for point in by_time] == [
        now - timedelta(minutes=3),
        now - timedelta(minutes=1),
    ]
    assert by_time[0]["Sum"] == 6.0
    assert by_time[0]["Average"] == 2.0
    assert by_time[0]["Unit"] == "Microseconds"
    assert by_time[0]["ExtendedStatistics"] == {"p50": 2.0, "p99": pytest.approx(2.98)}
    stat = {"Metric": metric, "Period": 60, "Stat": "p99"}
    results = cloudwatch.get_metric_data(
        **window,
        ScanBy="TimestampAscending",
        MetricDataQueries=[
            {"Id": "slow", "MetricStat": stat},
            {"Id": "double", "Expression": "slow * 2", "Label": "twice"},
        ],
    )["MetricDataResults"]
    assert [result["Label"] for result in results] == ["asked", "twice"]
    assert results[0]["Values"] == pytest.approx([2.98, 10.0])
    assert results[1]["Values"] == pytest.approx([5.96, 20.0])
    listed = cloudwatch.list_metrics(Namespace="Tests", MetricName="asked")["Metrics"]
    assert listed == [{**metric, "Dimensions": dimensions}]
