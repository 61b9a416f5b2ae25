"""Alarms that take an update back: the new fleet's own, ready before the update, readable."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match, Template

from inference_constructs import (
    EncryptionKey,
    EndpointAlarms,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    RollbackAlarms,
    Rollout,
)

GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html"

Define = Callable[..., RealtimeEndpoint]


@pytest.fixture
def define(stack: Stack, model: InferenceModel) -> Define:
    """Defines an endpoint `shop` that is rolled out with these alarms."""

    def make(
        alarms: RollbackAlarms | None = None,
        *,
        names: tuple[str, ...] = ("AllTraffic",),
        bake: Duration | None = None,
    ) -> RealtimeEndpoint:
        return RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name="shop",
            variants=[
                ProductionVariant(name=name, model=model, instance_type="ml.m5.large")
                for name in names
            ],
            rollout=Rollout.all_at_once(
                bake=Duration.minutes(10) if bake is None else bake,
                rollback=RollbackAlarms() if alarms is None else alarms,
            ),
        )

    return make


def found(stack: Stack, resource_type: str) -> dict[str, Any]:
    """The resources of a type in the stack's template, by logical id."""
    return dict(Template.from_stack(stack).find_resources(resource_type))


def looking(stack: Stack) -> list[dict[str, Any]]:
    """The statements of the containers' role that let SageMaker look at alarms."""
    return [
        statement
        for policy in found(stack, "AWS::IAM::ManagedPolicy").values()
        if "Runs the containers" in policy["Properties"]["Description"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "DescribeAlarms" in str(statement["Action"])
    ]


def test_the_alarms_watch_errors_and_latency_of_the_new_config_only(
    stack: Stack, define: Define
) -> None:
    """A rate is an Average and latency comes in microseconds; silence is not wrong.

    These three dimensions are the ones that AWS publishes for a single fleet.
    """
    define(RollbackAlarms(server_error_percent=2, model_latency_p99=Duration.millis(300)))
    ((config_id, _),) = found(stack, "AWS::SageMaker::EndpointConfig").items()
    config_name = {"Fn::GetAtt": [config_id, "EndpointConfigName"]}
    common = {
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": "shop"},
            {"Name": "VariantName", "Value": "AllTraffic"},
            {"Name": "EndpointConfigName", "Value": config_name},
        ],
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    alarms = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in found(stack, "AWS::CloudWatch::Alarm").values()
    }
    for alarm in alarms.values():
        del alarm["AlarmDescription"], alarm["AlarmName"]
    assert alarms == {
        "Invocation5XXErrors": {
            **common,
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Average",
            "Threshold": 0.02,
        },
        "ModelLatency": {
            **common,
            "MetricName": "ModelLatency",
            "ExtendedStatistic": "p99",
            "Threshold": 300_000,
        },
    }


def test_each_config_has_alarms_of_its_own(stack: Stack, define: Define) -> None:
    """An alarm that is changed in place keeps its state; one of another name is a new alarm."""
    define(names=("A", "B"))
    ((config_id, _),) = found(stack, "AWS::SageMaker::EndpointConfig").items()
    names = [
        alarm["Properties"]["AlarmName"]["Fn::Join"][1]
        for alarm in found(stack, "AWS::CloudWatch::Alarm").values()
    ]
    assert sorted(prefix for prefix, _ in names) == [
        f"shop/rollback/{variant}/{metric}/"
        for variant in ("A", "B")
        for metric in ("Invocation5XXErrors", "ModelLatency")
    ]
    assert all(end == {"Fn::GetAtt": [config_id, "EndpointConfigName"]} for _, end in names)


