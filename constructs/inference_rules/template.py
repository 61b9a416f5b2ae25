"""`Template`: a CloudFormation template with its intrinsic functions worked out where possible.

What only a deployment knows is kept as text with `${…}` in it, the same text for the same value:
two names can be compared although neither is known.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from inference_rules.intrinsics import Resolver, Unresolved

# The property that names a resource, for those whose name others repeat as a literal.
NAME_PROPERTIES: Mapping[str, str] = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::SageMaker::EndpointConfig": "EndpointConfigName",
    "AWS::SageMaker::Model": "ModelName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}

_VARIABLE = re.compile(r"\$\{\s*([^!{}\s]+)\s*\}")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource with its properties worked out.

    Attributes:
        logical_id: its name in the template.
        type: such as `AWS::SageMaker::Endpoint`.
        properties: without intrinsic functions.
        body: as the template has it.
        stack_path: the path of its stack, where that lies deeper than in the app itself.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    body: Mapping[str, Any] = field(repr=False)
    stack_path: str = ""

    def get(self, *path: str | int) -> Any:
        """Goes down the properties.

        Args:
            path: keys and indexes.

        Returns:
            The value, or None if it is not there or not known.
        """
        return dig(self.properties, *path)

    def mappings(self, *path: str | int) -> list[Mapping[str, Any]]:
        """Reads a list of structures.

        Args:
            path: keys and indexes.

        Returns:
            Those that are known; none if there is no list.
        """
        return mappings(self.get(*path))

    @property
    def path(self) -> str | None:
        """The construct that made it, if CDK wrote it down."""
        path = dig(self.body, "Metadata", "aws:cdk:path")
        return path if isinstance(path, str) else None

    @property
    def title(self) -> str:
        """The construct's path without its stack, or the logical id: how people know it."""
        if self.path is None:
            return self.logical_id
        before = f"{self.stack_path}/"
        within = self.path.startswith(before)
        inner = self.path.removeprefix(before) if within else self.path.partition("/")[2]
        return inner.removesuffix("/Resource") or self.logical_id

    @property
    def depends_on(self) -> frozenset[str]:
        """What it is told to wait for."""
        return frozenset(map(str, listed(self.body.get("DependsOn"))))


class Template:
    """A template, whoever wrote it.

    Args:
        body: the template as parsed.
        stack_path: the path of its stack in the app, if that is known.
    """

    def __init__(self, body: Mapping[str, Any], *, stack_path: str = "") -> None:
        self.body = body
        self._stack_path = stack_path
        raw = body.get("Resources")
        self._raw: Mapping[str, Mapping[str, Any]] = {
            str(logical_id): resource
            for logical_id, resource in (raw if isinstance(raw, Mapping) else {}).items()
            if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str)
        }

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """All resources by logical id."""
        resolver = Resolver(self.body)
        found = {}
        for logical_id, raw in self._raw.items():
            properties = _written_out(resolver.properties(logical_id))
            found[logical_id] = Resource(
                logical_id=logical_id,
                type=raw["Type"],
                properties=properties,
                body=raw,
                stack_path=self._stack_path,
            )
        return found

    def of_type(self, *types: str) -> list[Resource]:
        """Lists resources.

        Args:
            types: CloudFormation types.
        """
        return [resource for resource in self.resources.values() if resource.type in types]

    def name(self, resource: Resource) -> str:
        """Gives the text that stands for a resource's name wherever the template names it."""
        given = resource.get(NAME_PROPERTIES.get(resource.type, ""))
        attribute = NAME_PROPERTIES.get(resource.type, "Ref")
        return given if isinstance(given, str) else f"${{{resource.logical_id}.{attribute}}}"

    def find(self, resource_type: str, name: Any) -> Resource | None:
        """Finds the resource that a property names.

        Args:
            resource_type: its type.
            name: the property's value, worked out; the ARN that `Ref` gives is taken as well.
        """
        for resource in self.of_type(resource_type):
            if name in (self.name(resource), f"${{{resource.logical_id}}}"):
                return resource
            if name == f"${{{resource.logical_id}.Arn}}":
                return resource
        return None

    @cached_property
    def references(self) -> Mapping[str, frozenset[str]]:
        """Which resources each one refers to or waits for."""
        known = frozenset(self._raw)
        return {
            logical_id: (referred(raw.get("Properties", {})) & known)
            | (self.resources[logical_id].depends_on & known)
            for logical_id, raw in self._raw.items()
        }

    def waits_for(self, logical_id: str) -> frozenset[str]:
        """Everything that is there before a resource is made."""
        found: set[str] = set()
        pending = [logical_id]
        while pending:
            for other in self.references.get(pending.pop(), frozenset()) - found:
                found.add(other)
                pending.append(other)
        return frozenset(found)


def _written_out(value: Any) -> Any:
    """The value with what is not known as text."""
    if isinstance(value, Unresolved):
        return str(value)
    if isinstance(value, list):
        return [_written_out(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _written_out(inner) for key, inner in value.items()}
    return value


def referred(value: Any) -> frozenset[str]:
    """The logical ids and parameters that a value of the template refers to.

    Args:
        value: as the template has it.
    """
    if isinstance(value, list):
        return frozenset().union(*map(referred, value))
    if not isinstance(value, Mapping):
        return frozenset()
    found: set[str] = set()
    for key, inner in value.items():
        found |= referred(inner)
        if key == "Ref" and isinstance(inner, str):
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add(_first(inner).partition(".")[0])
        elif key == "Fn::Sub":
            found |= {name.partition(".")[0] for name in _VARIABLE.findall(_first(inner))}
    return frozenset(found)


def _first(argument: Any) -> str:
    """The text of a function's argument, which may stand alone or first in a list."""
    return str(next(iter(listed(argument)), ""))


def dig(value: Any, *path: str | int) -> Any:
    """Goes down a structure.

    Args:
        value: mappings and lists.
        path: keys and indexes.

    Returns:
        What is there, or None.
    """
    for step in path:
        if isinstance(step, int):
            inside = isinstance(value, list) and step < len(value)
        else:
            inside = isinstance(value, Mapping) and step in value
        if not inside:
            return None
        value = value[step]
    return value


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Those elements of a list that are structures."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Reads a number, which YAML and parameters may give as text.

    Returns:
        The number, or None if there is none or it is not known.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def truth(value: Any) -> bool:
    """Whether a property is switched on, as `true` or as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def known(value: Any) -> bool:
    """Whether a text holds nothing that only a deployment knows."""
    return isinstance(value, str) and "${" not in value


def listed(value: Any) -> list[Any]:
    """A value, or a list of them, as a list: policies have both."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def definition(state_machine: Resource) -> Mapping[str, Any] | None:
    """Reads the definition of a state machine.

    Returns:
        The definition, or None if it is elsewhere or not to be read.
    """
    given = state_machine.get("DefinitionString") or state_machine.get("Definition")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    return given if isinstance(given, Mapping) else None


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields each state of a definition with its name, those within Map and Parallel as well."""
    inner = machine.get("States")
    for name, state in (inner if isinstance(inner, Mapping) else {}).items():
        if isinstance(state, Mapping):
            yield name, state
            for nested in (state.get("ItemProcessor"), state.get("Iterator")):
                if isinstance(nested, Mapping):
                    yield from states(nested)
            for branch in mappings(state.get("Branches")):
                yield from states(branch)
