"""Rollouts: what CloudFormation is given, and what AWS would refuse or ignore."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_applicationautoscaling import Schedule
from constructs import Construct

from inference_constructs import (
    FleetShare,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    RollbackAlarms,
    Rollout,
    Scaling,
    ScheduledCapacity,
    TargetTracking,
)
from inference_constructs.artifact import BoundArtifact

GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails"
FIVE_MINUTES = Duration.minutes(5)

Define = Callable[..., RealtimeEndpoint]


@pytest.fixture
def define(stack: Stack, model: InferenceModel) -> Define:
    """Defines an endpoint with a rollout, of one variant or of several."""
    numbers = itertools.count()

    def make(
        rollout: Rollout,
        *,
        low: int = 2,
        high: int = 6,
        count: int | None = None,
        names: tuple[str, ...] = ("AllTraffic",),
        instance_type: str = "ml.m5.large",
        schedules: tuple[ScheduledCapacity, ...] = (),
    ) -> RealtimeEndpoint:
        scaling = Scaling(
            min_capacity=low,
            max_capacity=high,
            policies=[TargetTracking.invocations_per_instance(600)],
            schedules=schedules,
        )
        return RealtimeEndpoint(
            stack,
            f"Endpoint{next(numbers)}",
            variants=[
                ProductionVariant(
                    name=name,
                    model=model,
                    instance_type=instance_type,
                    initial_instance_count=count,
                    scaling=scaling if count is None else None,
                )
                for name in names
            ],
            rollout=rollout,
        )

    return make


def deployment_config(endpoint: RealtimeEndpoint) -> dict[str, Any]:
    """How CloudFormation is told to update the endpoint, but for the alarms."""
    template = Template.from_stack(Stack.of(endpoint))
    (resource,) = template.find_resources("AWS::SageMaker::Endpoint").values()
    config: dict[str, Any] = resource["Properties"]["DeploymentConfig"]
    config.pop("AutoRollbackConfiguration", None)
    return config


def test_a_canary_bakes_twice_and_takes_its_size_in_percent(define: Define) -> None:
    """Two bakes, the wait and an hour for the instances make the maximum time."""
    rollout = Rollout.canary(
        size=FleetShare.percent(10), bake=FIVE_MINUTES, termination_wait=Duration.minutes(2)
    )
    assert deployment_config(define(rollout)) == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                "WaitIntervalInSeconds": 300,
            },
            "TerminationWaitInSeconds": 120,
            "MaximumExecutionTimeoutInSeconds": 2 * 300 + 120 + 3600,
        }
    }


def test_linear_steps_may_be_counted_in_instances(define: Define) -> None:
    """One of two is half, one of six is more than ten percent; six steps bake six times."""
    rollout = Rollout.linear(step=FleetShare.instances(1), bake=FIVE_MINUTES)
    assert deployment_config(define(rollout)) == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 300,
            },
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 6 * 300 + 3600,
        }
    }


def test_rolling_replaces_batches_and_rolls_back_in_others(define: Define) -> None:
    """It has no second fleet that could be kept waiting. Half of three is one: three batches."""
    rollout = Rollout.rolling(
        batch=FleetShare.percent(50),
        rollback_batch=FleetShare.percent(100),
        bake=FIVE_MINUTES,
    )
    assert deployment_config(define(rollout, high=3)) == {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
            "WaitIntervalInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 3 * 300 + 3600,
        }
    }


def test_all_at_once_takes_a_single_instance_and_a_given_time(define: Define) -> None:
    """It is what remains for a fleet of one."""
    rollout = Rollout.all_at_once(bake=FIVE_MINUTES, maximum_time=Duration.minutes(15))
    assert deployment_config(define(rollout, low=1)) == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300},
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 900,
        }
    }


SHARED = [
    (lambda share: Rollout.canary(size=share), "canary", "blue-green-canary"),
    (lambda share: Rollout.linear(step=share), "linear step", "blue-green-linear"),
    (lambda share: Rollout.rolling(batch=share), "rolling batch", "rolling"),
]


@pytest.mark.parametrize(("kind", "noun", "page"), SHARED)
@pytest.mark.parametrize("share", [FleetShare.percent(10), FleetShare.instances(1)])
def test_a_part_of_one_instance_is_refused_with_the_way_out(
    define: Define,
    kind: Callable[[FleetShare], Rollout],
    noun: str,
    page: str,
    share: FleetShare,
) -> None:
    """The smallest fleet counts: the scaling's minimum, or the count that nothing changes."""
    message = f"{noun} moves.*set the minimum to 2, or use all_at_once \\({GUIDE}-{page}.html"
    with pytest.raises(ValueError, match=message):
        define(kind(share), low=1)
    with pytest.raises(ValueError, match=message):
        define(kind(share), count=1)


