"""Alarms: units, statistics, namespaces, and that somebody hears of them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    EncryptionKey,
    EndpointAlarms,
    InferenceModel,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
)

Resources = Callable[[str], dict[str, Any]]


def alarms_of(template: Template) -> dict[tuple[str, str], dict[str, Any]]:
    """The alarms by metric and statistic."""
    found = template.find_resources("AWS::CloudWatch::Alarm").values()
    return {
        (p["MetricName"], p.get("Statistic", p.get("ExtendedStatistic"))): p
        for p in (alarm["Properties"] for alarm in found)
    }


def watched(stack: Stack, model: InferenceModel, alarms: EndpointAlarms) -> Template:
    """The template of an endpoint with these alarms."""
    encryption = EncryptionKey(stack, "Encryption")
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[ProductionVariant(model=model, instance_type="ml.m5.xlarge")],
    )
    endpoint.add_alarms(alarms, Notifications(stack, "Topic", encryption=encryption))
    return Template.from_stack(stack)


@pytest.mark.parametrize(
    ("metric", "statistic", "namespace", "threshold"),
    [
        # A rate is the Average of the errors, 0 to 1.
        ("Invocation5XXErrors", "Average", "AWS/SageMaker", 0.01),
        ("Invocation4XXErrors", "Average", "AWS/SageMaker", 0.05),
        # Microseconds: 100, 500 and 250 ms.
        ("ModelLatency", "p50", "AWS/SageMaker", 100_000),
        ("ModelLatency", "p99", "AWS/SageMaker", 500_000),
        ("OverheadLatency", "p99", "AWS/SageMaker", 250_000),
        # The sum over four vCPUs.
        ("CPUUtilization", "Average", "/aws/sagemaker/Endpoints", 340),
        ("MemoryUtilization", "Average", "/aws/sagemaker/Endpoints", 85),
        ("DiskUtilization", "Average", "/aws/sagemaker/Endpoints", 85),
    ],
)
def test_each_alarm_is_in_its_metrics_own_unit_and_namespace(
    whole: Template, metric: str, statistic: str, namespace: str, threshold: float
) -> None:
    """An alarm in the wrong unit or namespace never goes off, or always does."""
    alarm = alarms_of(whole)[(metric, statistic)]
    assert alarm["Namespace"] == namespace
    assert alarm["Threshold"] == pytest.approx(threshold)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_there_are_these_eight_alarms_and_no_other(whole: Template) -> None:
    """One for each way in which an endpoint goes wrong."""
    whole.resource_count_is("AWS::CloudWatch::Alarm", 8)


def test_each_alarm_and_its_all_clear_are_told_to_the_topic(
    whole: Template, resources: Resources
) -> None:
    """An alarm without an action is seen by nobody."""
    (topic,) = resources("AWS::SNS::Topic")
    whole.all_resources_properties(
        "AWS::CloudWatch::Alarm",
        {"AlarmActions": [{"Ref": topic}], "OKActions": [{"Ref": topic}]},
    )


def test_a_time_without_traffic_is_no_alarm(whole: Template) -> None:
    """There are no data points without requests."""
    whole.all_resources_properties("AWS::CloudWatch::Alarm", {"TreatMissingData": "notBreaching"})


def test_each_alarm_names_endpoint_and_variant(whole: Template, resources: Resources) -> None:
    """These are the dimensions that SageMaker publishes under."""
    (endpoint,) = resources("AWS::SageMaker::Endpoint").values()
    whole.all_resources_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Dimensions": [
                {"Name": "EndpointName", "Value": endpoint["Properties"]["EndpointName"]},
                {"Name": "VariantName", "Value": "AllTraffic"},
            ]
        },
    )


def test_alarms_may_use_the_key_of_their_topic(whole: Template, resources: Resources) -> None:
    """Without it in the key's policy CloudWatch drops the message without a word."""
    (key,) = resources("AWS::KMS::Key").values()
    (statement,) = [
        s
        for s in key["Properties"]["KeyPolicy"]["Statement"]
        if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }


def test_alarms_may_publish_to_their_topic(whole: Template) -> None:
    """A topic policy of one's own replaces the default one, which let them in."""
    whole.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "sns:Publish",
                                "Effect": "Allow",
                                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_the_description_tells_what_is_wrong(whole: Template) -> None:
    """It is what stands in the message at night."""
    cpu = alarms_of(whole)[("CPUUtilization", "Average")]
    assert re.search(r"the 4 vCPUs of ml\.m5\.xlarge are over 85 %", cpu["AlarmDescription"])


def test_an_alarm_is_switched_off_by_none_and_not_by_zero(
    stack: Stack, model: InferenceModel
) -> None:
    """A threshold of 0 means: at the first error."""
    template = watched(
        stack, model, EndpointAlarms(server_error_percent=0, client_error_percent=None)
    )
    alarms = alarms_of(template)
    assert alarms[("Invocation5XXErrors", "Average")]["Threshold"] == 0
    assert ("Invocation4XXErrors", "Average") not in alarms


def test_thresholds_of_latency_are_durations(stack: Stack, model: InferenceModel) -> None:
    """Whoever writes two seconds gets two seconds."""
    template = watched(stack, model, EndpointAlarms(model_latency_p99=Duration.seconds(2)))
    assert alarms_of(template)[("ModelLatency", "p99")]["Threshold"] == 2_000_000


@pytest.mark.parametrize(
    ("alarms", "fault"),
    [
        ({"server_error_percent": -1}, "server_error_percent must be at least 0 and less than 100"),
        ({"cpu_percent": 100}, "cpu_percent must be at least 0 and less than 100, not 100"),
        ({"datapoints": 4, "evaluation_periods": 3}, r"datapoints \(4\) must be between 1 and"),
        ({"datapoints": 0}, r"datapoints \(0\) must be between 1 and"),
    ],
)
def test_thresholds_that_are_never_or_always_crossed_are_refused(
    alarms: dict[str, Any], fault: str
) -> None:
    """An alarm that cannot go off is worse than none."""
    with pytest.raises(ValueError, match=fault):
        EndpointAlarms(**alarms)
