"""The state machine: what it runs, what it catches, and that nobody is left without word."""

import fnmatch
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk.assertions import Template

from inference_constructs import BatchTransformWorkflow, TransformOptions

States = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def outer(definition: dict[str, Any]) -> States:
    """The states by their names, without those of the map."""
    found: States = definition["States"]
    return found


@pytest.fixture(scope="module")
def states(outer: States) -> States:
    """The states by their names, with those of the map."""
    inner: States = outer["Fan out"]["ItemProcessor"]["States"]
    assert outer.keys().isdisjoint(inner)
    return {**outer, **inner}


def successors(state: dict[str, Any]) -> Iterator[str]:
    """Where a state may go on, caught errors included."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ()))


def publishes(state: dict[str, Any]) -> bool:
    """Whether a state tells how an execution ended."""
    return str(state.get("Resource", "")).endswith(":states:::sns:publish")


def ways(states: States, *way: str) -> Iterator[tuple[str, ...]]:
    """Every way from a state to an end that takes no step twice."""
    following = list(dict.fromkeys(successors(states[way[-1]])))
    if not following:
        yield way
    taken = set(itertools.pairwise(way))
    for name in following:
        if (way[-1], name) not in taken:
            yield from ways(states, *way, name)


def holds(condition: dict[str, Any], data: Any) -> bool:
    """Judges a condition of a Choice as the Amazon States Language has it."""
    match condition:
        case {"And": conditions}:
            return all(holds(one, data) for one in conditions)
        case {"Or": conditions}:
            return any(holds(one, data) for one in conditions)
    value: Any = data
    for key in condition["Variable"].split(".")[1:]:
        if key not in value:
            return not condition.get("IsPresent", True)
        value = value[key]
    match condition:
        case {"IsPresent": present}:
            return bool(present)
        case {"NumericLessThan": limit}:
            return bool(value < limit)
        case {"StringMatches": pattern}:
            return fnmatch.fnmatchcase(value, pattern)
    raise AssertionError(condition)


def test_every_state_that_calls_a_service_catches_every_error(states: States) -> None:
    """The last catcher takes what the others leave; that a shard's report failed is seen later."""
    for name, state in states.items():
        if state["Type"] in ("Task", "Map") and name != "Report shard":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_every_state_that_calls_a_service_has_a_timeout(states: States) -> None:
    """Without one a lost answer holds an execution for a year."""
    tasks = [state for state in states.values() if state["Type"] == "Task"]
    assert all({"TimeoutSeconds", "TimeoutSecondsPath"} & state.keys() for state in tasks)


def test_every_way_to_an_end_tells_of_it(definition: dict[str, Any], outer: States) -> None:
    """But for executions that did nothing, because somebody else does or did."""
    ends = set()
    for way in ways(outer, definition["StartAt"]):
        ends.add(way[-1])
        if way[-1] not in ("Attached", "Skipped"):
            assert any(publishes(outer[name]) for name in way), way
    assert ends == {"Attached", "Skipped", "Succeeded", "Failed", "Untold", "Unfinished"}


def test_success_is_told_after_the_outputs_were_looked_at(
    definition: dict[str, Any], outer: States
) -> None:
    """What is checked comes before what is claimed; in a map each shard has a report of its own."""
    for way in ways(outer, definition["StartAt"]):
        if way[-1] == "Succeeded" and "Transform" in way and "Report" in way:
            order = [way.index(n) for n in ("Plan", "Transform", "Report", "Finish", "Notify")]
            assert order == sorted(order)


def test_whatever_becomes_of_a_job_it_is_reported_on(definition: dict[str, Any]) -> None:
    """Also of one that failed, timed out or never started: some of its outputs may be there."""
    shard = definition["States"]["Fan out"]["ItemProcessor"]
    for way in ways(shard["States"], shard["StartAt"]):
        assert way[-1] == "Report shard", way


def test_the_end_of_a_run_is_not_told_by_a_state_that_failed_to_find_it_out(
    states: States,
) -> None:
    """If the run cannot be finished, that is what is told."""
    [catcher] = states["Finish"]["Catch"]
    assert catcher["Next"] == "Notify of unfinished run"
    message = states["Notify of unfinished run"]["Parameters"]["Message"]
    assert message["failure.$"] == "$.failure"
    assert message["execution.$"] == "$$.Execution.Id"


def test_a_caught_error_finds_a_place_whatever_the_execution_was_started_with(
    definition: dict[str, Any], states: States
) -> None:
    """A list or a text as input could not carry the error along."""
    first = states[definition["StartAt"]]
    assert first["Type"] == "Pass"
    assert first["Parameters"] == {"request.$": "$"}
    assert "ResultPath" not in first


