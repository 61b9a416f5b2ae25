"""``AWS::EC2::*``: the ways out of a VPC."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import changed, client, gone_is_fine, parameters
from local_aws.cloudformation.providers.ec2 import tagged, update_tags

POLL_SECONDS = 0.1


class InternetGateway(Provider):
    """A way to the internet; ``Ref`` is its id."""

    type_names = ("AWS::EC2::InternetGateway",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the gateway."""
        answer = client(context, "ec2").create_internet_gateway(
            **tagged(context, properties, "internet-gateway")
        )
        identifier = answer["InternetGateway"]["InternetGatewayId"]
        return Created(physical_id=identifier, attributes={"InternetGatewayId": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        update_tags(context, physical_id, old, new)
        return Created(physical_id=physical_id, attributes={"InternetGatewayId": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the gateway."""
        del properties
        with gone_is_fine("InvalidInternetGatewayID.NotFound"):
            client(context, "ec2").delete_internet_gateway(InternetGatewayId=physical_id)


class VpcGatewayAttachment(Provider):
    """A network's gateway; ``Ref`` is ``IGW|network``."""

    type_names = ("AWS::EC2::VPCGatewayAttachment",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Attach the gateway."""
        if "InternetGatewayId" not in properties:
            raise ResourceError("only internet gateways are supported by the local AWS")
        client(context, "ec2").attach_internet_gateway(
            InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
        )
        return Created(
            physical_id=f"IGW|{properties['VpcId']}", attributes={"AttachmentType": "IGW"}
        )

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Attach another gateway."""
        self.delete(context, physical_id, old)
        return self.create(context, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Detach the gateway."""
        del physical_id
        with gone_is_fine("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"):
            client(context, "ec2").detach_internet_gateway(
                InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
            )


class ElasticIp(Provider):
    """A public address; ``Ref`` is the address."""

    type_names = ("AWS::EC2::EIP",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Allocate the address, and give it to an instance if one is named."""
        api = client(context, "ec2")
        given = parameters(
            api, "allocate_address", properties, without=["Tags", "InstanceId", "TransferAddress"]
        )
        answer = api.allocate_address(**given, **tagged(context, properties, "elastic-ip"))
        if "InstanceId" in properties:
            api.associate_address(
                AllocationId=answer["AllocationId"], InstanceId=properties["InstanceId"]
            )
        return self._created(answer)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        found = self._found(context, physical_id)
        update_tags(context, found["AllocationId"], old, new)
        return self._created(found)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Release the address."""
        del properties
        with gone_is_fine("InvalidAllocationID.NotFound", "InvalidAddress.NotFound"):
            identifier = self._found(context, physical_id)["AllocationId"]
            client(context, "ec2").release_address(AllocationId=identifier)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """Kept simple: another instance gets another address."""
        return changed(old, new, "InstanceId", "Domain")

    def _found(self, context: Context, address: str) -> dict[str, Any]:
        answer = client(context, "ec2").describe_addresses(PublicIps=[address])
        found: dict[str, Any] = answer["Addresses"][0]
        return found

    def _created(self, found: dict[str, Any]) -> Created:
        address = found["PublicIp"]
        attributes = {"PublicIp": address, "AllocationId": found["AllocationId"]}
        return Created(physical_id=address, attributes=attributes)


class NatGateway(Provider):
    """A way out for private subnets; ``Ref`` is its id."""

    type_names = ("AWS::EC2::NatGateway",)
    _gone: ClassVar = ("NatGatewayNotFound", "InvalidNatGatewayID.NotFound")

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the gateway and wait until it is available."""
        api = client(context, "ec2")
        given = parameters(
            api, "create_nat_gateway", properties, without=["Tags", "MaxDrainDurationSeconds"]
        )
        answer = api.create_nat_gateway(**given, **tagged(context, properties, "natgateway"))
        identifier = answer["NatGateway"]["NatGatewayId"]
        while self._state(api, identifier) == "pending":
            time.sleep(POLL_SECONDS)
        return Created(physical_id=identifier, attributes={"NatGatewayId": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        update_tags(context, physical_id, old, new)
        return Created(physical_id=physical_id, attributes={"NatGatewayId": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the gateway and wait until it is gone."""
        del properties
        api = client(context, "ec2")
        with gone_is_fine(*self._gone):
            if self._state(api, physical_id) != "deleted":
                api.delete_nat_gateway(NatGatewayId=physical_id)
            while self._state(api, physical_id) != "deleted":
                time.sleep(POLL_SECONDS)

    def _state(self, api: Any, identifier: str) -> str:
        found = api.describe_nat_gateways(NatGatewayIds=[identifier])["NatGateways"]
        return found[0]["State"] if found else "deleted"
