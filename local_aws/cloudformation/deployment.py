"""Deploys a template: creates, updates and replaces resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from local_aws.cloudformation.environment import (
    Environment,
    ResourceLookup,
    importers,
    resolve_outputs,
)
from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.graph import dependencies_of, run_in_order
from local_aws.cloudformation.intrinsics import Resolver
from local_aws.cloudformation.operations import Operations, reason_of
from local_aws.cloudformation.provider import Created, Properties, ResourceError
from local_aws.cloudformation.providers import provider_of
from local_aws.cloudformation.rollback import Progress, Rollback
from local_aws.cloudformation.schemas import schema_of
from local_aws.cloudformation.stack import Configuration, Output, Resource, Stack, new_token
from local_aws.cloudformation.template import ResourceBody

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def prepared(body: ResourceBody, resolver: Resolver, tags: Mapping[str, str]) -> Properties:
    """What a provider gets: resolved, with the stack's tags, in the schema's types."""
    properties = resolver.resolve(dict(body.properties))
    schema = schema_of(body.type)
    return schema.coerced(schema.tagged(properties, tags)) if schema is not None else properties


def must_replace(current: Resource, properties: Properties) -> bool:
    """Whether ``properties`` cannot be reached by an update in place."""
    schema = schema_of(current.type)
    if schema is not None:
        for name in {*current.properties, *properties}:
            if schema.recreation(name, current.properties, properties) == "Always":
                return True
    provider = provider_of(current.type)
    return provider is not None and provider.replaces(current.properties, properties)


class Deployment:
    """One run of a template on a stack.

    Args:
        environment: account and region.
        stack: the stack; its status says already that it is being created or updated.
        target: what is to be deployed.
        creating: whether the stack had no successful deployment before.
        on_failure: ``ROLLBACK``, ``DELETE`` (roll back, then forget the stack) or ``DO_NOTHING``.
    """

    def __init__(
        self,
        environment: Environment,
        stack: Stack,
        target: Configuration,
        *,
        creating: bool,
        on_failure: str = "ROLLBACK",
    ) -> None:
        self._environment = environment
        self._stack = stack
        self._target = target
        self._creating = creating
        self._on_failure = on_failure
        # After a failure that was not rolled back, the way back still leads to the state before it.
        self._progress = stack.unfinished or Progress(
            configuration=stack.configuration,
            resources=dict(stack.resources),
            first=creating,
        )
        self._lookup = ResourceLookup(environment, stack.resources)
        self._resolver = environment.resolver(stack, target, self._lookup)
        self._operations = Operations(environment, stack, target.tags)
        self._cancelled: frozenset[str] = frozenset()

    @property
    def _verb(self) -> str:
        return "CREATE" if self._creating else "UPDATE"

    def run(self) -> None:
        """Deploy; on return the stack has its final status."""
        stack = self._stack
        stack.configuration = self._target
        stack.unfinished = None
        problem = self._deploy_all() or self._finish_outputs()
        if problem is None:
            self._clean_up()
        elif self._on_failure == "DO_NOTHING":
            stack.unfinished = self._progress
            stack.set_status(f"{self._verb}_FAILED", problem)
        else:
            Rollback(self._environment, stack, self._progress).run(
                problem, forget=self._on_failure == "DELETE"
            )

    def _deploy_all(self) -> str | None:
        """Deploy every resource; returns why it failed, None when all went well."""
        dependencies = {
            name: needs
            for name, needs in dependencies_of(self._target.template).items()
            if self._resolver.included(name)
        }
        failures = run_in_order(
            dependencies, self._deploy, stop_at_failure=True, on_failure=self._cancel
        )
        if not failures:
            return None
        told = ""
        for verb in ("create", "update"):
            names = sorted(
                name
                for name in {*failures, *self._cancelled}
                if self._stack.resources[name].status == f"{verb.upper()}_FAILED"
            )
            if names:
                told += f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
        return told

    def _deploy(self, name: str) -> None:
        body = self._target.template.resources[name]
        current = self._stack.resources.get(name)
        exists = current is not None and current.physical_id is not None
        try:
            properties = prepared(body, self._resolver, self._target.tags)
            self._validate(body, properties)
        except Exception as error:
            resource = current or self._new(body, dict(body.properties))
            self._fail(resource, "UPDATE" if exists else "CREATE", error)
            raise
        if current is None or not exists:
            self._create(self._new(body, properties), replaced=None)
        elif current.status == "CREATE_FAILED" or must_replace(current, properties):
            self._create(self._new(body, properties), replaced=current)
        elif current.status == "UPDATE_FAILED":
            # What the failed attempt left is not known: start from what stood before it.
            old = self._progress.resources.get(name, current)
            self._update(old, replace(current, body=body, properties=properties))
        elif current.properties != properties:
            self._update(current, replace(current, body=body, properties=properties))
        else:
            with self._stack.lock:
                self._stack.resources[name] = replace(current, body=body)

    def _new(self, body: ResourceBody, properties: Properties) -> Resource:
        return Resource(
            logical_id=body.logical_id,
            type=body.type,
            properties=properties,
            body=body,
            token=new_token(),
            updated=datetime.now(UTC),
        )

    @staticmethod
    def _validate(body: ResourceBody, properties: Properties) -> None:
        schema = schema_of(body.type)
        problems = schema.problems(properties) if schema is not None else []
        if problems:
            raise ResourceError(
                f"Properties validation failed for resource {body.logical_id} with message:\n"
                f"[{', '.join(map(str, problems))}]"
            )

    def _create(self, resource: Resource, *, replaced: Resource | None) -> None:
        verb = "CREATE" if replaced is None else "UPDATE"
        shown = resource
        if replaced is not None:
            shown = replace(resource, physical_id=replaced.physical_id)
        self._stack.set_resource(
            shown, f"{verb}_IN_PROGRESS", REPLACING if replaced is not None else None
        )
        try:
            created = self._operations.create(resource)
        except Exception as error:
            left = error.physical_id if isinstance(error, ResourceError) else None
            resource = replace(resource, physical_id=left)
            with self._stack.lock:
                if left is not None:
                    self._progress.add_made(resource)
                if replaced is not None:
                    self._progress.add_superseded(replaced)
            self._fail(resource, verb, error)
            raise
        self._done(resource, created, verb, made=True, replaced=replaced)

    def _update(self, old: Resource, new: Resource) -> None:
        self._stack.set_resource(new, "UPDATE_IN_PROGRESS")
        try:
            created = self._operations.update(old, new)
        except Exception as error:
            left = error.physical_id if isinstance(error, ResourceError) else None
            if left not in (None, old.physical_id):
                # What was to replace the resource exists: the way back is to delete that one.
                with self._stack.lock:
                    self._progress.add_made(replace(new, physical_id=left))
                    self._progress.add_superseded(old)
            self._fail(new, "UPDATE", error)
            raise
        moved = created.physical_id != old.physical_id
        self._done(new, created, "UPDATE", made=moved, replaced=old if moved else None)

    def _done(
        self,
        resource: Resource,
        created: Created,
        verb: str,
        *,
        made: bool,
        replaced: Resource | None,
    ) -> None:
        resource = replace(
            resource, physical_id=created.physical_id, attributes=dict(created.attributes)
        )
        with self._stack.lock:
            if made:
                self._progress.add_made(resource)
            if replaced is not None:
                self._progress.add_superseded(replaced)
            if not self._kept_as_cancelled(resource):
                self._stack.set_resource(resource, f"{verb}_COMPLETE")

    def _fail(self, resource: Resource, verb: str, error: Exception) -> None:
        with self._stack.lock:
            if not self._kept_as_cancelled(resource):
                self._stack.set_resource(resource, f"{verb}_FAILED", reason_of(error))

    def _kept_as_cancelled(self, resource: Resource) -> bool:
        """Record what became of a resource that was told as cancelled, without another event."""
        name = resource.logical_id
        if name not in self._cancelled:
            return False
        told = self._stack.resources[name]
        self._stack.resources[name] = replace(resource, status=told.status, reason=told.reason)
        return True

    def _cancel(self, running: frozenset[str]) -> None:
        """Tell of resources that are still being worked on when another one has failed."""
        with self._stack.lock:
            cancelled = set()
            for name in sorted(running):
                resource = self._stack.resources.get(name)
                if resource is None or not resource.status.endswith("_IN_PROGRESS"):
                    continue
                verb = resource.status.removesuffix("_IN_PROGRESS")
                words = "creation" if verb == "CREATE" else "update"
                self._stack.set_resource(resource, f"{verb}_FAILED", f"Resource {words} cancelled")
                cancelled.add(name)
            self._cancelled = frozenset(cancelled)

    def _finish_outputs(self) -> str | None:
        """Outputs and exports; returns why they cannot be as the template wants them."""
        try:
            outputs = resolve_outputs(self._resolver, self._target)
            self._check_exports(outputs)
        except ValidationError as error:
            return f"{error.text} "
        with self._stack.lock:
            self._stack.outputs = outputs
            self._stack.imports = frozenset(self._lookup.imports)
        return None

    def _check_exports(self, outputs: Mapping[str, Output]) -> None:
        exports = self._environment.exports()
        new = {output.export: output.value for output in outputs.values() if output.export}
        for name in new:
            owner = exports.get(name)
            if owner is not None and owner[0] is not self._stack:
                raise ValidationError(
                    f"Export with name {name} is already exported by stack {owner[0].name}. "
                    "Export names must be unique across a given region"
                )
        for output in self._stack.outputs.values():
            if output.export is None or new.get(output.export) == output.value:
                continue
            users = importers(self._environment.stacks(), output.export)
            if users:
                what = "deleted" if output.export not in new else "updated"
                raise ValidationError(
                    f"Export {output.export} cannot be {what} as it is in use by {', '.join(users)}"
                )

    def _clean_up(self) -> None:
        """Delete what the new template no longer has, and what was replaced."""
        stack = self._stack
        if self._creating:
            stack.set_status("CREATE_COMPLETE")
            return
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        superseded = self._progress.superseded
        removed = {
            name: resource
            for name, resource in {**self._progress.resources, **stack.resources}.items()
            if name not in self._target.template.resources or not self._resolver.included(name)
        }

        def retain(resource: Resource) -> bool:
            if superseded.get(resource.logical_id) is resource:
                return resource.body.update_replace_policy == "Retain"
            return resource.body.deletion_policy.startswith("Retain")

        with stack.lock:
            # What cannot be deleted is no longer the stack's, as on AWS.
            for name in removed:
                stack.resources.pop(name, None)
        operations = Operations(self._environment, stack, self._progress.configuration.tags)
        operations.delete({**superseded, **removed}, retain=retain, keep=False)
        for orphan in self._progress.orphans:
            operations.delete({orphan.logical_id: orphan}, retain=lambda _: False, keep=False)
        stack.set_status("UPDATE_COMPLETE")
