"""CloudFormation templates: parsing and the checks that need no values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from local_aws.cloudformation.errors import ValidationError

SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Hooks",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)
RESOURCE_ATTRIBUTES = frozenset(
    {
        "Condition",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "Metadata",
        "Properties",
        "Type",
        "UpdatePolicy",
        "UpdateReplacePolicy",
    }
)
PSEUDO_PARAMETERS = frozenset(
    {
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::NotificationARNs",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)
_SUB_VARIABLE = re.compile(r"\$\{([^!${}][^{}$]*)\}")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; dates stay strings, as policy versions need."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise ValidationError(f"Template format error: unexpected YAML node for !{suffix}")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, kw_only=True)
class ResourceBody:
    """A resource as the template declares it, nothing resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Any = None


@dataclass(frozen=True, kw_only=True)
class Template:
    """A parsed template.

    Attributes:
        text: the template as it was submitted, which GetTemplate gives back.
    """

    text: str
    description: str | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, ResourceBody] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


EMPTY = Template(text="{}")


def load_template_text(text: str) -> dict[str, Any]:
    """The template's content from JSON or YAML."""
    try:
        loaded = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except json.JSONDecodeError as error:
        raise ValidationError(
            f"Template format error: JSON not well-formed. (line {error.lineno}, column "
            f"{error.colno})"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{where}") from None
    if not isinstance(loaded, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return loaded


def parse_template(text: str) -> Template:
    """Parse a template and check its structure and its references.

    Raises:
        ValidationError: with AWS's words.
    """
    loaded = load_template_text(text)
    unknown = sorted(set(loaded) - SECTIONS)
    if unknown:
        raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    if loaded.get("Transform"):
        raise ValidationError(
            f"Transform {loaded['Transform']} is not supported by the local AWS: expand the "
            "template first"
        )
    if not isinstance(loaded.get("Resources"), dict) or not loaded["Resources"]:
        raise ValidationError(
            "Template format error: At least one Resources member must be defined."
        )
    template = Template(
        text=text,
        description=loaded.get("Description"),
        parameters=loaded.get("Parameters") or {},
        mappings=loaded.get("Mappings") or {},
        conditions=loaded.get("Conditions") or {},
        rules=loaded.get("Rules") or {},
        resources={name: _resource(name, body) for name, body in loaded["Resources"].items()},
        outputs=loaded.get("Outputs") or {},
        metadata=loaded.get("Metadata") or {},
    )
    _check_references(template)
    return template


def _resource(name: str, body: Any) -> ResourceBody:
    if not re.fullmatch(r"[A-Za-z0-9]+", name):
        raise ValidationError(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(body, dict) or not isinstance(body.get("Type"), str):
        raise ValidationError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a "
            "Type member."
        )
    unknown = sorted(set(body) - RESOURCE_ATTRIBUTES)
    if unknown:
        raise ValidationError(f"Invalid template resource property '{unknown[0]}'")
    depends_on = body.get("DependsOn") or ()
    deletion_policy = body.get("DeletionPolicy", "Delete")
    replace_policy = body.get("UpdateReplacePolicy", "Delete")
    for policy, value, allowed in (
        (
            "DeletionPolicy",
            deletion_policy,
            ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate"),
        ),
        ("UpdateReplacePolicy", replace_policy, ("Delete", "Retain", "Snapshot")),
    ):
        if value not in allowed:
            raise ValidationError(
                f"Template error: every {policy} member must be one of {list(allowed)}: resource "
                f"{name} has {value}"
            )
    return ResourceBody(
        logical_id=name,
        type=body["Type"],
        properties=body.get("Properties") or {},
        depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
        condition=body.get("Condition"),
        deletion_policy=deletion_policy,
        update_replace_policy=replace_policy,
        metadata=body.get("Metadata"),
    )


def sub_variables(text: str) -> list[str]:
    """Names that a ``Fn::Sub`` string uses, literals (``${!name}``) left out."""
    return [name.strip() for name in _SUB_VARIABLE.findall(text)]


def attribute_parts(value: Any) -> tuple[str, str]:
    """Logical id and attribute name of a ``Fn::GetAtt``."""
    if isinstance(value, str):
        value = value.split(".", 1)
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[0], str):
        raise ValidationError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the "
            "resource name and the resource attribute"
        )
    return value[0], ".".join(str(part) for part in value[1:])


def references(value: Any) -> Iterator[str]:
    """Names that ``value`` refers to by Ref, Fn::GetAtt or Fn::Sub, in no particular order."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref" and isinstance(argument, str):
                yield argument
                return
            if key == "Fn::GetAtt":
                yield attribute_parts(argument)[0]
                return
            if key == "Fn::Sub":
                yield from _sub_references(argument)
                return
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _sub_references(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        text, variables = argument, {}
    elif isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        text, variables = argument
    else:
        raise ValidationError(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
            "arguments. Specify a string as first argument, and an optional second argument to "
            "specify a mapping of values to replace in the string"
        )
    yield from references(variables)
    for name in sub_variables(text):
        if name not in variables:
            yield name.split(".", 1)[0]


def _check_references(template: Template) -> None:
    known = set(template.parameters) | set(template.resources) | PSEUDO_PARAMETERS
    missing = sorted(
        {
            name
            for resource in template.resources.values()
            for name in (*references(resource.properties), *resource.depends_on)
            if name not in known
        }
    )
    if missing:
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in "
            "the Resources block of the template"
        )
    missing = sorted({name for name in references(dict(template.outputs)) if name not in known})
    if missing:
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in "
            "the Outputs block of the template"
        )
    for resource in template.resources.values():
        if resource.condition is not None and resource.condition not in template.conditions:
            raise ValidationError(
                f"Template format error: Unresolved condition dependency {resource.condition} in "
                "the Resources block of the template"
            )
    for name in template.parameters:
        if name in template.resources:
            raise ValidationError(
                f"Template format error: Resource name {name} conflicts with a parameter name"
            )
