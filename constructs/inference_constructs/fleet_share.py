"""`FleetShare`: how much of a fleet one step of a rollout moves."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.durations import is_late
from inference_constructs.faults import refuse

_MOST_PERCENT = 50


class Fleet(NamedTuple):
    """How many instances a variant may have.

    Attributes:
        variant_name: the variant.
        smallest: the fewest instances that it ever has.
        largest: the most instances that it ever has.
        unguarded: why SageMaker ignores a rollout of it; None if it does not.
    """

    variant_name: str
    smallest: int
    largest: int
    unguarded: str | None = None


@dataclass(frozen=True, kw_only=True)
class FleetShare:
    """A part of a fleet, as a percentage or as a number of instances.

    SageMaker moves whole instances: a percentage that comes to less than one instance moves one.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CapacitySize.html

    Attributes:
        value: the percentage or the number.
        unit: which of the two, in SageMaker's own words.
    """

    value: int
    unit: Literal["CAPACITY_PERCENT", "INSTANCE_COUNT"]

    def __post_init__(self) -> None:
        """Refuses a share that is no whole number, nothing at all, or more than everything.

        Raises:
            ValueError: names what is wrong.
        """
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if math.isfinite(self.value) and is_late(self.value):
            return
        highest = 100 if self.unit == "CAPACITY_PERCENT" else math.inf
        if not (math.isfinite(self.value) and 1 <= self.value <= highest) or self.value % 1:
            bounds = "1 to 100" if self.unit == "CAPACITY_PERCENT" else "at least 1"
            refuse("fleet share", [f"{self.unit} must be a whole number, {bounds}: {self.value}"])

    @classmethod
    def percent(cls, value: int) -> Self:
        """A percentage of the fleet, whatever its size is by then.

        Args:
            value: 1 to 100.
        """
        return cls(value=value, unit="CAPACITY_PERCENT")

    @classmethod
    def instances(cls, value: int) -> Self:
        """A number of instances, whatever the fleet's size is by then.

        Args:
            value: from 1 on.
        """
        return cls(value=value, unit="INSTANCE_COUNT")

    def definition(self) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
        """The share as CloudFormation has it."""
        return sagemaker.CfnEndpoint.CapacitySizeProperty(type=self.unit, value=self.value)

    def steps(self, fleet: Fleet) -> int:
        """How many steps of this share it takes, at most, to move a whole fleet.

        Args:
            fleet: the fleet, whose sizes are known.
        """
        if self.unit == "INSTANCE_COUNT":
            return math.ceil(fleet.largest / self.value)
        # Whole instances: a percentage takes most steps where it comes to just less than one more.
        return max(
            math.ceil(size / max(1, size * self.value // 100))
            for size in range(fleet.smallest, fleet.largest + 1)
        )

    def faults(self, fleet: Fleet, *, step: str, least_percent: int, page: str) -> list[str]:
        """Says where SageMaker would refuse the share, at the fleet's smallest and at its largest.

        Args:
            fleet: what it is a share of.
            step: what it is, such as `canary`.
            least_percent: the least that SageMaker takes, as a percentage of the fleet.
            page: the page of AWS that says so.
        """
        if any(map(is_late, (self.value, fleet.smallest, fleet.largest))):
            return []
        name = repr(fleet.variant_name)
        if fleet.smallest <= 1:
            return [
                f"a {step} moves at most {_MOST_PERCENT} % of a fleet and at least one instance, "
                f"and variant {name} may have only {fleet.smallest}: set the minimum to 2, or use "
                f"all_at_once ({page})"
            ]
        if self.unit == "CAPACITY_PERCENT":
            if least_percent <= self.value <= _MOST_PERCENT:
                return []
            return [
                f"a {step} must be {least_percent} to {_MOST_PERCENT} % of the fleet, not "
                f"{self.value} % ({page})"
            ]
        faults = []
        most = fleet.smallest * _MOST_PERCENT // 100
        if self.value > most:
            faults.append(
                f"a {step} must be at most {_MOST_PERCENT} % of the fleet, and {self.value} "
                f"instances are more than that when variant {name} has only {fleet.smallest}: use "
                f"{most}, or a percentage ({page})"
            )
        least = math.ceil(fleet.largest * least_percent / 100)
        if self.value < least:
            faults.append(
                f"a {step} must be at least {least_percent} % of the fleet, and {self.value} "
                f"of {fleet.largest} instances, which variant {name} may have, are less: use a "
                f"percentage, or at least {least} ({page})"
            )
        return faults
