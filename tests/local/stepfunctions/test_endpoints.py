"""A state machine that takes an endpoint down and up again, with no more rights than that needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

SDK = "arn:aws:states:::aws-sdk:sagemaker:"
NAME = "office-hours"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
# SageMaker has no error of its own for what does not exist.
GONE = {"ErrorEquals": ["SageMaker.SageMakerException"], "ResultPath": "$.gone"}


def task(action: str, following: str | None, **given: Any) -> dict[str, Any]:
    """One call of SageMaker."""
    parameters = given.pop("parameters", {})
    return {
        "Type": "Task",
        "Resource": f"{SDK}{action}",
        "Parameters": {"EndpointName": NAME, **parameters},
        **({"End": True} if following is None else {"Next": following}),
        **given,
    }


def until(status: str, back: str, following: str | None) -> dict[str, Any]:
    """Go on in that status, otherwise wait and look again."""
    return {
        "Type": "Choice",
        "Choices": [
            {
                "Variable": "$.EndpointStatus",
                "StringEquals": status,
                "Next": following or "Done",
            }
        ],
        "Default": back,
    }


CLOSE_AND_OPEN = {
    "Close": task("deleteEndpoint", "Gone?"),
    "Gone?": task("describeEndpoint", "Closing", Catch=[{**GONE, "Next": "Open"}]),
    "Closing": {"Type": "Wait", "Seconds": 10, "Next": "Gone?"},
    "Open": task("createEndpoint", "Open?", parameters={"EndpointConfigName": "first"}),
    "Open?": task("describeEndpoint", "Serving?"),
    "Serving?": until("InService", "Opening", "Change"),
    "Opening": {"Type": "Wait", "Seconds": 10, "Next": "Open?"},
    "Change": task("updateEndpoint", "Changed?", parameters={"EndpointConfigName": "second"}),
    "Changed?": task("describeEndpoint", "Done?"),
    "Done?": until("InService", "Changing", None),
    "Changing": {"Type": "Wait", "Seconds": 10, "Next": "Changed?"},
    "Done": {"Type": "Succeed"},
}


@pytest.fixture(scope="module")
def endpoint(local_aws: Any, make_echo_model: Callable[[str], None]) -> Any:
    """An endpoint in service, and a second config for it; a client."""
    api = local_aws.client("sagemaker")
    make_echo_model(NAME)
    for config in ("first", "second"):
        variant = {"VariantName": "all", "ModelName": NAME, "InstanceType": "ml.m5.large"}
        api.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {**variant, "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}
            ],
        )
    api.create_endpoint(EndpointName=NAME, EndpointConfigName="first")
    api.get_waiter("endpoint_in_service").wait(
        EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    yield api
    api.delete_endpoint(EndpointName=NAME)


@pytest.fixture
def told(local_aws: Any) -> Callable[[], list[dict[str, Any]]]:
    """Gives the details of the endpoint's events so far, in the order of their arrival."""
    sqs, events = local_aws.client("sqs"), local_aws.client("events")
    queue = sqs.create_queue(QueueName="endpoint-states")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:endpoint-states"
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": [NAME]},
    }
    rule = events.put_rule(Name="endpoint-states", EventPattern=json.dumps(pattern))["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    events.put_targets(Rule="endpoint-states", Targets=[{"Id": "q", "Arn": arn}])

    def details() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            AttributeNames=["SentTimestamp"],
        ).get("Messages"):
            found += messages
        found.sort(key=lambda message: int(message["Attributes"]["SentTimestamp"]))
        return [json.loads(message["Body"])["detail"] for message in found]

    return details


def test_an_endpoint_is_closed_opened_and_updated_by_its_state_machine(
    machines: Any,
    endpoint: Any,
    told: Callable[[], list[dict[str, Any]]],
    make_role: Callable[..., str],
) -> None:
    """Each call is judged by the machine's role, and each change of status is an event."""
    role = make_role(
        "states.amazonaws.com",
        *(f"sagemaker:{verb}Endpoint" for verb in ("Create", "Describe", "Update", "Delete")),
        resource=f"{ARN}:endpoint*/*",
    )
    run = machines.run(CLOSE_AND_OPEN, role=role)
    assert run.status == "SUCCEEDED", run.failure
    assert endpoint.describe_endpoint(EndpointName=NAME)["EndpointConfigName"] == "second"
    details = told()
    assert [detail["EndpointStatus"] for detail in details] == [
        "DELETING",
        "CREATING",
        "IN_SERVICE",
        "UPDATING",
        "IN_SERVICE",
    ]
    last = details[-1]
    assert last["EndpointArn"] == f"{ARN}:endpoint/{NAME}"
    assert last["EndpointConfigName"] == "second"
    assert last["ProductionVariants"] == [{"DesiredWeight": 1.0, "DesiredInstanceCount": 1}]
    assert last["CreationTime"] <= last["LastModifiedTime"]
    assert last["Tags"] == {}


@pytest.mark.parametrize("missing", ["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"])
def test_a_machine_whose_role_may_not_do_it_fails(
    machines: Any, endpoint: Any, make_role: Callable[..., str], missing: str
) -> None:
    """With SageMaker's refusal, and the endpoint stays as it is."""
    allowed = {"sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"} - {missing}
    states = {"First": task("describeEndpoint", "Close"), "Close": task("deleteEndpoint", None)}
    run = machines.run(states, role=make_role("states.amazonaws.com", *allowed))
    assert run.failure[0] == "SageMaker.SageMakerException"
    assert f"is not authorized to perform: {missing}" in run.failure[1]
    assert endpoint.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "InService"
