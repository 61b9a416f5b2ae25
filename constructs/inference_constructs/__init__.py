"""Constructs that put a trained XGBoost model into production on SageMaker.

A name's module is imported when the name is first used: the modules of the CDK behind them take a
third of a second together, and no app needs all of them.

To add a name, add a line to `_MODULES` and the same as an import below `TYPE_CHECKING`, where type
checkers and editors look; both are sorted by the name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # isort: off
    from model_artifacts.errors import ArtifactError as ArtifactError
    from inference_constructs.batch_options import AssembleType as AssembleType
    from inference_constructs.batch_alarms import BatchAlarms as BatchAlarms
    from inference_constructs.batch_options import BatchStrategy as BatchStrategy
    from inference_constructs.batch import BatchTransformWorkflow as BatchTransformWorkflow
    from inference_constructs.data_capture import CaptureMode as CaptureMode
    from inference_constructs.data_bucket import DataBucket as DataBucket
    from inference_constructs.data_capture import DataCapture as DataCapture
    from inference_constructs.encryption import EncryptionKey as EncryptionKey
    from inference_constructs.alarms import EndpointAlarms as EndpointAlarms
    from inference_constructs.dashboard import EndpointDashboard as EndpointDashboard
    from inference_constructs.endpoint_base import EndpointLogs as EndpointLogs
    from model_artifacts.images import Image as Image
    from inference_constructs.model import InferenceModel as InferenceModel
    from inference_constructs.inference_vpc import InferenceVpc as InferenceVpc
    from inference_constructs.batch_options import JoinSource as JoinSource
    from inference_constructs.artifact import ModelArtifact as ModelArtifact
    from inference_constructs.network import Network as Network
    from inference_constructs.notifications import Notifications as Notifications
    from inference_constructs.variant import ProductionVariant as ProductionVariant
    from inference_constructs.endpoint import RealtimeEndpoint as RealtimeEndpoint
    from inference_constructs.s3_prefix import S3Prefix as S3Prefix
    from inference_constructs.scaling import Scaling as Scaling
    from inference_constructs.serverless_endpoint import ServerlessEndpoint as ServerlessEndpoint
    from inference_constructs.serverless_variant import ServerlessVariant as ServerlessVariant
    from inference_constructs.service_role import ServiceRole as ServiceRole
    from inference_constructs.batch_options import SplitType as SplitType
    from inference_constructs.scaling import TargetTracking as TargetTracking
    from inference_constructs.batch_options import TransformOptions as TransformOptions
    from inference_constructs.metrics import VariantMetrics as VariantMetrics
    from model_artifacts.images import find_image as find_image
    # isort: on

_MODULES = {
    "ArtifactError": "model_artifacts.errors",
    "AssembleType": "inference_constructs.batch_options",
    "BatchAlarms": "inference_constructs.batch_alarms",
    "BatchStrategy": "inference_constructs.batch_options",
    "BatchTransformWorkflow": "inference_constructs.batch",
    "CaptureMode": "inference_constructs.data_capture",
    "DataBucket": "inference_constructs.data_bucket",
    "DataCapture": "inference_constructs.data_capture",
    "EncryptionKey": "inference_constructs.encryption",
    "EndpointAlarms": "inference_constructs.alarms",
    "EndpointDashboard": "inference_constructs.dashboard",
    "EndpointLogs": "inference_constructs.endpoint_base",
    "Image": "model_artifacts.images",
    "InferenceModel": "inference_constructs.model",
    "InferenceVpc": "inference_constructs.inference_vpc",
    "JoinSource": "inference_constructs.batch_options",
    "ModelArtifact": "inference_constructs.artifact",
    "Network": "inference_constructs.network",
    "Notifications": "inference_constructs.notifications",
    "ProductionVariant": "inference_constructs.variant",
    "RealtimeEndpoint": "inference_constructs.endpoint",
    "S3Prefix": "inference_constructs.s3_prefix",
    "Scaling": "inference_constructs.scaling",
    "ServerlessEndpoint": "inference_constructs.serverless_endpoint",
    "ServerlessVariant": "inference_constructs.serverless_variant",
    "ServiceRole": "inference_constructs.service_role",
    "SplitType": "inference_constructs.batch_options",
    "TargetTracking": "inference_constructs.scaling",
    "TransformOptions": "inference_constructs.batch_options",
    "VariantMetrics": "inference_constructs.metrics",
    "find_image": "model_artifacts.images",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Imports a name's module; https://peps.python.org/pep-0562/."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    """Lists what there is to import, too, for completion in a shell."""
    return sorted({*globals(), *__all__})
