"""`InferenceVpc`: a network for models that leads to S3 and to nothing else."""

from collections.abc import Sequence

from aws_cdk import CustomResource, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs.encryption import EncryptionKey
from inference_constructs.faults import refuse
from inference_constructs.network import Network
from inference_constructs.python_function import PythonFunction
from inference_constructs.service_role import ServiceRole
from inference_constructs.stages import path_in_stage

_HTTPS = 443
_ZONES = range(2, 7)


class InferenceVpc(Construct):
    """Defines a VPC with a private subnet in each zone, and without a way to the internet.

    Model data is loaded through a gateway endpoint for S3, which costs nothing and lets nothing but
    this account's buckets through. An interface endpoint is charged by the hour in each zone, so
    there is none but those that are asked for. All traffic is logged.

    https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        encryption: the key of the flow logs; by default a new one.
        cidr: the addresses, of which each copy of a container takes one.
        zones: in how many availability zones there is a subnet.
        interface_endpoints: services that the containers can reach beside S3.
        flow_log_retention: how long the flow logs are kept.

    Raises:
        ValueError: a single zone, or more than a region has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: EncryptionKey | None = None,
        cidr: str = "10.0.0.0/16",
        zones: int = 2,
        interface_endpoints: Sequence[ec2.InterfaceVpcEndpointAwsService] = (),
        flow_log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, construct_id)
        if zones not in _ZONES:
            refuse(
                f"VPC {self.node.path}",
                [
                    f"zones must be {_ZONES[0]} to {_ZONES[-1]}, not {zones}: SageMaker spreads a "
                    "fleet over zones to outlive one, "
                    "https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"
                ],
            )
        self.encryption = EncryptionKey(self, "Encryption") if encryption is None else encryption
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            # Looked up when it is deployed: with `max_azs` the synth would ask AWS.
            availability_zones=[Fn.select(zone, Fn.get_azs()) for zone in range(zones)],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Model", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            ],
            # The CDK's own way brings a function with an inline policy: see below.
            restrict_default_security_group=False,
        )
        self.security_group = ec2.SecurityGroup(
            self,
            "Containers",
            vpc=self.vpc,
            description=f"Containers of models in {path_in_stage(self)}.",
            allow_all_outbound=False,
        )
        # The addresses of S3 are in a list whose id differs by region. Within this VPC there is no
        # route but to the endpoints.
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(_HTTPS), "The endpoints of this VPC."
        )
        self.network = Network(
            subnets=self.vpc.isolated_subnets, security_groups=[self.security_group]
        )
        self._reach_s3()
        if interface_endpoints:
            self._reach(interface_endpoints)
        self._close_default_security_group()
        self._log_traffic(flow_log_retention)

    def _reach_s3(self) -> None:
        gateway = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        account = Stack.of(self).account
        gateway.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
                resources=["*"],
                conditions={
                    "StringEquals": {
                        "aws:PrincipalAccount": account,
                        "aws:ResourceAccount": account,
                    }
                },
            )
        )

    def _reach(self, services: Sequence[ec2.InterfaceVpcEndpointAwsService]) -> None:
        group = ec2.SecurityGroup(
            self,
            "InterfaceEndpoints",
            vpc=self.vpc,
            description=f"Interface endpoints of {path_in_stage(self)}.",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(self.security_group, ec2.Port.tcp(_HTTPS), "Containers of models.")
        for service in services:
            endpoint = self.vpc.add_interface_endpoint(
                service.short_name,
                service=service,
                security_groups=[group],
                # Else everything in the VPC would be let in.
                open=False,
            )
            endpoint.add_to_policy(
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()],
                    actions=["*"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:PrincipalAccount": Stack.of(self).account}},
                )
            )

    def _close_default_security_group(self) -> None:
        group_id = self.vpc.vpc_default_security_group
        closer = PythonFunction(
            self,
            "Closer",
            handler="default_security_group.custom_resource.handler",
            description="Takes the rules out of a VPC's default security group.",
            encryption=self.encryption,
        )
        closer.role.add_statements(
            iam.PolicyStatement(
                actions=["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
                resources=[
                    Stack.of(self).format_arn(
                        service="ec2", resource="security-group", resource_name=group_id
                    )
                ],
            )
        )
        closed = CustomResource(
            self.vpc,
            # cdk-nag knows by this id and type that the group is closed.
            "RestrictDefaultSecurityGroupCustomResource",
            resource_type="Custom::VpcRestrictDefaultSG",
            service_token=closer.function.function_arn,
            properties={"GroupId": group_id, "Account": Stack.of(self).account},
        )
        closer.role.ready_before(closed)

    def _log_traffic(self, retention: logs.RetentionDays) -> None:
        self.encryption.allow_logs()
        group = logs.LogGroup(
            self,
            "FlowLogs",
            encryption_key=self.encryption.key,
            retention=retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = ServiceRole(
            self,
            "FlowLogsRole",
            service="vpc-flow-logs.amazonaws.com",
            description=f"Writes the flow logs of {path_in_stage(self)}.",
        )
        group.grant_write(role.grantee)
        flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
        role.ready_before(flow_log)
