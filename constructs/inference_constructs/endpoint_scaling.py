"""`EndpointScaling`: the one owner of an endpoint's scalable targets."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aws_cdk import CfnResource
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct, IDependable

from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.scalable import ScalableKind
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.scaling_owner import SERVICE_TIMEOUT, ScalingOwner
from inference_constructs.scheduled import ScheduledCapacity

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
_MOST_CHARACTERS = 8192


class EndpointScaling(Construct):
    """Defines what registers an endpoint with Application Auto Scaling, and withdraws it.

    SageMaker refuses to change the instance type of a scalable target, or to remove it. So a
    function of the stack is the only one who ever writes targets, their policies, schedules and
    alarms: it withdraws what stands in the way before the endpoint changes, registers it as the
    code wants it afterwards, and once more when CloudFormation has cleaned up, which comes after a
    rollback, too.

    `docs/decisions/0002-one-owner-of-scaling.md` tells why.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint: the endpoint.
        endpoint_name: its name, known at synth.
        config_name: the name of its config.
        resources: what is scaled; what is not named is not scaled, whoever registered it.
        encryption: the key of the function's log group, if no other endpoint has it already.

    Raises:
        ValueError: a resource is named twice, or there is more than the function can remember.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        endpoint_name: str,
        config_name: str,
        resources: Sequence[ScaledResource],
        encryption: EncryptionKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.endpoint_name = endpoint_name
        self._resources: list[ScaledResource] = []
        self._owner = ScalingOwner.of(self, encryption=encryption)
        self._owner.own_endpoint(endpoint_name)
        # Whatever it is asked for, it needs its permissions.
        self._owner.role.ready_before(self)
        for resource in resources:
            self._take(resource)
        shapes = {"InstanceTypes": self._shapes()}
        released = self._request(
            "Released",
            "ReleasedScalableTargets",
            # With each config: whatever is under way must end before the endpoint can be updated.
            {**shapes, "EndpointConfigName": config_name},
        )
        settled = self._request("Settled", "SettledScaling", shapes)
        self._before = (released, settled)
        for before in self._before:
            endpoint.add_resource_dependency(before)
        self._applied = self._request(
            "Applied", "EndpointScaling", {"ScalableTargets": self._definitions()}
        )
        self._applied.add_resource_dependency(endpoint)

    @property
    def function(self) -> lambda_.IFunction:
        """The function, for who has made the endpoint anew; see `request`."""
        return self._owner.function

    def request(self) -> dict[str, Any]:
        """What to invoke the function with to have everything registered again.

        The function waits until the endpoint is in service, and fails if it does not get there. It
        answers with the ids of what is scaled by then.
        """
        return {"Request": "Apply", "EndpointName": self.endpoint_name}

    def withdrawal(self) -> dict[str, Any]:
        """What to invoke the function with before the endpoint is taken away for a while.

        Targets, policies, schedules and alarms go; `request` brings them back.
        """
        return {"Request": "Withdraw", "EndpointName": self.endpoint_name}

    def add(self, resource: ScaledResource, *after: IDependable) -> None:
        """Scales one more variant or inference component.

        Args:
            resource: what is scaled, and how.
            after: what must be there first, such as the inference component.

        Raises:
            ValueError: it is scaled already, or there is more than the function can remember.
        """
        self._take(resource)
        self._tell()
        self._applied.node.add_dependency(*after)

    @property
    def resources(self) -> tuple[ScaledResource, ...]:
        """What is scaled."""
        return tuple(self._resources)

    def schedule(self, resource: ScaledResource, *schedules: ScheduledCapacity) -> None:
        """Changes the bounds of what is scaled at certain times.

        Args:
            resource: one of `resources`.
            schedules: when, and the bounds.

        Raises:
            ValueError: the resource does not take the bounds, or there is more than the function
                can remember.
        """
        scaling = resource.scaling
        self._resources[self._resources.index(resource)] = replace(
            resource, scaling=replace(scaling, schedules=(*scaling.schedules, *schedules))
        )
        self._refuse(self._size_faults())
        self._tell()

    def _take(self, resource: ScaledResource) -> None:
        faults = []
        if resource.resource_id in self._shapes():
            faults.append(f"{resource.resource_id} is scaled already: once is enough")
        self._resources.append(resource)
        self._refuse([*faults, *self._size_faults()])
        if resource.kind is ScalableKind.COPIES:
            self._owner.own_component(resource.dimensions["InferenceComponentName"])

    def _tell(self) -> None:
        """Has the requests say what is scaled by now."""
        for before in self._before:
            before.add_property_override("InstanceTypes", self._shapes())
        self._applied.add_property_override("ScalableTargets", self._definitions())

    def _size_faults(self) -> list[str]:
        size = len(json.dumps(self._definitions()))
        if size <= _MOST_CHARACTERS:
            return []
        return [
            f"policies and schedules take {size} characters, and {_MOST_CHARACTERS} can be "
            "remembered: use fewer"
        ]

    def _refuse(self, faults: list[str]) -> None:
        refuse(f"scaling of endpoint {self.endpoint_name!r}", faults)

    def _request(
        self, construct_id: str, resource_type: str, properties: dict[str, Any]
    ) -> CfnResource:
        # The resource itself: the CDK's class for custom resources makes two constructs of each.
        return CfnResource(
            self,
            construct_id,
            type=f"Custom::{resource_type}",
            properties={
                "ServiceToken": self._owner.function_arn,
                "ServiceTimeout": SERVICE_TIMEOUT,
                "EndpointName": self.endpoint_name,
                **properties,
            },
        )

    def _shapes(self) -> dict[str, str]:
        return {resource.resource_id: resource.shape for resource in self._resources}

    def _definitions(self) -> list[dict[str, Any]]:
        return [
            resource.definition(stack_name=self._owner.stack_name, endpoint_name=self.endpoint_name)
            for resource in self._resources
        ]
