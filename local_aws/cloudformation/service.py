"""CloudFormation of one account and region: its stacks and what can be asked of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from local_aws.cloud import Cloud
from local_aws.cloudformation.deletion import Deletion
from local_aws.cloudformation.deployment import Deployment
from local_aws.cloudformation.environment import Environment, ResourceLookup
from local_aws.cloudformation.errors import (
    AlreadyExistsError,
    ValidationError,
    stack_not_found,
)
from local_aws.cloudformation.intrinsics import canonical
from local_aws.cloudformation.plan import Plan, make_plan
from local_aws.cloudformation.requests import Request, configuration_of
from local_aws.cloudformation.rollback import Progress, Rollback
from local_aws.cloudformation.stack import Configuration, Output, Stack

NO_UPDATES = "No updates are to be performed."


class Service:
    """Stacks of one account and region."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.lock = threading.RLock()
        self._stacks: dict[str, Stack] = {}
        self.environment = Environment(
            cloud=cloud,
            account=account,
            region=region,
            exports=self.exports,
            stacks=self.living,
        )

    # Looking up

    def living(self) -> list[Stack]:
        """Stacks that are not deleted, oldest first."""
        with self.lock:
            return [stack for stack in self._stacks.values() if stack.status != "DELETE_COMPLETE"]

    def all(self) -> list[Stack]:
        """All stacks, the deleted ones as well, newest first."""
        with self.lock:
            return list(reversed(self._stacks.values()))

    def find(self, name_or_id: str | None) -> Stack | None:
        """A stack by name, or by id, by which a deleted one is found too."""
        with self.lock:
            if name_or_id in self._stacks:
                return self._stacks[str(name_or_id)]
            return next((found for found in self.living() if found.name == name_or_id), None)

    def get(self, name_or_id: str | None) -> Stack:
        """As `find`.

        Raises:
            ValidationError: there is none.
        """
        found = self.find(name_or_id)
        if found is None:
            raise stack_not_found(str(name_or_id))
        return found

    def exports(self) -> dict[str, tuple[Stack, Output]]:
        """Exports of all stacks by name."""
        return {
            output.export: (stack, output)
            for stack in self.living()
            for output in list(stack.outputs.values())
            if output.export is not None
        }

    def plan(self, stack: Stack, target: Configuration) -> Plan:
        """What ``target`` would change, its rules checked.

        Raises:
            ValidationError: the template cannot be deployed.
        """
        changed = sorted(
            name
            for name, body in target.template.resources.items()
            if name in stack.resources and stack.resources[name].type != body.type
        )
        if changed:
            raise ValidationError(
                "Update of resource type is not permitted. The new template modifies resource type "
                f"of the following resources: [{', '.join(changed)}]"
            )
        return make_plan(self.environment, stack, target)

    # Operations

    def new_stack(self, name: str) -> Stack:
        """An empty stack in ``REVIEW_IN_PROGRESS``.

        Raises:
            AlreadyExistsError: there is one of that name.
        """
        with self.lock:
            if self.find(name) is not None:
                raise AlreadyExistsError(f"Stack [{name}] already exists")
            environment = self.environment
            stack_id = (
                f"arn:{environment.partition}:cloudformation:{environment.region}:"
                f"{environment.account}:stack/{name}/{uuid.uuid4()}"
            )
            stack = Stack(
                stack_id=stack_id,
                name=name,
                account=environment.account,
                region=environment.region,
            )
            self._stacks[stack_id] = stack
            return stack

    def forget(self, stack: Stack) -> None:
        """Forget a stack that was never deployed."""
        with self.lock:
            self._stacks.pop(stack.id, None)

    def create_stack(self, request: Request) -> Stack:
        """CreateStack."""
        if self.find(request["StackName"]) is not None:
            raise AlreadyExistsError(f"Stack [{request['StackName']}] already exists")
        target = configuration_of(self.environment, request, None)
        stack = self.new_stack(request["StackName"])
        try:
            self.check_rules(stack, target)
            self.plan(stack, target)
        except ValidationError:
            self.forget(stack)
            raise
        stack.termination_protection = bool(request.get("EnableTerminationProtection"))
        stack.timeout_minutes = request.get("TimeoutInMinutes")
        stack.policy = request.get("StackPolicyBody")
        stack.request_token = request.get("ClientRequestToken")
        stack.take_failure_options(request)
        on_failure = request.get("OnFailure") or (
            "DO_NOTHING" if stack.disable_rollback else "ROLLBACK"
        )
        self.deploy(stack, target, on_failure=on_failure)
        return stack

    def update_stack(self, request: Request) -> Stack:
        """UpdateStack."""
        stack = self.get(request["StackName"])
        check_updatable(stack)
        target = configuration_of(self.environment, request, stack)
        self.check_rules(stack, target)
        if not self.has_changes(stack, target, self.plan(stack, target)):
            raise ValidationError(NO_UPDATES)
        stack.request_token = request.get("ClientRequestToken")
        stack.take_failure_options(request)
        self.deploy(
            stack, target, on_failure="DO_NOTHING" if stack.disable_rollback else "ROLLBACK"
        )
        return stack

    @staticmethod
    def has_changes(stack: Stack, target: Configuration, plan: Plan) -> bool:
        """Whether deploying ``target`` would do anything."""
        now = stack.configuration
        return bool(
            plan.changes
            or plan.outputs_differ
            or dict(now.tags) != dict(target.tags)
            or now.notification_arns != target.notification_arns
            or canonical(now.rollback_configuration) != canonical(target.rollback_configuration)
        )

    def deploy(self, stack: Stack, target: Configuration, *, on_failure: str) -> None:
        """Start a deployment; the stack's status tells from now on how it goes."""
        with stack.lock:
            creating = stack.status == "REVIEW_IN_PROGRESS"
            if stack.in_progress:
                raise _busy(stack)
            deployment = Deployment(
                self.environment, stack, target, creating=creating, on_failure=on_failure
            )
            if creating:
                stack.created = datetime.now(UTC)
            else:
                stack.updated = datetime.now(UTC)
            verb = "CREATE" if creating else "UPDATE"
            stack.set_status(f"{verb}_IN_PROGRESS", "User Initiated")
        _in_background(stack, deployment.run)

    def delete_stack(self, request: Request) -> None:
        """DeleteStack; a stack that is not there is no error."""
        stack = self.find(request.get("StackName"))
        if stack is None or stack.status == "DELETE_COMPLETE":
            return
        with stack.lock:
            if stack.termination_protection:
                raise ValidationError(
                    f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                )
            if stack.status == "DELETE_IN_PROGRESS":
                return
            if stack.in_progress:
                raise _busy(stack)
            retain = request.get("RetainResources") or ()
            if retain and stack.status != "DELETE_FAILED":
                raise ValidationError(
                    f"Invalid operation on stack [{stack.id}]. Specify which resources to retain "
                    "only when the stack is in the DELETE_FAILED state."
                )
            stack.request_token = request.get("ClientRequestToken")
            deletion = Deletion(
                self.environment,
                stack,
                before=(stack.status, stack.reason),
                retain=retain,
                force=request.get("DeletionMode") == "FORCE_DELETE_STACK",
            )
            stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        _in_background(stack, deletion.run)

    def roll_back(self, stack: Stack, *, skip: frozenset[str] = frozenset()) -> None:
        """RollbackStack and ContinueUpdateRollback: undo a deployment that failed and stayed so."""
        with stack.lock:
            progress = stack.unfinished
            if not isinstance(progress, Progress):
                raise ValidationError(
                    f"Stack: {stack.id} is in {stack.status} state and can not be rolled back."
                )
            verb = "ROLLBACK" if progress.first else "UPDATE_ROLLBACK"
            stack.set_status(f"{verb}_IN_PROGRESS", "User Initiated")
        rollback = Rollback(self.environment, stack, progress)
        _in_background(stack, lambda: rollback.run("", skip=skip))

    def check_rules(self, stack: Stack, target: Configuration) -> None:
        """Evaluate the template's rules.

        Raises:
            ValidationError: an assertion does not hold.
        """
        self.environment.resolver(
            stack, target, ResourceLookup(self.environment, stack.resources)
        ).check_rules()


def check_updatable(stack: Stack) -> None:
    """Refuse an update where the stack's status does not allow one.

    Raises:
        ValidationError: naming the status.
    """
    if stack.in_progress or stack.status in (
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "DELETE_FAILED",
        "DELETE_COMPLETE",
        "UPDATE_ROLLBACK_FAILED",
    ):
        raise _busy(stack)


def _busy(stack: Stack) -> ValidationError:
    return ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _in_background(stack: Stack, action: Callable[[], None]) -> None:
    """Run an operation in a thread that ends with the server."""

    def run() -> None:
        try:
            action()
        except Exception as error:
            # A fault of the engine itself: the stack must not stay in progress for ever.
            verb = stack.status.removesuffix("_IN_PROGRESS")
            stack.set_status(
                f"{verb}_FAILED", f"Internal Failure ({type(error).__name__}: {error})"
            )
            raise

    threading.Thread(target=run, name=f"cfn-stack-{stack.name}", daemon=True).start()
