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
    from inference_constructs.async_endpoint import AsyncEndpoint as AsyncEndpoint
    from inference_constructs.async_inference import AsyncInference as AsyncInference
    from inference_constructs.async_metrics import AsyncMetrics as AsyncMetrics
    from inference_constructs.batch_run_options import BadRecords as BadRecords
    from inference_constructs.batch_alarms import BatchAlarms as BatchAlarms
    from inference_constructs.batch_arrivals import BatchArrivals as BatchArrivals
    from inference_constructs.batch_schedule import BatchSchedule as BatchSchedule
    from inference_constructs.batch_options import BatchStrategy as BatchStrategy
    from inference_constructs.batch import BatchTransformWorkflow as BatchTransformWorkflow
    from inference_constructs.business_hours import BusinessHours as BusinessHours
    from inference_constructs.data_capture import CaptureMode as CaptureMode
    from inference_constructs.component_metrics import ComponentMetrics as ComponentMetrics
    from inference_constructs.batch_options import CompressionType as CompressionType
    from inference_constructs.compute_requirements import ComputeRequirements as ComputeRequirements
    from inference_constructs.target_tracking import Cooldowns as Cooldowns
    from inference_constructs.data_bucket import DataBucket as DataBucket
    from inference_constructs.data_capture import DataCapture as DataCapture
    from inference_constructs.deployment_history import DeploymentHistory as DeploymentHistory
    from inference_constructs.detailed_metrics import DetailedMetrics as DetailedMetrics
    from inference_constructs.encryption import EncryptionKey as EncryptionKey
    from inference_constructs.alarms import EndpointAlarms as EndpointAlarms
    from inference_constructs.dashboard import EndpointDashboard as EndpointDashboard
    from inference_constructs.endpoint_logs import EndpointLogs as EndpointLogs
    from inference_constructs.fleet_share import FleetShare as FleetShare
    from inference_constructs.endpoint_closing import GoldenRequest as GoldenRequest
    from inference_constructs.batch_run_options import HeaderPolicy as HeaderPolicy
    from inference_constructs.hosting_options import HostingOptions as HostingOptions
    from model_artifacts.images import Image as Image
    from inference_constructs.inference_component import InferenceComponent as InferenceComponent
    from inference_constructs.component_endpoint import (
        InferenceComponentEndpoint as InferenceComponentEndpoint,
    )
    from inference_constructs.model import InferenceModel as InferenceModel
    from inference_constructs.inference_vpc import InferenceVpc as InferenceVpc
    from inference_constructs.batch_options import JoinSource as JoinSource
    from inference_constructs.managed_fleet import ManagedFleet as ManagedFleet
    from inference_constructs.artifact import ModelArtifact as ModelArtifact
    from inference_constructs.network import Network as Network
    from inference_constructs.notifications import Notifications as Notifications
    from inference_constructs.office_hours import OfficeHours as OfficeHours
    from inference_constructs.variant import ProductionVariant as ProductionVariant
    from inference_constructs.endpoint import RealtimeEndpoint as RealtimeEndpoint
    from inference_constructs.endpoint_closing import Reopening as Reopening
    from inference_constructs.retained_properties import RetainedProperties as RetainedProperties
    from inference_constructs.rollback_alarms import RollbackAlarms as RollbackAlarms
    from inference_constructs.rollout import Rollout as Rollout
    from inference_constructs.hosting_options import RoutingStrategy as RoutingStrategy
    from inference_constructs.batch_run_options import RunOptions as RunOptions
    from inference_constructs.s3_prefix import S3Prefix as S3Prefix
    from inference_constructs.managed_fleet import ScaleIn as ScaleIn
    from inference_constructs.scaling import Scaling as Scaling
    from inference_constructs.step_scaling import ScalingStep as ScalingStep
    from inference_constructs.scheduled import ScheduledCapacity as ScheduledCapacity
    from inference_constructs.serverless_endpoint import ServerlessEndpoint as ServerlessEndpoint
    from inference_constructs.serverless_variant import ServerlessVariant as ServerlessVariant
    from inference_constructs.service_role import ServiceRole as ServiceRole
    from inference_constructs.shadow_variant import ShadowVariant as ShadowVariant
    from inference_constructs.batch_options import SplitType as SplitType
    from inference_constructs.step_scaling import StepScaling as StepScaling
    from inference_constructs.scaling import Suspended as Suspended
    from inference_constructs.target_tracking import TargetTracking as TargetTracking
    from inference_constructs.batch_options import TransformOptions as TransformOptions
    from inference_constructs.metrics import VariantMetrics as VariantMetrics
    from inference_constructs.business_hours import Weekday as Weekday
    from model_artifacts.images import find_image as find_image
    # isort: on

