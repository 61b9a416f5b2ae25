"""An endpoint that scales is changed as often as one likes, each time in one deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import TimeZone
from aws_cdk.aws_applicationautoscaling import Schedule
from aws_cdk.aws_cloudwatch import Metric

from inference_constructs import (
    Scaling,
    ScalingStep,
    ScheduledCapacity,
    StepScaling,
    Suspended,
    TargetTracking,
)

A, B, C = (f"endpoint/changing/variant/{name}" for name in "ABC")
TRACKING = "SageMakerVariantInvocationsPerInstance"
STEPS = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
LATER = "at(2099-01-01T08:00:00)"


def tracking(low: int, high: int, per_minute: float, **given: Any) -> Scaling:
    """Scaling by invocations."""
    policies = [TargetTracking.invocations_per_instance(per_minute)]
    return Scaling(min_capacity=low, max_capacity=high, policies=policies, **given)


def everything(low: int, high: int, per_minute: float, **given: Any) -> Scaling:
    """Scaling by invocations, by the length of a queue and by the clock."""
    return Scaling(
        min_capacity=low,
        max_capacity=high,
        policies=[
            TargetTracking.invocations_per_instance(per_minute),
            StepScaling(
                metric=Metric(namespace="Shop", metric_name="Waiting", statistic="Maximum"),
                threshold=100,
                steps=[ScalingStep(adjustment=1, lower=0)],
            ),
        ],
        schedules=[
            ScheduledCapacity(
                name="later",
                schedule=Schedule.expression(LATER),
                time_zone=TimeZone.EUROPE_BERLIN,
                min_capacity=low + 1,
                max_capacity=high + 1,
            )
        ],
        **given,
    )


def test_another_type_and_a_failed_change_keep_the_scaling(deployed: Any) -> None:
    """SageMaker refuses both while the variant is a scalable target."""
    scaling = everything(1, 3, 600)
    variants = {"A": {"instance_type": "ml.m5.large", "scaling": scaling}}
    assert deployed.deploy(variants) == "CREATE_COMPLETE", deployed.failures()
    state = deployed.state()
    assert state.targets == {A: (1, 3, ())}
    assert state.policies == {(A, TRACKING): 600, (A, "Waiting"): STEPS}
    assert state.schedules == {(A, "later"): (LATER, {"MinCapacity": 2, "MaxCapacity": 4})}
    assert state.alarms == {"StepScaling-scaling-changes/changing/A-Waiting": True}

    variants["A"]["instance_type"] = "ml.c5.large"
    assert deployed.deploy(variants) == "UPDATE_COMPLETE", deployed.failures()
    assert deployed.instance_types() == {"A": "ml.c5.large"}
    assert deployed.state() == state

    other = {"A": {"instance_type": "ml.m5.xlarge", "scaling": tracking(1, 2, 100)}}
    assert deployed.deploy(other, breaks=True) == "UPDATE_ROLLBACK_COMPLETE", deployed.failures()
    assert deployed.instance_types() == {"A": "ml.c5.large"}
    assert deployed.state() == state

    assert deployed.destroy() == "DELETE_COMPLETE", deployed.failures()
    assert not any(vars(deployed.state()).values())
    assert deployed.parameters() == []


@pytest.mark.long
def test_the_owner_may_be_asked_at_any_time(deployed: Any) -> None:
    """Too early, twice, after somebody else's hands, and for an endpoint that was away."""
    variants = {"A": {"instance_type": "ml.m5.large", "scaling": everything(1, 3, 600)}}
    assert deployed.deploy(variants) == "CREATE_COMPLETE", deployed.failures()
    state, (own,) = deployed.state(), deployed.remembered()

    # CloudFormation might take the scaling back before the endpoint: the type is not there yet.
    other = {"ScalableTargets": [{**own, "InstanceType": "ml.c5.large"}]}
    assert deployed.ask_as_cloudformation("EndpointScaling", "Update", other) == "SUCCESS"
    assert not any(vars(deployed.state()).values())
    given = {"ScalableTargets": [own]}
    for _ in range(2):
        assert deployed.ask_as_cloudformation("EndpointScaling", "Update", given) == "SUCCESS"
        assert deployed.state() == state

    scaling = deployed.aws.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": A,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=9)
    scaling.delete_scaling_policy(**target, PolicyName=TRACKING)
    scaling.put_scheduled_action(
        **target,
        ScheduledActionName="theirs",
        Schedule=LATER,
        ScalableTargetAction={"MinCapacity": 2},
    )
    assert deployed.ask_as_cloudformation("SettledScaling", "Delete", {}) == "SUCCESS"
    assert deployed.state() == state

    sagemaker = deployed.aws.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName="changing")["EndpointConfigName"]
    deployed.ask({"Request": "Withdraw", "EndpointName": "changing"})
    assert not any(vars(deployed.state()).values())
    sagemaker.delete_endpoint(EndpointName="changing")
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="changing", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert deployed.ask_as_cloudformation("EndpointScaling", "Update", given) == "SUCCESS"
    reopening = {"Request": "Apply", "EndpointName": "changing"}
    assert deployed.ask(reopening)["errorType"] == "EndpointMissing"
    assert not any(vars(deployed.state()).values())
    sagemaker.create_endpoint(EndpointName="changing", EndpointConfigName=config)
    assert deployed.ask(reopening) == {"ScaledResources": [A]}
    assert deployed.state() == state