def test_the_alarms_exist_before_the_endpoint_is_updated(stack: Stack, define: Define) -> None:
    """The endpoint refers to them, and nothing that they need refers to the endpoint."""
    define()
    alarms = found(stack, "AWS::CloudWatch::Alarm")
    (endpoint,) = found(stack, "AWS::SageMaker::Endpoint").values()
    rollback = endpoint["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback == {"Alarms": [{"AlarmName": {"Ref": name}} for name in alarms]}
    assert len(alarms) == 2


def test_no_resource_waits_for_itself(stack: Stack, define: Define) -> None:
    """Alarm, config, model and policy would make a circle if the policy named the alarms."""
    endpoint = define()
    endpoint.add_alarms(
        EndpointAlarms(), Notifications(stack, "Topic", encryption=endpoint.encryption)
    )
    resources = Template.from_stack(stack).to_json()["Resources"]

    def needed(name: str) -> set[str]:
        text = json.dumps(resources[name].get("Properties", {}))
        quoted = set(text.split('"'))
        return (quoted | set(resources[name].get("DependsOn", []))) & set(resources)

    left = {name: needed(name) for name in resources}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert left == {}


def test_the_execution_role_may_look_at_this_endpoints_alarms_only(
    stack: Stack, define: Define
) -> None:
    """SageMaker asks for their state with the model's role; no name of an endpoint has a slash."""
    define()
    (statement,) = looking(stack)
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    arn = ["arn:aws:cloudwatch:us-east-1:", {"Ref": "AWS::AccountId"}, ":alarm:shop/rollback/*"]
    assert statement["Resource"] == {"Fn::Join": ["", arn]}


def test_an_imported_role_is_told_what_it_lacks(stack: Stack, artifact: ModelArtifact) -> None:
    """It is never changed."""
    role = iam.Role.from_role_arn(stack, "Theirs", "arn:aws:iam::123456789012:role/theirs")
    RealtimeEndpoint(
        stack,
        "Endpoint",
        endpoint_name="shop",
        variants=[
            ProductionVariant(
                model=InferenceModel(stack, "Model", artifact=artifact, role=role),
                instance_type="ml.m5.large",
            )
        ],
        rollout=Rollout.all_at_once(),
    )
    (note,) = Annotations.from_stack(stack).find_info("*", Match.any_value())
    assert ":alarm:shop/rollback/*" in str(note.entry.data)


def test_somebody_hears_of_an_update_that_is_taken_back(stack: Stack, define: Define) -> None:
    """The alarms of the rollout go where all others go."""
    endpoint = define()
    notifications = Notifications(stack, "Topic", encryption=endpoint.encryption)
    endpoint.add_alarms(EndpointAlarms(), notifications)
    alarms = found(stack, "AWS::CloudWatch::Alarm")
    rollback = [alarm for name, alarm in alarms.items() if "Rollback" in name]
    ((topic, _),) = found(stack, "AWS::SNS::Topic").items()
    assert [alarm["Properties"]["AlarmActions"] for alarm in rollback] == [[{"Ref": topic}]] * 2


def test_alarms_of_ones_own_take_the_update_back_as_well(stack: Stack, define: Define) -> None:
    """The role may look at them, too, and they come before the endpoint."""
    own = cloudwatch.Alarm(
        stack,
        "Own",
        metric=cloudwatch.Metric(namespace="Shop", metric_name="Refunds"),
        threshold=1,
        evaluation_periods=1,
    )
    define(
        RollbackAlarms(
            server_error_percent=None,
            model_latency_p99=None,
            period=Duration.minutes(1),
            additional=[own],
        )
    )
    ((own_id, _),) = found(stack, "AWS::CloudWatch::Alarm").items()
    (endpoint,) = found(stack, "AWS::SageMaker::Endpoint").values()
    rollback = endpoint["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback == {"Alarms": [{"AlarmName": {"Ref": own_id}}]}
    (statement,) = looking(stack)
    assert {"Fn::GetAtt": [own_id, "Arn"]} in statement["Resource"]


def test_an_alarm_of_ones_own_must_fire_within_the_bake_as_well(
    stack: Stack, define: Define
) -> None:
    """Three datapoints of five minutes do not fit into ten minutes."""
    slow = cloudwatch.Alarm(
        stack,
        "Slow",
        metric=cloudwatch.Metric(namespace="Shop", metric_name="Refunds"),
        threshold=1,
        evaluation_periods=3,
    )
    with pytest.raises(ValueError, match=r"Slow cannot fire within a bake of 600 s.*1200 s"):
        define(RollbackAlarms(additional=[slow]))


def test_more_alarms_than_sagemaker_takes_are_refused(define: Define) -> None:
    """It takes ten, and six variants have twelve."""
    with pytest.raises(ValueError, match=f"1 to 10 rollback alarms.*make 12.*{GUIDE}"):
        define(names=tuple("ABCDEF"))


def test_five_variants_have_as_many_alarms_as_sagemaker_takes(define: Define) -> None:
    """Two for each."""
    assert len(define(names=tuple("ABCDE")).rollback_alarms) == 10


def test_a_rollback_without_an_alarm_is_refused(define: Define) -> None:
    """It would never happen."""
    with pytest.raises(ValueError, match=r"make 0.*pass rollback=None"):
        define(RollbackAlarms(server_error_percent=None, model_latency_p99=None))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"server_error_percent": 100}, "at least 0 and less than 100"),
        ({"server_error_percent": float("nan")}, "at least 0 and less than 100"),
        ({"model_latency_p99": Duration.millis(0)}, "longer than 0"),
        ({"period": Duration.seconds(10)}, "whole minutes"),
        ({"period": Duration.seconds(90)}, "whole minutes"),
        ({"datapoints": 4}, r"datapoints \(4\) must be between 1 and evaluation_periods \(3\)"),
        ({"period": Duration.hours(9)}, "a day at most"),
    ],
)
def test_thresholds_that_never_or_always_fire_are_refused(
    changes: dict[str, Any], fault: str
) -> None:
    """SageMaker publishes invocations once a minute, and CloudWatch looks back for a day."""
    with pytest.raises(ValueError, match=fault):
        RollbackAlarms(**changes)


def test_an_endpoint_without_a_rollout_has_no_such_alarm(
    stack: Stack, model: InferenceModel
) -> None:
    """And its role may not look at alarms."""
    encryption = EncryptionKey(stack, "Encryption")
    RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
    )
    assert found(stack, "AWS::CloudWatch::Alarm") == {}
    assert looking(stack) == []
