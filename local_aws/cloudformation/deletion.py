"""Deletes a stack."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from local_aws.cloudformation.environment import Environment, importers
from local_aws.cloudformation.operations import Operations
from local_aws.cloudformation.stack import Resource, Stack


class Deletion:
    """One attempt to delete a stack; its status says already that it is being deleted.

    Args:
        environment: account and region.
        stack: the stack.
        before: status and reason of the stack before, to go back to when nothing may be deleted.
        retain: logical ids of resources that stay.
        force: whether a resource that cannot be deleted is left behind.
    """

    def __init__(
        self,
        environment: Environment,
        stack: Stack,
        *,
        before: tuple[str, str | None],
        retain: Collection[str] = (),
        force: bool = False,
    ) -> None:
        self._environment = environment
        self._stack = stack
        self._before = before
        self._retain = frozenset(retain)
        self._force = force

    def run(self) -> None:
        """Delete; on return the stack has its final status."""
        stack = self._stack
        for output in stack.outputs.values():
            users = (
                importers(self._environment.stacks(), output.export)
                if output.export is not None
                else []
            )
            if users:
                stack.set_status(
                    self._before[0],
                    f"Delete canceled. Cannot delete export {output.export} as it is in use by "
                    f"{', '.join(users)}.",
                )
                return
        stack.former.clear()
        operations = Operations(self._environment, stack, stack.configuration.tags)
        if stack.unfinished is not None:
            operations.delete(stack.unfinished.superseded, retain=lambda _: False, keep=False)
            for orphan in stack.unfinished.orphans:
                operations.delete({orphan.logical_id: orphan}, retain=lambda _: False, keep=False)
        reasons = operations.delete(dict(stack.resources), retain=self._stays, keep=True)
        if reasons and self._force:
            operations.delete(
                {name: stack.resources[name] for name in reasons}, retain=lambda _: True, keep=True
            )
            reasons = operations.delete(dict(stack.resources), retain=self._stays, keep=True)
        if reasons:
            stack.set_status(
                "DELETE_FAILED",
                f"The following resource(s) failed to delete: [{', '.join(sorted(reasons))}]. ",
            )
            return
        with stack.lock:
            stack.imports = frozenset()
            stack.outputs = {}
            stack.deleted = datetime.now(UTC)
        stack.set_status("DELETE_COMPLETE")

    def _stays(self, resource: Resource) -> bool:
        if resource.logical_id in self._retain:
            return True
        # A resource whose creation failed has nothing to be retained.
        return (
            resource.body.deletion_policy.startswith("Retain")
            and resource.status != "CREATE_FAILED"
        )
