"""A review as sections of rows, which every format for people shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from inference_ops.review.changes import Action
from inference_ops.review.cost import Range
from inference_ops.review.findings import Finding
from inference_ops.review.review import Review
from inference_ops.review.words import describe

SIGNS: dict[Action, str] = {
    "add": "+",
    "update": "~",
    "replace": "±",
    "may replace": "±",
    "delete": "-",
    "keep": "-",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings.

    Attributes:
        title: What they are.
        columns: The headings.
        rows: The cells; a cell may have several lines.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ResourceLine:
    """What happens to one resource.

    Attributes:
        stack: Its stack.
        action: What CloudFormation does.
        title: How people know it.
        kind: Its type without the service.
        says: What a reviewer wants to know.
    """

    stack: str
    action: Action
    title: str
    kind: str
    says: tuple[str, ...]


def summary(review: Review) -> str:
    """One sentence: how many findings, how many changes."""
    counts = [
        _count(sum(finding.severity == severity for finding in review.open), severity)
        for severity in ("error", "warning", "note")
    ]
    actions = [line.action for line in resource_lines(review)]
    changed = [
        f"{actions.count(action)} {word}"
        for action, word in (
            ("add", "added"),
            ("update", "updated"),
            ("replace", "replaced"),
            ("may replace", "perhaps replaced"),
            ("delete", "deleted"),
            ("keep", "left behind"),
        )
        if action in actions
    ]
    known = len(review.findings) - len(review.open)
    more = f" ({known} more acknowledged)" if known else ""
    return f"{', '.join(counts)}{more}; resources: {', '.join(changed) or 'no change'}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def resource_lines(review: Review) -> list[ResourceLine]:
    """List what happens, the resources of SageMaker first."""
    lines = [
        ResourceLine(
            stack=change.stack,
            action=entry.action,
            title=entry.title,
            kind=entry.type.removeprefix("AWS::"),
            says=tuple(describe(change, entry)),
        )
        for change in review.changes
        for entry in change.resources.values()
        if entry.action != "unchanged"
    ]
    return sorted(lines, key=lambda line: (line.stack, not line.kind.startswith("SageMaker::")))


def by_rule(review: Review) -> list[list[Finding]]:
    """Group the findings that are not acknowledged, so that each rule is explained once."""
    return [list(group) for _, group in groupby(review.open, key=lambda finding: finding.rule)]


def where(finding: Finding) -> str:
    """The resource, with its stack if there are several."""
    return f"{finding.stack}: {finding.title}" if finding.stack else finding.title


def tables(review: Review) -> list[Table]:
    """List the tables that have rows."""
    found = [
        _cost(review),
        _parameters(review),
        _permissions(review),
        _network(review),
        _nag(review),
    ]
    return [table for table in found if table.rows]


def _cost(review: Review) -> Table:
    return Table(
        title="Cost a month, in US dollars",
        columns=("", "stack", "region", "before", "after", "difference", "not priced"),
        rows=tuple(
            (
                _sign(cost.difference),
                cost.stack or "the template",
                cost.region,
                str(cost.before or "unknown"),
                str(cost.after or "unknown"),
                "unknown"
                if cost.difference is None
                else f"{cost.difference.minimum:+,.2f} to {cost.difference.maximum:+,.2f}",
                str(len(cost.unknown) or ""),
            )
            for cost in review.costs
            if len(review.costs) == 1 or cost.before != cost.after
        ),
    )


def _sign(difference: Range | None) -> str:
    if difference is None:
        return ""
    # The most may fall where the least stays.
    ends = (difference.minimum, difference.maximum)
    return "+" if max(ends) > 0 else "-" if min(ends) < 0 else ""


def _parameters(review: Review) -> Table:
    return Table(
        title="Parameters",
        columns=("", "parameter", "before", "after"),
        rows=tuple(
            (
                "+" if old is None else "-" if new is None else "~",
                name,
                "" if old is None else str(old),
                "" if new is None else str(new),
            )
            for change in review.changes
            for name, (old, new) in change.parameters.items()
            if old != new
        ),
    )


def _permissions(review: Review) -> Table:
    return Table(
        title="Permissions",
        columns=("", "who", "effect", "action", "resource", "condition"),
        rows=tuple(
            (
                row["sign"],
                # A managed policy stands at its role.
                row["principal"] or row["resource"],
                row["effect"] or "Allow",
                row["action"],
                row["resource"] if row["principal"] else "",
                row["condition"],
            )
            for change in review.changes
            for row in change.iam
        ),
    )


def _network(review: Review) -> Table:
    return Table(
        title="Network",
        columns=("", "security group", "direction", "protocol", "peer"),
        rows=tuple(
            (row["sign"], row["group"], row["direction"], row["protocol"], row["peer"])
            for change in review.changes
            for row in change.security_groups
        ),
    )


def _nag(review: Review) -> Table:
    def rows() -> Iterator[tuple[str, ...]]:
        if review.nag is not None:
            for sign, found in (("+", review.nag.added), ("-", review.nag.removed)):
                for entry in found:
                    yield sign, entry.check, entry.rule, entry.construct, entry.state

    return Table(
        title="Checks of the synth",
        columns=("", "check", "rule", "construct", "state"),
        rows=tuple(rows()),
    )
