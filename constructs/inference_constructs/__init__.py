"""Constructs that put a trained XGBoost model into production on SageMaker."""

from inference_constructs.alarms import EndpointAlarms
from inference_constructs.artifact import ModelArtifact
from inference_constructs.batch import BatchTransformWorkflow
from inference_constructs.batch_alarms import BatchAlarms
from inference_constructs.batch_options import (
    AssembleType,
    BatchStrategy,
    JoinSource,
    SplitType,
    TransformOptions,
)
from inference_constructs.dashboard import EndpointDashboard
from inference_constructs.data_bucket import DataBucket
from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint import RealtimeEndpoint
from inference_constructs.metrics import VariantMetrics
from inference_constructs.model import InferenceModel
from inference_constructs.network import Network
from inference_constructs.notifications import Notifications
from inference_constructs.s3_prefix import S3Prefix
from inference_constructs.scaling import Scaling, TargetTracking
from inference_constructs.service_role import ServiceRole
from inference_constructs.variant import ProductionVariant
from model_artifacts.errors import ArtifactError
from model_artifacts.images import Image, find_image

__all__ = [
    "ArtifactError",
    "AssembleType",
    "BatchAlarms",
    "BatchStrategy",
    "BatchTransformWorkflow",
    "DataBucket",
    "EncryptionKey",
    "EndpointAlarms",
    "EndpointDashboard",
    "Image",
    "InferenceModel",
    "JoinSource",
    "ModelArtifact",
    "Network",
    "Notifications",
    "ProductionVariant",
    "RealtimeEndpoint",
    "S3Prefix",
    "Scaling",
    "ServiceRole",
    "SplitType",
    "TargetTracking",
    "TransformOptions",
    "VariantMetrics",
    "find_image",
]
