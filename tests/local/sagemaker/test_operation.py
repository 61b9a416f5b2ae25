"""`inference status`, `invoke`, `logs`, `verify` and `cleanup` on live endpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

Run = Callable[..., SimpleNamespace]

# Answers `/ping`, and no request.
DEAD = """
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    raise RuntimeError("the model is dead")
"""


@pytest.fixture(scope="module")
def endpoint(hosting: Any) -> str:
    """An endpoint with one instance, scaled and watched, that no stack owns; its name."""
    name: str = hosting.serve("notebook")
    scaling, cloudwatch = (
        hosting.connect(service) for service in ("application-autoscaling", "cloudwatch")
    )
    scaling.register_scalable_target(**scaled(name), MinCapacity=1, MaxCapacity=2)
    cloudwatch.put_metric_alarm(
        AlarmName=f"{name}-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": name},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1000,
        ComparisonOperator="GreaterThanThreshold",
    )
    return name


def scaled(endpoint: str) -> dict[str, str]:
    """What names the variant to Application Auto Scaling."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def test_the_status_tells_fleet_scaling_and_alarms(run: Run, endpoint: str) -> None:
    """For people in tables, for programs in one object."""
    told = run("status", endpoint)
    assert told.code == 0
    assert "InService" in told.out
    assert f"{endpoint}-errors" in told.out
    found = run("status", endpoint, "--json").json
    assert [(v["name"], v["instances"], v["weight"]) for v in found["variants"]] == [
        ("AllTraffic", 1, 1.0)
    ]
    assert [(t["minimum"], t["maximum"]) for t in found["scaling"]] == [(1, 2)]
    assert [alarm["name"] for alarm in found["alarms"]] == [f"{endpoint}-errors"]


def test_an_endpoint_that_does_not_exist_is_told_in_one_line(run: Run) -> None:
    """Whatever is asked of it."""
    for command in ("status", "verify", "logs"):
        told = run(command, "nowhere")
        assert told.code == 1
        assert told.err == told.err.splitlines()[0] + "\n"
        assert told.err.startswith("error: endpoint nowhere does not exist")


def test_an_endpoint_answers_a_file_and_standard_input(
    run: Run, endpoint: str, hosting: Any, tmp_path: Path
) -> None:
    """The answer is XGBoost's own, alone on stdout."""
    rows = tmp_path / "rows.csv"
    rows.write_bytes(hosting.model.csv)
    from_file, from_stdin = (
        run("invoke", endpoint, "--file", str(rows)),
        run("invoke", endpoint, stdin=hosting.model.csv),
    )
    assert from_file.code == from_stdin.code == 0
    answers = [float(line) for line in from_file.out.split()]
    assert answers == pytest.approx(hosting.model.expected.tolist(), rel=1e-6)
    assert from_stdin.out == from_file.out
    assert "AllTraffic" in from_file.err


def test_what_the_container_says_is_passed_on(run: Run, endpoint: str) -> None:
    """With its status, and where to look further."""
    command = ("invoke", endpoint, "--content-type", "application/x-command")
    refused = run(*command, stdin=b'{"do": "refuse"}')
    assert refused.code == 1
    assert "answered 400: 'no such row'" in refused.err
    assert f"inference logs {endpoint}" in refused.err
    assert run(*command, stdin=b'{"do": "raise"}').err.count("answered 500") == 1


def test_nothing_and_too_much_are_not_sent(run: Run, endpoint: str) -> None:
    """The limit is SageMaker's: 6,291,456 bytes."""
    assert "is empty" in run("invoke", endpoint, stdin=b"").err
    told = run("invoke", endpoint, stdin=b"1" * 6_291_457)
    assert told.code == 2
    assert "6,291,456" in told.err


def test_an_answer_that_was_kept_is_expected_again(
    run: Run, endpoint: str, hosting: Any, tmp_path: Path
) -> None:
    """A number beyond the tolerance fails the check, and so the command."""
    golden = tmp_path / "golden.json"
    assert run("invoke", endpoint, "--record", str(golden), stdin=hosting.model.csv).code == 0
    verify = ("verify", endpoint, "--golden", str(golden), "--json")
    found = run(*verify)
    assert found.code == 0
    passed = {check["subject"]: check["passed"] for check in found.json["checks"]}
    assert passed["answer of the endpoint"] is True
    assert passed["config"] is None, "no stack tells which config it has to be"
    document = json.loads(golden.read_text())
    first = float(document["expected"].split()[0])
    document["expected"] = document["expected"].replace(str(first), str(first + 0.01), 1)
    golden.write_text(json.dumps(document))
    found = run(*verify)
    assert found.code == 1
    (failed,) = (check for check in found.json["checks"] if check["passed"] is False)
    assert failed["subject"] == "answer of the endpoint"
    assert failed["found"].startswith("number 1 is ")


def test_a_file_that_is_no_golden_one_is_refused(run: Run, endpoint: str, tmp_path: Path) -> None:
    """With the command that writes one."""
    other = tmp_path / "rows.json"
    other.write_text("[[1, 2]]")
    told = run("verify", endpoint, "--golden", str(other))
    assert told.code == 2
    assert "--record FILE" in told.err


def test_the_config_that_has_to_be_live_can_be_named(run: Run, endpoint: str) -> None:
    """Another one is told beside it."""
    live = run("status", endpoint, "--json").json["config"]
    assert run("verify", endpoint, "--config", live).code == 0
    told = run("verify", endpoint, "--config", "another")
    assert told.code == 1
    assert f"{live}, and another was deployed" in told.out


