"""What `examples/canary/app.py` defines, in the CDK's level-1 constructs.

Resource by resource the same, with all that our constructs bring along: the key, the log groups,
the permissions, and the function that owns the scaling. `benchmarks/synth.py` measures both.
"""

from aws_cdk import Aws, CfnDeletionPolicy, CfnMapping, CfnResource, CfnTag, Fn, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from benchmarks.raw_canary.alarms import VARIANT, define_alarms, define_rollback_alarms
from benchmarks.raw_canary.policies import (
    ALARMS,
    acknowledge_wildcards,
    allow,
    define_role,
    document,
    of_alarms,
)
from benchmarks.raw_canary.scaling import define_scaling
from inference_constructs import find_image

MODEL_DATA = "example-models/churn/model.tar.gz"


class RawCanary(Stack):
    """The stack of `examples/canary/app.py`.

    Args:
        scope: the app.
        construct_id: the stack's name.
        endpoint_name: the endpoint's name.
        model_version: what tells this model from another.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, endpoint_name: str, model_version: str
    ) -> None:
        super().__init__(scope, construct_id)
        key = self._key()
        group = self._log_group("Logs", key, name=f"/aws/sagemaker/Endpoints/{endpoint_name}")
        topic = self._topic(key)
        policy, model = self._model(endpoint_name, model_version, group)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            kms_key_id=key.attr_arn,
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type="ml.m5.large",
                    initial_instance_count=2,
                    initial_variant_weight=1,
                )
            ],
        )
        config_name = config.attr_endpoint_config_name
        rollback = define_rollback_alarms(self, endpoint_name, config=config_name, topic=topic.ref)
        endpoint = self._endpoint(endpoint_name, config_name, rollback, model_version)
        endpoint.add_resource_dependency(policy)
        endpoint.add_resource_dependency(group)
        define_scaling(
            self,
            endpoint,
            endpoint_name=endpoint_name,
            config_name=config_name,
            group=self._log_group("OwnerLogs", key),
        )
        define_alarms(self, endpoint_name, topic=topic.ref)

    def _key(self) -> kms.CfnKey:
        groups = Fn.sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*")
        key = kms.CfnKey(
            self,
            "Key",
            description="Encrypts the data of one inference stack.",
            enable_key_rotation=True,
            key_policy=document(
                allow(
                    "kms:*",
                    "*",
                    Principal={"AWS": Fn.sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
                ),
                allow(
                    [
                        "kms:Decrypt",
                        "kms:Describe*",
                        "kms:Encrypt",
                        "kms:GenerateDataKey*",
                        "kms:ReEncrypt*",
                    ],
                    "*",
                    Principal={"Service": Fn.sub("logs.${AWS::Region}.amazonaws.com")},
                    Condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
                ),
                allow(
                    ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "*",
                    Principal={"Service": "cloudwatch.amazonaws.com"},
                    Condition=of_alarms(),
                ),
            ),
        )
        _keep(key, CfnDeletionPolicy.RETAIN)
        return key

    def _log_group(
        self, construct_id: str, key: kms.CfnKey, *, name: str | None = None
    ) -> logs.CfnLogGroup:
        group = logs.CfnLogGroup(
            self,
            construct_id,
            log_group_name=name,
            kms_key_id=key.attr_arn,
            retention_in_days=90,
            tags=None
            if name is None
            else [CfnTag(key="inference:deleted-with", value=self.stack_id)],
        )
        _keep(group, CfnDeletionPolicy.DELETE)
        return group

    def _topic(self, key: kms.CfnKey) -> sns.CfnTopic:
        topic = sns.CfnTopic(self, "Topic", kms_master_key_id=key.attr_arn)
        sns.CfnTopicPolicy(
            self,
            "TopicPolicy",
            topics=[topic.ref],
            policy_document=document(
                {
                    "Sid": "AllowPublishThroughSSLOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sns:Publish",
                    "Resource": topic.ref,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
                allow(
                    "sns:Publish",
                    topic.ref,
                    Sid="1",
                    Principal={"Service": "cloudwatch.amazonaws.com"},
                    Condition=of_alarms(),
                ),
            ),
        )
        return topic

    def _model(
        self, endpoint: str, version: str, group: logs.CfnLogGroup
    ) -> tuple[iam.CfnManagedPolicy, sagemaker.CfnModel]:
        image = find_image("xgboost", "3.2-0")
        registry = CfnMapping(
            self,
            "XgboostRegistry320",
            mapping={
                region: {"account": account, "domain": image.domains[region]}
                for region, account in sorted(image.registries.items())
            },
        )
        account, domain = (
            Fn.find_in_map(registry.logical_id, Aws.REGION, name) for name in ("account", "domain")
        )
        repository = f"arn:{Aws.PARTITION}:ecr:{Aws.REGION}:{account}:repository/{image.repository}"
        role, policy = define_role(
            self,
            "Model",
            "Runs the containers of example-canary/Model.",
            {
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            },
            allow("s3:GetObject", f"arn:{Aws.PARTITION}:s3:::{MODEL_DATA}"),
            allow(
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                repository,
            ),
            allow("ecr:GetAuthorizationToken", "*"),
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], group.attr_arn),
            allow(
                "cloudwatch:PutMetricData",
                "*",
                Condition={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
            ),
            allow("cloudwatch:DescribeAlarms", Fn.sub(f"{ALARMS}:{endpoint}/rollback/*")),
        )
        acknowledge_wildcards(policy, "*", f"{ALARMS}:{endpoint}/rollback/*")
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.attr_arn,
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=f"{account}.dkr.ecr.{Aws.REGION}.{domain}/{image.repository}:{image.tag}",
                model_data_url=f"s3://{MODEL_DATA}",
                environment={"INFERENCE_MODEL_VERSION": version},
            ),
            tags=[CfnTag(key="inference:model-version", value=version)],
        )
        model.add_resource_dependency(policy)
        return policy, model

    def _endpoint(
        self, name: str, config: str, rollback: list[cloudwatch.CfnAlarm], version: str
    ) -> sagemaker.CfnEndpoint:
        endpoint = sagemaker.CfnEndpoint
        return endpoint(
            self,
            "Endpoint",
            endpoint_name=name,
            endpoint_config_name=config,
            retain_all_variant_properties=True,
            exclude_retained_variant_properties=[
                endpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ],
            deployment_config=endpoint.DeploymentConfigProperty(
                blue_green_update_policy=endpoint.BlueGreenUpdatePolicyProperty(
                    traffic_routing_configuration=endpoint.TrafficRoutingConfigProperty(
                        type="CANARY",
                        canary_size=endpoint.CapacitySizeProperty(
                            type="CAPACITY_PERCENT", value=10
                        ),
                        wait_interval_in_seconds=600,
                    ),
                    termination_wait_in_seconds=0,
                    maximum_execution_timeout_in_seconds=4800,
                ),
                auto_rollback_configuration=endpoint.AutoRollbackConfigProperty(
                    alarms=[endpoint.AlarmProperty(alarm_name=alarm.ref) for alarm in rollback]
                ),
            ),
            tags=[CfnTag(key=f"inference:model-version/{VARIANT}", value=version)],
        )


def _keep(resource: CfnResource, policy: CfnDeletionPolicy) -> None:
    resource.cfn_options.deletion_policy = policy
    resource.cfn_options.update_replace_policy = policy
