"""`InferenceStack`: what the settings of a stage mean for any of its stacks."""

from functools import cached_property

from aws_cdk import (
    Annotations,
    CfnOutput,
    DefaultStackSynthesizer,
    Environment,
    PermissionsBoundary,
    RemovalPolicy,
    Stack,
    Tags,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs import (
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Network,
    Notifications,
)
from inference_constructs.acknowledgements import acknowledge
from stacks.model_settings import ModelSettings
from stacks.settings import Settings

RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


class InferenceStack(Stack):
    """A stack of one stage, with a key, a topic and a Model of its own.

    Nothing in it refers to another stack, so that each can be deployed and deleted alone.

    Args:
        scope: the app.
        purpose: the last part of the stack's name.
        settings: the stage's settings.
        artifact: the model.
        description: what CloudFormation shows.
    """

    def __init__(
        self,
        scope: Construct,
        purpose: str,
        *,
        settings: Settings,
        artifact: ModelArtifact,
        description: str,
    ) -> None:
        boundary = settings.permissions_boundary_arn
        qualifier = settings.bootstrap_qualifier
        synthesizer = None if qualifier is None else DefaultStackSynthesizer(qualifier=qualifier)
        name = f"{settings.prefix}-{settings.stage}-{purpose}"
        super().__init__(
            scope,
            name,
            # Within the stage of a pipeline the CDK would put the stage's name before it.
            stack_name=name,
            description=description,
            env=Environment(account=settings.account, region=settings.region),
            synthesizer=synthesizer,
            termination_protection=settings.production,
            permissions_boundary=None
            if boundary is None
            else PermissionsBoundary.from_arn(boundary),
            tags=settings.tags,
            analytics_reporting=False,
        )
        if synthesizer is not None:
            # The stack binds a copy, of which jsii knows nothing: it hands out the one given here.
            # Bound as well, that one adds assets to the manifest that both share.
            synthesizer.bind(self)
        for key, value in settings.tags.items():
            Tags.of(self).add(key, value)
        self.settings = settings
        self.removal_policy = RemovalPolicy.RETAIN if settings.production else RemovalPolicy.DESTROY
        self.log_retention = RETENTION[settings.log_retention_days]
        self.encryption = EncryptionKey(
            self,
            "Encryption",
            description=f"Encrypts the data of {self.stack_name}.",
            existing=self._key("ImportedKey", settings.encryption_key_arn),
            removal_policy=self.removal_policy,
        )
        self.notifications = Notifications(
            self,
            "Notifications",
            encryption=self.encryption,
            emails=settings.notify_emails,
        )
        self.model = self.add_model("Model", settings.model, artifact)
        revision = self.node.try_get_context("git_revision")
        self.git_revision = "unknown" if revision is None else str(revision)

    def add_output(self, name: str, value: str, description: str) -> CfnOutput:
        """Tells a value to whoever deploys.

        Args:
            name: the output's key.
            value: the value.
            description: what it is.
        """
        return CfnOutput(self, name, value=value, description=description)

    def add_lineage_outputs(self) -> None:
        """Tells which model is deployed, and where it comes from."""
        artifact = self.model.artifact
        self.add_output("ModelName", self.model.model_name, "The SageMaker Model.")
        self.add_output("ModelVersion", artifact.version, "Stands in each answer and log line.")
        if artifact.sha256 is not None:
            self.add_output("ArtifactSha256", artifact.sha256, "Digest of model.tar.gz.")
        if artifact.source_arn is not None:
            self.add_output("ModelSource", artifact.source_arn, "The training job or package.")
        self.add_output("GitRevision", self.git_revision, "The code that was deployed.")

    def add_model(
        self, construct_id: str, settings: ModelSettings, artifact: ModelArtifact
    ) -> InferenceModel:
        """Defines a Model with what the stage brings of its own: role, network, keys.

        Args:
            construct_id: the id within the stack.
            settings: what the stage's file says of this model.
            artifact: the model.
        """
        role = None
        if settings.role_arn is not None:
            role = iam.Role.from_role_arn(
                self, f"Imported{construct_id}Role", settings.role_arn, mutable=False
            )
        model = InferenceModel(
            self,
            construct_id,
            artifact=artifact,
            environment=settings.environment,
            network=self._network,
            network_isolation=settings.network_isolation,
            role=role,
            artifact_key=self._key(f"{construct_id}ArtifactKey", settings.artifact_key_arn),
        )
        if settings.network_isolation is False:
            acknowledge(
                model,
                "InferenceChecks::ModelNetworkIsolation",
                f"switched off in {self.settings.file} (network_isolation of a model)",
            )
        return model

    @cached_property
    def _network(self) -> Network | None:
        network = self.settings.network
        if network is None:
            return None
        subnets = [
            ec2.Subnet.from_subnet_attributes(
                self, subnet_id, subnet_id=subnet_id, availability_zone=zone
            )
            for subnet_id, zone in network.subnets.items()
        ]
        for subnet in subnets:
            # Nothing here needs the route table, of which the CDK warns.
            Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
        return Network(
            subnets=subnets,
            security_groups=[
                ec2.SecurityGroup.from_security_group_id(self, group_id, group_id, mutable=False)
                for group_id in network.security_groups
            ],
        )

    def _key(self, construct_id: str, arn: str | None) -> kms.IKey | None:
        return None if arn is None else kms.Key.from_key_arn(self, construct_id, arn)
