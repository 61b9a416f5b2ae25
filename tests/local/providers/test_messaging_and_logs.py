"""Topics, queues, log groups, alarms and dashboards, as templates describe them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.cloudformation.provider import ResourceError


def tags_of(entries: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a mapping."""
    return {entry["Key"]: entry["Value"] for entry in entries}


def test_a_topic_has_its_attributes_and_tags(drive: Any, local_aws: Any) -> None:
    """Ref is the ARN; the template's own tags win over the stack's."""
    topic = drive("AWS::SNS::Topic", {"team": "stack", "stage": "dev"})
    properties = {"DisplayName": "Alarms", "Tags": [{"Key": "team", "Value": "own"}]}
    created = topic.create(properties)

    sns = local_aws.client("sns")
    arn = created.physical_id
    assert created.attributes == {"TopicArn": arn, "TopicName": arn.split(":")[-1]}
    assert arn.startswith("arn:aws:sns:us-east-1:123456789012:stack-Thing-")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "Alarms"
    tags = tags_of(sns.list_tags_for_resource(ResourceArn=arn)["Tags"])
    assert tags == {"team": "own", "stage": "dev"}

    topic.update(created, properties, {"Tags": [{"Key": "new", "Value": "x"}]})
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == ""
    tags = tags_of(sns.list_tags_for_resource(ResourceArn=arn)["Tags"])
    assert tags == {"team": "stack", "stage": "dev", "new": "x"}

    topic.delete(created, properties)
    topic.delete(created, properties)
    assert arn not in [entry["TopicArn"] for entry in sns.list_topics()["Topics"]]


def test_a_fifo_topic_and_queue_get_names_that_end_in_fifo(drive: Any) -> None:
    """The services refuse other names, so a generated one must end so."""
    assert drive("AWS::SNS::Topic").create({"FifoTopic": True}).physical_id.endswith(".fifo")
    assert drive("AWS::SQS::Queue").create({"FifoQueue": "true"}).physical_id.endswith(".fifo")


def test_a_topic_policy_is_put_and_taken_back(drive: Any, local_aws: Any) -> None:
    """Deleting the policy leaves the default one, which names the account itself."""
    sns = local_aws.client("sns")
    arn = drive("AWS::SNS::Topic").create({}).physical_id
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": arn,
            }
        ],
    }
    policy = drive("AWS::SNS::TopicPolicy")
    properties = {"Topics": [arn], "PolicyDocument": document}
    created = policy.create(properties)
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert json.loads(found) == document

    policy.delete(created, properties)
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    assert json.loads(found)["Id"] == "__default_policy_ID"


def test_a_subscription_delivers_to_its_queue(drive: Any, local_aws: Any) -> None:
    """What is published to the topic is received from the queue, until the subscription goes."""
    topic = drive("AWS::SNS::Topic").create({}).physical_id
    queue = drive("AWS::SQS::Queue").create({"VisibilityTimeout": "5"})
    subscription = drive("AWS::SNS::Subscription")
    properties = {
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": queue.attributes["Arn"],
        "RawMessageDelivery": True,
    }
    created = subscription.create(properties)
    sns, sqs = local_aws.client("sns"), local_aws.client("sqs")
    sns.publish(TopicArn=topic, Message="hello")
    received = sqs.receive_message(QueueUrl=queue.physical_id)["Messages"]
    assert [message["Body"] for message in received] == ["hello"]

    subscription.delete(created, properties)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_queue_changes_in_place(drive: Any, local_aws: Any) -> None:
    """Ref is the URL; an attribute that leaves the template goes back to its default."""
    queue = drive("AWS::SQS::Queue", {"stage": "dev"})
    old = {"QueueName": "changing", "DelaySeconds": 7, "RedrivePolicy": {"maxReceiveCount": 3}}
    dead = drive("AWS::SQS::Queue").create({}).attributes["Arn"]
    old["RedrivePolicy"] = {"deadLetterTargetArn": dead, "maxReceiveCount": 3}
    created = queue.create(old)
    assert created.attributes["Arn"] == "arn:aws:sqs:us-east-1:123456789012:changing"
    assert created.attributes["QueueName"] == "changing"
    queue.update(created, old, {"QueueName": "changing", "VisibilityTimeout": 40})

    sqs = local_aws.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=created.physical_id, AttributeNames=["All"])
    assert found["Attributes"]["DelaySeconds"] == "0"
    assert found["Attributes"]["VisibilityTimeout"] == "40"
    assert sqs.list_queue_tags(QueueUrl=created.physical_id)["Tags"] == {"stage": "dev"}
    queue.delete(created, {})
    queue.delete(created, {})


