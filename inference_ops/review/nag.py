"""What the checks of two synths, such as cdk-nag's, found: what came, what went."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["open", "acknowledged"]


@dataclass(frozen=True, kw_only=True, order=True)
class NagFinding:
    """A finding of a check that ran at synth.

    Attributes:
        check: The check's name, such as `AwsSolutions`.
        rule: The rule's name.
        construct: The path of what it was found at.
        state: Whether somebody acknowledged it.
    """

    check: str
    rule: str
    construct: str
    state: State


@dataclass(frozen=True, kw_only=True)
class NagDelta:
    """The difference of two validation reports.

    Attributes:
        added: What is found after and was not before.
        removed: What was found before and is not any more.
    """

    added: tuple[NagFinding, ...]
    removed: tuple[NagFinding, ...]


def compare_reports(
    base: Mapping[str, Any] | None, head: Mapping[str, Any] | None
) -> NagDelta | None:
    """Compare validation reports.

    Args:
        base: That of the assembly before.
        head: That of the assembly after.

    Returns:
        The difference; None if one of the two has no report.
    """
    if base is None or head is None:
        return None
    before, after = set(_findings(base)), set(_findings(head))
    return NagDelta(added=tuple(sorted(after - before)), removed=tuple(sorted(before - after)))


def _findings(report: Mapping[str, Any]) -> Iterator[NagFinding]:
    kinds: tuple[tuple[str, State], ...] = (
        ("violations", "open"),
        ("suppressedViolations", "acknowledged"),
    )
    for plugin in report.get("pluginReports", ()):
        for key, state in kinds:
            for violation in plugin.get(key, ()):
                for construct in violation.get("violatingConstructs", ()):
                    yield NagFinding(
                        check=str(plugin.get("pluginName")),
                        rule=str(violation.get("ruleName")),
                        construct=str(construct.get("constructPath", "")),
                        state=state,
                    )
