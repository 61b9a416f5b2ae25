"""One resource at a time: create, update and delete with events and AWS's words for failures."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping

from botocore.exceptions import ClientError

from local_aws.cloudformation.environment import Environment
from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.graph import (
    Dependencies,
    DependencyFailedError,
    reversed_dependencies,
    run_in_order,
)
from local_aws.cloudformation.provider import Context, Created, Provider, ResourceError
from local_aws.cloudformation.providers import provider_of
from local_aws.cloudformation.schemas import schema_of
from local_aws.cloudformation.stack import Resource, Stack
from local_aws.cloudformation.template import references

DELETE_ROUNDS = 3
PAUSE_BETWEEN_ROUNDS = 2.0

_log = logging.getLogger(__name__)


def reason_of(error: Exception) -> str:
    """The ResourceStatusReason for an error of a provider."""
    if isinstance(error, ValidationError):
        return error.text
    if isinstance(error, ClientError):
        return _reason_of_client_error(error)
    if isinstance(error, ResourceError):
        return str(error)
    _log.error("a resource provider failed", exc_info=error)
    return f"Internal Failure ({type(error).__name__}: {error})"


def _reason_of_client_error(error: ClientError) -> str:
    found = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code = str(found.get("Code", ""))
    status = metadata.get("HTTPStatusCode", 400)
    if "AccessDenied" in code:
        handler = "AccessDenied"
    elif any(
        part in code for part in ("AlreadyExist", "AlreadyOwned", "ResourceInUse", "Conflict")
    ):
        handler = "AlreadyExists"
    elif any(part in code for part in ("NotFound", "NoSuch")):
        handler = "NotFound"
    elif "LimitExceeded" in code:
        handler = "ServiceLimitExceeded"
    elif status >= 500:
        handler = "ServiceInternalError"
    else:
        handler = "InvalidRequest"
    request_id = metadata.get("RequestId") or uuid.uuid4()
    return (
        f'Resource handler returned message: "{found.get("Message", "")} (Operation: '
        f"{error.operation_name}, Error Code: {code}, Status Code: {status}, Request ID: "
        f'{request_id})" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {handler})'
    )


class Operations:
    """Works on the resources of one stack."""

    def __init__(self, environment: Environment, stack: Stack, tags: Mapping[str, str]) -> None:
        self._environment = environment
        self._stack = stack
        self._tags = tags

    def create(self, resource: Resource) -> Created:
        """Make the resource; the caller records it."""
        return self._provider(resource).create(self._context(resource), resource.properties)

    def update(self, old: Resource, new: Resource) -> Created:
        """Change the resource ``old`` to the properties of ``new`` in place."""
        if old.physical_id is None:
            raise ResourceError(f"{old.logical_id} does not exist")
        return self._provider(new).update(
            self._context(new), old.physical_id, old.properties, new.properties
        )

    def delete(
        self,
        resources: Mapping[str, Resource],
        *,
        retain: Callable[[Resource], bool],
        keep: bool,
    ) -> dict[str, str]:
        """Delete resources, what depends on others first; a failure is tried again.

        Args:
            resources: by logical id.
            retain: whether a resource stays in the account although the stack forgets it.
            keep: whether these are the stack's own resources of their logical ids; not so when the
                stack has others in their place.

        Returns:
            Reasons by the logical ids that could not be deleted.
        """
        waiting = dict(resources)
        reasons: dict[str, str] = {}
        for attempt in range(DELETE_ROUNDS):
            last = attempt == DELETE_ROUNDS - 1
            reasons = self._delete_round(
                waiting, retain=retain, keep=keep, last=last, first=not attempt
            )
            if not waiting:
                break
            if not last:
                time.sleep(PAUSE_BETWEEN_ROUNDS / self._environment.cloud.speed)
        return reasons

    def _delete_round(
        self,
        waiting: dict[str, Resource],
        *,
        retain: Callable[[Resource], bool],
        keep: bool,
        last: bool,
        first: bool,
    ) -> dict[str, str]:
        reasons: dict[str, str] = {}

        def delete(name: str) -> None:
            resource = waiting[name]
            if retain(resource):
                self._stack.set_resource(resource, "DELETE_SKIPPED", keep=keep)
            elif resource.physical_id is not None:
                if first:
                    self._stack.set_resource(resource, "DELETE_IN_PROGRESS", keep=keep)
                try:
                    self._provider(resource).delete(
                        self._context(resource), resource.physical_id, resource.properties
                    )
                except Exception as error:
                    reasons[name] = reason_of(error)
                    if last:
                        self._stack.set_resource(
                            resource, "DELETE_FAILED", reasons[name], keep=keep
                        )
                    raise
                self._stack.set_resource(resource, "DELETE_COMPLETE", keep=keep)
            with self._stack.lock:
                if keep:
                    self._stack.resources.pop(name, None)

        failures = run_in_order(
            reversed_dependencies(dependencies_between(waiting)), delete, stop_at_failure=False
        )
        for name in list(waiting):
            if name not in failures:
                del waiting[name]
        for name, error in failures.items():
            if not isinstance(error, DependencyFailedError):
                reasons.setdefault(name, str(error))
        return reasons

    def _context(self, resource: Resource) -> Context:
        schema = schema_of(resource.type)
        in_properties = schema is not None and schema.tag_property is not None
        return Context(
            cloud=self._environment.cloud,
            stack_name=self._stack.name,
            stack_id=self._stack.id,
            logical_id=resource.logical_id,
            type_name=resource.type,
            token=resource.token,
            stack_tags={} if in_properties else self._tags,
        )

    @staticmethod
    def _provider(resource: Resource) -> Provider:
        provider = provider_of(resource.type)
        if provider is None:
            raise ResourceError(f"Unrecognized resource types: [{resource.type}]")
        return provider


def dependencies_between(resources: Mapping[str, Resource]) -> Dependencies:
    """What depends on what among deployed resources, from the declarations they came from."""
    return {
        name: frozenset(
            other
            for other in (*references(resource.body.properties), *resource.body.depends_on)
            if other in resources and other != name
        )
        for name, resource in resources.items()
    }
