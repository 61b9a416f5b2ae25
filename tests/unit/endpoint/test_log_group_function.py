"""A log group that stays is made, taken over, and never deleted."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from inference_constructs.functions import custom_resource
from inference_constructs.functions.log_group import custom_resource as log_group

NAME = "/aws/sagemaker/Endpoints/shop"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{NAME}"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
GROUP = {"logGroupName": NAME}


class Asked:
    """What CloudFormation asks, CloudWatch Logs answers, and CloudFormation is told."""

    def __init__(self, logs: Stubber, told: list[dict[str, Any]]) -> None:
        self.logs = logs
        self._told = told

    def finds(self, *, exists: bool, tags: dict[str, str] | None = None) -> None:
        """Lets the creation fail or succeed."""
        given = {**GROUP, "kmsKeyId": KEY}
        if exists:
            code = "ResourceAlreadyExistsException"
            self.logs.add_client_error("create_log_group", code, expected_params=given)
        else:
            self.logs.add_response("create_log_group", {}, given)
        self.logs.add_response("list_tags_for_resource", {"tags": tags or {}}, {"resourceArn": ARN})

    def takes(self, *, days: int | None) -> None:
        """Expects the key and the retention, 0 or more days."""
        self.logs.add_response("associate_kms_key", {}, {**GROUP, "kmsKeyId": KEY})
        if days is None:
            self.logs.add_response("delete_retention_policy", {}, GROUP)
        else:
            self.logs.add_response("put_retention_policy", {}, {**GROUP, "retentionInDays": days})

    def answer(self, request: str, **properties: str) -> dict[str, Any]:
        """What CloudFormation is told."""
        log_group.handler(
            {
                "RequestType": request,
                "ResponseURL": "https://cloudformation/answer",
                "StackId": STACK,
                "RequestId": "request",
                "LogicalResourceId": "Kept",
                "ResourceProperties": {
                    "LogGroupName": NAME,
                    "LogGroupArn": ARN,
                    "KmsKeyId": KEY,
                    **properties,
                },
                **({} if request == "Create" else {"PhysicalResourceId": NAME}),
            },
            None,
        )
        self.logs.assert_no_pending_responses()
        return self._told[-1]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """The function with a CloudWatch Logs that knows what it will be asked."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(custom_resource, "_put", lambda url, body: told.append(dict(body)))
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("logs", region_name="us-east-1", **keys)
    monkeypatch.setattr(log_group.boto3, "client", lambda service: client)
    with Stubber(client) as logs:
        yield Asked(logs, told)


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_group_is_made_or_taken_over_with_key_and_retention(
    asked: Asked, request_type: str, exists: bool
) -> None:
    """Whatever is there: an update makes a group again that somebody deleted by hand."""
    asked.finds(exists=exists)
    asked.takes(days=7)
    answer = asked.answer(request_type, RetentionInDays="7")
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == NAME
    assert answer["Data"] == {"Arn": f"{ARN}:*"}


def test_without_a_retention_logs_are_kept_for_good(asked: Asked) -> None:
    """Also where there was one before."""
    asked.finds(exists=True)
    asked.takes(days=None)
    assert asked.answer("Update")["Status"] == "SUCCESS"


def test_a_group_that_the_clean_up_would_delete_is_refused(asked: Asked) -> None:
    """It is told how it can be kept, and neither key nor retention is touched."""
    asked.finds(exists=True, tags={"inference:deleted-with": STACK})
    answer = asked.answer("Create", RetentionInDays="7")
    assert answer["Status"] == "FAILED"
    assert NAME in answer["Reason"]
    assert "RETAIN_ON_UPDATE_OR_DELETE" in answer["Reason"]


def test_a_group_that_another_stack_left_behind_is_taken_over(asked: Asked) -> None:
    """A stack of the same name has another id when it is made again."""
    asked.finds(exists=True, tags={"inference:deleted-with": f"{STACK}-before"})
    asked.takes(days=7)
    assert asked.answer("Create", RetentionInDays="7")["Status"] == "SUCCESS"


def test_a_deletion_touches_nothing(asked: Asked) -> None:
    """CloudWatch Logs is not asked for anything."""
    answer = asked.answer("Delete", RetentionInDays="7")
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == NAME