def test_a_scheduled_minimum_of_one_counts_as_well(define: Define) -> None:
    """At night there is one instance, and a deployment may come at night."""
    night = ScheduledCapacity(
        name="Night", schedule=Schedule.cron(hour="20"), min_capacity=1, max_capacity=2
    )
    with pytest.raises(ValueError, match="may have only 1: set the minimum to 2"):
        define(Rollout.canary(size=FleetShare.percent(10)), schedules=(night,))


@pytest.mark.parametrize(("kind", "noun", "page"), SHARED)
def test_half_of_the_fleet_passes_and_more_is_refused(
    define: Define, kind: Callable[[FleetShare], Rollout], noun: str, page: str
) -> None:
    """AWS takes 50 % at most."""
    with pytest.raises(ValueError, match=f"{noun} must be .* to 50 %.*not 51 %.*{page}"):
        define(kind(FleetShare.percent(51)))
    define(kind(FleetShare.percent(50)))


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (lambda share: Rollout.canary(size=share), 1),
        (lambda share: Rollout.linear(step=share), 10),
        (lambda share: Rollout.rolling(batch=share), 5),
    ],
)
def test_the_least_that_aws_takes_passes(
    define: Define, kind: Callable[[FleetShare], Rollout], least: int
) -> None:
    """Linear steps are 10 % at least, rolling batches 5 %."""
    if least > 1:
        with pytest.raises(ValueError, match=f"must be {least} to 50 % of the fleet"):
            define(kind(FleetShare.percent(least - 1)))
    define(kind(FleetShare.percent(least)))


def test_a_number_of_instances_is_checked_against_the_smallest_fleet(define: Define) -> None:
    """Two of four are half, and two of three are more."""
    rollout = Rollout.canary(size=FleetShare.instances(2))
    with pytest.raises(ValueError, match=r"2 instances are more.*has only 3: use 1"):
        define(rollout, low=3)
    define(rollout, low=4)


def test_a_number_of_instances_is_checked_against_the_largest_fleet(define: Define) -> None:
    """One of twenty is half of what a linear step has to be."""
    rollout = Rollout.linear(step=FleetShare.instances(1), bake=FIVE_MINUTES)
    with pytest.raises(ValueError, match=r"at least 10 %.*1 of 20 instances.*at least 2"):
        define(rollout, high=20)
    define(rollout, high=10)


def test_rolling_takes_one_variant_and_a_canary_several(define: Define) -> None:
    """AWS excludes endpoints with several variants from rolling updates."""
    with pytest.raises(ValueError, match=f"one variant, not 2.*{GUIDE}-exclusions.html"):
        define(Rollout.rolling(batch=FleetShare.percent(50)), names=("A", "B"))
    define(Rollout.canary(size=FleetShare.percent(50)), names=("A", "B"))


def test_what_sagemaker_would_ignore_is_refused(define: Define) -> None:
    """On Inf1 every update moves all at once, without a bake and without a word."""
    with pytest.raises(ValueError, match=f"may run on Inf1.*{GUIDE}-exclusions.html"):
        define(Rollout.all_at_once(), instance_type="ml.inf1.xlarge")
    define(Rollout.all_at_once(), instance_type="ml.inf2.xlarge")


class Packaged(ModelArtifact):
    """A model package that goes out as it was published."""

    def __init__(self, package: str) -> None:
        self._package = package

    def bind(self, scope: Construct) -> BoundArtifact:
        """The package, with an image of the XGBoost registry."""
        return BoundArtifact(
            version="1",
            image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            model_package_arn=f"arn:aws:sagemaker:us-east-1:{self._package}",
        )


