"""Proof that nothing is left."""

from __future__ import annotations

from demo.console import say
from demo.environment import DemoError, LocalAwsProcess


def verify(aws: LocalAwsProcess, endpoint: str) -> None:
    """List everything that would cost money or block the next deployment.

    Raises:
        DemoError: something is left.
    """
    sagemaker = aws.client("sagemaker")
    try:
        sagemaker.describe_endpoint(EndpointName=endpoint)
    except sagemaker.exceptions.ClientError as error:
        say(f"DescribeEndpoint: {error.response['Error']['Message']}")
    scaling = aws.client("application-autoscaling")
    left = {
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "endpoint configs": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "models": sagemaker.list_models()["Models"],
        "scalable targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ],
        "scaling policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")[
            "ScalingPolicies"
        ],
        "alarms": aws.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "state machines": aws.client("stepfunctions").list_state_machines()["stateMachines"],
    }
    say(", ".join(f"{name}: {len(found)}" for name, found in left.items()))
    remaining = [name for name, found in left.items() if found]
    if remaining:
        raise DemoError(f"left behind after `cdk destroy`: {', '.join(remaining)}")
