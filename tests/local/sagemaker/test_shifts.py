"""How many instances take requests, shift by shift, for each way of shifting."""

from __future__ import annotations

import pytest

from local_aws.sagemaker.deployment_policy import CapacitySize, DeploymentPolicy, Shifting


@pytest.mark.parametrize(
    ("shifting", "percent", "value", "total", "expected"),
    [
        ("CANARY", True, 30, 10, [3, 10]),
        ("CANARY", False, 2, 10, [2, 10]),
        # Whole instances, and at least one.
        ("CANARY", True, 10, 4, [1, 4]),
        ("LINEAR", True, 20, 10, [2, 4, 6, 8, 10]),
        ("LINEAR", True, 33, 10, [3, 6, 9, 10]),
        ("LINEAR", True, 50, 3, [1, 2, 3]),
        ("ROLLING", False, 2, 5, [2, 4, 5]),
    ],
)
def test_steps_add_up_to_the_fleet(
    shifting: Shifting, percent: bool, value: int, total: int, expected: list[int]
) -> None:
    """A canary is one step and the rest; linear and rolling ones go on until all is new."""
    step = CapacitySize(name="size", percent=percent, value=value)
    policy = DeploymentPolicy(shifting=shifting, step=step, wait=60, termination_wait=30)
    assert list(policy.shifts(total)) == expected
    # Each shift is followed by a bake, the last one by the termination wait as well.
    assert policy.waiting(total) == 60 * len(expected) + 30


def test_all_at_once_is_one_shift() -> None:
    """Everything, at once, without a bake unless it is asked for."""
    assert list(DeploymentPolicy().shifts(7)) == [7]
    assert DeploymentPolicy().waiting(7) == 0
