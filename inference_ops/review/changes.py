"""What happens to each resource between two templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from inference_rules import Resource, Template
from inference_rules.template import dig

Action = Literal["add", "update", "replace", "may replace", "delete", "keep", "unchanged"]

_ACTIONS: Mapping[str, Action] = {
    "WILL_CREATE": "add",
    "WILL_IMPORT": "add",
    "WILL_UPDATE": "update",
    "WILL_REPLACE": "replace",
    "MAY_REPLACE": "may replace",
    "WILL_DESTROY": "delete",
    "WILL_ORPHAN": "keep",
    "NO_CHANGE": "unchanged",
}
# The differ shows what is within Fn::Join as JSON.
_FUNCTION = re.compile(r'\{"Fn::Sub":"([^"]*)"\}')
_REPLACING: Mapping[str, bool | None] = {"WILL_REPLACE": True, "MAY_REPLACE": None}


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """A property, or another attribute, that is not what it was.

    Attributes:
        name: The property.
        old: Its value before; None if it was not there.
        new: Its value after; None if it is not there.
        replaces: Whether it makes CloudFormation replace the resource; None for perhaps.
        follows: The resource whose replacement changes it, although the template says the same.
    """

    name: str
    old: Any
    new: Any
    replaces: bool | None
    follows: str | None


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """A resource that is not what it was.

    Attributes:
        logical_id: Its name in the template.
        type: Its type.
        title: How people know it.
        action: What CloudFormation does; `keep` leaves it behind, outside of the stack.
        properties: What changes of it.
    """

    logical_id: str
    type: str
    title: str
    action: Action
    properties: tuple[PropertyChange, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """The properties that make CloudFormation replace it."""
        return tuple(change.name for change in self.properties if change.replaces is not False)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A stack before and after.

    Attributes:
        stack: Its name; empty for a template that was given as a file.
        base: The template before.
        head: The template after.
        resources: What changes, by logical id.
        iam: Statements and policies that come (`+`) and go (`-`).
        broadened: Whether somebody may do more than before.
        security_groups: Rules of traffic that come and go.
        parameters: Parameters with what they are before and after, None for one that is not there.
        quotas: How many instances of a type the account may have, where that was given.
    """

    stack: str
    base: Template
    head: Template
    resources: Mapping[str, ResourceChange]
    iam: tuple[Mapping[str, str], ...]
    broadened: bool
    security_groups: tuple[Mapping[str, str], ...]
    parameters: Mapping[str, tuple[Any, Any]]
    quotas: Mapping[str, int]

    def both(self, resource_type: str) -> list[tuple[Resource, Resource]]:
        """The resources of a type that are there before and after."""
        return [
            (old, self.head.resources[old.logical_id])
            for old in self.base.of_type(resource_type)
            if old.logical_id in self.head.resources
        ]

    def property(self, logical_id: str, name: str) -> PropertyChange | None:
        """The change of one property, or None if it stays."""
        change = self.resources.get(logical_id)
        found = () if change is None else change.properties
        return next((entry for entry in found if entry.name == name), None)


def read_change(
    stack: str,
    base: Mapping[str, Any],
    head: Mapping[str, Any],
    diff: Mapping[str, Any],
    quotas: Mapping[str, int],
) -> Change:
    """Read what the differ found.

    Args:
        stack: The stack's name.
        base: The template before.
        head: The template after.
        diff: The differ's answer for the two.
        quotas: Instances of a type that the account may have.
    """
    # An assembly calls a stack by its path.
    before, after = (Template(side, stack_path=stack) for side in (base, head))
    resources = {}
    for entry in diff["resources"]:
        known = after.resources.get(entry["logical_id"]) or before.resources.get(
            entry["logical_id"]
        )
        if known is None or _only_metadata(entry):
            continue
        properties = tuple(
            PropertyChange(
                name=change["name"],
                old=change["old"],
                new=change["new"],
                replaces=_REPLACING.get(change["impact"], False),
                follows=change["follows"],
            )
            for change in [*entry["properties"], *entry["attributes"]]
            if change["name"] != "Metadata"
        )
        # The differ knows no properties of custom resources, and sees no update in their change.
        action = _ACTIONS[entry["impact"]]
        resources[known.logical_id] = ResourceChange(
            logical_id=known.logical_id,
            type=known.type,
            title=known.title,
            action="update" if action == "unchanged" and properties else action,
            properties=properties,
        )
    return Change(
        stack=stack,
        base=before,
        head=after,
        resources=resources,
        iam=tuple(
            {key: _FUNCTION.sub(r"\1", cell) for key, cell in row.items()} for row in diff["iam"]
        ),
        broadened=diff["broadened"],
        security_groups=tuple(diff["security_groups"]),
        parameters={
            entry["name"]: (dig(entry["old"], "Default"), dig(entry["new"], "Default"))
            for entry in diff["parameters"]
            if not _of_bootstrap(entry["name"])
        },
        quotas=quotas,
    )


def _of_bootstrap(parameter: str) -> bool:
    # CDK writes it into every template; its rule is a matter of the bootstrap stack.
    return parameter == "BootstrapVersion"


def _only_metadata(entry: Mapping[str, Any]) -> bool:
    names = [change["name"] for change in [*entry["properties"], *entry["attributes"]]]
    return names == ["Metadata"]
