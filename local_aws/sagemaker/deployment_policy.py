"""DeploymentConfig: how an update lets traffic move from the old fleet to the new one.

Follows https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from local_aws.sagemaker.errors import ValidationException

_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
ROUTING_PAGE = f"{_API}/API_TrafficRoutingConfig.html"
BLUE_GREEN_PAGE = f"{_API}/API_BlueGreenUpdatePolicy.html"
ROLLING_PAGE = f"{_API}/API_RollingUpdatePolicy.html"
DEPLOYMENT_PAGE = f"{_API}/API_DeploymentConfig.html"
# The largest MaximumExecutionTimeoutInSeconds; a deployment that states none has as long.
LONGEST = 28_800

Shifting = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
# The part of a variant's instances that one step may be, in percent: the least and the most.
_BOUNDS: dict[Shifting, tuple[int, int]] = {
    "CANARY": (1, 50),
    "LINEAR": (10, 50),
    "ROLLING": (5, 50),
}


@dataclass(frozen=True, kw_only=True)
class CapacitySize:
    """A part of a variant's instances.

    Attributes:
        name: the parameter that states it, as in the API.
        percent: whether the value is a percentage; otherwise it is a number of instances.
        value: the value.
    """

    name: str
    percent: bool
    value: int

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> CapacitySize:
        """As the API states it."""
        return cls(name=name, percent=given["Type"] == "CAPACITY_PERCENT", value=given["Value"])

    def instances(self, total: int) -> int:
        """How many of ``total`` instances: whole ones, and at least one."""
        return max(1, total * self.value // 100) if self.percent else self.value


@dataclass(frozen=True, kw_only=True)
class DeploymentPolicy:
    """A DeploymentConfig.

    Attributes:
        shifting: how traffic moves.
        step: the canary, a linear step or a rolling batch; None for all at once.
        wait: seconds of the baking period after each shift.
        termination_wait: seconds from the last baking period to the old fleet's end.
        maximum: seconds that the deployment may take.
        rollback_step: a batch of a rolling rollback; None brings the old fleet back at once.
        alarms: names of the alarms that roll the deployment back.
        explicit: the update states an update policy.
    """

    shifting: Shifting = "ALL_AT_ONCE"
    step: CapacitySize | None = None
    wait: int = 0
    termination_wait: int = 0
    maximum: int = LONGEST
    rollback_step: CapacitySize | None = None
    alarms: tuple[str, ...] = ()
    explicit: bool = False

    def shifts(self, total: int) -> Iterator[int]:
        """How many of a variant's ``total`` new instances take requests, shift by shift."""
        if self.step is not None:
            size = self.step.instances(total)
            yield from range(size, total, size) if self.shifting != "CANARY" else (size,)
        yield total

    def waiting(self, total: int) -> int:
        """Seconds of all waits for a variant of ``total`` instances."""
        return self.wait * len(list(self.shifts(total))) + self.termination_wait


def policy_of(config: Mapping[str, Any] | None) -> DeploymentPolicy:
    """The policy that a DeploymentConfig states; all at once without one.

    Raises:
        ValidationException: the parameters do not fit each other.
    """
    if not config:
        return DeploymentPolicy()
    alarms = tuple(
        found["AlarmName"]
        for found in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    )
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise ValidationException(
            "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified in "
            f"DeploymentConfig. See {DEPLOYMENT_PAGE}"
        )
    if rolling:
        return _rolling(rolling, alarms)
    if blue_green:
        return _blue_green(blue_green, alarms)
    return DeploymentPolicy(alarms=alarms, explicit=bool(alarms))


def _rolling(given: Mapping[str, Any], alarms: tuple[str, ...]) -> DeploymentPolicy:
    rollback = given.get("RollbackMaximumBatchSize")
    return DeploymentPolicy(
        shifting="ROLLING",
        step=CapacitySize.of("MaximumBatchSize", given["MaximumBatchSize"]),
        wait=given["WaitIntervalInSeconds"],
        maximum=given.get("MaximumExecutionTimeoutInSeconds", LONGEST),
        rollback_step=CapacitySize.of("RollbackMaximumBatchSize", rollback) if rollback else None,
        alarms=alarms,
        explicit=True,
    )


def _blue_green(given: Mapping[str, Any], alarms: tuple[str, ...]) -> DeploymentPolicy:
    routing = given["TrafficRoutingConfiguration"]
    shifting: Shifting = routing["Type"]
    sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    wanted = sizes.get(shifting)
    for name in sizes.values():
        if (name in routing) != (name == wanted):
            verb = "is required" if name == wanted else "cannot be specified"
            raise ValidationException(
                f"{name} {verb} when the traffic routing type is {shifting}. See {ROUTING_PAGE}"
            )
    return DeploymentPolicy(
        shifting=shifting,
        step=CapacitySize.of(wanted, routing[wanted]) if wanted else None,
        wait=routing.get("WaitIntervalInSeconds", 0),
        termination_wait=given.get("TerminationWaitInSeconds", 0),
        maximum=given.get("MaximumExecutionTimeoutInSeconds", LONGEST),
        alarms=alarms,
        explicit=True,
    )


def check_sizes(policy: DeploymentPolicy, counts: Mapping[str, int]) -> None:
    """Check a policy against the fleet that is to come.

    Args:
        policy: the update's.
        counts: instances of each new variant.

    Raises:
        ValidationException: a step is too small or too large, or the waits exceed the timeout.
    """
    page = ROLLING_PAGE if policy.shifting == "ROLLING" else ROUTING_PAGE
    for name, total in counts.items():
        if policy.step is not None:
            _check_step(policy.step, policy.shifting, name, total, page)
        rollback = policy.rollback_step
        if rollback is not None and rollback.value > (100 if rollback.percent else total):
            raise ValidationException(
                f"{rollback.name} must be at most 100% of the instance count of variant {name} "
                f"({total}). See {page}"
            )
        waiting = policy.waiting(total)
        if policy.explicit and waiting >= policy.maximum:
            raise ValidationException(
                f"MaximumExecutionTimeoutInSeconds ({policy.maximum}) must be larger than the "
                f"total waiting time of the deployment ({waiting}). See {BLUE_GREEN_PAGE}"
            )


def _check_step(
    step: CapacitySize, shifting: Shifting, variant: str, total: int, page: str
) -> None:
    least, most = _BOUNDS[shifting]
    size = step.instances(total)
    share = step.value if step.percent else 100 * size / total
    # A percentage means whole instances, and so may be more of a small fleet than it says.
    if least <= share <= most and 2 * size <= total:
        return
    unit = "percent" if step.percent else "instance(s)"
    raise ValidationException(
        f"{step.name} must be {least}% to {most}% of the instance count of variant {variant} "
        f"({total}), and at least one instance: got {step.value} {unit}. See {page}"
    )
