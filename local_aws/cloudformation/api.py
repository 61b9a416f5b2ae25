"""The CloudFormation API over HTTP: moto's request handling in front of our engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.cloudformation import urls
from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from local_aws.cloud import Cloud
from local_aws.cloudformation import tagging, views
from local_aws.cloudformation.change_sets import ChangeSets
from local_aws.cloudformation.environment import importers
from local_aws.cloudformation.errors import ApiError, ValidationError
from local_aws.cloudformation.requests import template_of
from local_aws.cloudformation.service import Service

Services = Callable[[str, str], tuple[Service, ChangeSets]]


class InvalidActionError(ApiError):
    """The local AWS does not have this operation."""

    code = "InvalidAction"


def install(cloud: Cloud) -> None:
    """Put our engine behind the endpoint of CloudFormation."""
    found: dict[tuple[str, str], tuple[Service, ChangeSets]] = {}

    def services(account: str, region: str) -> tuple[Service, ChangeSets]:
        if (account, region) not in found:
            service = Service(cloud, account, region)
            found[(account, region)] = service, ChangeSets(service)
        return found[(account, region)]

    class Response(CloudFormationResponse):
        pass

    Response.services = staticmethod(services)
    # moto looks the module up when its server answers the first request of a service.
    urls.url_paths.clear()
    urls.url_paths["{0}/$"] = Response.dispatch
    tagging.install(lambda account, region: reversed(services(account, region)[0].all()))


class CloudFormationResponse(BaseResponse):
    """One request; each method without an underscore is an operation of the API."""

    services: Services

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    @property
    def _service(self) -> Service:
        return self.services(self.current_account, self.region)[0]

    @property
    def _change_sets(self) -> ChangeSets:
        return self.services(self.current_account, self.region)[1]

    @property
    def _request(self) -> dict[str, Any]:
        return dict(self.params)

    def call_action(self) -> Any:
        """Answer the request; an operation that is missing is told as such."""
        try:
            return super().call_action()
        except NotImplementedError:
            error = InvalidActionError(
                f"The local AWS does not have CloudFormation's {self._get_action()}."
            )
            status, headers, body = self.serialized(ActionResult(error))
            return status, headers, body

    def create_stack(self) -> ActionResult:
        """CreateStack."""
        return ActionResult({"StackId": self._service.create_stack(self._request).id})

    def update_stack(self) -> ActionResult:
        """UpdateStack."""
        return ActionResult({"StackId": self._service.update_stack(self._request).id})

    def delete_stack(self) -> ActionResult:
        """DeleteStack."""
        self._service.delete_stack(self._request)
        return EmptyResult()

    def rollback_stack(self) -> ActionResult:
        """RollbackStack."""
        stack = self._service.get(self._request["StackName"])
        self._service.roll_back(stack)
        return ActionResult({"StackId": stack.id})

    def continue_update_rollback(self) -> ActionResult:
        """ContinueUpdateRollback."""
        stack = self._service.get(self._request["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not continue the rollback."
            )
        self._service.roll_back(stack, skip=frozenset(self._request.get("ResourcesToSkip") or ()))
        return ActionResult({})

    def create_change_set(self) -> ActionResult:
        """CreateChangeSet."""
        made = self._change_sets.create(self._request)
        return ActionResult({"Id": made.id, "StackId": made.stack.id})

    def describe_change_set(self) -> ActionResult:
        """DescribeChangeSet."""
        return ActionResult(self._change_sets.describe(self._request))

    def execute_change_set(self) -> ActionResult:
        """ExecuteChangeSet."""
        self._change_sets.execute(self._request)
        return ActionResult({})

    def delete_change_set(self) -> ActionResult:
        """DeleteChangeSet."""
        self._change_sets.delete(self._request["ChangeSetName"], self._request.get("StackName"))
        return ActionResult({})

    def list_change_sets(self) -> ActionResult:
        """ListChangeSets."""
        stack = self._service.get(self._request["StackName"])
        return ActionResult(
            {"Summaries": [views.change_set_summary(c) for c in self._change_sets.of(stack)]}
        )

    def describe_events(self) -> ActionResult:
        """DescribeEvents."""
        request = self._request
        if request.get("ChangeSetName"):
            found = self._change_sets.get(request["ChangeSetName"], request.get("StackName"))
            return ActionResult({"OperationEvents": self._change_sets.validation_events(found)})
        stack = self._service.get(request.get("StackName"))
        failed_only = bool((request.get("Filters") or {}).get("FailedEvents"))
        events = [
            views.operation_event(stack, event)
            for event in reversed(stack.events)
            if not failed_only or event.status.endswith("_FAILED")
        ]
        return ActionResult(views.page("OperationEvents", events, request))

    def list_hook_results(self) -> ActionResult:
        """ListHookResults: there are no hooks here."""
        return ActionResult({"HookResults": []})

    def describe_stacks(self) -> ActionResult:
        """DescribeStacks."""
        name = self._request.get("StackName")
        stacks = [self._service.get(name)] if name else self._service.living()
        return ActionResult(
            views.page("Stacks", [views.stack(found) for found in stacks], self._request)
        )

    def list_stacks(self) -> ActionResult:
        """ListStacks."""
        wanted = self._request.get("StackStatusFilter")
        found = [
            views.stack_summary(stack)
            for stack in self._service.all()
            if not wanted or stack.status in wanted
        ]
        return ActionResult(views.page("StackSummaries", found, self._request))

    def describe_stack_events(self) -> ActionResult:
        """DescribeStackEvents, newest first."""
        name = self._request.get("StackName")
        stack = self._service.find(name)
        if stack is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        events = [views.event(stack, event) for event in reversed(list(stack.events))]
        return ActionResult(views.page("StackEvents", events, self._request))

    def describe_stack_resource(self) -> ActionResult:
        """DescribeStackResource."""
        stack = self._service.get(self._request.get("StackName"))
        name = self._request.get("LogicalResourceId")
        if name not in stack.resources:
            raise ValidationError(f"Resource {name} does not exist for stack {stack.name}")
        return ActionResult(
            {"StackResourceDetail": views.resource_detail(stack, stack.resources[name])}
        )

    def describe_stack_resources(self) -> ActionResult:
        """DescribeStackResources, by stack or by the physical id of a resource."""
        request = self._request
        physical_id, logical_id = (
            request.get("PhysicalResourceId"),
            request.get("LogicalResourceId"),
        )
        if physical_id:
            stack = next(
                (
                    found
                    for found in self._service.living()
                    if any(r.physical_id == physical_id for r in list(found.resources.values()))
                ),
                None,
            )
            if stack is None:
                raise ValidationError(f"Stack for {physical_id} does not exist")
        else:
            stack = self._service.get(request.get("StackName"))
        found = [
            views.resource(stack, resource)
            for resource in stack.listed
            if logical_id is None or resource.logical_id == logical_id
        ]
        return ActionResult({"StackResources": found})

    def list_stack_resources(self) -> ActionResult:
        """ListStackResources."""
        stack = self._service.get(self._request.get("StackName"))
        found = [views.resource_summary(resource) for resource in stack.listed]
        return ActionResult(views.page("StackResourceSummaries", found, self._request))

    def get_template(self) -> ActionResult:
        """GetTemplate: the text as it was submitted."""
        request = self._request
        if request.get("ChangeSetName"):
            found = self._change_sets.get(request["ChangeSetName"], request.get("StackName"))
            text = found.target.template.text
        else:
            text = self._service.get(request.get("StackName")).configuration.template.text
        return ActionResult({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        """GetTemplateSummary."""
        request = self._request
        if request.get("StackName"):
            template = self._service.get(request["StackName"]).configuration.template
        else:
            template = template_of(self._service.environment, request, None)
        return ActionResult(views.template_summary(template))

    def validate_template(self) -> ActionResult:
        """ValidateTemplate."""
        return ActionResult(
            views.template_summary(template_of(self._service.environment, self._request, None))
        )

    def list_exports(self) -> ActionResult:
        """ListExports."""
        found = [
            {"ExportingStackId": stack.id, "Name": name, "Value": output.value}
            for name, (stack, output) in sorted(self._service.exports().items())
        ]
        return ActionResult(views.page("Exports", found, self._request))

    def list_imports(self) -> ActionResult:
        """ListImports."""
        name = self._request["ExportName"]
        found = importers(self._service.living(), name)
        if not found:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        return ActionResult(views.page("Imports", found, self._request))

    def update_termination_protection(self) -> ActionResult:
        """UpdateTerminationProtection."""
        stack = self._service.get(self._request["StackName"])
        stack.termination_protection = bool(self._request["EnableTerminationProtection"])
        return ActionResult({"StackId": stack.id})

    def get_stack_policy(self) -> ActionResult:
        """GetStackPolicy."""
        return ActionResult(
            {"StackPolicyBody": self._service.get(self._request["StackName"]).policy}
        )

    def set_stack_policy(self) -> ActionResult:
        """SetStackPolicy; the policy is kept, not enforced."""
        self._service.get(self._request["StackName"]).policy = self._request.get("StackPolicyBody")
        return EmptyResult()