def test_a_failed_execution_keeps_the_summary(states: States) -> None:
    """Whoever reads it must not have to look for it first."""
    assert states["Failed"]["Error"] == "BatchTransformFailed"
    assert states["Failed"]["CausePath"] == "States.JsonToString($.finished.summary)"
    assert states["Succeeded"]["OutputPath"] == "$.finished.summary"


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_the_job_is_waited_for(states: States, suffix: str) -> None:
    """By the integration of the service, not by polling."""
    resource = states[f"Transform{suffix}"]["Resource"]
    assert resource.endswith(":states:::sagemaker:createTransformJob.sync")


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_the_job_is_what_the_plan_made_of_the_request(states: States, suffix: str) -> None:
    """With the run's own Model, and the objects of its manifest."""
    parameters = dict(states[f"Transform{suffix}"]["Parameters"])
    assert parameters.pop("ModelName.$") == "$.run.model"
    source = parameters.pop("TransformInput")
    assert source.pop("DataSource") == {
        "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri.$": "$.shard.manifest"}
    }
    job = TransformOptions().job(key_arn="")
    given = job.pop("TransformInput")
    assert source == {f"{name}.$": f"$.run.job.TransformInput.{name}" for name in given}
    del parameters["TransformJobName.$"]
    assert parameters == {f"{name}.$": f"$.run.job.{name}" for name in job}


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_a_jobs_name_is_new_for_each_redrive_and_each_attempt(states: States, suffix: str) -> None:
    """A name can be used once, and a redrive keeps the execution's ARN."""
    name = states[f"Transform{suffix}"]["Parameters"]["TransformJobName.$"]
    template, *arguments = re.findall(r"'([^']*)'|(\$[$.\w]+)", name)
    assert template[0].count("{}") == len(arguments)
    assert [argument[1] for argument in arguments] == [
        "$.shard.name",
        "$$.Execution.RedriveCount",
        "$.attempt.number",
    ]
    assert states[f"Stop{suffix}"]["Parameters"]["TransformJobName.$"] == name


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_a_job_that_takes_too_long_is_stopped(states: States, suffix: str) -> None:
    """An instance that nobody waits for is still paid for."""
    catcher = states[f"Transform{suffix}"]["Catch"][0]
    assert catcher["ErrorEquals"] == ["States.Timeout"]
    stop = states[catcher["Next"]]
    assert stop["Resource"].endswith(":aws-sdk:sagemaker:stopTransformJob")
    # Whether or not it could be stopped, the timeout is what is told.
    assert set(successors(stop)) == {f"Report{suffix}"}
    assert stop["Catch"][0]["ResultPath"] != "$.failure"


def test_shards_run_at_once_as_many_as_the_run_says_and_none_stops_the_others(
    states: States,
) -> None:
    """The quota of instances is the account's; what fails is told by the reports."""
    fan_out = states["Fan out"]
    assert fan_out["MaxConcurrencyPath"] == "$.plan.run.concurrent_jobs"
    assert fan_out["ToleratedFailurePercentage"] == 100
    assert fan_out["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }
    assert fan_out["ItemReader"]["Parameters"] == {
        "Bucket.$": "$.plan.run.shards_bucket",
        "Key.$": "$.plan.run.shards_key",
    }


def test_a_definition_is_far_from_its_limit(template: Template) -> None:
    """A definition has a megabyte."""
    [machine] = template.find_resources("AWS::StepFunctions::StateMachine").values()
    assert len(json.dumps(machine["Properties"]["DefinitionString"])) < 50_000


@pytest.mark.parametrize("suffix", ["", " shard"])
@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (
            '{"TransformJobStatus":"Failed","FailureReason":"CapacityError: Unable to provision '
            'requested ML compute capacity. Please retry using a different ML instance type."}',
            True,
        ),
        (
            '{"FailureReason":"InternalServerError: We encountered an internal error. Please try '
            'again."}',
            True,
        ),
        (
            "Rate exceeded (Service: AmazonSageMaker; Status Code: 400; Error Code: "
            "ThrottlingException; Request ID: 1; Proxy: null)",
            True,
        ),
        (
            "The account-level service limit 'ml.m5.xlarge for transform job usage' is 0 Instances "
            "(Service: AmazonSageMaker; Status Code: 400; Error Code: ResourceLimitExceeded; "
            "Request ID: 1; Proxy: null)",
            True,
        ),
        ('{"FailureReason":"ClientError: See job logs for more information"}', False),
        ('{"FailureReason":"AlgorithmError: See job logs for more information"}', False),
        (
            "1 validation error detected (Service: AmazonSageMaker; Status Code: 400; Error Code: "
            "ValidationException; Request ID: 1; Proxy: null)",
            False,
        ),
        (None, False),
    ],
)
def test_a_job_is_tried_again_where_time_may_help_and_only_there(
    states: States, cause: str | None, again: bool, suffix: str
) -> None:
    """The API reports throttling and wrong requests under one name: the cause tells them apart."""
    (rule,) = states[f"Worth another attempt{suffix}?"]["Choices"]
    failure = {"Error": "SageMaker.AmazonSageMakerException"}
    if cause is not None:
        failure["Cause"] = cause
    data = {"attempt": {"number": 0}, "failure": failure}
    assert holds(rule, data) is again
    # Four attempts are numbered from 0 to 3.
    assert holds(rule, {**data, "attempt": {"number": 2}}) is again
    assert holds(rule, {**data, "attempt": {"number": 3}}) is False


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_each_attempt_waits_about_twice_as_long_as_the_one_before(
    states: States, suffix: str
) -> None:
    """At random, because jobs that met at a quota shall not meet there again."""
    assert states[f"Count{suffix}"]["Parameters"]["attempt"] == {
        "number.$": "States.MathAdd($.attempt.number, 1)",
        "least.$": "States.MathAdd($.attempt.least, $.attempt.least)",
        "most.$": "States.MathAdd($.attempt.most, $.attempt.most)",
        "wait.$": "States.MathRandom($.attempt.least, $.attempt.most)",
    }
    assert states[f"Wait{suffix}"]["SecondsPath"] == "$.attempt.wait"
    assert states[f"Wait{suffix}"]["Next"] == f"Transform{suffix}"


