"""What a serverless variant may be: its memory, its concurrency, and what it does not support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.records import ModelRecord

MEMORY_SIZES = (1024, 2048, 3072, 4096, 5120, 6144)
_EXCLUSIONS = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html"
    "#serverless-endpoints-how-it-works-exclusions"
)


@dataclass(frozen=True, kw_only=True)
class ServerlessCapacity:
    """How many invocations a variant takes at once.

    Attributes:
        maximum: invocations at once; more are refused.
        provisioned: environments that are kept ready.
    """

    maximum: int
    provisioned: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ServerlessCapacity:
        """From a ServerlessConfig."""
        return cls(
            maximum=config["MaxConcurrency"], provisioned=config.get("ProvisionedConcurrency", 0)
        )

    def changed(self, update: Mapping[str, Any]) -> ServerlessCapacity:
        """With what a ServerlessUpdateConfig says."""
        return replace(
            self,
            maximum=update.get("MaxConcurrency", self.maximum),
            provisioned=update.get("ProvisionedConcurrency", self.provisioned),
        )


def check_variant(variant: Mapping[str, Any], model: ModelRecord) -> None:
    """Judge a serverless variant and its model.

    Raises:
        ValidationException: AWS has no such serverless endpoint.
    """
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    if config["MemorySizeInMB"] not in MEMORY_SIZES:
        sizes = ", ".join(str(size) for size in MEMORY_SIZES)
        raise ValidationException(
            f"MemorySizeInMB of variant {name} must be one of {sizes}, got "
            f"{config['MemorySizeInMB']}."
        )
    check_concurrency(name, ServerlessCapacity.of(config))
    given = [key for key in ("InstanceType", "InitialInstanceCount") if variant.get(key)]
    if given:
        raise ValidationException(
            f"{' and '.join(given)} cannot be specified for the serverless variant {name}."
        )
    excluded = [
        what
        for what, is_asked in (
            ("VPC configuration", model.request.get("VpcConfig")),
            ("network isolation", model.request.get("EnableNetworkIsolation")),
        )
        if is_asked
    ]
    if excluded:
        raise unsupported(name, excluded)


def check_concurrency(name: str, capacity: ServerlessCapacity) -> None:
    """Refuse more provisioned than possible invocations.

    Raises:
        ValidationException: there are more.
    """
    if capacity.provisioned > capacity.maximum:
        raise ValidationException(
            f"ProvisionedConcurrency of variant {name} must be less than or equal to its "
            f"MaxConcurrency: {capacity.provisioned} > {capacity.maximum}."
        )


def unsupported(name: str, what: Sequence[str]) -> Exception:
    """Features that serverless endpoints do not have."""
    return ValidationException(
        f"The serverless variant {name} does not support {', '.join(what)}: see {_EXCLUSIONS}."
    )