_MODULES = {
    "ArtifactError": "model_artifacts.errors",
    "AssembleType": "inference_constructs.batch_options",
    "AsyncEndpoint": "inference_constructs.async_endpoint",
    "AsyncInference": "inference_constructs.async_inference",
    "AsyncMetrics": "inference_constructs.async_metrics",
    "BadRecords": "inference_constructs.batch_run_options",
    "BatchAlarms": "inference_constructs.batch_alarms",
    "BatchArrivals": "inference_constructs.batch_arrivals",
    "BatchSchedule": "inference_constructs.batch_schedule",
    "BatchStrategy": "inference_constructs.batch_options",
    "BatchTransformWorkflow": "inference_constructs.batch",
    "BusinessHours": "inference_constructs.business_hours",
    "CaptureMode": "inference_constructs.data_capture",
    "ComponentMetrics": "inference_constructs.component_metrics",
    "CompressionType": "inference_constructs.batch_options",
    "ComputeRequirements": "inference_constructs.compute_requirements",
    "Cooldowns": "inference_constructs.target_tracking",
    "DataBucket": "inference_constructs.data_bucket",
    "DataCapture": "inference_constructs.data_capture",
    "DeploymentHistory": "inference_constructs.deployment_history",
    "DetailedMetrics": "inference_constructs.detailed_metrics",
    "EncryptionKey": "inference_constructs.encryption",
    "EndpointAlarms": "inference_constructs.alarms",
    "EndpointDashboard": "inference_constructs.dashboard",
    "EndpointLogs": "inference_constructs.endpoint_logs",
    "FleetShare": "inference_constructs.fleet_share",
    "GoldenRequest": "inference_constructs.endpoint_closing",
    "HeaderPolicy": "inference_constructs.batch_run_options",
    "HostingOptions": "inference_constructs.hosting_options",
    "Image": "model_artifacts.images",
    "InferenceComponent": "inference_constructs.inference_component",
    "InferenceComponentEndpoint": "inference_constructs.component_endpoint",
    "InferenceModel": "inference_constructs.model",
    "InferenceVpc": "inference_constructs.inference_vpc",
    "JoinSource": "inference_constructs.batch_options",
    "ManagedFleet": "inference_constructs.managed_fleet",
    "ModelArtifact": "inference_constructs.artifact",
    "Network": "inference_constructs.network",
    "Notifications": "inference_constructs.notifications",
    "OfficeHours": "inference_constructs.office_hours",
    "ProductionVariant": "inference_constructs.variant",
    "RealtimeEndpoint": "inference_constructs.endpoint",
    "Reopening": "inference_constructs.endpoint_closing",
    "RetainedProperties": "inference_constructs.retained_properties",
    "RollbackAlarms": "inference_constructs.rollback_alarms",
    "Rollout": "inference_constructs.rollout",
    "RoutingStrategy": "inference_constructs.hosting_options",
    "RunOptions": "inference_constructs.batch_run_options",
    "S3Prefix": "inference_constructs.s3_prefix",
    "ScaleIn": "inference_constructs.managed_fleet",
    "Scaling": "inference_constructs.scaling",
    "ScalingStep": "inference_constructs.step_scaling",
    "ScheduledCapacity": "inference_constructs.scheduled",
    "ServerlessEndpoint": "inference_constructs.serverless_endpoint",
    "ServerlessVariant": "inference_constructs.serverless_variant",
    "ServiceRole": "inference_constructs.service_role",
    "ShadowVariant": "inference_constructs.shadow_variant",
    "SplitType": "inference_constructs.batch_options",
    "StepScaling": "inference_constructs.step_scaling",
    "Suspended": "inference_constructs.scaling",
    "TargetTracking": "inference_constructs.target_tracking",
    "TransformOptions": "inference_constructs.batch_options",
    "VariantMetrics": "inference_constructs.metrics",
    "Weekday": "inference_constructs.business_hours",
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
