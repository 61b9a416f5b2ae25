"""Findings of cdk-nag that stand, each acknowledged at its resource with the reason."""

from collections.abc import Mapping
from typing import Literal

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

Pack = Literal["AwsSolutions", "NIST.800.53.R5"]


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Lets one finding of a rule pack stand.

    Every acknowledgement has its row in `docs/security.md`.

    Args:
        construct: the construct of the resource.
        finding: the finding's whole id, as the report prints it.
        reason: why it stands, and what makes up for it.
    """
    acknowledge_all(construct, {finding: reason})


def acknowledge_all(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Lets findings of rule packs stand.

    Args:
        construct: the construct of the resource.
        reasons: why each finding stands, by its whole id.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items())
    )
