"""``AWS::EC2::*``: who may talk to whom in a VPC, and what is recorded of it."""

from __future__ import annotations

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    changed,
    client,
    gone_is_fine,
    name_of,
    parameters,
    text,
)
from local_aws.cloudformation.providers.ec2 import tagged, update_tags

GROUP_NAME_LENGTH = 255
GONE_GROUP = ("InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound")
GONE_RULE = (*GONE_GROUP, "InvalidPermission.NotFound")


def _permission(rule: Properties) -> dict[str, Any]:
    """A rule of the template as one of the API's permissions."""
    permission: dict[str, Any] = {"IpProtocol": text(rule["IpProtocol"])}
    for port in ("FromPort", "ToPort"):
        if port in rule:
            permission[port] = int(rule[port])
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    for source, many, one in (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ):
        if source in rule:
            permission[many] = [{one: rule[source], **described}]
    return permission


def _authorize(api: Any, direction: str, group: str, rules: list[Properties]) -> None:
    operation = getattr(api, f"authorize_security_group_{direction}")
    for rule in rules:
        operation(GroupId=group, IpPermissions=[_permission(rule)])


def _revoke(api: Any, direction: str, group: str, rules: list[Properties]) -> None:
    operation = getattr(api, f"revoke_security_group_{direction}")
    for rule in rules:
        with gone_is_fine(*GONE_RULE):
            operation(GroupId=group, IpPermissions=[_permission(rule)])


