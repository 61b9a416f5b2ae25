"""The CloudFormation stack that an endpoint belongs to, as it was deployed last."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.templates import parse_template

if TYPE_CHECKING:
    import boto3

Found = dict[str, Any]

_ENDPOINT = "AWS::SageMaker::Endpoint"
_CONFIG = "AWS::SageMaker::EndpointConfig"
_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_SCALING = "Custom::EndpointScaling"
# The separator in a physical id of CloudFormation's own scalable targets.
_SEPARATOR = "|"


class OwningStack:
    """A stack.

    Args:
        session: where it is.
        name: its name or ARN.
    """

    def __init__(self, session: "boto3.Session", name: str) -> None:
        self._api = session.client("cloudformation")
        self.name = name

    @classmethod
    def of(cls, session: "boto3.Session", endpoint_arn: str) -> "OwningStack | None":
        """The stack that made an endpoint, or None if no stack did.

        Args:
            session: where the endpoint is.
            endpoint_arn: CloudFormation's physical id of it.
        """
        from botocore.exceptions import ClientError

        try:
            found = session.client("cloudformation").describe_stack_resources(
                PhysicalResourceId=endpoint_arn
            )["StackResources"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            with aws_errors(f"the stack of {endpoint_arn}"):
                raise
        return cls(session, found[0]["StackName"]) if found else None

    @cached_property
    def described(self) -> Found:
        """What DescribeStacks says."""
        with aws_errors(f"stack {self.name}"):
            found: Found = self._api.describe_stacks(StackName=self.name)["Stacks"][0]
        return found

    @property
    def status(self) -> str:
        """Its status, such as `UPDATE_COMPLETE`."""
        return str(self.described["StackStatus"])

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """The physical id of each resource, by its logical id."""
        with aws_errors(f"the resources of stack {self.name}"):
            pages = self._api.get_paginator("list_stack_resources")
            found = pages.paginate(StackName=self.name).build_full_result()
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in found["StackResourceSummaries"]
            if "PhysicalResourceId" in each
        }

    @cached_property
    def resources(self) -> dict[str, Found]:
        """The resources of the template that was deployed last, by their logical ids."""
        with aws_errors(f"the template of stack {self.name}"):
            body = self._api.get_template(StackName=self.name)["TemplateBody"]
        # boto3 parses JSON; YAML is left as the text that it is.
        if isinstance(body, str):
            body = parse_template(body, origin=f"the template of stack {self.name}")
        found: dict[str, Found] = body["Resources"]
        return found

    def config_of(self, endpoint_arn: str) -> str | None:
        """The name of the config that the stack's endpoint was deployed with.

        Args:
            endpoint_arn: the endpoint.

        Returns:
            The name; None where the template names a config that is no resource of this stack.
        """
        for logical_id, resource in self.resources.items():
            if resource["Type"] != _ENDPOINT or self.physical_ids.get(logical_id) != endpoint_arn:
                continue
            given = resource["Properties"]["EndpointConfigName"]
            if isinstance(given, str):
                return given
            referred = _referred(given)
            if referred in self.resources and self.resources[referred]["Type"] == _CONFIG:
                return self.physical_ids[referred].rpartition("/")[2]
        return None

    def scaled(self, endpoint_name: str) -> set[str]:
        """The ids of what the stack scales of an endpoint, as Application Auto Scaling has them.

        Args:
            endpoint_name: the endpoint.
        """
        return {
            found
            for found in self._scaled()
            if found.startswith((f"endpoint/{endpoint_name}/", "inference-component/"))
        }

    def _scaled(self) -> Iterator[str]:
        for logical_id, resource in self.resources.items():
            if resource["Type"] == _TARGET:
                yield self.physical_ids.get(logical_id, "").partition(_SEPARATOR)[0]
            elif resource["Type"] == _SCALING:
                for target in resource["Properties"].get("ScalableTargets", ()):
                    if isinstance(target.get("ResourceId"), str):
                        yield target["ResourceId"]


def _referred(value: Mapping[str, Any]) -> str | None:
    """The logical id in a Ref or in a Fn::GetAtt."""
    if "Ref" in value:
        return str(value["Ref"])
    got = value.get("Fn::GetAtt")
    if isinstance(got, str):
        return got.partition(".")[0]
    return None if got is None else str(got[0])
