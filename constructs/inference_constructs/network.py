"""`Network`: the subnets and security groups that a model's containers are attached to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Token
from aws_cdk import aws_iam as iam

from inference_constructs.faults import refuse

if TYPE_CHECKING:
    # By far the largest module of the CDK, and a model without a VPC has no use for it.
    from aws_cdk import aws_ec2 as ec2

_MOST_SUBNETS = 16
_MOST_SECURITY_GROUPS = 5


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where in a VPC the network interfaces of the containers go.

    The VPC needs a gateway endpoint for S3, through which the model data is loaded:
    https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html

    Attributes:
        subnets: at least two, in different availability zones.
        security_groups: one to five.
    """

    subnets: Sequence[ec2.ISubnet]
    security_groups: Sequence[ec2.ISecurityGroup]

    def __post_init__(self) -> None:
        """Refuses what `CreateModel` refuses, and a fleet in a single zone.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("network", self._faults())

    def _faults(self) -> list[str]:
        faults = []
        if len(self.subnets) > _MOST_SUBNETS:
            faults.append(f"at most {_MOST_SUBNETS} subnets are allowed, not {len(self.subnets)}")
        zones = {_zone_of(subnet) for subnet in self.subnets}
        if len(self.subnets) < 2 or (len(zones) == 1 and None not in zones):
            faults.append(
                "at least two subnets in different availability zones are needed: add one in "
                "another zone"
            )
        if not 1 <= len(self.security_groups) <= _MOST_SECURITY_GROUPS:
            faults.append(
                f"between 1 and {_MOST_SECURITY_GROUPS} security groups are needed, not "
                f"{len(self.security_groups)}"
            )
        return faults

    @property
    def subnet_ids(self) -> list[str]:
        """The ids of the subnets."""
        return [subnet.subnet_id for subnet in self.subnets]

    @property
    def security_group_ids(self) -> list[str]:
        """The ids of the security groups."""
        return [group.security_group_id for group in self.security_groups]


def network_interface_statement() -> iam.PolicyStatement:
    """What a role needs for SageMaker to attach containers to a VPC.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """
    return iam.PolicyStatement(
        actions=[
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        resources=["*"],
    )


def _zone_of(subnet: ec2.ISubnet) -> str | None:
    try:
        zone = subnet.availability_zone
    except RuntimeError:  # imported without it
        return None
    return None if Token.is_unresolved(zone) else zone
