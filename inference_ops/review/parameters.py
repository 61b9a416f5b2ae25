"""Both sides of a change as their stacks have them: by parameters, mappings and conditions.

The differ compares texts. Where the text stays and what it comes to does not, as with a reference
to a parameter that gets another default, it sees no change, and CloudFormation does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference_ops.errors import CommandError, Exit
from inference_rules.intrinsics import Resolver, Unresolved
from inference_rules.template import listed

Body = Mapping[str, Any]
_NO_VALUE = {"Ref": "AWS::NoValue"}
_WORKED_OUT = ("Parameters", "Mappings", "Conditions")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Values that count instead of the defaults.

    Attributes:
        both: Before and after, by the parameters' names.
        base: Before only, and there instead of `both`.
    """

    both: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All that are given."""
        return frozenset(self.both) | frozenset(self.base)


DEFAULTS = Parameters()


def as_deployed(base: Body, head: Body, given: Parameters) -> tuple[Body, Body]:
    """Work out where two templates come to something else although their texts are the same.

    A parameter counts with the value that is given, else with its default. A condition leaves a
    resource out if what is given decides it, or if it is decided otherwise on the other side: what
    a mere default leaves out on both is shown, for who forgot to give the parameter.

    Args:
        base: The template before.
        head: The template after.
        given: Values that count instead of the defaults.

    Returns:
        Both, with values instead of functions where that makes a difference.

    Raises:
        CommandError: A value is given that the parameter does not allow.
    """
    before = _with(base, {**given.both, **given.base})
    after = _with(head, given.both)
    same = all(_section(before, name) == _section(after, name) for name in _WORKED_OUT)
    if same and not given.names:
        return base, head
    old, new = _Side(before, given.names), _Side(after, given.names)
    resources = _resources(old, new), _resources(new, old)
    for logical_id in resources[0].keys() & resources[1].keys():
        pair = [each[logical_id] for each in resources]
        if all("Properties" in resource for resource in pair):
            values = _values(old, pair[0]["Properties"], new, pair[1]["Properties"])
            for side, resource, properties in zip(resources, pair, values, strict=True):
                side[logical_id] = {**resource, "Properties": properties}
    return {**before, "Resources": resources[0]}, {**after, "Resources": resources[1]}


class _Side:
    """One of the two templates.

    Args:
        template: With what is given as the parameters' defaults.
        given: The names of what is given.
    """

    def __init__(self, template: Body, given: frozenset[str]) -> None:
        self.template = template
        self.resolver = Resolver(template)
        # What holds whatever the defaults are.
        certain = {
            name: {key: value for key, value in entry.items() if key != "Default" or name in given}
            for name, entry in _section(template, "Parameters").items()
            if isinstance(entry, Mapping)
        }
        self.certain = Resolver({**template, "Parameters": certain})

    def exists(self, logical_id: str) -> bool | None:
        """Whether a resource is there; None if it is unknown here, or its condition is."""
        known = isinstance(_section(self.template, "Resources").get(logical_id), Mapping)
        return self.resolver.exists(logical_id) if known else None


def _resources(side: _Side, other: _Side) -> dict[str, Any]:
    """The resources of a side, without those that its conditions leave out."""
    return {
        logical_id: resource
        for logical_id, resource in _section(side.template, "Resources").items()
        if not isinstance(resource, Mapping)
        or side.exists(logical_id) is not False
        or not (other.exists(logical_id) or side.certain.exists(logical_id) is False)
    }


def _values(before: _Side, old: Any, after: _Side, new: Any) -> tuple[Any, Any]:
    """A value before and after, with what its functions come to where that differs."""
    chosen = _chosen(before, old, after, new), _chosen(after, new, before, old)
    if chosen != (old, new):
        return _values(before, chosen[0], after, chosen[1])
    if _plain(old) and _plain(new):
        old, new = dict(old), dict(new)
        for key in old.keys() & new.keys():
            old[key], new[key] = _values(before, old[key], after, new[key])
        without = [{k: v for k, v in each.items() if v != _NO_VALUE} for each in (old, new)]
        return without[0], without[1]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [_values(before, one, after, two) for one, two in zip(old, new, strict=True)]
        members = [[pair[side] for pair in pairs if pair[side] != _NO_VALUE] for side in (0, 1)]
        return members[0], members[1]
    if _function(old) is None and _function(new) is None:
        return old, new
    return _functions(before, old, after, new)


def _functions(before: _Side, old: Any, after: _Side, new: Any) -> tuple[Any, Any]:
    if old == new and _function(old) == "Fn::If" and isinstance(old["Fn::If"], list):
        # Nobody knows which of the two counts: each may have changed.
        name, *branches = old["Fn::If"]
        pairs = [_values(before, branch, after, branch) for branch in branches]
        both = [{"Fn::If": [name, *(pair[side] for pair in pairs)]} for side in (0, 1)]
        return both[0], both[1]
    if old == new:
        values = before.resolver.resolve(old), after.resolver.resolve(new)
        return (old, new) if values[0] == values[1] else (_written(values[0]), _written(values[1]))
    certain = before.certain.resolve(old), after.certain.resolve(new)
    return (new, new) if certain[0] == certain[1] and _known(certain[0]) else (old, new)


def _chosen(side: _Side, value: Any, other: _Side, facing: Any) -> Any:
    """The branch of `Fn::If` that counts, if that is certain or not the same on both sides."""
    parts = listed(value["Fn::If"]) if _function(value) == "Fn::If" else []
    if len(parts) != 3:
        return value
    name = str(parts[0])
    holds = side.certain.condition(name)
    if holds is None and value == facing:
        both = side.resolver.condition(name), other.resolver.condition(name)
        holds = both[0] if None not in both and both[0] != both[1] else None
    return value if holds is None else parts[1 if holds else 2]


def _with(body: Body, given: Mapping[str, str]) -> Body:
    """A template whose parameters have what is given as their defaults."""
    parameters = _section(body, "Parameters")
    changed = {
        name: {**parameters[name], "Default": _allowed(name, parameters[name], value)}
        for name, value in given.items()
        if isinstance(parameters.get(name), Mapping)
    }
    return {**body, "Parameters": {**parameters, **changed}} if changed else body


def _allowed(name: str, parameter: Mapping[str, Any], value: str) -> str:
    allowed = [str(each) for each in listed(parameter.get("AllowedValues"))]
    if allowed and value not in allowed:
        raise CommandError(
            f"--parameter {name} must be one of {', '.join(allowed)}, not {value!r}", Exit.USAGE
        )
    if str(parameter.get("NoEcho")).lower() == "true":
        raise CommandError(
            f"--parameter {name} is NoEcho, and a review shows what it is given: leave it out",
            Exit.USAGE,
        )
    return value


def _section(body: Body, name: str) -> Mapping[str, Any]:
    section = body.get(name)
    return section if isinstance(section, Mapping) else {}


def _function(value: Any) -> str | None:
    """The intrinsic function that a value is, by its name; None for any other value."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    name = str(next(iter(value)))
    return name if name == "Ref" or name.startswith("Fn::") else None


def _plain(value: Any) -> bool:
    return isinstance(value, Mapping) and _function(value) is None


def _known(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_known, value))
    if isinstance(value, Mapping):
        return all(map(_known, value.values()))
    return not isinstance(value, Unresolved) and "${" not in str(value)


def _written(value: Any) -> Any:
    """A value as a template has it: what is not known still refers to what it comes from."""
    if isinstance(value, list):
        return [_written(member) for member in value]
    if isinstance(value, Mapping):
        return {key: _written(member) for key, member in value.items()}
    if isinstance(value, Unresolved) or (isinstance(value, str) and "${" in value):
        return {"Fn::Sub": str(value)}
    return value
