"""Updates with a DeploymentConfig: traffic moves in steps, bakes, and comes back by an alarm.

The local AWS of these tests waits 60 times faster: a minute's alarm is evaluated every second, and
a baking period of 180 s, three of its periods, takes 3 s.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

# The model of every version but one that errs.
FAILING = """
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    raise ValueError("this version is no good")
"""
BAKE = 180


@dataclass
class Progress:
    """What DescribeEndpoint showed while an endpoint was updated."""

    final: dict[str, Any] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    # (status of the new variant, its instances, instances of the old variant), each once.
    stages: list[tuple[str, int, int]] = field(default_factory=list)
    pending: dict[str, Any] = field(default_factory=dict)


class Updates:
    """Updates endpoints of one test module and watches them."""

    def __init__(self, hosting: Any) -> None:
        self.hosting = hosting
        self.cloudwatch = hosting.connect("cloudwatch")

    def config(self, version: str, *, count: int = 2, handler: str | None = None) -> str:
        """An endpoint config of a new model, whose version is its name."""
        url = self.hosting.artifact(version, *([] if handler is None else [handler]))
        model = self.hosting.create_model(version, url)
        name: str = self.hosting.create_config(
            version, {"ModelName": model, "InitialInstanceCount": count}
        )
        return name

    def serve(self, version: str, *, count: int = 2, handler: str | None = None) -> str:
        """An endpoint in service."""
        config = self.config(version, count=count, handler=handler)
        name: str = self.hosting.create_endpoint(version, config)
        return name

    def alarm(self, endpoint: str, config: str, **options: str) -> str:
        """A real alarm on the share of errors of the fleet of one endpoint config; its name."""
        name = f"{config}-errors"
        dimensions = {
            "EndpointName": endpoint,
            "VariantName": "AllTraffic",
            "EndpointConfigName": config,
        }
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": name,
                "Namespace": "AWS/SageMaker",
                "MetricName": "Invocation5XXErrors",
                "Dimensions": [{"Name": key, "Value": found} for key, found in dimensions.items()],
                "Statistic": "Average",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0.1,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                **options,
            }
        )
        return name

    def wait_for_alarm(self, name: str) -> None:
        """Wait until an alarm is in ALARM."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            (found,) = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            if found["StateValue"] == "ALARM":
                return
            time.sleep(0.1)
        raise AssertionError(f"{name} is {found['StateValue']}")

    def update(
        self, endpoint: str, config: str, deployment: dict[str, Any] | None, **options: Any
    ) -> None:
        """Begin an update."""
        if deployment is not None:
            options["DeploymentConfig"] = deployment
        self.hosting.api.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=config, **options
        )

    def watch(
        self, endpoint: str, *, when: Callable[[dict[str, Any]], object] = lambda found: None
    ) -> Progress:
        """Look at the endpoint until its update is over, and let ``when`` see each look."""
        progress = Progress()
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = self.hosting.api.describe_endpoint(EndpointName=endpoint)
            when(found)
            status = found["EndpointStatus"]
            if status not in progress.statuses:
                progress.statuses.append(status)
            if status not in {"Updating", "RollingBack"}:
                progress.final = found
                return progress
            if "PendingDeploymentSummary" in found and status == "Updating":
                progress.pending = found["PendingDeploymentSummary"]
                new = progress.pending["ProductionVariants"][0]
                stage = (
                    new["VariantStatus"][0]["Status"],
                    new["CurrentInstanceCount"],
                    found["ProductionVariants"][0]["CurrentInstanceCount"],
                )
                if stage not in progress.stages:
                    progress.stages.append(stage)
            time.sleep(0.03)
        raise AssertionError(f"{endpoint} is still {status}")


