"""`ServerlessVariant`: one model that is served without instances of one's own."""

from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse
from inference_constructs.model import InferenceModel
from inference_constructs.scaling import Scaling
from inference_constructs.variant_name import name_faults

SERVERLESS_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html"

_MEMORY_SIZES = range(1024, 6144 + 1, 1024)
_MOST_CONCURRENCY = 200


@dataclass(frozen=True, kw_only=True)
class ServerlessVariant:
    """A model, the memory of a container that serves it, and how many may do so at once.

    A container starts when there is a request for it, and answers one at a time; those of the
    provisioned concurrency are started ahead and are charged while they wait.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html

    Attributes:
        model: the model, without a network and without network isolation, neither of which
            serverless inference has.
        memory_mb: memory of one container, 1024 to 6144 in steps of 1024; vCPUs are in proportion.
        max_concurrency: requests that are answered at once; those beyond are throttled.
        name: the variant's name, a dimension of its metrics.
        provisioned_concurrency: containers that are kept started; by default the scaling's
            minimum, or none.
        scaling: what changes the provisioned concurrency; by default nothing does.
    """

    model: InferenceModel
    memory_mb: int = 2048
    max_concurrency: int = 20
    name: str = "AllTraffic"
    provisioned_concurrency: int | None = None
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        """Refuses what SageMaker or Application Auto Scaling would refuse at the deployment.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(
            f"serverless variant {self.name!r}",
            [
                *name_faults(self.name),
                *self._model_faults(),
                *self._size_faults(),
                *self._provisioned_faults(),
            ],
        )

    @property
    def initial_provisioned_concurrency(self) -> int | None:
        """Containers that a new endpoint keeps started."""
        if self.provisioned_concurrency is None and self.scaling is not None:
            return self.scaling.min_capacity
        return self.provisioned_concurrency

    def definition(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The variant as CloudFormation has it."""
        config = sagemaker.CfnEndpointConfig
        return config.ProductionVariantProperty(
            variant_name=self.name,
            model_name=self.model.model_name,
            initial_variant_weight=1,
            serverless_config=config.ServerlessConfigProperty(
                memory_size_in_mb=self.memory_mb,
                max_concurrency=self.max_concurrency,
                provisioned_concurrency=self.initial_provisioned_concurrency,
            ),
        )

    def _model_faults(self) -> list[str]:
        faults = []
        if self.model.network_isolation:
            faults.append(
                "serverless inference has no network isolation: set network_isolation=False on the "
                f"model ({SERVERLESS_PAGE}#serverless-endpoints-how-it-works-exclusions)"
            )
        if self.model.network is not None:
            faults.append(
                "serverless inference has no VPC: leave the model's network out "
                f"({SERVERLESS_PAGE}#serverless-endpoints-how-it-works-exclusions)"
            )
        return faults

    def _size_faults(self) -> list[str]:
        faults = []
        if not Token.is_unresolved(self.memory_mb) and self.memory_mb not in _MEMORY_SIZES:
            faults.append(
                f"memory_mb must be {', '.join(map(str, _MEMORY_SIZES))}, not {self.memory_mb} "
                f"({SERVERLESS_PAGE}#serverless-endpoints-how-it-works-memory)"
            )
        if not Token.is_unresolved(self.max_concurrency) and not (
            1 <= self.max_concurrency <= _MOST_CONCURRENCY
        ):
            faults.append(
                f"max_concurrency must be 1 to {_MOST_CONCURRENCY}, not {self.max_concurrency} "
                f"({SERVERLESS_PAGE}#serverless-endpoints-how-it-works-concurrency)"
            )
        return faults

    def _provisioned_faults(self) -> list[str]:
        provisioned, highest = self.provisioned_concurrency, self.max_concurrency
        faults = []
        if (
            provisioned is not None
            and not any(map(Token.is_unresolved, (provisioned, highest)))
            and not 1 <= provisioned <= highest
        ):
            faults.append(
                f"provisioned_concurrency must be 1 to max_concurrency ({highest}), not "
                f"{provisioned}: leave it out to keep none started"
            )
        if self.scaling is None:
            return faults
        bounds = (self.scaling.min_capacity, self.scaling.max_capacity)
        if any(map(Token.is_unresolved, (*bounds, highest))):
            return faults
        if bounds[0] < 1 or bounds[1] > highest:
            faults.append(
                f"the scaling's bounds, {bounds[0]} to {bounds[1]}, must be within 1 and "
                f"max_concurrency ({highest}): "
                "https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html"
            )
        if (
            provisioned is not None
            and not Token.is_unresolved(provisioned)
            and not bounds[0] <= provisioned <= bounds[1]
        ):
            faults.append(
                f"provisioned_concurrency ({provisioned}) must be within the scaling's bounds, "
                f"{bounds[0]} to {bounds[1]}: change it or leave it out"
            )
        return faults
