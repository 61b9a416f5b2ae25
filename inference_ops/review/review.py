"""`Review`: everything that is known of a change before it is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass

from inference_ops.errors import CommandError, Exit
from inference_ops.review.changes import Change, read_change
from inference_ops.review.cost import CostChange, cost_change
from inference_ops.review.differ import compare
from inference_ops.review.findings import Finding, find
from inference_ops.review.nag import NagDelta, compare_reports
from inference_ops.review.parameters import DEFAULTS, Parameters, as_deployed
from inference_ops.review.sources import Source
from inference_ops.templates import check_parameters
from inference_rules import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Review:
    """A change of one or several stacks.

    Attributes:
        base: What it is compared with, as given.
        head: What would be deployed, as given.
        changes: The stacks of either side.
        findings: What the rules found, the most severe first.
        nag: What cdk-nag and its like found more or less, if both sides are assemblies.
        files: The template's file of each stack.
        costs: What each stack costs, where its region is known.
    """

    base: str
    head: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    nag: NagDelta | None
    files: Mapping[str, str]
    costs: tuple[CostChange, ...]

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that nobody acknowledged."""
        return tuple(finding for finding in self.findings if finding.acknowledged is None)

    @property
    def errors(self) -> int:
        """How many findings of severity error nobody acknowledged."""
        return sum(finding.severity == "error" for finding in self.open)


def review(
    base: Source,
    head: Source,
    *,
    quotas: Mapping[str, int],
    parameters: Parameters = DEFAULTS,
    region: str | None = None,
    only_new: bool = False,
) -> Review:
    """Review a change.

    Args:
        base: Before.
        head: After.
        quotas: Instances of a type that the account may have.
        parameters: Values that count instead of the parameters' defaults.
        region: Where a stack is deployed whose assembly does not say so.
        only_new: Whether findings that were there before are left out.

    Raises:
        CommandError: The two cannot be compared, or a parameter is none of theirs.
    """
    check_parameters(parameters.names, [*base.templates.values(), *head.templates.values()])
    pairs = [
        (name, *as_deployed(before, after, parameters))
        for name, before, after in _pairs(base, head)
    ]
    regions = {**base.regions, **head.regions}
    diffs = compare([(pair[1], pair[2]) for pair in pairs])
    changes = tuple(
        read_change(name, before, after, diff, quotas)
        for (name, before, after), diff in zip(pairs, diffs, strict=True)
    )
    findings = [finding for change in changes for finding in find(change, head.report)]
    order = {severity: index for index, severity in enumerate(SEVERITIES)}
    findings.sort(key=lambda finding: (order[finding.severity], finding.rule, not finding.new))
    return Review(
        base=base.name,
        head=head.name,
        changes=changes,
        findings=tuple(finding for finding in findings if finding.new or not only_new),
        nag=compare_reports(base.report, head.report),
        files={**base.files, **head.files},
        costs=tuple(
            cost_change(name, before, after, place)
            for name, before, after in pairs
            if (place := regions.get(name, region)) is not None
        ),
    )


def _pairs(
    base: Source, head: Source
) -> list[tuple[str, Mapping[str, object], Mapping[str, object]]]:
    unnamed = "" in base.templates or "" in head.templates
    if not unnamed:
        names = dict.fromkeys([*base.templates, *head.templates])
        empty: Mapping[str, object] = {"Resources": {}}
        return [
            (name, base.templates.get(name, empty), head.templates.get(name, empty))
            for name in names
        ]
    # A template is one stack, whatever its name.
    for source in (base, head):
        if len(source.templates) != 1:
            raise CommandError(
                f"{source.name} has {len(source.templates)} stacks, and the other side is a single "
                f"template: compare it with one of {', '.join(source.files.values())}",
                Exit.USAGE,
            )
    ((before_name, before),) = base.templates.items()
    ((after_name, after),) = head.templates.items()
    return [(after_name or before_name, before, after)]
