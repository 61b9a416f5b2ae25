"""What Application Auto Scaling asks for in its caller's name.

Before it registers a resource, it tries whether the caller might do by hand what it will do by
itself, and creates its service-linked role if there is none, see
https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
and https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from local_aws.permissions import stored
from local_aws.permissions.operations import Call
from local_aws.permissions.targets import Place, Target

SERVICE = "application-autoscaling.amazonaws.com"
LINKED_SERVICE = f"sagemaker.{SERVICE}"
LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"

_ENDPOINT = ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities")
_COMPONENT = ("DescribeInferenceComponent", "UpdateInferenceComponentRuntimeConfig")
# Its names are made up by the service.
_ALARM = "alarm:TargetTracking-{resource_id}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One action that the caller must be allowed, and the condition keys of that question."""

    target: Target
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def linked_role_arn(account: str) -> str:
    """The service-linked role with which SageMaker's resources are scaled."""
    return f"arn:aws:iam::{account}:role/aws-service-role/{LINKED_SERVICE}/{LINKED_ROLE}"


def asked_for(call: Call, place: Place) -> Iterator[Asked]:
    """Everything that a call needs beyond its own action."""
    given = call.parameters
    if given.get("ServiceNamespace") != "sagemaker":
        return
    if call.operation == "RegisterScalableTarget":
        role = linked_role_arn(place.account)
        if stored.find_role(role) is None:
            yield Asked(
                target=Target("iam:CreateServiceLinkedRole", role),
                context={"iam:awsservicename": (LINKED_SERVICE,)},
            )
        yield from _resource(str(given["ResourceId"]), place)
        yield from _alarms(given, place)
    elif given.get("PolicyType") == "TargetTrackingScaling":
        yield from _alarms(given, place)


def _resource(resource_id: str, place: Place) -> Iterator[Asked]:
    kind, _, rest = resource_id.partition("/")
    name = rest.partition("/")[0]
    actions = _ENDPOINT if kind == "endpoint" else _COMPONENT
    for action in actions:
        yield _in_its_name(f"sagemaker:{action}", place.arn("sagemaker", f"{kind}/{name.lower()}"))
    if kind == "endpoint":
        config = stored.config_of_endpoint(name, account=place.account, region=place.region)
        if config is not None:
            yield _in_its_name(
                "sagemaker:DescribeEndpointConfig",
                place.arn("sagemaker", f"endpoint-config/{config.lower()}"),
            )


def _alarms(given: Mapping[str, object], place: Place) -> Iterator[Asked]:
    alarm = place.arn("cloudwatch", _ALARM.format(resource_id=given["ResourceId"]))
    yield _in_its_name("cloudwatch:DescribeAlarms", place.arn("cloudwatch", "alarm:*"))
    for action in ("PutMetricAlarm", "DeleteAlarms"):
        yield _in_its_name(f"cloudwatch:{action}", alarm)


def _in_its_name(action: str, resource: str) -> Asked:
    return Asked(
        target=Target(action, resource),
        context={
            "aws:calledvia": (SERVICE,),
            "aws:calledviafirst": (SERVICE,),
            "aws:calledvialast": (SERVICE,),
            "aws:viaawsservice": ("true",),
        },
    )