@pytest.mark.long
def test_one_stack_goes_through_it_all(deployed: Any, traffic: Callable[[], Any]) -> None:
    """After each step the live state equals the code; nobody is left without an answer."""
    variants: dict[str, dict[str, Any]] = {
        "A": {"instance_type": "ml.m5.large", "scaling": everything(1, 3, 600)},
        "B": {"instance_type": "ml.m5.large", "scaling": tracking(1, 2, 300), "weight": 0.5},
    }
    assert deployed.deploy(variants) == "CREATE_COMPLETE", deployed.failures()
    state = deployed.state()
    assert state.targets == {A: (1, 3, ()), B: (1, 2, ())}
    client = traffic()

    def deploys(given: dict[str, dict[str, Any]], **options: Any) -> Any:
        assert deployed.deploy(given, **options) == "UPDATE_COMPLETE", deployed.failures()
        return deployed.state()

    def fails(given: dict[str, dict[str, Any]], **options: Any) -> Any:
        ended = deployed.deploy(given, **options)
        assert ended == "UPDATE_ROLLBACK_COMPLETE", deployed.failures()
        return deployed.state()

    variants["A"]["instance_type"] = "ml.c5.large"
    assert deploys(variants) == state

    variants["A"]["scaling"] = everything(1, 3, 900)
    state = deploys(variants)
    assert state.policies == {
        (A, TRACKING): 900,
        (A, "Waiting"): STEPS,
        (B, TRACKING): 300,
    }

    variants["A"]["instance_type"] = "ml.m5.xlarge"
    assert deploys(variants) == state

    other = {"A": {"instance_type": "ml.c5.xlarge", "scaling": tracking(1, 2, 100)}}
    assert fails(other, breaks=True) == state
    assert fails(other, fails="between") == state
    assert fails(other, fails="after") == state
    assert deployed.instance_types() == {"A": "ml.m5.xlarge", "B": "ml.m5.large"}

    resting = Suspended(scale_in=True, schedules=True)
    variants["A"]["scaling"] = everything(2, 4, 900, suspended=resting)
    suspended = ("DynamicScalingInSuspended", "ScheduledScalingSuspended")
    assert deploys(variants).targets == {A: (2, 4, suspended), B: (1, 2, ())}

    del variants["B"]
    state = deploys(variants)
    assert state.targets == {A: (2, 4, suspended)}
    assert state.policies == {(A, TRACKING): 900, (A, "Waiting"): STEPS}

    renamed = {"C": variants["A"]}
    state = deploys(renamed)
    assert state.targets == {C: (2, 4, suspended)}
    assert state.policies == {(C, TRACKING): 900, (C, "Waiting"): STEPS}
    assert state.schedules == {(C, "later"): (LATER, {"MinCapacity": 3, "MaxCapacity": 5})}
    assert state.alarms == {"StepScaling-scaling-changes/changing/C-Waiting": True}

    # Without any scaling, and of another type at once.
    assert not any(vars(deploys({"C": {"instance_type": "ml.m5.large"}})).values())

    client.stop()
    assert client.sent > 0
    assert client.failures == []
    assert deployed.destroy() == "DELETE_COMPLETE", deployed.failures()
    assert not any(vars(deployed.state()).values())
    assert deployed.parameters() == []


@pytest.mark.long
def test_an_endpoint_that_leaves_the_stack_takes_its_scaling_along(deployed: Any) -> None:
    """Also when its update fails; the owner's policy names it no more by the clean-up."""
    stays = {"A": {"instance_type": "ml.m5.large", "scaling": everything(1, 3, 60)}}
    goes = {"going": everything(1, 2, 30)}
    assert deployed.deploy(stays, beside=goes) == "CREATE_COMPLETE", deployed.failures()
    before = deployed.state()
    assert deployed.state("going").alarms == {"StepScaling-scaling-changes/going/A-Waiting": True}

    assert deployed.deploy(stays) == "UPDATE_COMPLETE", deployed.failures()
    assert deployed.failures() == []
    assert not any(vars(deployed.state("going")).values())
    assert deployed.parameters() == ["/inference/scaling/scaling-changes/changing"]
    assert deployed.state() == before

    failed = deployed.deploy(stays, beside=goes, fails="after")
    assert failed == "UPDATE_ROLLBACK_COMPLETE", deployed.failures()
    assert [told for told in deployed.failures() if not told.startswith("Wrong")] == []
    assert not any(vars(deployed.state("going")).values())
    assert deployed.parameters() == ["/inference/scaling/scaling-changes/changing"]
    assert deployed.state() == before
