"""`ServerlessEndpoint`: a SageMaker endpoint that runs containers only while there are requests."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.alarms import EndpointAlarms
from inference_constructs.data_capture import DataCapture
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_base import EndpointBase
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.notifications import Notifications
from inference_constructs.rollout import EXCLUSIONS, Rollout
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.serverless_variant import SERVERLESS_PAGE, ServerlessVariant
from inference_constructs.shadow_variant import SHADOW_PAGE, ShadowVariant

_EXCLUSIONS = f"{SERVERLESS_PAGE}#serverless-endpoints-how-it-works-exclusions"


class ServerlessEndpoint(EndpointBase):
    """Defines a serverless endpoint, its config, its log group and the scaling of warm containers.

    SageMaker refuses to turn an endpoint with instances into a serverless one. So the name of every
    serverless endpoint, and of no other, ends in `-serverless`: a change of kind is a new endpoint.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the one variant.
        shadow: refused, as SageMaker has none here.
        rollout: likewise; an update of a serverless endpoint moves all at once.
        data_capture: likewise.
        encryption: the key of the endpoint's storage and of the logs; by default a new one.
        endpoint_name: ends in `-serverless`; by default derived from the construct's path.
        endpoint_logs: what becomes of the containers' logs.

    Raises:
        ValueError: names all that is wrong, with AWS's page.
    """

    name_suffix: ClassVar[str] = "-serverless"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        variants: Sequence[ServerlessVariant],
        shadow: ShadowVariant | None = None,
        rollout: Rollout | None = None,
        data_capture: DataCapture | None = None,
        encryption: EncryptionKey | None = None,
        endpoint_name: str | None = None,
        endpoint_logs: EndpointLogs | None = None,
    ) -> None:
        self.variants = tuple(variants)
        super().__init__(
            scope,
            construct_id,
            endpoint_name=endpoint_name,
            encryption=encryption,
            endpoint_logs=endpoint_logs,
            variant_names=[variant.name for variant in self.variants],
            models={variant.name: variant.model for variant in self.variants},
            faults=self._faults(shadow, rollout, data_capture),
        )
        for variant in self.variants:
            acknowledge(
                variant.model,
                "InferenceChecks::ModelNetworkIsolation",
                "Serverless inference has no network isolation; its role reads the models of its "
                "stack and pulls their image, and nothing else",
            )
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition() for variant in self.variants],
            kms_key_id=self.encryption.key_arn,
        )
        self._define_endpoint(config)
        # Without any scaling, too: an update that takes it away needs its owner.
        self.scaling = EndpointScaling(
            self,
            "Scaling",
            endpoint=self.resource,
            endpoint_name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            resources=[
                ScaledResource.provisioned_concurrency(
                    self.endpoint_name, variant.name, scaling=variant.scaling
                )
                for variant in self.variants
                if variant.scaling is not None
            ],
            encryption=self.encryption,
        )

    def add_alarms(
        self, alarms: EndpointAlarms, notifications: Notifications
    ) -> list[cloudwatch.CfnAlarm]:
        """Watches the variant, but for CPU and disk, of which a serverless endpoint tells nothing.

        Args:
            alarms: what is watched, and its thresholds.
            notifications: where alarms and the all-clear go.

        Returns:
            The alarms.
        """
        known = replace(alarms, cpu_percent=None, disk_percent=None)
        return super().add_alarms(known, notifications)

    def _faults(
        self,
        shadow: ShadowVariant | None,
        rollout: Rollout | None,
        data_capture: DataCapture | None,
    ) -> list[str]:
        faults = []
        if len(self.variants) != 1:
            faults.append(
                f"a serverless endpoint has one variant, not {len(self.variants)}: "
                f"use RealtimeEndpoint for an A/B test ({_EXCLUSIONS})"
            )
        if shadow is not None:
            faults.append(
                "a serverless endpoint has no shadow: use RealtimeEndpoint, or leave it out "
                f"({SHADOW_PAGE})"
            )
        if rollout is not None:
            faults.append(
                "a serverless endpoint has no deployment guardrails: use RealtimeEndpoint, or "
                f"leave the rollout out ({EXCLUSIONS})"
            )
        if data_capture is not None:
            faults.append(
                "a serverless endpoint captures no data: use RealtimeEndpoint, or leave it out "
                f"({_EXCLUSIONS})"
            )
        return faults
