"""`AsyncEndpoint`: a SageMaker endpoint with a queue, whose requests and answers lie in S3."""

from collections.abc import Sequence
from typing import ClassVar

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.alarms import Processor
from inference_constructs.async_inference import PAGE, AsyncInference
from inference_constructs.async_metrics import AsyncMetrics
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_base import (
    EndpointBase,
    acknowledge_no_volume_key,
)
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.retained_properties import RetainedProperties
from inference_constructs.rollout import Rollout
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.shadow_variant import SHADOW_PAGE, ShadowVariant
from inference_constructs.variant import ProductionVariant


class AsyncEndpoint(EndpointBase):
    """Defines an asynchronous endpoint, its config, its log group and the scaling of its variant.

    Requests wait in a queue while all instances are busy, or while there is none: with a scaling
    from 0 on, the first request starts an instance, which takes minutes, and is then answered.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the one variant.
        inference: where requests and answers lie, and who is told of them.
        rollout: how an update goes about. By default SageMaker moves all the traffic at once, and
            nothing takes an update back.
        retained: what an update leaves as it finds it; by default the instances of an endpoint
            that scales.
        shadow: refused, as SageMaker has none here.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_name: by default derived from the construct's path.
        endpoint_logs: what becomes of the containers' logs.

    Raises:
        ValueError: names all that is wrong with the variant, the rollout or the name.
    """

    name_suffix: ClassVar[str] = "-async"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        variants: Sequence[ProductionVariant],
        inference: AsyncInference,
        rollout: Rollout | None = None,
        retained: RetainedProperties | None = None,
        shadow: ShadowVariant | None = None,
        encryption: EncryptionKey | None = None,
        endpoint_name: str | None = None,
        endpoint_logs: EndpointLogs | None = None,
    ) -> None:
        self.variants = tuple(variants)
        self.inference = inference
        super().__init__(
            scope,
            construct_id,
            endpoint_name=endpoint_name,
            encryption=encryption,
            endpoint_logs=endpoint_logs,
            variant_names=[variant.name for variant in self.variants],
            models={variant.name: variant.model for variant in self.variants},
            faults=self._faults(rollout, shadow),
        )
        for role in self._roles:
            inference.allow(role)
        (variant,) = self.variants
        self._define_endpoint(
            self._endpoint_config(variant),
            rollout=rollout,
            fleets=[variant.fleet],
            exclude_retained=(RetainedProperties() if retained is None else retained).excluded(
                scaled=variant.scaling is not None
            ),
        )
        # Without any scaling, too: an update that takes it away needs its owner.
        self.scaling = EndpointScaling(
            self,
            "Scaling",
            endpoint=self.resource,
            endpoint_name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            resources=[]
            if variant.scaling is None
            else [
                ScaledResource.async_instances(
                    self.endpoint_name,
                    variant.name,
                    instance_type=variant.instance_type,
                    scaling=variant.scaling,
                )
            ],
            encryption=self.encryption,
        )

    @property
    def queue_metrics(self) -> AsyncMetrics:
        """The metrics of the endpoint's queue."""
        return AsyncMetrics(endpoint_name=self.endpoint_name)

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets someone put requests, ask for their answers, and read these.

        Args:
            grantee: who asks.
        """
        invoke = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpointAsync"],
            resource_arns=[self.endpoint_arn],
        )
        return invoke.combine(self.inference.grant(grantee))

    def _processor(self, variant_name: str) -> Processor | None:
        return next((v.processor for v in self.variants if v.name == variant_name), None)

    def _endpoint_config(self, variant: ProductionVariant) -> sagemaker.CfnEndpointConfig:
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition()],
            async_inference_config=self.inference.definition(),
            kms_key_id=None if variant.has_local_storage else self.encryption.key_arn,
        )
        if variant.has_local_storage:
            acknowledge_no_volume_key(
                config,
                "SageMaker refuses a key for instances with local NVMe disks, which their hardware "
                "encrypts",
            )
        return config

    def _faults(self, rollout: Rollout | None, shadow: ShadowVariant | None) -> list[str]:
        faults = []
        if len(self.variants) != 1:
            faults.append(
                f"an asynchronous endpoint has one variant, not {len(self.variants)}: its queue, "
                f"and the metric that scales it, belong to the endpoint ({PAGE})"
            )
        if shadow is not None:
            faults.append(
                "an asynchronous endpoint has no shadow: use RealtimeEndpoint, or leave it out "
                f"({SHADOW_PAGE})"
            )
        if rollout is not None:
            faults += rollout.faults([variant.fleet for variant in self.variants])
        return faults