def blue_green(
    shifting: str, *alarms: str, wait: int = BAKE, termination: int = 0, **size: Any
) -> dict[str, Any]:
    """A DeploymentConfig with a BlueGreenUpdatePolicy."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": shifting,
                "WaitIntervalInSeconds": wait,
                **size,
            },
            "TerminationWaitInSeconds": termination,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        **rollback(*alarms),
    }


def rolling(*alarms: str, wait: int = BAKE, **options: Any) -> dict[str, Any]:
    """A DeploymentConfig with a RollingUpdatePolicy of one instance at a time."""
    one = {"Type": "INSTANCE_COUNT", "Value": 1}
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": one,
            "WaitIntervalInSeconds": wait,
            "MaximumExecutionTimeoutInSeconds": 3600,
            **options,
        },
        **rollback(*alarms),
    }


def rollback(*alarms: str) -> dict[str, Any]:
    """The AutoRollbackConfiguration of these alarms."""
    if not alarms:
        return {}
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}


HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}


@pytest.fixture(scope="module")
def updates(hosting: Any) -> Updates:
    """Updates of this module's endpoints, whose role may read alarms."""
    hosting.role = hosting.create_role(
        "deployer",
        {
            "Effect": "Allow",
            "Action": ["s3:*", "logs:*", "cloudwatch:DescribeAlarms"],
            "Resource": "*",
        },
    )
    return Updates(hosting)


