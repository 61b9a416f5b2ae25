"""What the engine keeps of a stack."""

from __future__ import annotations

import secrets
import string
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from local_aws.cloudformation.intrinsics import canonical
from local_aws.cloudformation.parameters import Parameter
from local_aws.cloudformation.provider import Properties
from local_aws.cloudformation.template import EMPTY, ResourceBody, Template

STACK_TYPE = "AWS::CloudFormation::Stack"


def new_token() -> str:
    """The random end of generated names."""
    alphabet = string.ascii_uppercase + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(12))


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as it was last deployed.

    Attributes:
        properties: resolved, as the provider got them.
        body: its declaration in the template it was deployed from.
        token: the base of generated names; a replacement has another one.
    """

    logical_id: str
    type: str
    physical_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    properties: Properties = field(default_factory=dict)
    body: ResourceBody
    token: str = field(default_factory=new_token)
    status: str = ""
    reason: str | None = None
    updated: datetime


@dataclass(frozen=True, kw_only=True)
class Output:
    """An output with its value."""

    key: str
    value: str
    description: str | None = None
    export: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """A line of the stack's history."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    at: datetime
    properties: str | None
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a deployment sets on a stack beside its resources."""

    template: Template = EMPTY
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str | None = None
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    rollback_configuration: Mapping[str, Any] = field(default_factory=dict)


class Stack:
    """A stack; its methods may be called from several threads."""

    def __init__(self, *, stack_id: str, name: str, account: str, region: str) -> None:
        self.id = stack_id
        self.name = name
        self.account = account
        self.region = region
        self.lock = threading.RLock()
        self.created = datetime.now(UTC)
        self.updated: datetime | None = None
        self.deleted: datetime | None = None
        self.status = "REVIEW_IN_PROGRESS"
        self.reason: str | None = None
        self.configuration = Configuration()
        self.resources: dict[str, Resource] = {}
        # What the stack's deletion deleted or left behind, which is listed for 90 days on AWS.
        self.former: dict[str, Resource] = {}
        self.outputs: dict[str, Output] = {}
        self.imports: frozenset[str] = frozenset()
        self.events: list[Event] = []
        self.change_set_id: str | None = None
        self.termination_protection = False
        self.disable_rollback = False
        self.retain_except_on_create = False
        self.timeout_minutes: int | None = None
        self.policy: str | None = None
        self.request_token: str | None = None
        # What RollbackStack and ContinueUpdateRollback go back to after a failure.
        self.unfinished: Any = None

    def take_failure_options(self, request: Mapping[str, Any]) -> None:
        """Note what the operation that begins is to do when it fails."""
        self.disable_rollback = bool(request.get("DisableRollback"))
        self.retain_except_on_create = bool(request.get("RetainExceptOnCreate"))

    @property
    def listed(self) -> list[Resource]:
        """Its resources as the API lists them: of a deleted stack what it had."""
        with self.lock:
            former = self.former if self.status.startswith("DELETE_") else {}
            return list({**former, **self.resources}.values())

    @property
    def in_progress(self) -> bool:
        """Whether an operation runs now."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Set the stack's own status, with its event."""
        with self.lock:
            self.status = status
            self.reason = reason
            self._event(None, status, reason)

    def set_resource(
        self, resource: Resource, status: str, reason: str | None = None, *, keep: bool = True
    ) -> Resource:
        """Record a resource's new status with its event.

        Args:
            resource: the resource as it is now.
            status: its new status.
            reason: told in the event.
            keep: whether it is the stack's resource of that logical id from now on; not so for one
                that is only cleaned up.
        """
        with self.lock:
            changed = replace(resource, status=status, reason=reason, updated=datetime.now(UTC))
            if keep:
                self.resources[resource.logical_id] = changed
            if keep and status in {"DELETE_COMPLETE", "DELETE_SKIPPED"}:
                self.former[resource.logical_id] = changed
            self._event(changed, status, reason)
            return changed

    def _event(self, resource: Resource | None, status: str, reason: str | None) -> None:
        """Append an event of a resource, or of the stack itself."""
        at = datetime.now(UTC)
        # Clients sort by time, to the millisecond: no two events of a stack share one.
        if self.events and at <= self.events[-1].at + timedelta(milliseconds=1):
            at = self.events[-1].at + timedelta(milliseconds=1)
        unique = str(uuid.uuid4())
        self.events.append(
            Event(
                id=unique if resource is None else f"{resource.logical_id}-{status}-{unique}",
                logical_id=self.name if resource is None else resource.logical_id,
                physical_id=(self.id if resource is None else resource.physical_id) or "",
                type=STACK_TYPE if resource is None else resource.type,
                status=status,
                reason=reason,
                at=at,
                properties=None if resource is None else canonical(resource.properties),
                token=self.request_token,
            )
        )
