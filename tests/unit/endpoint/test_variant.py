"""What a variant and its scaling may be, in pairs: what passes, what is refused."""

import math

import pytest
from aws_cdk import Stack

from inference_constructs import (
    InferenceModel,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    TargetTracking,
)

PER_MINUTE = TargetTracking.invocations_per_instance(60)


def scaling(low: int = 1, high: int = 4) -> Scaling:
    """Bounds with a policy."""
    return Scaling(min_capacity=low, max_capacity=high, policies=[PER_MINUTE])


@pytest.mark.parametrize("instance_type", ["ml.m5.large", "ml.t2.medium", "ml.c6i.2xlarge"])
def test_a_hosting_type_is_taken(model: InferenceModel, instance_type: str) -> None:
    """T2 is one, as long as nothing scales it."""
    variant = ProductionVariant(model=model, instance_type=instance_type)
    assert variant.definition().instance_type == instance_type


@pytest.mark.parametrize(
    ("instance_type", "hint"),
    [("ml.m5.lage", "ml.m5.large"), ("m5.large", "ml.m5.large"), ("ml.t3.medium", "ml.t2.medium")],
)
def test_a_type_that_sagemaker_does_not_host_on_is_refused_with_the_nearest(
    model: InferenceModel, instance_type: str, hint: str
) -> None:
    """T3 is a type of notebooks, not of hosting."""
    with pytest.raises(ValueError, match=f"{instance_type}' is not offered for hosting.*{hint}"):
        ProductionVariant(model=model, instance_type=instance_type)


def test_a_burstable_type_cannot_be_scaled(model: InferenceModel) -> None:
    """Application Auto Scaling refuses T2."""
    with pytest.raises(ValueError, match=r"ml\.t2\.medium is burstable and cannot be autoscaled"):
        ProductionVariant(model=model, instance_type="ml.t2.medium", scaling=scaling())


@pytest.mark.parametrize("weight", [0, 0.5, 1, 100])
def test_a_weight_goes_into_the_template_as_it_is(model: InferenceModel, weight: float) -> None:
    """0 is a value: a dark variant must not get half the traffic."""
    variant = ProductionVariant(model=model, instance_type="ml.m5.large", weight=weight)
    assert variant.definition().initial_variant_weight == weight


@pytest.mark.parametrize("weight", [-1, -0.001, math.nan, math.inf])
def test_a_weight_below_zero_or_of_no_size_is_refused(model: InferenceModel, weight: float) -> None:
    """The service takes numbers from 0 on."""
    with pytest.raises(ValueError, match="weight must be 0 or greater, not"):
        ProductionVariant(model=model, instance_type="ml.m5.large", weight=weight)


def test_the_first_count_is_the_scalings_minimum_or_one(model: InferenceModel) -> None:
    """A new fleet starts within the bounds."""
    alone = ProductionVariant(model=model, instance_type="ml.m5.large")
    scaled = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling(3, 5))
    assert (alone.instance_count, scaled.instance_count) == (1, 3)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_count_within_the_bounds_is_taken(model: InferenceModel, count: int) -> None:
    """Both ends belong to the bounds."""
    variant = ProductionVariant(
        model=model,
        instance_type="ml.m5.large",
        initial_instance_count=count,
        scaling=scaling(2, 4),
    )
    assert variant.instance_count == count


@pytest.mark.parametrize("count", [1, 5])
def test_a_count_outside_the_bounds_is_refused(model: InferenceModel, count: int) -> None:
    """Auto Scaling would change it at once, and the deployment would drift."""
    with pytest.raises(ValueError, match=rf"\({count}\) must be within the scaling's bounds, 2 to"):
        ProductionVariant(
            model=model,
            instance_type="ml.m5.large",
            initial_instance_count=count,
            scaling=scaling(2, 4),
        )


def test_a_count_of_zero_is_refused(model: InferenceModel) -> None:
    """Zero is a number here, not the absence of one."""
    with pytest.raises(ValueError, match="initial_instance_count must be at least 1, not 0"):
        ProductionVariant(model=model, instance_type="ml.m5.large", initial_instance_count=0)


@pytest.mark.parametrize("name", ["All_Traffic", "", "-a", "a" * 64])
def test_a_name_that_sagemaker_refuses_is_refused(model: InferenceModel, name: str) -> None:
    """Names have letters, digits and inner hyphens."""
    with pytest.raises(ValueError, match="name must be up to 63 letters"):
        ProductionVariant(model=model, instance_type="ml.m5.large", name=name)


def test_all_faults_of_a_variant_come_in_one_error(model: InferenceModel) -> None:
    """Whoever mends one should not meet the next at the next try."""
    with pytest.raises(ValueError, match=r"name must be .*; instance type .*; weight must be"):
        ProductionVariant(model=model, instance_type="ml.x9.large", name="a b", weight=-1)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 6)])
def test_bounds_in_order_are_taken(low: int, high: int) -> None:
    """Equal bounds fix the size."""
    assert scaling(low, high).max_capacity == high


@pytest.mark.parametrize(
    ("low", "high", "fault"),
    [
        (5, 4, r"min_capacity \(5\) must not be greater than max_capacity \(4\)"),
        (-1, 4, "min_capacity must be 0 or greater, not -1"),
    ],
)
def test_bounds_that_cannot_be_are_refused(low: int, high: int, fault: str) -> None:
    """Nothing is clamped in silence."""
    with pytest.raises(ValueError, match=fault):
        scaling(low, high)


def test_a_variant_that_answers_at_once_keeps_an_instance(
    stack: Stack, model: InferenceModel
) -> None:
    """Only asynchronous endpoints and inference components scale to zero."""
    variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling(0, 4))
    with pytest.raises(ValueError, match=r"min_capacity must be at least 1.*instance-backed"):
        RealtimeEndpoint(stack, "Endpoint", variants=[variant])


def test_two_policies_on_one_metric_are_refused() -> None:
    """They would pull against each other, and have the same name."""
    with pytest.raises(ValueError, match="is tracked by 2 policies: keep one"):
        Scaling(min_capacity=1, max_capacity=2, policies=[PER_MINUTE, PER_MINUTE])


@pytest.mark.parametrize("target", [0, -5, math.inf, math.nan])
def test_a_target_that_no_fleet_can_hold_is_refused(target: float) -> None:
    """A target is a positive number."""
    with pytest.raises(ValueError, match="the target must be greater than 0"):
        TargetTracking.invocations_per_instance(target)