def test_a_canary_takes_its_share_then_all_and_no_request_fails(
    updates: Updates, traffic: Any
) -> None:
    """Both versions answer while the canary bakes, only the new one afterwards."""
    endpoint = updates.serve("canary-v1")
    config = updates.config("canary-v2")
    alarm = updates.alarm(endpoint, config)
    deployment = blue_green("CANARY", alarm, CanarySize=HALF, termination=60)
    baking: list[Counter[str]] = []
    with traffic(endpoint) as got:

        def note(found: dict[str, Any]) -> None:
            summary = found.get("PendingDeploymentSummary", {})
            for variant in summary.get("ProductionVariants", ()):
                if variant["VariantStatus"][0]["Status"] == "Baking":
                    baking.append(Counter(got.answers))

        updates.update(endpoint, config, deployment)
        progress = updates.watch(endpoint, when=note)
        before = Counter(got.answers)
        time.sleep(0.3)
        after = got.answers - before
    assert got.failures == []
    # The first half of the bakes is the canary's: with two instances it is one of two.
    first, middle, last = baking[0], baking[len(baking) * 2 // 5], baking[-1]
    share = (middle["canary-v2"] - first["canary-v2"]) / (middle - first).total()
    assert 0.35 < share < 0.65
    assert last["canary-v1"] == got.answers["canary-v1"]
    assert set(after) == {"canary-v2"}
    assert progress.statuses == ["Updating", "InService"]
    assert progress.stages[0][0] == "Creating"
    assert len(baking) > 10
    # Blue/green: the whole old fleet stands beside the whole new one.
    assert ("Baking", 2, 2) in progress.stages
    assert progress.pending["EndpointConfigName"] == config
    assert progress.pending["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    assert progress.final["EndpointConfigName"] == config
    assert progress.final["LastDeploymentConfig"] == deployment
    assert "PendingDeploymentSummary" not in progress.final
    assert "FailureReason" not in progress.final


def test_a_version_that_errs_is_rolled_back_by_its_alarm(updates: Updates, traffic: Any) -> None:
    """RollingBack, then the old version alone, with the alarm's name as the reason."""
    endpoint = updates.serve("errs-v1")
    config = updates.config("errs-v2", handler=FAILING)
    alarm = updates.alarm(endpoint, config)
    with traffic(endpoint) as got:
        updates.update(endpoint, config, blue_green("CANARY", alarm, CanarySize=HALF))
        progress = updates.watch(endpoint)
        failures = len(got.failures)
        time.sleep(0.5)
    assert set(got.answers) == {"errs-v1"}
    # What the new version answered while it baked, and nothing after it was rolled back.
    assert 0 < failures == len(got.failures)
    assert all("ModelError" in failure for failure in got.failures)
    assert progress.statuses == ["Updating", "RollingBack", "InService"]
    assert progress.final["EndpointConfigName"] == "guardrails-errs-v1"
    assert alarm in progress.final["FailureReason"]
    assert "PendingDeploymentSummary" not in progress.final


@pytest.mark.long
def test_without_rollback_alarms_the_same_version_goes_into_service(
    updates: Updates, traffic: Any
) -> None:
    """The control: what was rolled back above is what nobody stops here."""
    endpoint = updates.serve("control-v1", count=1)
    config = updates.config("control-v2", count=1, handler=FAILING)
    with traffic(endpoint) as got:
        updates.update(endpoint, config, blue_green("ALL_AT_ONCE"))
        final = updates.watch(endpoint).final
    assert final["EndpointConfigName"] == config
    assert got.failures


@pytest.mark.long
def test_an_old_fleet_that_errs_does_not_stop_its_fix(updates: Updates, traffic: Any) -> None:
    """An alarm with the dimension EndpointConfigName sees the new fleet only."""
    endpoint = updates.serve("ill", count=1, handler=FAILING)
    config = updates.config("healed", count=1)
    alarm = updates.alarm(endpoint, config)
    with traffic(endpoint) as got:
        time.sleep(1)
        updates.update(endpoint, config, blue_green("ALL_AT_ONCE", alarm))
        final = updates.watch(endpoint).final
    assert got.failures
    assert final["EndpointConfigName"] == config
    assert updates.hosting.version(endpoint) == "healed"


def test_a_rolling_update_replaces_batch_by_batch(updates: Updates, traffic: Any) -> None:
    """Never more than one instance beyond the fleet's two, and no request fails."""
    endpoint = updates.serve("rolling-v1")
    config = updates.config("rolling-v2")
    with traffic(endpoint) as got:
        updates.update(endpoint, config, rolling(updates.alarm(endpoint, config), wait=60))
        progress = updates.watch(endpoint)
    assert got.failures == []
    assert set(got.answers) == {"rolling-v1", "rolling-v2"}
    assert progress.final["EndpointConfigName"] == config
    counts = [(new, old) for _, new, old in progress.stages]
    assert max(new + old for new, old in counts) == 3
    for counted in ((1, 2), (1, 1), (2, 1)):
        assert counted in counts
    assert updates.hosting.version(endpoint) == "rolling-v2"


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [{}, {"RollbackMaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}],
    ids=["at-once", "in-batches"],
)
def test_a_rolling_update_comes_back_as_it_went(
    updates: Updates, traffic: Any, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """An alarm in the second batch: instances of the old fleet start again, and take over."""
    tag = request.node.callspec.id
    endpoint = updates.serve(f"back-{tag}-v1")
    config = updates.config(f"back-{tag}-v2")
    alarm = updates.alarm(endpoint, config)

    def trip(found: dict[str, Any]) -> None:
        pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        if pending.get("CurrentInstanceCount") == 2 and found["EndpointStatus"] == "Updating":
            updates.cloudwatch.set_alarm_state(
                AlarmName=alarm, StateValue="ALARM", StateReason="a test"
            )

    with traffic(endpoint) as got:
        updates.update(endpoint, config, rolling(alarm, **options))
        progress = updates.watch(endpoint, when=trip)
    assert got.failures == []
    assert progress.statuses == ["Updating", "RollingBack", "InService"]
    assert progress.final["EndpointConfigName"] == f"guardrails-back-{tag}-v1"
    assert progress.final["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert updates.hosting.version(endpoint) == f"back-{tag}-v1"


@pytest.mark.long
def test_a_rollback_without_capacity_fails_and_the_mix_serves_on(
    updates: Updates, traffic: Any, limit_capacity: Callable[[str, int | None], None]
) -> None:
    """UpdateRollbackFailed: both versions answer, until another update ends that."""
    endpoint = updates.serve("mixed-v1")
    config = updates.config("mixed-v2")
    alarm = updates.alarm(endpoint, config)

    def trip(found: dict[str, Any]) -> None:
        pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        if pending.get("CurrentInstanceCount") == 2 and found["EndpointStatus"] == "Updating":
            limit_capacity("ml.m5.large", 0)
            updates.cloudwatch.set_alarm_state(
                AlarmName=alarm, StateValue="ALARM", StateReason="a test"
            )

    with traffic(endpoint) as got:
        updates.update(endpoint, config, rolling(alarm))
        final = updates.watch(endpoint, when=trip).final
        assert final["EndpointStatus"] == "UpdateRollbackFailed"
        assert "InsufficientInstanceCapacity" in final["FailureReason"]
        limit_capacity("ml.m5.large", None)
        updates.update(endpoint, updates.config("mixed-v3", count=1), None)
        final = updates.watch(endpoint).final
    assert got.failures == []
    assert final["EndpointStatus"] == "InService"
    assert updates.hosting.version(endpoint) == "mixed-v3"


@pytest.mark.parametrize("state", ["in ALARM", "missing", "unreadable"])
def test_an_update_ends_before_it_begins_where_its_alarms_do(updates: Updates, state: str) -> None:
    """No new fleet starts: an alarm rings already, is not there, or may not be read by the role."""
    name = f"early-{state.replace(' ', '-').lower()}"
    hosting = updates.hosting
    endpoint = updates.serve(f"{name}-v1", count=1)
    config, alarm = f"guardrails-{name}-v1", f"{name}-none"
    if state == "unreadable":
        blind = hosting.create_role(
            "blind", {"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}
        )
        model = hosting.create_model(f"{name}-v2", ExecutionRoleArn=blind)
        config = hosting.create_config(f"{name}-v2", {"ModelName": model})
    if state == "unreadable":
        alarm = updates.alarm(endpoint, config)
    if state == "in ALARM":
        alarm = updates.alarm(endpoint, config, TreatMissingData="breaching")
        updates.wait_for_alarm(alarm)
    updates.update(endpoint, config, blue_green("ALL_AT_ONCE", alarm))
    progress = updates.watch(endpoint)
    assert progress.final["EndpointStatus"] == "InService"
    assert all(new == 0 for _, new, _ in progress.stages)
    wanted = {
        "in ALARM": alarm,
        "missing": "could not be found",
        "unreadable": "cloudwatch:DescribeAlarms",
    }
    assert wanted[state] in progress.final["FailureReason"]


@pytest.mark.long
def test_the_last_deployment_config_is_used_again_where_asked(updates: Updates) -> None:
    """CreateEndpoint keeps it for later, and RetainDeploymentConfig takes it."""
    config = updates.config("again-v1")
    deployment = blue_green("LINEAR", LinearStepSize=HALF, wait=60)
    endpoint = f"{updates.hosting.prefix}-again"
    updates.hosting.api.create_endpoint(
        EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=deployment
    )
    updates.hosting.wait(endpoint, "InService")
    updates.update(endpoint, updates.config("again-v2"), None, RetainDeploymentConfig=True)
    progress = updates.watch(endpoint)
    # Two steps of a minute's bake, in seconds here: without it there is none at all.
    assert "Baking" in {status for status, _, _ in progress.stages}
    assert progress.final["LastDeploymentConfig"] == deployment
    began = time.monotonic()
    updates.update(endpoint, config, None)
    assert updates.watch(endpoint).final["EndpointConfigName"] == config
    assert time.monotonic() - began < 60
    updates.hosting.remove(endpoint)


@pytest.mark.long
def test_a_deployment_over_its_time_is_rolled_back(updates: Updates) -> None:
    """600 seconds, of which the wait takes 599: starting a process takes the rest."""
    endpoint = updates.serve("late-v1", count=1)
    config = updates.config("late-v2", count=1, handler="import time\ntime.sleep(1.5)\n" + FAILING)
    deployment = blue_green("ALL_AT_ONCE", wait=599)
    deployment["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    updates.update(endpoint, config, deployment)
    final = updates.watch(endpoint).final
    assert final["EndpointConfigName"] == "guardrails-late-v1"
    assert "maximum execution timeout of 600 seconds" in final["FailureReason"]
    assert updates.hosting.version(endpoint) == "late-v1"


def refused(updates: Updates, endpoint: str, config: str, deployment: dict[str, Any]) -> str:
    """The message of the ValidationException that an update is refused with."""
    with pytest.raises(ClientError) as raised:
        updates.update(endpoint, config, deployment)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    message: str = raised.value.response["Error"]["Message"]
    return message


@pytest.fixture(scope="module")
def pair(updates: Updates) -> str:
    """An endpoint of two instances that is never changed."""
    return updates.serve("pair")


def test_what_the_guardrails_exclude_is_refused(updates: Updates, pair: str) -> None:
    """Other variant names, rolling several variants, and nothing of it without a policy."""
    model = "guardrails-pair"
    renamed = updates.hosting.create_config("renamed", {"ModelName": model, "VariantName": "Other"})
    message = refused(updates, pair, renamed, blue_green("ALL_AT_ONCE"))
    assert "must have the same variant name" in message
    assert "deployment-guardrails-exclusions.html" in message
    several = updates.hosting.create_config(
        "several", {"ModelName": model}, {"ModelName": model, "VariantName": "Other"}
    )
    message = refused(updates, pair, several, blue_green("ALL_AT_ONCE"))
    assert "must have the same variant name" in message
    serverless = f"{updates.hosting.prefix}-serverless"
    updates.hosting.api.create_endpoint_config(
        EndpointConfigName=serverless,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
            }
        ],
    )
    with pytest.raises(ClientError, match="cannot be converted to a serverless endpoint"):
        updates.update(pair, serverless, None)
    with pytest.raises(ClientError, match="DeploymentConfig cannot be specified for a serverless"):
        updates.hosting.api.create_endpoint(
            EndpointName="no",
            EndpointConfigName=serverless,
            DeploymentConfig=blue_green("ALL_AT_ONCE"),
        )
    with pytest.raises(ClientError, match="RollingUpdatePolicy cannot be specified"):
        updates.hosting.api.create_endpoint(
            EndpointName="no", EndpointConfigName=several, DeploymentConfig=rolling()
        )


@pytest.mark.parametrize(
    ("deployment", "message"),
    [
        (
            blue_green("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 51}),
            "CanarySize must be 1% to 50%",
        ),
        (
            blue_green("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 2}),
            "CanarySize must be 1% to 50%",
        ),
        (
            blue_green("LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 9}),
            "LinearStepSize must be 10% to 50%",
        ),
        (
            rolling(MaximumBatchSize={"Type": "CAPACITY_PERCENT", "Value": 4}),
            "MaximumBatchSize must be 5% to 50%",
        ),
        (
            rolling(RollbackMaximumBatchSize={"Type": "INSTANCE_COUNT", "Value": 3}),
            "RollbackMaximumBatchSize must be at most 100%",
        ),
        (blue_green("CANARY"), "CanarySize is required"),
        (blue_green("ALL_AT_ONCE", CanarySize=HALF), "CanarySize cannot be specified"),
        (blue_green("CANARY", CanarySize=HALF, wait=1800), "must be larger than the total waiting"),
        (blue_green("CANARY", CanarySize=HALF, wait=3601), "less than or equal to 3600"),
        (blue_green("ALL_AT_ONCE", termination=3601), "less than or equal to 3600"),
        (
            blue_green("ALL_AT_ONCE", *(f"alarm-{number}" for number in range(11))),
            "less than or equal to 10",
        ),
        ({**blue_green("ALL_AT_ONCE"), **rolling()}, "Only one of BlueGreenUpdatePolicy and"),
    ],
)
def test_the_numbers_of_a_policy_have_their_limits(
    updates: Updates, pair: str, deployment: dict[str, Any], message: str
) -> None:
    """Sizes are judged against the fleet of two instances; the endpoint stays as it is."""
    assert message in refused(updates, pair, "guardrails-pair", deployment)
    found = updates.hosting.api.describe_endpoint(EndpointName=pair)
    assert found["EndpointStatus"] == "InService"
