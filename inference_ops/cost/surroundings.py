"""What stands around endpoints and costs something: keys, alarms, logs, functions, networks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from inference_ops.cost.capacity import mapping, mappings, whole
from inference_ops.cost.line import Line
from inference_ops.cost.model import Model, Resource
from sagemaker_prices import HOURS_PER_MONTH, PriceTable, Unit, Usage

# Usage, what it is called, its unit and how many of it a resource has in a month; None: by use.
_Charge = tuple[Usage, str | None, str, Unit, float | None]

# What is free itself, or is counted with what it belongs to.
_FREE: Final = (
    "AWS::ApplicationAutoScaling::",
    "AWS::CDK::",
    "AWS::CloudFormation::",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::Events::Rule",
    "AWS::IAM::",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::KMS::Alias",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::ResourcePolicy",
    "AWS::S3::BucketPolicy",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::InferenceComponent",
    "AWS::SageMaker::Model",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "Custom::",
)


def surrounding_lines(model: Model, prices: PriceTable, region: str) -> Iterator[Line]:
    """What the resources around the endpoints cost.

    Args:
        model: the template.
        prices: the prices.
        region: where it goes.
    """
    for resource in model:
        for usage, size, what, unit, number in _charges(resource):
            yield Line(
                what=what,
                resources=(resource.logical_id,),
                unit=unit,
                minimum=number if number is not None and resource.certain else 0,
                maximum=number,
                price=prices.find(usage, region, size),
            )
    fewest, most = model.scaling_alarms()
    if most:
        yield Line(
            what="alarms of scaling policies",
            resources=(),
            unit="month",
            minimum=fewest,
            maximum=most,
            price=prices.find("alarm", region),
        )


def unread_types(model: Model) -> Mapping[str, int]:
    """The types of resources that may cost something and are in no line.

    Args:
        model: the template.

    Returns:
        How many there are of each.
    """
    found = Counter(
        resource.type
        for resource in model
        if not resource.type.startswith(_FREE) and not list(_charges(resource))
    )
    if model.loops:
        found["Fn::ForEach"] = model.loops
    return dict(sorted(found.items()))


def _charges(resource: Resource) -> Iterator[_Charge]:
    properties = resource.properties
    match resource.type:
        case "AWS::KMS::Key" | "AWS::KMS::ReplicaKey":
            yield "key", None, "KMS keys", "month", 1
        case "AWS::CloudWatch::Alarm":
            yield _alarm(properties)
        case "AWS::CloudWatch::CompositeAlarm":
            yield "composite-alarm", None, "composite alarms", "month", 1
        case "AWS::CloudWatch::Dashboard":
            yield "dashboard", None, "dashboards", "month", 1
        case "AWS::Logs::LogGroup":
            yield "logs", None, "logs, taken in", "GB", None
            yield "logs-kept", None, "logs, kept", "GB-month", None
        case "AWS::S3::Bucket":
            yield "objects", None, "objects in S3", "GB-month", None
        case "AWS::Lambda::Function":
            architectures = properties.get("Architectures")
            arm = isinstance(architectures, list) and "arm64" in architectures
            size = "arm64" if arm else "x86_64"
            yield "lambda", size, f"Lambda functions on {size}", "GB-second", None
            yield "lambda-request", None, "Lambda requests", "request", None
        case "AWS::StepFunctions::StateMachine" if _is_standard(properties):
            yield "state-transition", None, "state transitions", "transition", None
        case "AWS::EC2::NatGateway":
            yield "nat-gateway", None, "NAT gateways", "hour", HOURS_PER_MONTH
        case "AWS::EC2::VPCEndpoint" if properties.get("VpcEndpointType") == "Interface":
            # Each subnet is another availability zone, and each zone is paid for.
            subnets = properties.get("SubnetIds")
            zones = len(subnets) if isinstance(subnets, list) and subnets else 1
            hours = zones * HOURS_PER_MONTH
            yield "interface-endpoint", None, "interface endpoints", "hour", hours


def _alarm(properties: Mapping[str, object]) -> _Charge:
    """An alarm: each metric in its expression is paid for, and seconds are dearer than minutes."""
    queries = mappings(properties.get("Metrics"))
    measured = [mapping(query["MetricStat"]) for query in queries if "MetricStat" in query]
    periods = [whole(measure.get("Period")) for measure in measured or [properties]]
    metrics = max(len(measured), 1)
    if min((period for period in periods if period is not None), default=60) < 60:
        return "high-resolution-alarm", None, "alarms of high resolution", "month", metrics
    return "alarm", None, "alarms", "month", metrics


def _is_standard(properties: Mapping[str, object]) -> bool:
    return properties.get("StateMachineType", "STANDARD") == "STANDARD"
