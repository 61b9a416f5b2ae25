"""SageMaker of the local AWS: models, endpoint configs, and endpoints that really serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_aws.sagemaker.service import SageMaker

__all__ = ["SageMaker"]


def __getattr__(name: str) -> Any:
    # Looked up late: every container process imports this package, and none needs boto3.
    if name == "SageMaker":
        from local_aws.sagemaker.service import SageMaker

        return SageMaker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