class SecurityGroup(Provider):
    """A set of rules for traffic; ``Ref`` is its id."""

    type_names = ("AWS::EC2::SecurityGroup",)
    _everywhere: ClassVar = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the group; egress rules of the template replace the default one."""
        api = client(context, "ec2")
        network = {"VpcId": properties["VpcId"]} if "VpcId" in properties else {}
        identifier = api.create_security_group(
            GroupName=name_of(context, properties, "GroupName", max_length=GROUP_NAME_LENGTH),
            Description=properties["GroupDescription"],
            **network,
            **tagged(context, properties, "security-group"),
        )["GroupId"]
        try:
            _authorize(api, "ingress", identifier, properties.get("SecurityGroupIngress", []))
            if "SecurityGroupEgress" in properties:
                _revoke(api, "egress", identifier, [self._everywhere])
                _authorize(api, "egress", identifier, properties["SecurityGroupEgress"])
        except ClientError as error:
            message = error.response["Error"]["Message"]
            raise ResourceError(message, physical_id=identifier) from error
        return self._described(context, identifier)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the rules that differ, and the tags."""
        api = client(context, "ec2")
        for direction, key, default in (
            ("ingress", "SecurityGroupIngress", []),
            ("egress", "SecurityGroupEgress", [self._everywhere]),
        ):
            before, after = old.get(key, default), new.get(key, default)
            stale = [rule for rule in before if rule not in after]
            _revoke(api, direction, physical_id, stale)
            added = [rule for rule in after if rule not in before]
            _authorize(api, direction, physical_id, added)
        update_tags(context, physical_id, old, new)
        return self._described(context, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the group."""
        del properties
        with gone_is_fine(*GONE_GROUP):
            client(context, "ec2").delete_security_group(GroupId=physical_id)

    def _described(self, context: Context, identifier: str) -> Created:
        found = client(context, "ec2").describe_security_groups(GroupIds=[identifier])
        attributes = {"GroupId": identifier, "Id": identifier}
        attributes["VpcId"] = found["SecurityGroups"][0].get("VpcId", "")
        return Created(physical_id=identifier, attributes=attributes)


class _Rule(Provider):
    """A rule that stands beside its group, for groups that name each other."""

    direction: ClassVar[str]

    def create(self, context: Context, properties: Properties) -> Created:
        """Add the rule."""
        api = client(context, "ec2")
        _authorize(api, self.direction, properties["GroupId"], [properties])
        # The id of a rule is not told by every version of the API; the group and the logical id
        # name it within the stack.
        identifier = context.generated_name()
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the description, by putting the rule again."""
        if changed(old, new, "Description"):
            self.delete(context, physical_id, old)
            api = client(context, "ec2")
            _authorize(api, self.direction, new["GroupId"], [new])
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Remove the rule; a group that is gone took it along."""
        del physical_id
        _revoke(client(context, "ec2"), self.direction, properties["GroupId"], [properties])


class SecurityGroupIngress(_Rule):
    """What a group lets in; ``Ref`` is a generated id."""

    type_names = ("AWS::EC2::SecurityGroupIngress",)
    direction = "ingress"


class SecurityGroupEgress(_Rule):
    """What a group lets out; ``Ref`` is a generated id."""

    type_names = ("AWS::EC2::SecurityGroupEgress",)
    direction = "egress"


class VpcEndpoint(Provider):
    """A private way to an AWS service; ``Ref`` is its id."""

    type_names = ("AWS::EC2::VPCEndpoint",)
    _lists = ("RouteTableIds", "SubnetIds", "SecurityGroupIds")

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the endpoint."""
        api = client(context, "ec2")
        given = parameters(api, "create_vpc_endpoint", properties, without=["Tags"])
        answer = api.create_vpc_endpoint(**given, **tagged(context, properties, "vpc-endpoint"))
        return self._described(api, answer["VpcEndpoint"]["VpcEndpointId"])

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change policy, subnets, route tables, groups and tags."""
        api = client(context, "ec2")
        change: dict[str, Any] = {}
        if changed(old, new, "PolicyDocument"):
            if "PolicyDocument" in new:
                change["PolicyDocument"] = text(new["PolicyDocument"])
            else:
                change["ResetPolicy"] = True
        for name in self._lists:
            before, after = old.get(name, []), new.get(name, [])
            if added := [value for value in after if value not in before]:
                change[f"Add{name}"] = added
            if stale := [value for value in before if value not in after]:
                change[f"Remove{name}"] = stale
        if change:
            api.modify_vpc_endpoint(VpcEndpointId=physical_id, **change)
        update_tags(context, physical_id, old, new)
        return self._described(api, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the endpoint."""
        del properties
        api = client(context, "ec2")
        with gone_is_fine("InvalidVpcEndpointId.NotFound"):
            found = api.describe_vpc_endpoints(VpcEndpointIds=[physical_id])["VpcEndpoints"]
            if not found or found[0]["State"].lower() == "deleted":
                return
            for failure in api.delete_vpc_endpoints(VpcEndpointIds=[physical_id])["Unsuccessful"]:
                raise ResourceError(failure["Error"]["Message"])

    def _described(self, api: Any, identifier: str) -> Created:
        found = api.describe_vpc_endpoints(VpcEndpointIds=[identifier])["VpcEndpoints"][0]
        entries = found.get("DnsEntries", [])
        return Created(
            physical_id=identifier,
            attributes={
                "Id": identifier,
                "CreationTimestamp": str(found.get("CreationTimestamp", "")),
                "DnsEntries": [f"{e.get('HostedZoneId', '')}:{e['DnsName']}" for e in entries],
                "NetworkInterfaceIds": found.get("NetworkInterfaceIds", []),
            },
        )


class FlowLog(Provider):
    """A record of a network's traffic; ``Ref`` is its id."""

    type_names = ("AWS::EC2::FlowLog",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the record."""
        api = client(context, "ec2")
        given = parameters(
            api,
            "create_flow_logs",
            properties,
            without=["Tags", "ResourceId", "TagFieldSpecifications"],
        )
        answer = api.create_flow_logs(
            ResourceIds=[properties["ResourceId"]],
            **given,
            **tagged(context, properties, "vpc-flow-log"),
        )
        for failure in answer.get("Unsuccessful", []):
            raise ResourceError(failure["Error"]["Message"])
        identifier = answer["FlowLogIds"][0]
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        update_tags(context, physical_id, old, new)
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the record; what it wrote stays."""
        del properties
        with gone_is_fine("InvalidFlowLogId.NotFound"):
            client(context, "ec2").delete_flow_logs(FlowLogIds=[physical_id])
