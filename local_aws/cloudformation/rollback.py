"""Takes a failed deployment back to what stood before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from local_aws.cloudformation.environment import Environment
from local_aws.cloudformation.graph import DependencyFailedError, run_in_order
from local_aws.cloudformation.operations import Operations, dependencies_between, reason_of
from local_aws.cloudformation.stack import Configuration, Resource, Stack


@dataclass(kw_only=True)
class Progress:
    """What a deployment found and what it did so far.

    Attributes:
        configuration: the stack's configuration before; `resources` likewise. Outputs change only
            when a deployment has succeeded.
        first: whether nothing was deployed before: the way back is to delete everything.
        made: physical resources that are new, by logical id.
        superseded: resources before the deployment that have a replacement, by logical id.
        orphans: replacements that were replaced themselves in a second attempt.
    """

    configuration: Configuration
    resources: Mapping[str, Resource]
    first: bool
    made: dict[str, Resource] = field(default_factory=dict)
    superseded: dict[str, Resource] = field(default_factory=dict)
    orphans: list[Resource] = field(default_factory=list)

    def add_made(self, resource: Resource) -> None:
        """Note a new physical resource."""
        self.made[resource.logical_id] = resource

    def add_superseded(self, resource: Resource) -> None:
        """Note a physical resource that has a replacement."""
        name = resource.logical_id
        if name in self.resources and name not in self.superseded:
            self.superseded[name] = self.resources[name]
            return
        known = (self.made.get(name), self.superseded.get(name), *self.orphans)
        if all(found is None or found.physical_id != resource.physical_id for found in known):
            self.orphans.append(resource)


class Rollback:
    """One way back."""

    def __init__(self, environment: Environment, stack: Stack, progress: Progress) -> None:
        self._environment = environment
        self._stack = stack
        self._progress = progress
        self._operations = Operations(environment, stack, progress.configuration.tags)

    def run(self, reason: str, *, forget: bool = False, skip: frozenset[str] = frozenset()) -> None:
        """Go back; on return the stack has its final status.

        Args:
            reason: why, told in the stack's event.
            forget: whether a stack that never stood is deleted afterwards.
            skip: logical ids to leave as they are.
        """
        self._stack.unfinished = None
        if self._progress.first:
            self._stack.set_status("ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
            self._undo_creation(forget=forget)
        else:
            self._stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            self._undo_update(skip)

    def _undo_creation(self, *, forget: bool) -> None:
        stack = self._stack
        reasons = self._operations.delete(
            dict(stack.resources),
            retain=self._stays,
            keep=True,
        )
        self._delete_orphans()
        if reasons:
            names = ", ".join(sorted(reasons))
            stack.set_status(
                "ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{names}]. "
            )
            return
        stack.set_status("ROLLBACK_COMPLETE")
        if forget:
            stack.deleted = datetime.now(UTC)
            stack.set_status("DELETE_COMPLETE")

    def _undo_update(self, skip: frozenset[str]) -> None:
        stack, progress = self._stack, self._progress
        touched = {name for name in progress.resources if self._was_touched(name)}
        failures = run_in_order(
            dependencies_between(progress.resources),
            lambda name: self._restore(name, touched=name in touched, skipped=name in skip),
            stop_at_failure=False,
        )
        stack.configuration = progress.configuration
        if failures:
            stack.unfinished = progress
            names = sorted(
                name
                for name, error in failures.items()
                if not isinstance(error, DependencyFailedError)
            )
            stack.set_status(
                "UPDATE_ROLLBACK_FAILED",
                f"The following resource(s) failed to update: [{', '.join(names)}]. ",
            )
            return
        stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        with stack.lock:
            for name in set(stack.resources) - set(progress.resources):
                del stack.resources[name]
        self._operations.delete(
            progress.made,
            # A replacement was never asked to stay; a resource that is new to the stack may be.
            retain=lambda resource: (
                resource.logical_id not in progress.resources and self._stays(resource)
            ),
            keep=False,
        )
        self._delete_orphans()
        stack.set_status("UPDATE_ROLLBACK_COMPLETE")

    def _stays(self, resource: Resource) -> bool:
        """Whether a resource that this deployment made is to stay although it failed."""
        return resource.body.deletion_policy == "Retain" and not self._stack.retain_except_on_create

    def _delete_orphans(self) -> None:
        for orphan in self._progress.orphans:
            self._operations.delete({orphan.logical_id: orphan}, retain=lambda _: False, keep=False)

    def _was_touched(self, name: str) -> bool:
        before, now = self._progress.resources[name], self._stack.resources.get(name)
        return (
            now is None
            or now.status != before.status
            or now.physical_id != before.physical_id
            or now.properties != before.properties
        )

    def _restore(self, name: str, *, touched: bool, skipped: bool) -> None:
        """Bring one resource back to what it was before the update."""
        stack, before = self._stack, self._progress.resources[name]
        if not touched:
            with stack.lock:
                stack.resources[name] = before
            return
        if skipped:
            stack.set_resource(
                before,
                "UPDATE_COMPLETE",
                "Resource skipped during UpdateRollback",
            )
            return
        current = stack.resources.get(name, before)
        stack.set_resource(before, "UPDATE_IN_PROGRESS")
        if name not in self._progress.superseded and current.properties != before.properties:
            try:
                created = self._operations.update(
                    replace(current, physical_id=before.physical_id), before
                )
            except Exception as error:
                failed = replace(before, properties=current.properties)
                stack.set_resource(failed, "UPDATE_FAILED", reason_of(error))
                raise
            before = replace(
                before, physical_id=created.physical_id, attributes=dict(created.attributes)
            )
        stack.set_resource(before, "UPDATE_COMPLETE")
