"""Looks up who answers a request."""

from __future__ import annotations

from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.host_fleet import HostFleet
from local_aws.sagemaker.hosting import Hosting
from local_aws.sagemaker.replies import Invocation, RuntimeFault

_SERVING = {"InService", "Updating", "RollingBack", "SystemUpdating", "UpdateRollbackFailed"}
# The service's own words.
_REQUIRED = (
    "Inference Component Name header is required for endpoints to which you plan to deploy "
    "inference components. Please include Inference Component Name header or consider using "
    "SageMaker models."
)
_NOT_ALLOWED = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy "
    "inference components. Please remove the Inference Component Name header and try again."
)


def serving(where: Hosting, endpoint_name: str) -> tuple[Endpoint, Fleet]:
    """The endpoint of this name and the fleet that a request goes to now.

    Raises:
        RuntimeFault: there is none, or it does not take requests.
    """
    endpoint = where.endpoints.get(endpoint_name)
    fleet = endpoint.traffic.choose() if endpoint is not None else None
    if endpoint is None or fleet is None or endpoint.endpoint_status not in _SERVING:
        message = f"Endpoint {endpoint_name} of account {where.account_id} not found."
        raise RuntimeFault(400, "ValidationError", message)
    return endpoint, fleet


def unsupported(endpoint_name: str) -> RuntimeFault:
    """The endpoint is of the other kind: asynchronous, or not."""
    message = f"Endpoint {endpoint_name} does not support this inference type."
    return RuntimeFault(400, "ValidationError", message)


def component_variant(where: Hosting, fleet: Fleet, invocation: Invocation) -> str | None:
    """The variant that hosts the component that is asked for; None if it is about no component.

    Raises:
        RuntimeFault: the endpoint hosts components and none is named, or the other way round, or
            the one that is named is not there.
    """
    hosts = any(isinstance(variant, HostFleet) for variant in fleet.variants.values())
    name = invocation.component
    if hosts and name is None:
        raise RuntimeFault(400, "ValidationError", _REQUIRED)
    if not hosts and name is not None:
        raise RuntimeFault(400, "ValidationError", _NOT_ALLOWED)
    if name is None:
        return None
    component = where.components.get(name)
    if component is None or component.endpoint.endpoint_name != invocation.endpoint_name:
        message = f"Inference Component {name} of account {where.account_id} not found."
        raise RuntimeFault(400, "ValidationError", message)
    return component.variant_name
