"""What is about to be deployed: a template, worked out for the account and the stack it goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference_ops.cost.capacity import mapping
from inference_ops.cost.model import Model, Resource
from inference_ops.operation.stack import OwningStack
from inference_ops.preflight.account import Account, asking
from inference_ops.preflight.finding import NotKnownError
from inference_ops.templates import Template
from inference_rules.template import referred

ENDPOINT = "AWS::SageMaker::Endpoint"
CONFIG = "AWS::SageMaker::EndpointConfig"
MODEL = "AWS::SageMaker::Model"
# A change of these is an update of the endpoint that refers to them.
_HOSTING = {ENDPOINT, CONFIG, MODEL}
# A change set was made for it, and nothing else yet.
_NOT_YET = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, kw_only=True)
class LiveStack:
    """A stack as it is now.

    Attributes:
        status: its status; None where there is none of the name.
        parameters: its parameters, which a deployment keeps unless it is told others.
        resources: the physical ids by logical ids.
        template: the resources of the template that was deployed last.
    """

    status: str | None
    parameters: Mapping[str, str]
    resources: Mapping[str, str]
    template: Mapping[str, Any]


class Subject:
    """One template on its way to an account.

    Args:
        template: the template.
        account: the account.
        stack_name: the stack that it is for; None where nobody says.
        parameters: values that count instead of those of the stack and of the defaults.
    """

    def __init__(
        self,
        template: Template,
        account: Account,
        *,
        stack_name: str | None,
        parameters: Mapping[str, str],
    ) -> None:
        self.template = template
        self.account = account
        self.stack_name = stack_name
        self._parameters = parameters

    @cached_property
    def live(self) -> LiveStack:
        """The stack as it is now.

        Raises:
            NotKnownError: it may not be looked at.
        """
        none = LiveStack(status=None, parameters={}, resources={}, template={})
        if self.stack_name is None:
            return none
        from botocore.exceptions import ClientError

        with asking("cloudformation:DescribeStacks", f"stack {self.stack_name}"):
            api = self.account.session.client("cloudformation")
            try:
                described = api.describe_stacks(StackName=self.stack_name)["Stacks"][0]
            except ClientError as error:
                if "does not exist" not in error.response["Error"]["Message"]:
                    raise
                return none
        status = described["StackStatus"]
        if status == _NOT_YET:
            return none
        stack = OwningStack(self.account.session, self.stack_name)
        with asking("cloudformation:ListStackResources", f"stack {self.stack_name}"):
            resources = stack.physical_ids
        with asking("cloudformation:GetTemplate", f"stack {self.stack_name}"):
            template = stack.resources
        return LiveStack(
            status=status,
            parameters={
                each["ParameterKey"]: each["ParameterValue"]
                for each in described.get("Parameters", ())
                # The value of an SSM parameter's parameter is its name, and a secret is masked.
                if "ResolvedValue" not in each and set(each["ParameterValue"]) != {"*"}
            },
            resources=resources,
            template=template,
        )

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters that the deployment goes by, without the defaults."""
        given = self.template.content.get("Parameters")
        known = given if isinstance(given, Mapping) else {}
        kept = {name: value for name, value in self._live_parameters.items() if name in known}
        return {**kept, **self._parameters}

    @cached_property
    def model(self) -> Model:
        """The template, worked out as far as it can be."""
        return Model(self.template.content, region=self.account.region, parameters=self.parameters)

    def text(self, value: Any) -> str:
        """A value of the template as text, with the account's number where it stands for it."""
        return str(value).replace("${AWS::AccountId}", self.account.number)

    def name_of(self, resource: Resource, prop: str) -> str | None:
        """The name that a resource has or will have; None where only the deployment tells.

        Args:
            resource: of SageMaker.
            prop: the property that names it.
        """
        given = resource.properties.get(prop)
        text = None if given is None else self.text(given)
        if text is not None and "${" not in text:
            return text
        physical = self._live_resources.get(resource.logical_id)
        return None if physical is None else physical.rpartition("/")[2]

    def owns(self, resource: Resource, name: str | None = None) -> bool:
        """Whether the stack has made a resource already.

        Args:
            resource: of the template.
            name: under this name; a resource that gets another one is made anew.
        """
        physical = self._live_resources.get(resource.logical_id)
        if physical is None or name is None:
            return physical is not None
        # ARNs have names in lower case.
        return physical.rpartition("/")[2].lower() == name.lower()

    def changes(self, endpoint: Resource) -> bool:
        """Whether the deployment updates an endpoint that the stack has made.

        Args:
            endpoint: of the template.
        """
        before, now = self.live.template, self.template.resources
        return self.owns(endpoint) and any(
            _without_tags(before.get(name)) != _without_tags(now.get(name))
            for name in self._reached(endpoint.logical_id)
        )

    def _reached(self, logical_id: str) -> set[str]:
        """What of SageMaker's an endpoint refers to, over its config, before and now."""
        found, waiting = set(), [logical_id]
        while waiting:
            name = waiting.pop()
            bodies = [
                body
                for body in (self.template.resources.get(name), self.live.template.get(name))
                if body is not None
            ]
            if name in found or not any(body.get("Type") in _HOSTING for body in bodies):
                continue
            found.add(name)
            for body in bodies:
                waiting.extend(referred(body.get("Properties", {})))
        return found

    @property
    def _live_parameters(self) -> Mapping[str, str]:
        return self._known.parameters

    @property
    def _live_resources(self) -> Mapping[str, str]:
        return self._known.resources

    @cached_property
    def _known(self) -> LiveStack:
        """The stack; as if there were none where it may not be looked at, which is told once."""
        try:
            return self.live
        except NotKnownError:
            return LiveStack(status=None, parameters={}, resources={}, template={})


def _without_tags(resource: Mapping[str, Any] | None) -> dict[str, Any]:
    """The properties whose change starts instances: tags change in place."""
    properties = mapping(mapping(resource).get("Properties"))
    return {name: value for name, value in properties.items() if name != "Tags"}
