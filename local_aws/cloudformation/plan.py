"""What a change set would do, told before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.cloudformation.deployment import must_replace, prepared
from local_aws.cloudformation.environment import Environment, ResourceLookup, resolve_outputs
from local_aws.cloudformation.graph import dependencies_of, order_of
from local_aws.cloudformation.intrinsics import (
    Unresolved,
    canonical,
    first_unresolved,
)
from local_aws.cloudformation.provider import Properties
from local_aws.cloudformation.schemas import Problem, schema_of
from local_aws.cloudformation.stack import Configuration, Resource, Stack
from local_aws.cloudformation.template import ResourceBody

# Replacement and RequiresRecreation, the stronger one last.
_STRENGTH = ("Never", "Conditionally", "Always")
_REPLACEMENT = {"Never": "False", "Conditionally": "Conditional", "Always": "True"}


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One changed property or attribute of a resource."""

    attribute: str
    name: str | None = None
    recreation: str = "Never"
    before: Any = None
    after: Any = None
    cause: str | None = None

    @property
    def verdict(self) -> str:
        """Like `recreation`, but what is not known yet may turn out to be as it was."""
        if self.cause is not None and self.recreation == "Always":
            return "Conditionally"
        return self.recreation

    def view(self, *, values: bool) -> dict[str, Any]:
        """As DescribeChangeSet shows it."""
        target: dict[str, Any] = {"Attribute": self.attribute}
        if self.attribute == "Properties":
            target["Name"] = self.name
            target["RequiresRecreation"] = self.recreation
            if values:
                target["Path"] = f"/Properties/{self.name}"
        if values:
            if self.before is not None:
                target["BeforeValue"] = _shown(self.before)
            if self.after is not None:
                target["AfterValue"] = _shown(self.after)
            kinds = {(True, False): "Add", (False, True): "Remove"}
            target["AttributeChangeType"] = kinds.get(
                (self.before is None, self.after is None), "Modify"
            )
        detail: dict[str, Any] = {"Target": target}
        if self.cause is None:
            return detail | {"Evaluation": "Static", "ChangeSource": "DirectModification"}
        source = "ResourceAttribute" if "." in self.cause else "ResourceReference"
        return detail | {
            "Evaluation": "Dynamic",
            "ChangeSource": source,
            "CausingEntity": self.cause,
        }


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one resource: ``Add``, ``Modify`` or ``Remove``."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str | None = None
    policy_action: str | None = None
    details: tuple[Detail, ...] = ()
    before: Properties | None = None
    after: Properties | None = None

    def view(self, *, values: bool) -> dict[str, Any]:
        """As DescribeChangeSet shows it."""
        scope = list(dict.fromkeys(detail.attribute for detail in self.details))
        change: dict[str, Any] = {
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id,
            "ResourceType": self.type,
            "Replacement": self.replacement,
            "PolicyAction": self.policy_action,
            "Scope": scope,
            "Details": [detail.view(values=values) for detail in self.details],
        }
        if values:
            if self.before is not None:
                change["BeforeContext"] = canonical({"Properties": self.before})
            if self.after is not None:
                change["AfterContext"] = canonical({"Properties": self.after})
        shown = {key: value for key, value in change.items() if value is not None}
        return {"Type": "Resource", "ResourceChange": shown}


@dataclass(kw_only=True)
class Plan:
    """Changes of a change set.

    Attributes:
        problems: faults of properties that can be told beforehand, by logical id.
        outputs_differ: whether outputs change, which alone is reason enough to deploy.
    """

    changes: list[Change] = field(default_factory=list)
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    outputs_differ: bool = False


