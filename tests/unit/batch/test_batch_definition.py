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
def states(definition: dict[str, Any]) -> States:
    """The states by their names."""
    found: States = definition["States"]
    return found


def successors(state: dict[str, Any]) -> Iterator[str]:
    """Where a state may go on, caught errors included."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ()))


def publishes(state: dict[str, Any], status: str) -> bool:
    """Whether a state tells that an execution ended so."""
    return (
        str(state.get("Resource", "")).endswith(":states:::sns:publish")
        and state["Parameters"]["Message"]["status"] == status
    )


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
    """The last catcher takes what the others leave."""
    for name, state in states.items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_every_state_that_calls_a_service_has_a_timeout(states: States) -> None:
    """Without one a lost answer holds an execution for a year."""
    assert all("TimeoutSeconds" in s for s in states.values() if s["Type"] == "Task")


def test_every_way_to_failure_tells_of_it(definition: dict[str, Any], states: States) -> None:
    """And every way to success of that."""
    ends = set()
    for way in ways(states, definition["StartAt"]):
        end = states[way[-1]]["Type"]
        ends.add(end)
        status = {"Succeed": "SUCCEEDED", "Fail": "FAILED"}[end]
        assert any(publishes(states[name], status) for name in way), way
    assert ends == {"Succeed", "Fail"}


def test_success_is_told_after_the_output_was_verified(
    definition: dict[str, Any], states: States
) -> None:
    """What is checked comes before what is claimed."""
    for way in ways(states, definition["StartAt"]):
        if states[way[-1]]["Type"] == "Succeed":
            order = [way.index(n) for n in ("Validate", "Transform", "Verify", "Notify success")]
            assert order == sorted(order)


def test_a_failure_is_told_with_its_cause_and_its_request(states: States) -> None:
    """Whoever reads it must not have to look for it first."""
    message = states["Notify failure"]["Parameters"]["Message"]
    assert message["failure.$"] == "$.failure"
    assert message["request.$"] == "$.request"
    assert message["execution.$"] == "$$.Execution.Id"
    catchers = [c for n, s in states.items() if n != "Stop" for c in s.get("Catch", ())]
    assert {c["ResultPath"] for c in catchers if c["Next"] != "Failed"} == {"$.failure"}


def test_a_caught_error_finds_a_place_whatever_the_execution_was_started_with(
    definition: dict[str, Any], states: States
) -> None:
    """A list or a text as input could not carry the error along."""
    first = states[definition["StartAt"]]
    assert first["Type"] == "Pass"
    assert first["Parameters"]["request.$"] == "$"
    assert "ResultPath" not in first


def test_a_failed_execution_keeps_what_led_there(states: States) -> None:
    """Some caught errors have no cause of their own, so the whole is kept."""
    assert states["Failed"]["Error"] == "BatchTransformFailed"
    assert states["Failed"]["CausePath"] == "States.JsonToString($.failure)"


def test_the_job_is_waited_for(states: States) -> None:
    """By the integration of the service, not by polling."""
    resource = states["Transform"]["Resource"]
    assert resource.endswith(":states:::sagemaker:createTransformJob.sync")


def test_the_job_is_what_the_validation_made_of_the_request(states: States) -> None:
    """But for the model, which no request chooses."""
    parameters = states["Transform"]["Parameters"]
    assert parameters["ModelName"] == "<Model>"
    assert {
        name: path
        for name, path in parameters.items()
        if name not in ("ModelName", "TransformJobName.$")
    } == {f"{name}.$": f"$.run.job.{name}" for name in TransformOptions().job(key_arn="")}


def test_a_jobs_name_is_new_for_each_redrive_and_each_attempt(states: States) -> None:
    """A name can be used once, and a redrive keeps the execution's ARN."""
    name = states["Transform"]["Parameters"]["TransformJobName.$"]
    template, *arguments = re.findall(r"'([^']*)'|(\$[$.\w]+)", name)
    assert template[0].count("{}") == len(arguments)
    assert [argument[1] for argument in arguments] == [
        "$.run.name",
        "$$.Execution.RedriveCount",
        "$.attempt.number",
    ]
    assert states["Stop"]["Parameters"]["TransformJobName.$"] == name


