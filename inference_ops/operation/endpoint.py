"""An endpoint as it is now, read over AWS's APIs; anyone's, however it was deployed."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors

if TYPE_CHECKING:
    import boto3

Found = dict[str, Any]

_DIMENSIONS = {"EndpointName", "InferenceComponentName"}
_KEPT_BY_SCALING = "TargetTracking-"


class LiveEndpoint:
    """One endpoint and what belongs to it; each part is looked up once, when it is asked for.

    Args:
        session: where the endpoint is.
        name: its name.
    """

    def __init__(self, session: "boto3.Session", name: str) -> None:
        self.session = session
        self.name = name
        self.sagemaker = session.client("sagemaker")

    @cached_property
    def described(self) -> Found:
        """What DescribeEndpoint says.

        Raises:
            CommandError: there is no such endpoint.
        """
        with aws_errors(f"endpoint {self.name}"):
            found: Found = self.sagemaker.describe_endpoint(EndpointName=self.name)
        return found

    @property
    def status(self) -> str:
        """Its status, such as `InService`."""
        return str(self.described["EndpointStatus"])

    @property
    def config_name(self) -> str | None:
        """The config that it serves; None while the first one has not been reached."""
        return self.described.get("EndpointConfigName")

    @cached_property
    def config(self) -> Found:
        """What DescribeEndpointConfig says of the config that it serves; empty if that is gone.

        An endpoint goes on serving a config that somebody deleted: a stack does, where SageMaker
        took an update back that counts as a success.
        """
        name = self.config_name
        if name is None:
            return {}
        with aws_errors(f"endpoint config {name}"):
            try:
                found: Found = self.sagemaker.describe_endpoint_config(EndpointConfigName=name)
            except self.sagemaker.exceptions.ClientError as error:
                if "could not find" not in error.response["Error"]["Message"].lower():
                    raise
                return {}
        return found

    @property
    def configured(self) -> list[Found]:
        """Its production variants and shadows, as the config has them."""
        return [*self.config.get("ProductionVariants", ()), *self.shadows]

    @property
    def shadows(self) -> list[Found]:
        """Its shadow variants, as the config has them."""
        return list(self.config.get("ShadowProductionVariants", ()))

    @property
    def is_async(self) -> bool:
        """Whether it takes its requests from S3."""
        return "AsyncInferenceConfig" in self.config

    @property
    def has_components(self) -> bool:
        """Whether its models are inference components."""
        variants = self.config.get("ProductionVariants", ())
        return any("ModelName" not in variant for variant in variants)

    @cached_property
    def components(self) -> list[str]:
        """The names of its inference components."""
        if not self.has_components:
            return []
        pages = self.sagemaker.get_paginator("list_inference_components")
        with aws_errors(f"the inference components of {self.name}"):
            found = pages.paginate(EndpointNameEquals=self.name).build_full_result()
        return [each["InferenceComponentName"] for each in found["InferenceComponents"]]

    @cached_property
    def targets(self) -> list[Found]:
        """Its scalable targets: of its variants and of its inference components."""
        return list(self._scaling("describe_scalable_targets", "ScalableTargets"))

    @cached_property
    def policies(self) -> list[Found]:
        """Their scaling policies."""
        return list(self._scaling("describe_scaling_policies", "ScalingPolicies"))

    @cached_property
    def alarms(self) -> list[Found]:
        """The alarms on metrics of this endpoint, without those that scaling keeps for itself."""
        return alarms_on(self.session, {self.name, *self.components})

    @property
    def log_groups(self) -> list[str]:
        """The names of the groups that its containers log to, whether they exist or not."""
        if not self.components:
            return [f"/aws/sagemaker/Endpoints/{self.name}"]
        return [f"/aws/sagemaker/InferenceComponents/{name}" for name in self.components]

    def _scaling(self, operation: str, member: str) -> Iterator[Found]:
        pages = self.session.client("application-autoscaling").get_paginator(operation)
        with aws_errors("what is scaled"):
            found = pages.paginate(ServiceNamespace="sagemaker").build_full_result()
        own = (
            f"endpoint/{self.name}/variant/",
            *(f"inference-component/{name}" for name in self.components),
        )
        return (one for one in found[member] if one["ResourceId"].startswith(own))


def alarms_on(session: "boto3.Session", names: set[str]) -> list[Found]:
    """The alarms on metrics of endpoints or components, without those that scaling keeps.

    Args:
        session: where they are.
        names: the names of endpoints and of inference components.
    """
    pages = session.client("cloudwatch").get_paginator("describe_alarms")
    with aws_errors("the alarms"):
        found = pages.paginate(AlarmTypes=["MetricAlarm"]).build_full_result()
    return [
        alarm
        for alarm in found["MetricAlarms"]
        if not alarm["AlarmName"].startswith(_KEPT_BY_SCALING)
        and any(
            dimension["Name"] in _DIMENSIONS and dimension["Value"] in names
            for metric in _metrics(alarm)
            for dimension in metric.get("Dimensions", ())
        )
    ]


def _metrics(alarm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The metric of an alarm, or the metrics of its expression."""
    return [
        alarm,
        *(query.get("MetricStat", {}).get("Metric", {}) for query in alarm.get("Metrics", ())),
    ]
