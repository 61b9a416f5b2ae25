"""What the engine needs to know of one resource type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local_aws.cloud import Cloud

Properties = dict[str, Any]


class ResourceError(Exception):
    """The service refused the resource; the message becomes the event's ResourceStatusReason.

    Attributes:
        physical_id: set when the refused resource exists nevertheless (an endpoint that is Failed),
            so that a rollback has to delete it.
    """

    def __init__(self, message: str, *, physical_id: str | None = None) -> None:
        super().__init__(message)
        self.physical_id = physical_id


@dataclass(frozen=True, kw_only=True)
class Context:
    """The resource that is being worked on.

    Attributes:
        cloud: the local AWS; ``cloud.client(service)`` is a boto3 client.
        stack_name: the stack's name.
        stack_id: the stack's ARN.
        logical_id: the resource's id in the template.
        type_name: the resource's type in the template, e.g. ``Custom::Thing``.
        token: unique for this stack, resource and replacement: the base of generated names.
        stack_tags: tags of the stack, for a type whose schema has no tags. Where it has, they are
            in the properties already and this is empty.
    """

    cloud: Cloud
    stack_name: str
    stack_id: str
    logical_id: str
    type_name: str
    token: str
    stack_tags: Mapping[str, str] = field(default_factory=dict)

    def generated_name(self, max_length: int = 64, *, lower: bool = False) -> str:
        """A physical name as CloudFormation makes them: ``stack-logicalid-TOKEN``, cut to fit."""
        stem = f"{self.stack_name}-{self.logical_id}"[: max_length - len(self.token) - 1].rstrip(
            "-"
        )
        name = f"{stem}-{self.token}"
        return name.lower() if lower else name


@dataclass(frozen=True, kw_only=True)
class Created:
    """A resource that exists now.

    Attributes:
        physical_id: what ``Ref`` gives.
        attributes: what ``Fn::GetAtt`` gives, by attribute name (dots for nested ones).
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Provider(ABC):
    """Creates, updates and deletes resources of one type over boto3.

    A method returns when the resource has settled (an endpoint InService, not Creating) and raises
    `ResourceError` or botocore's ClientError when the service refuses or the resource fails.

    Attributes:
        type_names: the types this provider serves; ``Custom::*`` stands for every custom resource.
    """

    type_names: ClassVar[tuple[str, ...]]

    @abstractmethod
    def create(self, context: Context, properties: Properties) -> Created:
        """Make the resource from resolved properties."""

    @abstractmethod
    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the resource in place; only called when no create-only property differs.

        A physical id other than the one given, returned or in a `ResourceError`, means that the
        provider made a replacement (a custom resource may): the engine deletes the old one when the
        stack's update is through, and the new one when it is rolled back.
        """

    @abstractmethod
    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Remove the resource; one that is gone already is no error."""

    def replaces(self, old: Properties, new: Properties) -> bool:
        """Whether the change needs a new resource although no create-only property differs."""
        del old, new
        return False