@pytest.mark.parametrize("suffix", ["", " shard"])
def test_the_failure_of_an_attempt_is_forgotten_when_the_next_begins(
    states: States, suffix: str
) -> None:
    """Else a job that succeeded at last would be reported with it."""
    assert set(states[f"Count{suffix}"]["Parameters"]) == {"run.$", "shard.$", "attempt"}
    assert "ResultPath" not in states[f"Count{suffix}"]


@pytest.mark.parametrize("name", ["Plan", "Report", "Report shard", "Finish"])
def test_a_function_is_called_again_unless_it_refused(states: States, name: str) -> None:
    """A refusal stays a refusal, and a timeout would only come again."""
    final, passing = states[name]["Retry"]
    assert {"RequestError", "States.Timeout"} <= set(final["ErrorEquals"])
    assert final["MaxAttempts"] == 0
    assert passing["ErrorEquals"] == ["States.ALL"]
    assert passing["MaxAttempts"] > 0
    assert passing["BackoffRate"] > 1
    assert passing["JitterStrategy"] == "FULL"


def test_the_plan_knows_what_the_workflow_was_deployed_with(states: States) -> None:
    """Model, places, options and the beginning of the names of jobs."""
    workflow = states["Plan"]["Parameters"]["workflow"]
    assert workflow["model"] == "<Model>"
    assert workflow["inputs"] == ["s3://<DataBucket>/input/"]
    assert workflow["output"] == "s3://<DataBucket>/output/"
    assert workflow["job_name_prefix"] == "churn"
    assert workflow["job"]["TransformOutput"]["KmsKeyId"] == "<EncryptionKey>"
    # The price is not known there, and is not made up.
    assert workflow["instance_types"] == {"ml.m5.xlarge": {"vcpus": 4, "local_storage": False}}


def test_the_options_reach_the_state_machine(
    make_workflow: Callable[..., BatchTransformWorkflow],
    read_definition: Callable[[Template], dict[str, Any]],
) -> None:
    """The attempts are its own, the rest is the plan's."""
    options = TransformOptions(instance_type="ml.c5.2xlarge", timeout=Duration.hours(2), attempts=2)
    workflow = make_workflow(options=options)
    states = read_definition(Template.from_stack(Stack.of(workflow)))["States"]
    told = states["Plan"]["Parameters"]["workflow"]
    assert told["options"]["timeout_minutes"] == 120
    assert states["Transform"]["TimeoutSecondsPath"] == "$.run.timeout_seconds"
    assert told["job"]["TransformResources"]["InstanceType"] == "ml.c5.2xlarge"
    assert told["job"]["MaxConcurrentTransforms"] == 8
    (rule,) = states["Worth another attempt?"]["Choices"]
    assert '"NumericLessThan": 1' in json.dumps(rule)