def test_a_model_that_is_dead_behind_a_good_ping_is_found(
    run: Run, hosting: Any, tmp_path: Path
) -> None:
    """The endpoint is in service, and answers nobody."""
    model = hosting.create_model("dead", hosting.artifact("dead", DEAD))
    name = hosting.create_endpoint("dead", hosting.create_config("dead", {"ModelName": model}))
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({"body": "1", "content_type": "text/csv", "expected": "1"}))
    assert run("verify", name).code == 0
    found = run("verify", name, "--golden", str(golden))
    assert found.code == 1
    assert "answered 500" in found.out


def test_logs_are_read_filtered_and_refused(run: Run, endpoint: str, hosting: Any) -> None:
    """What the containers wrote, since a time."""
    hosting.version(endpoint)
    # What a container writes reaches the log a little later, as on AWS.
    deadline = time.monotonic() + 60
    while True:
        lines = run("logs", endpoint, "--since", "1h", "--json").json["lines"]
        if any("POST /invocations" in line["text"] for line in lines):
            break
        assert time.monotonic() < deadline, lines
        time.sleep(0.2)
    assert {line["stream"].partition("/")[0] for line in lines} == {"AllTraffic"}
    filtered = run("logs", endpoint, "--filter", '"POST /invocations"', "--json").json["lines"]
    assert 0 < len(filtered) < len(lines)
    assert run("logs", endpoint, "--since", "soon").code == 2
    assert run("logs").code == 2
    # Whether or not any job has logged by now.
    assert run("logs", "--job", "none", "--since", "1h").out == ""


def test_cleanup_tells_first_and_deletes_what_is_the_endpoints_alone(
    run: Run, endpoint: str, hosting: Any
) -> None:
    """A model that another config names stays, and so does everything else."""
    shared = hosting.create_model("shared")
    name = hosting.create_endpoint("shared", hosting.create_config("own", {"ModelName": shared}))
    other = hosting.create_config("other", {"ModelName": shared})
    own = {"endpoint", "endpoint config", "log group"}
    # The group comes with the first lines, a little later.
    deadline = time.monotonic() + 60
    while True:
        found = run("cleanup", name, "--json").json["found"]
        if {leftover["kind"] for leftover in found} == own:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    assert run("status", name).code == 0, "nothing is deleted without --yes"
    assert run("cleanup", name, "--yes").code == 0
    assert run("status", name).code == 1
    assert hosting.api.describe_model(ModelName=shared)
    assert hosting.api.describe_endpoint_config(EndpointConfigName=other)

    done = run("cleanup", endpoint, "--yes", "--json")
    assert done.code == 0
    kinds = [leftover["kind"] for leftover in done.json["found"]]
    assert kinds == [
        "scalable target",
        "endpoint",
        "endpoint config",
        "model",
        "alarm",
        "log group",
    ]
    assert done.json["left"] == []
    left = {
        "targets": hosting.connect("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[scaled(endpoint)["ResourceId"]]
        )["ScalableTargets"],
        "alarms": hosting.connect("cloudwatch").describe_alarms(AlarmNamePrefix=endpoint)[
            "MetricAlarms"
        ],
        "models": hosting.api.list_models(NameContains=endpoint)["Models"],
        "configs": hosting.api.list_endpoint_configs(NameContains=endpoint)["EndpointConfigs"],
        "groups": hosting.connect("logs").describe_log_groups(
            logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{endpoint}"
        )["logGroups"],
    }
    assert {what: found for what, found in left.items() if found} == {}
    assert run("cleanup", endpoint, "--json").json["found"] == []


@pytest.mark.long
def test_a_rollback_that_the_stack_did_not_notice_is_found(
    run_on: Callable[[Any], Run],
    launch: Callable[..., Any],
    hosting_on: Callable[[Callable[..., Any], str], Any],
    tmp_path: Path,
) -> None:
    """The stack says UPDATE_COMPLETE, and the endpoint serves the config before."""
    aws = launch(tmp_path / "state", "--endpoint-rollback", "silent")
    run, hosting = run_on(aws), hosting_on(aws.client, "silent")
    cloudformation = hosting.connect("cloudformation")
    good, broken = (
        hosting.create_model("good"),
        hosting.create_model("broken", hosting.artifact("broken", "raise RuntimeError")),
    )
    cloudformation.create_stack(StackName="silent", TemplateBody=template(good))
    at_rest(cloudformation)
    found = run("verify", "silent", "--json")
    assert found.code == 0
    passed = {check["subject"]: check["passed"] for check in found.json["checks"]}
    assert passed["stack"] is passed["config"] is True
    refused = run("cleanup", "silent", "--yes")
    assert refused.code == 1
    assert "belongs to stack silent" in refused.err

    cloudformation.update_stack(StackName="silent", TemplateBody=template(broken))
    assert at_rest(cloudformation) == "UPDATE_COMPLETE"
    found = run("verify", "silent", "--json")
    assert found.code == 1
    failed = {check["subject"] for check in found.json["checks"] if check["passed"] is False}
    # The stack has deleted the old config, which it takes for replaced.
    assert failed == {"config", "live config"}


def at_rest(cloudformation: Any) -> str:
    """Wait until the stack is at rest; its status."""
    while True:
        (stack,) = cloudformation.describe_stacks(StackName="silent")["Stacks"]
        status: str = stack["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            return status


def template(model: str) -> str:
    """An endpoint with one instance of a model, in a stack."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
    }
    return json.dumps(
        {
            "Resources": {
                "Config": {
                    "Type": "AWS::SageMaker::EndpointConfig",
                    "Properties": {"ProductionVariants": [variant]},
                },
                "Endpoint": {
                    "Type": "AWS::SageMaker::Endpoint",
                    "Properties": {
                        "EndpointName": "silent",
                        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    },
                },
            }
        }
    )
