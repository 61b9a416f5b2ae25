"""`RealtimeEndpoint`: a SageMaker endpoint whose variants run on instances."""

from collections.abc import Sequence

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.alarms import Processor
from inference_constructs.data_capture import DataCapture
from inference_constructs.detailed_metrics import DetailedMetrics
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

_MOST_VARIANTS = 10


class RealtimeEndpoint(EndpointBase):
    """Defines an endpoint, its config, its log group and the scaling of its variants.

    Several variants share the traffic by their weights, as in an A/B test, and a caller may name
    one of them as `TargetVariant`. Or a single variant has a shadow.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the variants, with different names and not all of weight 0.
        shadow: a variant that gets copies of the one variant's requests.
        rollout: how an update goes about. By default SageMaker moves all the traffic at once, and
            nothing takes an update back.
        retained: what an update leaves as it finds it; by default the instances of an endpoint
            that scales, and never the weights.
        data_capture: which requests and answers are kept.
        detailed_metrics: metrics of each instance, or more often than once a minute.
        encryption: the key for the instances' storage and the logs; by default a new one.
        endpoint_name: by default derived from the construct's path.
        endpoint_logs: what becomes of the containers' logs.

    Raises:
        ValueError: names all that is wrong with the variants, the rollout or the name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        variants: Sequence[ProductionVariant],
        shadow: ShadowVariant | None = None,
        rollout: Rollout | None = None,
        retained: RetainedProperties | None = None,
        data_capture: DataCapture | None = None,
        detailed_metrics: DetailedMetrics | None = None,
        encryption: EncryptionKey | None = None,
        endpoint_name: str | None = None,
        endpoint_logs: EndpointLogs | None = None,
    ) -> None:
        self.variants = tuple(variants)
        self.shadow = shadow
        models = {variant.name: variant.model for variant in self.variants}
        if shadow is not None:
            models[shadow.name] = shadow.model
        super().__init__(
            scope,
            construct_id,
            endpoint_name=endpoint_name,
            encryption=encryption,
            endpoint_logs=endpoint_logs,
            variant_names=[variant.name for variant in self.variants],
            shadow_names=[] if shadow is None else [shadow.name],
            models=models,
            faults=self._faults(rollout),
        )
        scaled = any(variant.scaling is not None for variant in self.variants)
        self._define_endpoint(
            self._endpoint_config(data_capture, detailed_metrics),
            rollout=rollout,
            fleets=[variant.fleet for variant in self.variants],
            exclude_retained=(RetainedProperties() if retained is None else retained).excluded(
                scaled=scaled
            ),
        )
        # Without any scaling, too: an update that takes the last one away needs its owner.
        self.scaling = EndpointScaling(
            self,
            "Scaling",
            endpoint=self.resource,
            endpoint_name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            resources=[
                ScaledResource.instances(
                    self.endpoint_name,
                    variant.name,
                    instance_types=variant.instance_types,
                    scaling=variant.scaling,
                )
                for variant in self.variants
                if variant.scaling is not None
            ],
            encryption=self.encryption,
        )

    def _processor(self, variant_name: str) -> Processor | None:
        return next(v.processor for v in self.variants if v.name == variant_name)

    def _faults(self, rollout: Rollout | None) -> list[str]:
        faults = []
        if not 1 <= len(self.variants) <= _MOST_VARIANTS:
            faults.append(
                f"between 1 and {_MOST_VARIANTS} variants are needed, not {len(self.variants)}"
            )
        names = [variant.name for variant in self.variants]
        if self.shadow is not None:
            names.append(self.shadow.name)
            if len(self.variants) > 1:
                faults.append(
                    f"a shadow goes with one production variant, not {len(self.variants)}: end the "
                    f"A/B test first, or leave the shadow out ({SHADOW_PAGE})"
                )
        faults += [
            f"{names.count(name)} variants are called {name!r}: give each a name of its own"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]
        if self.variants and all(variant.weight == 0 for variant in self.variants):
            faults.append("every variant has weight 0: one at least must get traffic")
        if rollout is not None and self.variants:
            faults += rollout.faults([variant.fleet for variant in self.variants])
        return faults

    def _endpoint_config(
        self, data_capture: DataCapture | None, detailed_metrics: DetailedMetrics | None
    ) -> sagemaker.CfnEndpointConfig:
        shadow = None if self.shadow is None else self.shadow.beside(self.variants[0].weight)
        served = [*self.variants, *([] if shadow is None else [shadow])]
        local_storage = any(variant.has_local_storage for variant in served)
        if data_capture is not None:
            for role in self._roles:
                data_capture.allow(role)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition() for variant in self.variants],
            shadow_production_variants=None if shadow is None else [shadow.definition()],
            data_capture_config=None if data_capture is None else data_capture.definition(),
            metrics_config=None if detailed_metrics is None else detailed_metrics.definition(),
            kms_key_id=None if local_storage else self.encryption.key_arn,
        )
        if local_storage:
            acknowledge_no_volume_key(
                config,
                "SageMaker refuses a key for instances with local NVMe disks, which their hardware "
                "encrypts",
            )
        return config
