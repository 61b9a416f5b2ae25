"""``AWS::EC2::*``: what a VPC is made of."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    is_true,
    parameters,
    retag,
    tag_list,
)


def tagged(context: Context, properties: Properties, kind: str) -> dict[str, Any]:
    """The parameter by which EC2's creating operations take tags."""
    values = tag_list(context, properties)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": values}]} if values else {}


def update_tags(context: Context, identifier: str, old: Properties, new: Properties) -> None:
    """Bring the tags of anything in EC2 up to date."""
    api = client(context, "ec2")
    retag(
        context,
        old,
        new,
        put=lambda values: api.create_tags(Resources=[identifier], Tags=as_list(values)),
        remove=lambda keys: api.delete_tags(
            Resources=[identifier], Tags=[{"Key": key} for key in keys]
        ),
    )


class Vpc(Provider):
    """A network; ``Ref`` is its id."""

    type_names = ("AWS::EC2::VPC",)
    _attributes = ("EnableDnsSupport", "EnableDnsHostnames")

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the network."""
        api = client(context, "ec2")
        given = parameters(api, "create_vpc", properties, without=["Tags", *self._attributes])
        identifier = api.create_vpc(**given, **tagged(context, properties, "vpc"))["Vpc"]["VpcId"]
        self._modify(api, identifier, {}, properties)
        return self._described(api, identifier)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change DNS settings, tenancy and tags."""
        api = client(context, "ec2")
        self._modify(api, physical_id, old, new)
        if changed(old, new, "InstanceTenancy"):
            api.modify_vpc_tenancy(VpcId=physical_id, InstanceTenancy="default")
        update_tags(context, physical_id, old, new)
        return self._described(api, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the network."""
        del properties
        with gone_is_fine("InvalidVpcID.NotFound"):
            client(context, "ec2").delete_vpc(VpcId=physical_id)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """A tenancy can only be relaxed in place."""
        tenancies = (old.get("InstanceTenancy"), new.get("InstanceTenancy"))
        return tenancies[0] != tenancies[1] and tenancies[1] == "dedicated"

    def _modify(self, api: Any, identifier: str, old: Properties, new: Properties) -> None:
        for name in self._attributes:
            if changed(old, new, name):
                # New networks resolve names, and give none to hosts.
                value = is_true(new.get(name, name == "EnableDnsSupport"))
                api.modify_vpc_attribute(VpcId=identifier, **{name: {"Value": value}})

    def _described(self, api: Any, identifier: str) -> Created:
        vpc = api.describe_vpcs(VpcIds=[identifier])["Vpcs"][0]
        own = [{"Name": "vpc-id", "Values": [identifier]}]
        groups = api.describe_security_groups(
            Filters=[*own, {"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        acls = api.describe_network_acls(Filters=[*own, {"Name": "default", "Values": ["true"]}])[
            "NetworkAcls"
        ]
        blocks = vpc.get("CidrBlockAssociationSet", [])
        blocks6 = vpc.get("Ipv6CidrBlockAssociationSet", [])
        return Created(
            physical_id=identifier,
            attributes={
                "VpcId": identifier,
                "CidrBlock": vpc["CidrBlock"],
                "CidrBlockAssociations": [block["AssociationId"] for block in blocks],
                "Ipv6CidrBlocks": [block["Ipv6CidrBlock"] for block in blocks6],
                "DefaultSecurityGroup": groups[0]["GroupId"] if groups else "",
                "DefaultNetworkAcl": acls[0]["NetworkAclId"] if acls else "",
            },
        )


class Subnet(Provider):
    """A part of a network in one zone; ``Ref`` is its id."""

    type_names = ("AWS::EC2::Subnet",)
    _switches = ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "EnableDns64")
    _elsewhere = ("Tags", "PrivateDnsNameOptionsOnLaunch", *_switches)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the subnet."""
        api = client(context, "ec2")
        given = parameters(api, "create_subnet", properties, without=self._elsewhere)
        identifier = api.create_subnet(**given, **tagged(context, properties, "subnet"))["Subnet"][
            "SubnetId"
        ]
        self._modify(api, identifier, {}, properties)
        return self._described(api, identifier)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change what addresses its hosts get, and the tags."""
        api = client(context, "ec2")
        self._modify(api, physical_id, old, new)
        update_tags(context, physical_id, old, new)
        return self._described(api, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the subnet."""
        del properties
        with gone_is_fine("InvalidSubnetID.NotFound"):
            client(context, "ec2").delete_subnet(SubnetId=physical_id)

    def _modify(self, api: Any, identifier: str, old: Properties, new: Properties) -> None:
        for name in self._switches:
            if changed(old, new, name):
                value = is_true(new.get(name))
                api.modify_subnet_attribute(SubnetId=identifier, **{name: {"Value": value}})

    def _described(self, api: Any, identifier: str) -> Created:
        subnet = api.describe_subnets(SubnetIds=[identifier])["Subnets"][0]
        acls = api.describe_network_acls(
            Filters=[{"Name": "association.subnet-id", "Values": [identifier]}]
        )["NetworkAcls"]
        associations = [
            association["NetworkAclAssociationId"]
            for acl in acls
            for association in acl["Associations"]
            if association["SubnetId"] == identifier
        ]
        return Created(
            physical_id=identifier,
            attributes={
                "SubnetId": identifier,
                "VpcId": subnet["VpcId"],
                "AvailabilityZone": subnet["AvailabilityZone"],
                "AvailabilityZoneId": subnet.get("AvailabilityZoneId", ""),
                "CidrBlock": subnet["CidrBlock"],
                "Ipv6CidrBlocks": [],
                "NetworkAclAssociationId": associations[0] if associations else "",
            },
        )


class RouteTable(Provider):
    """Where a subnet's traffic goes; ``Ref`` is its id."""

    type_names = ("AWS::EC2::RouteTable",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the table."""
        answer = client(context, "ec2").create_route_table(
            VpcId=properties["VpcId"], **tagged(context, properties, "route-table")
        )
        identifier = answer["RouteTable"]["RouteTableId"]
        return Created(physical_id=identifier, attributes={"RouteTableId": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        update_tags(context, physical_id, old, new)
        return Created(physical_id=physical_id, attributes={"RouteTableId": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the table."""
        del properties
        with gone_is_fine("InvalidRouteTableID.NotFound"):
            client(context, "ec2").delete_route_table(RouteTableId=physical_id)


class Route(Provider):
    """An entry of a route table; ``Ref`` is ``table|destination``."""

    type_names = ("AWS::EC2::Route",)
    _destinations = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")

    def create(self, context: Context, properties: Properties) -> Created:
        """Add the route."""
        api = client(context, "ec2")
        api.create_route(**parameters(api, "create_route", properties))
        return self._created(properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Send the destination's traffic elsewhere."""
        del physical_id, old
        api = client(context, "ec2")
        api.replace_route(**parameters(api, "replace_route", new))
        return self._created(new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Remove the route; a table that is gone took it along."""
        del physical_id
        api = client(context, "ec2")
        kept = {
            name: value
            for name, value in properties.items()
            if name == "RouteTableId" or name in self._destinations
        }
        with gone_is_fine("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"):
            api.delete_route(**parameters(api, "delete_route", kept))

    def _created(self, properties: Properties) -> Created:
        destination = next(properties[name] for name in self._destinations if name in properties)
        return Created(
            physical_id=f"{properties['RouteTableId']}|{destination}",
            attributes={"CidrBlock": destination},
        )


class SubnetRouteTableAssociation(Provider):
    """A subnet's route table; ``Ref`` is the association's id."""

    type_names = ("AWS::EC2::SubnetRouteTableAssociation",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Associate them."""
        identifier = client(context, "ec2").associate_route_table(
            RouteTableId=properties["RouteTableId"], SubnetId=properties["SubnetId"]
        )["AssociationId"]
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Nothing of an association can change."""
        del context, old, new
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Give the subnet the network's main table again."""
        del properties
        with gone_is_fine("InvalidAssociationID.NotFound"):
            client(context, "ec2").disassociate_route_table(AssociationId=physical_id)
