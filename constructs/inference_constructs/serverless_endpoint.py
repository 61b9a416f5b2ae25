"""`ServerlessEndpoint`: a SageMaker endpoint that runs containers only while there are requests."""

from collections.abc import Sequence
from typing import ClassVar

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_base import EndpointBase, EndpointLogs
from inference_constructs.serverless_variant import SERVERLESS_PAGE, ServerlessVariant

_EXCLUSIONS = f"{SERVERLESS_PAGE}#serverless-endpoints-how-it-works-exclusions"


class ServerlessEndpoint(EndpointBase):
    """Defines a serverless endpoint, its config, its log group and the scaling of warm containers.

    SageMaker refuses to turn an endpoint with instances into a serverless one. So the name of every
    serverless endpoint, and of no other, ends in `-serverless`: a change of kind is a new endpoint.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        variants: the one variant.
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
        for variant in self.variants:
            acknowledge(
                variant.model,
                "InferenceChecks::ModelNetworkIsolation",
                "Serverless inference has no network isolation; its role reads the model's own "
                "objects and pulls its image, and nothing else",
            )
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.definition() for variant in self.variants],
            kms_key_id=self.encryption.key_arn,
        )
        self._define_endpoint(config)

    def _faults(self) -> list[str]:
        faults = []
        if len(self.variants) != 1:
            faults.append(
                f"a serverless endpoint has one variant, not {len(self.variants)}: "
                f"use RealtimeEndpoint for an A/B test ({_EXCLUSIONS})"
            )
        return faults
