"""Rules applied to a change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.review.changes import Change
from inference_ops.review.rules import CHANGE_RULES
from inference_rules import RULES, Fault, Rule, Severity, Template
from inference_rules.template import dig

_PLUGIN = "InferenceChecks"
_METADATA = ("Metadata", "inference", "acknowledge")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault, with the rule that found it.

    Attributes:
        rule: The rule's name.
        severity: The rule's.
        stack: The stack; empty for a template that was given as a file.
        resource: The logical id.
        title: How people know the resource.
        path: The property.
        detail: What is wrong here.
        description: What has to be so.
        fix: What to change.
        source: What the rule rests on.
        new: Whether it was not there before the change.
        acknowledged: Why it may stay, if somebody wrote that down.
    """

    rule: str
    severity: Severity
    stack: str
    resource: str
    title: str
    path: str
    detail: str
    description: str
    fix: str
    source: str
    new: bool
    acknowledged: str | None


def find(change: Change, report: Mapping[str, Any] | None) -> list[Finding]:
    """Apply all rules to a change.

    Args:
        change: The change.
        report: The validation report of the assembly after the change, which has the
            acknowledgements of its app.

    Returns:
        The findings after the change.
    """
    acknowledged = _acknowledged(report)
    both: list[tuple[Rule[Any], Fault, bool]] = [*_of_change(change), *_of_template(change)]
    return [_finding(change, rule, fault, acknowledged, new=new) for rule, fault, new in both]


def _of_change(change: Change) -> Iterator[tuple[Rule[Change], Fault, bool]]:
    for rule in CHANGE_RULES:
        for fault in rule.check(change):
            yield rule, fault, True


def _of_template(change: Change) -> Iterator[tuple[Rule[Template], Fault, bool]]:
    for rule in RULES:
        before = {(fault.resource, fault.path) for fault in rule.check(change.base)}
        for fault in rule.check(change.head):
            yield rule, fault, (fault.resource, fault.path) not in before


def _finding(
    change: Change,
    rule: Rule[Any],
    fault: Fault,
    acknowledged: Mapping[tuple[str, str], str],
    *,
    new: bool,
) -> Finding:
    known = change.head.resources.get(fault.resource) or change.base.resources.get(fault.resource)
    path = None if known is None else known.path
    reason = dig({} if known is None else known.body, *_METADATA, rule.name)
    return Finding(
        rule=rule.name,
        severity=rule.severity,
        stack=change.stack,
        resource=fault.resource,
        title=fault.resource if known is None else known.title,
        path=fault.path,
        detail=fault.detail,
        description=rule.description,
        fix=rule.fix,
        source=rule.source,
        new=new,
        acknowledged=acknowledged.get((rule.name, path or ""))
        or (None if reason is None else str(reason)),
    )


def _acknowledged(report: Mapping[str, Any] | None) -> Mapping[tuple[str, str], str]:
    """By rule and construct, why a finding may stay."""
    return {
        (violation["ruleName"], construct.get("constructPath", "")): violation.get("reason", "")
        for plugin in (report or {}).get("pluginReports", ())
        if plugin.get("pluginName") == _PLUGIN
        for violation in plugin.get("suppressedViolations", ())
        for construct in violation.get("violatingConstructs", ())
    }