def test_a_queue_policy_is_put_and_taken_back(drive: Any, local_aws: Any) -> None:
    """The queue has the policy as long as the resource lives."""
    sqs = local_aws.client("sqs")
    queue = drive("AWS::SQS::Queue").create({})
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue.attributes["Arn"],
            }
        ],
    }
    policy = drive("AWS::SQS::QueuePolicy")
    properties = {"Queues": [queue.physical_id], "PolicyDocument": document}
    created = policy.create(properties)
    names = {"QueueUrl": queue.physical_id, "AttributeNames": ["Policy"]}
    assert json.loads(sqs.get_queue_attributes(**names)["Attributes"]["Policy"]) == document
    policy.delete(created, properties)
    assert not sqs.get_queue_attributes(**names).get("Attributes", {}).get("Policy")


def test_a_log_group_changes_retention_and_key_in_place(drive: Any, local_aws: Any) -> None:
    """Retention that leaves the template means that events never expire."""
    everybody = {"AWS": "arn:aws:iam::123456789012:root", "Service": "logs.us-east-1.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": everybody, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = local_aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    group = drive("AWS::Logs::LogGroup", {"stage": "dev"})
    old = {"LogGroupName": "/changing", "RetentionInDays": "7"}
    created = group.create(old)
    assert created.attributes["Arn"] == (
        "arn:aws:logs:us-east-1:123456789012:log-group:/changing:*"
    )
    logs = local_aws.client("logs")

    def described() -> dict[str, Any]:
        return logs.describe_log_groups(logGroupNamePrefix="/changing")["logGroups"][0]

    assert described()["retentionInDays"] == 7
    group.update(created, old, {"LogGroupName": "/changing", "KmsKeyId": key})
    assert "retentionInDays" not in described()
    assert described()["kmsKeyId"] == key
    group.delete(created, {})
    group.delete(created, {})


def test_a_metric_filter_is_made_once_and_changed_in_place(drive: Any, local_aws: Any) -> None:
    """A second filter of the same name is refused instead of overwriting the first."""
    name = drive("AWS::Logs::LogGroup").create({}).physical_id
    one = {
        "MetricName": "Errors",
        "MetricNamespace": "App",
        "MetricValue": "1",
        "Dimensions": [{"Key": "Version", "Value": "$.version"}],
    }
    properties = {
        "LogGroupName": name,
        "FilterName": "errors",
        "FilterPattern": "ERROR",
        "MetricTransformations": [one],
    }
    metric_filter = drive("AWS::Logs::MetricFilter")
    created = metric_filter.create(properties)
    with pytest.raises(ResourceError, match="already exists"):
        drive("AWS::Logs::MetricFilter").create(properties)
    metric_filter.update(created, properties, {**properties, "FilterPattern": "FATAL"})
    logs = local_aws.client("logs")
    found = logs.describe_metric_filters(logGroupName=name)["metricFilters"]
    assert [(entry["filterName"], entry["filterPattern"]) for entry in found] == [
        ("errors", "FATAL")
    ]
    metric_filter.delete(created, properties)
    metric_filter.delete(created, properties)


def test_an_alarm_is_put_changed_and_deleted(drive: Any, local_aws: Any) -> None:
    """Numbers that a template gives as strings reach CloudWatch as numbers."""
    alarm = drive("AWS::CloudWatch::Alarm", {"stage": "dev"})
    properties = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
        "Statistic": "Average",
        "Period": "60",
        "EvaluationPeriods": 3,
        "Threshold": "0.01",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    created = alarm.create(properties)
    cloudwatch = local_aws.client("cloudwatch")

    def described() -> list[dict[str, Any]]:
        return cloudwatch.describe_alarms(AlarmNames=[created.physical_id])["MetricAlarms"]

    assert described()[0]["Threshold"] == 0.01
    assert described()[0]["AlarmArn"] == created.attributes["Arn"]
    with pytest.raises(ResourceError, match="already exists"):
        drive("AWS::CloudWatch::Alarm").create({**properties, "AlarmName": created.physical_id})
    alarm.update(created, properties, {**properties, "Threshold": 2})
    assert described()[0]["Threshold"] == 2
    alarm.delete(created, properties)
    assert described() == []


def test_a_dashboard_is_put_changed_and_deleted(drive: Any, local_aws: Any) -> None:
    """Ref is the dashboard's name."""
    dashboard = drive("AWS::CloudWatch::Dashboard")
    created = dashboard.create({"DashboardName": "board", "DashboardBody": '{"widgets": []}'})
    assert created.physical_id == "board"
    with pytest.raises(ResourceError, match="already exists"):
        drive("AWS::CloudWatch::Dashboard").create(
            {"DashboardName": "board", "DashboardBody": "{}"}
        )
    body = '{"widgets": [], "start": "-PT1H"}'
    dashboard.update(created, {}, {"DashboardName": "board", "DashboardBody": body})
    cloudwatch = local_aws.client("cloudwatch")
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == body
    dashboard.delete(created, {})
    dashboard.delete(created, {})


def test_a_property_that_the_api_does_not_know_is_refused(drive: Any) -> None:
    """It is named, instead of being dropped silently."""
    with pytest.raises(ResourceError, match="/BearerTokenAuthenticationEnabled is not supported"):
        drive("AWS::Logs::LogGroup").create({"BearerTokenAuthenticationEnabled": True})
