"""Change sets: what would change, kept until it is executed or thrown away."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_aws.cloudformation.errors import (
    AlreadyExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    ValidationError,
)
from local_aws.cloudformation.plan import Plan
from local_aws.cloudformation.requests import Request, configuration_of
from local_aws.cloudformation.service import Service, check_updatable
from local_aws.cloudformation.stack import Configuration, Stack

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)
EARLY_VALIDATION = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To "
    "troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure "
    "information."
)
PAGE = 100


@dataclass(kw_only=True)
class ChangeSet:
    """A change set; ``on_failure`` is for the deployment that executes it."""

    id: str
    name: str
    type: str
    stack: Stack
    target: Configuration
    plan: Plan
    status: str
    reason: str | None
    execution_status: str
    description: str | None
    on_failure: str | None
    include_nested: bool
    import_existing: bool
    deployment_config: dict[str, Any] | None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


class ChangeSets:
    """Change sets of one account and region."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._found: dict[str, ChangeSet] = {}

    def create(self, request: Request) -> ChangeSet:
        """CreateChangeSet.

        Raises:
            ValidationError: the request or the template is not valid.
        """
        kind = request.get("ChangeSetType") or "UPDATE"
        name = request["ChangeSetName"]
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", name):
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )
        stack = self._stack_for(kind, request["StackName"])
        if stack is not None and self._named(stack, name) is not None:
            raise AlreadyExistsError(f"ChangeSet [{name}] already exists")
        deployed = stack if kind == "UPDATE" else None
        target = configuration_of(self._service.environment, request, deployed)
        made = stack is None
        if stack is None:
            stack = self._service.new_stack(request["StackName"])
        plan, status, reason = self._planned(stack, target, kind)
        if made:
            stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        environment = self._service.environment
        change_set = ChangeSet(
            id=f"arn:{environment.partition}:cloudformation:{environment.region}:"
            f"{environment.account}:changeSet/{name}/{uuid.uuid4()}",
            name=name,
            type=kind,
            stack=stack,
            target=target,
            plan=plan,
            status=status,
            reason=reason,
            execution_status="AVAILABLE" if status == "CREATE_COMPLETE" else "UNAVAILABLE",
            description=request.get("Description"),
            on_failure=request.get("OnStackFailure"),
            include_nested=bool(request.get("IncludeNestedStacks")),
            import_existing=bool(request.get("ImportExistingResources")),
            deployment_config=request.get("DeploymentConfig"),
        )
        self._found[change_set.id] = change_set
        return change_set

    def _stack_for(self, kind: str, name: str) -> Stack | None:
        stack = self._service.find(name)
        if kind == "UPDATE":
            if stack is None:
                raise ValidationError(f"Stack [{name}] does not exist")
            if stack.status == "REVIEW_IN_PROGRESS":
                raise ValidationError(
                    f"Stack:{stack.id} is in REVIEW_IN_PROGRESS state and can not be updated."
                )
            check_updatable(stack)
        elif kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise ValidationError(
                    f"Stack [{name}] already exists and cannot be created again with the changeSet "
                    "[CREATE]."
                )
        else:
            raise ValidationError(
                f"ChangeSetType {kind} is not supported by the local AWS: use CREATE or UPDATE"
            )
        return stack

    def _planned(
        self, stack: Stack, target: Configuration, kind: str
    ) -> tuple[Plan, str, str | None]:
        """The plan with the change set's status and its reason."""
        try:
            self._service.check_rules(stack, target)
            plan = self._service.plan(stack, target)
        except ValidationError as error:
            return Plan(), "FAILED", error.text
        if plan.problems:
            return plan, "FAILED", EARLY_VALIDATION
        if kind == "UPDATE" and not self._service.has_changes(stack, target, plan):
            return plan, "FAILED", NO_CHANGES
        return plan, "CREATE_COMPLETE", None

    def get(self, name_or_id: str, stack_name: str | None) -> ChangeSet:
        """A change set by ARN, or by name within a stack.

        Raises:
            ChangeSetNotFoundError: there is none.
        """
        if name_or_id in self._found:
            return self._found[name_or_id]
        if name_or_id.startswith("arn:"):
            raise ChangeSetNotFoundError(f"ChangeSet [{name_or_id}] does not exist")
        if stack_name is None:
            raise ValidationError(
                "StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        stack = self._service.find(stack_name)
        if stack is None:
            raise ValidationError(f"Stack [{stack_name}] does not exist")
        found = self._named(stack, name_or_id)
        if found is None:
            raise ChangeSetNotFoundError(f"ChangeSet [{name_or_id}] does not exist")
        return found

    def of(self, stack: Stack) -> list[ChangeSet]:
        """Change sets of a stack."""
        return [found for found in list(self._found.values()) if found.stack is stack]

    def delete(self, name_or_id: str, stack_name: str | None) -> None:
        """DeleteChangeSet; one that is not there is no error."""
        try:
            found = self.get(name_or_id, stack_name)
        except ChangeSetNotFoundError:
            return
        self._found.pop(found.id, None)

    def execute(self, request: Request) -> None:
        """ExecuteChangeSet: start the deployment.

        Raises:
            InvalidChangeSetStatusError: it cannot be executed.
        """
        found = self.get(request["ChangeSetName"], request.get("StackName"))
        if found.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{found.id}] cannot be executed in its current status of "
                f"[{found.status}]"
            )
        stack = found.stack
        if found.type == "UPDATE":
            check_updatable(stack)
        stack.request_token = request.get("ClientRequestToken")
        stack.take_failure_options(request)
        stack.change_set_id = found.id
        on_failure = found.on_failure or ("DO_NOTHING" if stack.disable_rollback else "ROLLBACK")
        self._service.deploy(stack, found.target, on_failure=on_failure)
        found.execution_status = "EXECUTE_COMPLETE"
        # The others were made for a stack that is no more as it was.
        for other in self.of(stack):
            if other is not found:
                self._found.pop(other.id, None)

    def describe(self, request: Request) -> dict[str, Any]:
        """DescribeChangeSet."""
        found = self.get(request["ChangeSetName"], request.get("StackName"))
        start = int(request.get("NextToken") or 0)
        values = bool(request.get("IncludePropertyValues"))
        changes = found.plan.changes[start : start + PAGE]
        more = start + PAGE < len(found.plan.changes)
        return {
            "ChangeSetName": found.name,
            "ChangeSetId": found.id,
            "StackId": found.stack.id,
            "StackName": found.stack.name,
            "Description": found.description,
            "Parameters": [parameter.view() for parameter in found.target.parameters.values()],
            "CreationTime": found.created,
            "ExecutionStatus": found.execution_status,
            "Status": found.status,
            "StatusReason": found.reason,
            "NotificationARNs": list(found.target.notification_arns),
            "RollbackConfiguration": dict(found.target.rollback_configuration),
            "Capabilities": list(found.target.capabilities),
            "Tags": [{"Key": k, "Value": v} for k, v in found.target.tags.items()],
            "Changes": [change.view(values=values) for change in changes],
            "NextToken": str(start + PAGE) if more else None,
            "IncludeNestedStacks": found.include_nested,
            "OnStackFailure": found.on_failure,
            "ImportExistingResources": found.import_existing,
            "DeploymentConfig": found.deployment_config,
        }

    @staticmethod
    def validation_events(found: ChangeSet) -> list[dict[str, Any]]:
        """What DescribeEvents tells of a change set that failed early validation."""
        return [
            {
                "EventId": str(uuid.uuid4()),
                "StackId": found.stack.id,
                "OperationId": found.id.rsplit("/", 1)[-1],
                "OperationType": "CREATE_CHANGESET",
                "EventType": "VALIDATION_ERROR",
                "LogicalResourceId": name,
                "PhysicalResourceId": "",
                "ResourceType": found.target.template.resources[name].type,
                "Timestamp": found.created,
                "ValidationFailureMode": "FAIL",
                "ValidationName": "PROPERTY_VALIDATION",
                "ValidationStatus": "FAILED",
                "ValidationStatusReason": str(problem),
                "ValidationPath": problem.pointer(name),
            }
            for name, problems in found.plan.problems.items()
            for problem in problems
        ]

    def _named(self, stack: Stack, name: str) -> ChangeSet | None:
        return next((found for found in self.of(stack) if found.name == name), None)