def test_a_job_that_takes_too_long_is_stopped(states: States) -> None:
    """An instance that nobody waits for is still paid for."""
    catcher = states["Transform"]["Catch"][0]
    assert catcher["ErrorEquals"] == ["States.Timeout"]
    stop = states[catcher["Next"]]
    assert stop["Resource"].endswith(":aws-sdk:sagemaker:stopTransformJob")
    # Whether or not it could be stopped, the timeout is what is told.
    assert set(successors(stop)) == {"Notify failure"}
    assert stop["Catch"][0]["ResultPath"] != "$.failure"


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
    states: States, cause: str | None, again: bool
) -> None:
    """The API reports throttling and wrong requests under one name: the cause tells them apart."""
    (rule,) = states["Worth another attempt?"]["Choices"]
    failure = {"Error": "SageMaker.AmazonSageMakerException"}
    if cause is not None:
        failure["Cause"] = cause
    data = {"attempt": {"number": 0, "wait": 30}, "failure": failure}
    assert holds(rule, data) is again
    # Four attempts are numbered from 0 to 3.
    assert holds(rule, {**data, "attempt": {"number": 2}}) is again
    assert holds(rule, {**data, "attempt": {"number": 3}}) is False


def test_each_attempt_waits_twice_as_long_as_the_one_before(states: States) -> None:
    """A quota that is used up is not freed within a second."""
    assert states["Count"]["Parameters"] == {
        "number.$": "States.MathAdd($.attempt.number, 1)",
        "wait.$": "States.MathAdd($.attempt.wait, $.attempt.wait)",
    }
    assert states["Count"]["ResultPath"] == "$.attempt"
    assert states["Wait"]["SecondsPath"] == "$.attempt.wait"
    assert states["Wait"]["Next"] == "Transform"


@pytest.mark.parametrize("name", ["Validate", "Verify"])
def test_a_function_is_called_again_unless_it_refused(states: States, name: str) -> None:
    """A refusal stays a refusal, and a timeout would only come again."""
    final, passing = states[name]["Retry"]
    assert {"RequestError", "OutputError", "States.Timeout"} <= set(final["ErrorEquals"])
    assert final["MaxAttempts"] == 0
    assert passing["ErrorEquals"] == ["States.ALL"]
    assert passing["MaxAttempts"] > 0
    assert passing["BackoffRate"] > 1


def test_the_validation_knows_what_the_workflow_was_deployed_with(states: States) -> None:
    """Places, options and the beginning of the names of jobs."""
    payload = states["Validate"]["Parameters"]["Payload"]
    assert payload["inputs"] == ["s3://<DataBucket>/input/"]
    assert payload["output"] == "s3://<DataBucket>/output/"
    assert payload["job_name_prefix"] == "churn"
    assert payload["job"]["TransformOutput"]["KmsKeyId"] == "<EncryptionKey>"


def test_the_options_reach_the_state_machine(
    make_workflow: Callable[..., BatchTransformWorkflow],
    read_definition: Callable[[Template], dict[str, Any]],
) -> None:
    """Timeout and attempts are its own, the rest is the job's."""
    options = TransformOptions(instance_type="ml.c5.2xlarge", timeout=Duration.hours(2), attempts=2)
    workflow = make_workflow(options=options)
    states = read_definition(Template.from_stack(Stack.of(workflow)))["States"]
    assert states["Transform"]["TimeoutSeconds"] == 7200
    job = states["Validate"]["Parameters"]["Payload"]["job"]
    assert job["TransformResources"]["InstanceType"] == "ml.c5.2xlarge"
    assert job["MaxConcurrentTransforms"] == 8
    (rule,) = states["Worth another attempt?"]["Choices"]
    assert '"NumericLessThan": 1' in json.dumps(rule)