def test_a_rollout_of_a_bought_container_is_refused(stack: Stack) -> None:
    """Marketplace packages have no version; those of a registry have one, and are rolled out."""

    def define(name: str, package: str) -> None:
        model = InferenceModel(stack, f"{name}Model", artifact=Packaged(package))
        RealtimeEndpoint(
            stack,
            name,
            variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
            rollout=Rollout.all_at_once(),
        )

    with pytest.raises(ValueError, match=f"of the AWS Marketplace.*{GUIDE}-exclusions.html"):
        define("Bought", "865070037744:model-package/fraud-1234")
    define("Approved", "123456789012:model-package/fraud/3")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bake": Duration.seconds(3601)}, "bake must be 0 to 3600"),
        ({"termination_wait": Duration.hours(2)}, "termination_wait must be 0 to 3600"),
        ({"maximum_time": Duration.seconds(599)}, "maximum_time must be 600 to 28800"),
        ({"maximum_time": Duration.seconds(28_801)}, "maximum_time must be 600 to 28800"),
    ],
)
def test_times_that_aws_refuses_are_refused(changes: dict[str, Any], fault: str) -> None:
    """With the page that has the limits."""
    with pytest.raises(ValueError, match=f"API_BlueGreenUpdatePolicy.*{fault}"):
        Rollout.all_at_once(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"bake": Duration.hours(1), "termination_wait": Duration.hours(1)},
        {"maximum_time": Duration.seconds(28_800)},
    ],
)
def test_the_longest_times_are_taken(changes: dict[str, Any]) -> None:
    """AWS takes 3600 s for each wait and 28,800 s for the whole."""
    assert Rollout.all_at_once(**changes).kind == "ALL_AT_ONCE"


def test_bakes_and_waits_must_end_before_the_time_is_over(define: Define) -> None:
    """Two bakes of ten minutes need more than twenty."""

    def canary(minutes: int) -> Rollout:
        return Rollout.canary(
            size=FleetShare.percent(10),
            bake=Duration.minutes(10),
            maximum_time=Duration.minutes(minutes),
        )

    with pytest.raises(ValueError, match=r"up to 1200 s, .* less than the 1200 s.*maximum_time"):
        define(canary(20))
    define(canary(21))


def test_the_steps_of_the_largest_fleet_count(define: Define) -> None:
    """Twelve bakes of forty minutes are the eight hours that AWS gives at most."""
    rollout = Rollout.rolling(batch=FleetShare.instances(1), bake=Duration.minutes(40))
    with pytest.raises(ValueError, match="up to 28800 s"):
        define(rollout, high=12)
    define(rollout, high=11)


@pytest.mark.parametrize("value", [0, 101, 2.5, float("nan")])
def test_a_share_that_is_none_is_refused(value: float) -> None:
    """AWS takes whole percents."""
    with pytest.raises(ValueError, match="whole number, 1 to 100"):
        FleetShare.percent(value)  # type: ignore[arg-type]


def test_without_rollback_alarms_nothing_takes_the_update_back(define: Define) -> None:
    """Whoever wants that says so."""
    endpoint = define(Rollout.all_at_once(bake=Duration.seconds(0), rollback=None))
    template = Template.from_stack(Stack.of(endpoint))
    template.resource_count_is("AWS::CloudWatch::Alarm", 0)
    (resource,) = template.find_resources("AWS::SageMaker::Endpoint").values()
    assert "AutoRollbackConfiguration" not in resource["Properties"]["DeploymentConfig"]


def test_a_bake_in_which_no_alarm_can_fire_is_refused(define: Define) -> None:
    """Two datapoints of a minute need the rest of the minute in which the traffic moves."""
    alarms = RollbackAlarms(datapoints=2, evaluation_periods=3)
    with pytest.raises(ValueError, match=r"cannot fire within a bake of 179 s.*up to 180 s"):
        define(Rollout.all_at_once(bake=Duration.seconds(179), rollback=alarms))
    define(Rollout.all_at_once(bake=Duration.seconds(180), rollback=alarms))
