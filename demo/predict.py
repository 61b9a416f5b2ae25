"""Real-time predictions of the held-out rows, over boto3 and over the SageMaker SDK."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

from demo.console import say
from demo.environment import OUTPUT, ROOT, DemoError, LocalAwsProcess

SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
SDK_PYTHON = ROOT / ".venv-sdk2" / "bin" / "python"


def _rows(model: Path) -> tuple[list[str], list[int]]:
    """The held-out rows as CSV lines without the label, and their labels."""
    with (model / "heldout_labelled.csv").open(newline="") as file:
        records = list(csv.reader(file))
    return [",".join(record[1:]) for record in records], [int(float(r[0])) for r in records]


def _accuracy(probabilities: list[float], labels: list[int]) -> float:
    hits = sum((p > 0.5) == bool(label) for p, label in zip(probabilities, labels, strict=True))
    return hits / len(labels)


def describe(aws: LocalAwsProcess, endpoint: str) -> str:
    """Print the endpoint's status, creation time and fleet.

    Returns:
        The name of its first variant.

    Raises:
        DemoError: the endpoint is not in service.
    """
    found = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    say(f"Endpoint status: {found['EndpointStatus']}")
    say(f"Created: {found['CreationTime']:%Y-%m-%d %H:%M:%S %Z}")
    for variant in found["ProductionVariants"]:
        image = variant["DeployedImages"][0]["SpecifiedImage"]
        say(
            f"Variant {variant['VariantName']}: {variant['CurrentInstanceCount']} instance(s) of "
            f"{image}"
        )
    if found["EndpointStatus"] != "InService":
        raise DemoError(f"{endpoint} is {found['EndpointStatus']}, expected InService")
    name: str = found["ProductionVariants"][0]["VariantName"]
    return name


def over_boto3(aws: LocalAwsProcess, endpoint: str, model: Path) -> list[float]:
    """Predict each held-out row in a request of its own; print accuracy and latency.

    Returns:
        The probabilities, in the order of the rows.
    """
    runtime = aws.client("sagemaker-runtime")
    rows, labels = _rows(model)
    probabilities, milliseconds = [], []
    for row in rows:
        start = time.perf_counter()
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row
        )
        body = answer["Body"].read()
        milliseconds.append((time.perf_counter() - start) * 1000)
        probabilities.append(float(body))
    cuts = quantiles(milliseconds, n=100)
    say(f"first row → {probabilities[0]:.6f} (label {labels[0]})")
    say(
        f"boto3: {len(rows)} requests, accuracy {_accuracy(probabilities, labels):.3f}, "
        f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"
    )
    return probabilities


def over_sdk(aws: LocalAwsProcess, endpoint: str, model: Path, expected: list[float]) -> None:
    """Predict the same rows through the SDK's `Predictor`, in the SDK's own environment.

    Raises:
        DemoError: it answers other numbers than boto3 got.
    """
    lines = aws.run(
        *(str(SDK_PYTHON), str(ROOT / "demo" / "sdk_predictor.py"), endpoint),
        str(model / "heldout.csv"),
        log=OUTPUT / "sdk-predictor.log",
    )
    answer = json.loads(lines[-1])
    if answer != expected:
        raise DemoError("the SDK's Predictor and boto3 got different predictions for the same rows")
    _, labels = _rows(model)
    say(f"SDK Predictor: accuracy {_accuracy(answer, labels):.3f}, the same numbers as over boto3")


def invocations(aws: LocalAwsProcess, endpoint: str, variant: str) -> float:
    """Print the Invocations of the last hour in CloudWatch; their sum.

    Raises:
        DemoError: CloudWatch has none.
    """
    now = datetime.now(UTC)
    cloudwatch = aws.client("cloudwatch")
    # A minute of room: the service publishes with a delay.
    for _ in range(20):
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
            ],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=300,
            Statistics=["Sum"],
        )["Datapoints"]
        if points:
            total: float = sum(point["Sum"] for point in points)
            say(f"CloudWatch: Invocations of {variant} in the last hour: {total:g}")
            return total
        time.sleep(0.5)
    raise DemoError(f"CloudWatch has no Invocations of {endpoint}")


def show_state(aws: LocalAwsProcess, endpoint: str) -> None:
    """Print alarms, scalable targets and scaling activities of the endpoint."""
    alarms = _pages(aws, "cloudwatch", "describe_alarms", "MetricAlarms")
    for alarm in alarms:
        say(f"{alarm['StateValue']:<18} {watched(alarm)}")
    resource = {"ServiceNamespace": "sagemaker"}
    scaling = aws.client("application-autoscaling")
    for target in scaling.describe_scalable_targets(**resource)["ScalableTargets"]:
        say(
            f"Scalable target {target['ResourceId']}: "
            f"{target['MinCapacity']} to {target['MaxCapacity']}"
        )
    for policy in scaling.describe_scaling_policies(**resource)["ScalingPolicies"]:
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        say(
            f"Policy {policy['PolicyName']}: "
            f"{tracking['TargetValue']:g} invocations a minute per instance"
        )
    for activity in scaling.describe_scaling_activities(**resource)["ScalingActivities"]:
        say(f"Activity: {activity['Description']}")
    found = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    for variant in found["ProductionVariants"]:
        say(
            f"Variant {variant['VariantName']} runs "
            f"{variant['CurrentInstanceCount']} instance(s) now"
        )


def _pages(aws: LocalAwsProcess, service: str, operation: str, key: str) -> list[dict[str, Any]]:
    pages = aws.client(service).get_paginator(operation).paginate()
    return [item for page in pages for item in page[key]]


def watched(alarm: dict[str, Any]) -> str:
    """What an alarm watches, in a few words."""
    statistic = alarm.get("ExtendedStatistic", alarm.get("Statistic", ""))
    sign = SIGNS[alarm["ComparisonOperator"]]
    return f"{alarm['MetricName']} {statistic} {sign} {alarm['Threshold']:g}"
