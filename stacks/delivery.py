"""`DeliveryPipelineStack`: from a commit to production, with a look before and after."""

from collections.abc import Sequence

from aws_cdk import (
    DefaultStackSynthesizer,
    Duration,
    Environment,
    PermissionsBoundary,
    Stack,
    Tags,
    pipelines,
)
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs import DataBucket, EncryptionKey, Notifications
from stacks.delivery_acknowledgements import settle_policies
from stacks.delivery_builds import DeliveryBuilds, cdk_cli_version, publish_with_the_cli
from stacks.delivery_models import pinned_models
from stacks.delivery_permissions import review, verification
from stacks.delivery_settings import DeliverySettings, PipelineSettings, refuse_elsewhere
from stacks.delivery_stage import DeliveryStage
from stacks.inference_stack import RETENTION
from stacks.settings import Settings


class DeliveryStack(Stack):
    """A stack of the delivery, with what its settings say of all of them.

    Args:
        scope: the app.
        construct_id: the stack's name.
        settings: the settings of the delivery.
        region: the region.
        account: the account; None is the credentials'.
        description: what CloudFormation shows.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeliverySettings,
        region: str,
        account: str | None,
        description: str,
    ) -> None:
        boundary = settings.permissions_boundary_arn
        super().__init__(
            scope,
            construct_id,
            description=description,
            env=Environment(account=account, region=region),
            synthesizer=None
            if settings.bootstrap_qualifier is None
            else DefaultStackSynthesizer(qualifier=settings.bootstrap_qualifier),
            permissions_boundary=None
            if boundary is None
            else PermissionsBoundary.from_arn(boundary),
            tags=settings.tags,
            analytics_reporting=False,
        )
        for key, value in settings.tags.items():
            Tags.of(self).add(key, value)


class DeliveryPipelineStack(DeliveryStack):
    """Defines a pipeline that changes itself, and then deploys the stages one after the other.

    Each commit is tested and synthesized; a stage is deployed and verified. Before a production
    stage its change is reviewed, which ends there where the review finds an error, and then waits
    for a person, who is given the report.

    Args:
        scope: the app.
        settings: the settings of the delivery.
        pipeline: those of the pipeline.
        stages: the settings of its stages, in their order.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: DeliverySettings,
        pipeline: PipelineSettings,
        stages: Sequence[Settings],
    ) -> None:
        refuse_elsewhere(settings, stages)
        super().__init__(
            scope,
            f"{settings.prefix}-pipeline",
            settings=settings,
            region=settings.region,
            account=settings.account,
            description=f"Delivers {settings.repository} to {', '.join(settings.stages)}.",
        )
        self._settings = settings
        self._encryption = EncryptionKey(
            self, "Encryption", description="Encrypts the artifacts and logs of the pipeline."
        )
        artifacts = DataBucket(self, "Artifacts", encryption=self._encryption)
        artifacts.bucket.add_lifecycle_rule(expiration=Duration.days(90))
        source = pipelines.CodePipelineSource.connection(
            settings.repository,
            pipeline.branch,
            connection_arn=pipeline.connection_arn,
            action_name="Repository",
        )
        self._builds = DeliveryBuilds(
            self,
            "Builds",
            source=source,
            artifacts=artifacts,
            encryption=self._encryption,
            log_retention=RETENTION[pipeline.log_retention_days],
        )
        self._synth = self._builds.synth(pinned_models(self, stages))
        self.pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            synth=self._synth,
            artifact_bucket=artifacts.bucket,
            code_build_defaults=self._builds.defaults,
            asset_publishing_code_build_defaults=self._builds.publishing(
                {stage.bootstrap_qualifier for stage in stages}
            ),
            cli_version=cdk_cli_version(),
            # One project for all assets, and one role for all actions: neither has more to do.
            publish_assets_in_parallel=False,
            use_pipeline_role_for_actions=True,
        )
        self._notifications = self._make_notifications(pipeline)
        for stage in stages:
            self._add(stage)
        self.pipeline.build_pipeline()
        publish_with_the_cli(self.pipeline)
        if self._notifications is not None:
            self._notifications.grant_publish(self.pipeline.pipeline.role)
        self.pipeline.pipeline.add_to_role_policy(
            # An action's prefix has to be that of the connection's ARN, and the CDK has the older.
            iam.PolicyStatement(
                actions=[f"{pipeline.connection_arn.split(':')[2]}:UseConnection"],
                resources=[pipeline.connection_arn],
            )
        )
        # The first execution begins as soon as the pipeline is there.
        self.pipeline.pipeline.node.add_dependency(self._builds)
        settle_policies(self.pipeline, artifacts.bucket)

    def _make_notifications(self, pipeline: PipelineSettings) -> Notifications | None:
        if not pipeline.notify_emails:
            return None
        return Notifications(
            self, "Approvals", encryption=self._encryption, emails=pipeline.notify_emails
        )

    def _add(self, settings: Settings) -> None:
        """Adds a stage, with what comes before and after it."""
        stage = DeliveryStage(self, settings=settings)
        before: list[pipelines.Step] = []
        if settings.production:
            looked_at = self._builds.review(
                settings.stage, stage.artifact_id, self._synth, review(self, settings)
            )
            url = looked_at.exported_variable("REVIEW_URL")
            summary = looked_at.exported_variable("REVIEW_SUMMARY")
            approval = pipelines.ManualApprovalStep(
                "Approve",
                comment=f"{summary} {url}",
                review_url=url,
                notification_topic=None
                if self._notifications is None
                else self._notifications.topic,
            )
            before = [looked_at, approval]
        checked = self._builds.verify(
            settings.stage,
            stage.realtime.endpoint_name_output,
            self._settings.golden,
            verification(self, settings),
        )
        self.pipeline.add_stage(stage, pre=before, post=[checked])
