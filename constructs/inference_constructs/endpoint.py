"""`RealtimeEndpoint`: a SageMaker endpoint whose variants run on instances."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.alarms import EndpointAlarms
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_base import (
    EndpointBase,
    EndpointLogs,
    acknowledge_no_volume_key,
)
from inference_constructs.notifications import Notifications
from inference_constructs.variant import ProductionVariant
from inference_constructs.variant_scaling import VariantScaling

_MOST_VARIANTS = 10


class RealtimeEndpoint(EndpointBase):
    """Defines an endpoint, its config, its log group and the scaling of its variants.

    Where a variant is scaled, an update keeps the number of instances that it has by then; the
    weights always come from the code.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the variants, with different names and not all of weight 0.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_name: by default derived from the construct's path.
        endpoint_logs: what becomes of the containers' logs.

    Raises:
        ValueError: names all that is wrong with the variants or the name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        variants: Sequence[ProductionVariant],
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
            faults=self._faults(),
        )
        scaled = any(variant.scaling is not None for variant in self.variants)
        self._define_endpoint(
            self._endpoint_config(),
            # Without this an update would set a scaled-out fleet back to its initial size.
            retain_all_variant_properties=True if scaled else None,
            exclude_retained_variant_properties=["DesiredWeight"] if scaled else None,
        )
        for variant in self.variants:
            if variant.scaling is not None:
                scaling = VariantScaling(
                    self,
                    f"{variant.name}Scaling",
                    endpoint_name=self.endpoint_name,
                    variant_name=variant.name,
                    scaling=variant.scaling,
                )
                scaling.node.add_dependency(self.resource)

    def add_alarms(
        self, alarms: EndpointAlarms, notifications: Notifications
    ) -> list[cloudwatch.Alarm]:
        """Watches each variant.

        Args:
            alarms: what is watched, and its thresholds.
            notifications: where alarms and the all-clear go.

        Returns:
            The alarms.
        """
        scope = Construct(self, "Alarms")
        return [
            alarm
            for variant in self.variants
            for alarm in alarms.attach(
                scope, variant, self.metrics(variant.name), notifications=notifications
            )
        ]

    def _faults(self) -> list[str]:
        faults = []
        if not 1 <= len(self.variants) <= _MOST_VARIANTS:
            faults.append(
                f"between 1 and {_MOST_VARIANTS} variants are needed, not {len(self.variants)}"
            )
        names = [variant.name for variant in self.variants]
        faults += [
            f"{names.count(name)} variants are called {name!r}: give each a name of its own"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]
        if self.variants and all(variant.weight == 0 for variant in self.variants):
            faults.append("every variant has weight 0: one at least must get traffic")
        return faults

    def _endpoint_config(self) -> sagemaker.CfnEndpointConfig:
        local_storage = any(variant.has_local_storage for variant in self.variants)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition() for variant in self.variants],
            kms_key_id=None if local_storage else self.encryption.key_arn,
        )
        if local_storage:
            acknowledge_no_volume_key(
                config,
                "SageMaker refuses a key for instances with local NVMe disks, which their hardware "
                "encrypts",
            )
        return config
