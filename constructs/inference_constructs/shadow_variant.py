"""`ShadowVariant`: a fleet that answers copies of requests, for its metrics alone."""

import math
from dataclasses import dataclass, field

from inference_constructs.durations import is_late
from inference_constructs.faults import refuse
from inference_constructs.hosting_options import HostingOptions
from inference_constructs.model import InferenceModel
from inference_constructs.variant import ProductionVariant

SHADOW_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html"
_PERCENT = 100


@dataclass(frozen=True, kw_only=True)
class ShadowVariant:
    """A model that gets copies of the one production variant's requests, and answers to nobody.

    SageMaker copies the share that the shadow's weight has of the production variant's: for a
    sampling of p percent beside a variant of weight w, the shadow's weight is w * p / 100.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html

    Attributes:
        model: the model.
        instance_type: a hosting type, such as `ml.m5.large`.
        name: the variant's name, a dimension of its metrics.
        sampling_percent: the share of the requests that is copied. 0 copies none.
        initial_instance_count: its instances; nothing scales them.
        hosting: what few variants need.
    """

    model: InferenceModel
    instance_type: str
    name: str = "Shadow"
    sampling_percent: float = 100
    initial_instance_count: int = 1
    hosting: HostingOptions = field(default_factory=HostingOptions)

    def __post_init__(self) -> None:
        """Refuses what SageMaker would refuse at the deployment.

        Raises:
            ValueError: names all that is wrong.
        """
        percent = self.sampling_percent
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(percent) or (not 0 <= percent <= _PERCENT and not is_late(percent)):
            refuse(
                f"shadow variant {self.name!r}",
                [f"sampling_percent must be 0 to 100, not {percent}"],
            )
        self.beside(1)

    def beside(self, production_weight: float) -> ProductionVariant:
        """The shadow as SageMaker has it: a variant whose weight says what is copied.

        Args:
            production_weight: the weight of the production variant.
        """
        return ProductionVariant(
            model=self.model,
            instance_type=self.instance_type,
            name=self.name,
            initial_instance_count=self.initial_instance_count,
            weight=production_weight * self.sampling_percent / _PERCENT,
            hosting=self.hosting,
        )