class _PlannedLookup(ResourceLookup):
    """Resources as they will be: what is new or replaced has no value yet."""

    def __init__(self, environment: Environment, resources: Mapping[str, Resource]) -> None:
        super().__init__(environment, resources)
        self.pending: set[str] = set()

    def ref(self, logical_id: str) -> Any:
        if logical_id in self.pending:
            return Unresolved(logical_id)
        return super().ref(logical_id)

    def attribute(self, logical_id: str, name: str) -> Any:
        if logical_id in self.pending:
            return Unresolved(f"{logical_id}.{name}")
        return super().attribute(logical_id, name)


def make_plan(environment: Environment, stack: Stack, target: Configuration) -> Plan:
    """What deploying ``target`` on ``stack`` would change.

    Raises:
        ValidationError: the template cannot be evaluated.
    """
    lookup = _PlannedLookup(environment, stack.resources)
    resolver = environment.resolver(stack, target, lookup)
    plan = Plan()
    names = order_of(dependencies_of(target.template))
    included = [name for name in names if resolver.included(name)]
    for name in included:
        body = target.template.resources[name]
        properties = prepared(body, resolver, target.tags)
        schema = schema_of(body.type)
        problems = schema.problems(properties) if schema is not None else []
        if problems:
            plan.problems[name] = problems
        change = _change(stack.resources.get(name), body, properties)
        if change is None:
            continue
        plan.changes.append(change)
        if change.action == "Add" or change.replacement != "False":
            lookup.pending.add(name)
    for name, resource in stack.resources.items():
        if name not in included:
            plan.changes.append(_removal(resource))
    plan.changes.sort(key=lambda change: change.logical_id)
    plan.outputs_differ = resolve_outputs(resolver, target) != stack.outputs
    return plan


def _change(current: Resource | None, body: ResourceBody, properties: Properties) -> Change | None:
    if current is None or current.physical_id is None:
        return Change(action="Add", logical_id=body.logical_id, type=body.type, after=properties)
    return _modification(current, body, properties)


def _removal(resource: Resource) -> Change:
    retained = resource.body.deletion_policy.startswith("Retain")
    return Change(
        action="Remove",
        logical_id=resource.logical_id,
        type=resource.type,
        physical_id=resource.physical_id,
        policy_action="Retain" if retained else "Delete",
        before=resource.properties,
    )


def _modification(current: Resource, body: ResourceBody, properties: Properties) -> Change | None:
    details = [
        _detail(current, name, properties)
        for name in sorted({*current.properties, *properties})
        if current.properties.get(name) != properties.get(name)
    ]
    for attribute, before, after in (
        ("Metadata", current.body.metadata, body.metadata),
        ("DeletionPolicy", current.body.deletion_policy, body.deletion_policy),
        ("UpdateReplacePolicy", current.body.update_replace_policy, body.update_replace_policy),
    ):
        if before != after:
            details.append(Detail(attribute=attribute, before=before, after=after))
    if not details and current.status != "UPDATE_FAILED":
        return None
    strongest = max((detail.verdict for detail in details), key=_STRENGTH.index, default="Never")
    if strongest != "Always" and first_unresolved(properties) is None:
        strongest = "Always" if must_replace(current, properties) else strongest
    replacement = _REPLACEMENT[strongest]
    policy_action = None
    if replacement == "True":
        retained = current.body.update_replace_policy == "Retain"
        policy_action = "ReplaceAndRetain" if retained else "ReplaceAndDelete"
    return Change(
        action="Modify",
        logical_id=current.logical_id,
        type=current.type,
        physical_id=current.physical_id,
        replacement=replacement,
        policy_action=policy_action,
        details=tuple(details),
        before=current.properties,
        after=properties,
    )


def _detail(current: Resource, name: str, properties: Properties) -> Detail:
    waiting = first_unresolved(properties.get(name))
    schema = schema_of(current.type)
    recreation = "Never"
    if schema is not None:
        recreation = schema.recreation(name, current.properties, properties)
    return Detail(
        attribute="Properties",
        name=name,
        recreation=recreation,
        before=current.properties.get(name),
        after=properties.get(name),
        cause=waiting.cause if waiting is not None else None,
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)
