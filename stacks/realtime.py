"""`RealtimeInferenceStack`: the endpoint of a stage, watched and scaled."""

from aws_cdk import Duration, Tags
from constructs import Construct

from inference_constructs import (
    DataBucket,
    DataCapture,
    EndpointDashboard,
    EndpointLogs,
    InferenceModel,
    ModelArtifact,
    OfficeHours,
    ProductionVariant,
    RealtimeEndpoint,
    S3Prefix,
    ShadowVariant,
)
from stacks.artifact import model_artifact
from stacks.inference_stack import InferenceStack
from stacks.settings import Settings


class RealtimeInferenceStack(InferenceStack):
    """Defines a realtime endpoint with its alarms and its dashboard.

    Args:
        scope: the app.
        settings: the stage's settings.
        artifact: the model.
    """

    def __init__(self, scope: Construct, *, settings: Settings, artifact: ModelArtifact) -> None:
        super().__init__(
            scope,
            "realtime",
            settings=settings,
            artifact=artifact,
            description=f"Realtime inference, stage {settings.stage}.",
        )
        models = self._models()
        shadow = settings.endpoint.shadow
        rollout = settings.endpoint.rollout
        self.endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            endpoint_name=settings.endpoint.name,
            variants=[
                ProductionVariant(
                    name=name,
                    model=models[variant.model],
                    instance_type=variant.instance_type,
                    initial_instance_count=variant.initial_instance_count,
                    weight=variant.weight,
                    scaling=None if variant.scaling is None else variant.scaling.scaling(),
                )
                for name, variant in settings.endpoint.variants.items()
            ],
            shadow=None
            if shadow is None
            else ShadowVariant(
                name=shadow.name,
                model=models[shadow.model],
                instance_type=shadow.instance_type,
                initial_instance_count=shadow.initial_instance_count,
                sampling_percent=shadow.sampling_percent,
            ),
            rollout=None if rollout is None else rollout.rollout(),
            data_capture=self._data_capture(),
            encryption=self.encryption,
            endpoint_logs=EndpointLogs(retention=self.log_retention),
        )
        if settings.endpoint.keep_previous > 0:
            self.endpoint.keep_previous(settings.endpoint.keep_previous)
        hours = settings.endpoint.office_hours
        if hours is not None:
            OfficeHours(
                self,
                "OfficeHours",
                endpoint=self.endpoint,
                hours=hours.hours(),
                notifications=self.notifications,
                closed_capacity=hours.closed_capacity,
            )
        # Only on the endpoint: most commits change nothing else of what is deployed.
        Tags.of(self.endpoint).add(
            "inference:git-revision",
            self.git_revision,
            include_resource_types=["AWS::SageMaker::Endpoint"],
        )
        alarms = self.endpoint.add_alarms(settings.endpoint.alarms.alarms(), self.notifications)
        dashboard = EndpointDashboard(self, "Dashboard", endpoint=self.endpoint, alarms=alarms)
        self.endpoint_name_output = self.add_output(
            "EndpointName", self.endpoint.endpoint_name, "Ask this for predictions."
        )
        self.add_output(
            "EndpointConfigName", self.endpoint.endpoint_config_name, "The endpoint's config."
        )
        self.add_output("AlarmTopicArn", self.notifications.topic_arn, "Alarms are sent here.")
        self.add_output("DashboardName", dashboard.dashboard_name, "The CloudWatch dashboard.")
        self.add_lineage_outputs()

    def _models(self) -> dict[str | None, InferenceModel]:
        """The Models that the variants choose from by name; None is the main one."""
        endpoint = self.settings.endpoint
        chosen = {variant.model for variant in endpoint.variants.values()}
        if endpoint.shadow is not None:
            chosen.add(endpoint.shadow.model)
        return {
            None: self.model,
            **{
                name: self.add_model(
                    f"{name}Model", self.settings.models[name], model_artifact(self.settings, name)
                )
                for name in sorted(name for name in chosen if name is not None)
            },
        }

    def _data_capture(self) -> DataCapture | None:
        settings = self.settings.endpoint.data_capture
        if settings is None:
            return None
        data = DataBucket(
            self,
            "Captured",
            encryption=self.encryption,
            removal_policy=self.removal_policy,
            log_retention=self.log_retention,
        )
        data.bucket.add_lifecycle_rule(expiration=Duration.days(settings.keep_days))
        self.add_output("CapturedBucket", data.bucket.bucket_name, "Requests and answers.")
        return DataCapture(
            destination=S3Prefix(bucket=data.bucket, prefix="captured/"),
            sampling_percent=settings.sampling_percent,
        )
