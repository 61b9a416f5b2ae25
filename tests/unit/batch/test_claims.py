"""Claims: one execution runs what many want to run."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from inference_constructs.functions.batch_checks.locations import StoredObject
from inference_constructs.functions.batch_steps.claims import Claim, Claims, data_key

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Executions:
    """What Step Functions says of executions."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        """The status of one that was ever started."""
        if executionArn not in self.statuses:
            raise ClientError(
                {"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution"
            )
        return {"status": self.statuses[executionArn]}


@pytest.fixture
def executions() -> Executions:
    """No execution was ever started."""
    return Executions()


@pytest.fixture
def claims(s3: Any, executions: Executions) -> Claims:
    """An empty table."""
    return Claims("claims", dynamodb=boto3.client("dynamodb"), states=executions)


@pytest.fixture
def claim(claims: Claims) -> Callable[..., Claim | None]:
    """Claims the data `k`."""

    def ask(execution: str, *, force: bool = False) -> Claim | None:
        return claims.claim("k", execution=execution, output=f"s3://o/{execution}/", force=force)

    return ask


def test_the_first_gets_it_and_the_second_learns_who_has_it(
    claim: Callable[..., Claim | None], executions: Executions
) -> None:
    """And where the result will be."""
    executions.statuses["one"] = "RUNNING"
    assert claim("one") is None
    assert claim("two") == Claim(execution="one", state="running", output="s3://o/one/")
    # Whose answer was lost asks again.
    assert claim("one") is None


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("RUNNING", True),
        ("PENDING_REDRIVE", True),
        ("ABORTED", False),
        ("TIMED_OUT", False),
        ("FAILED", False),
        (None, False),
    ],
)
def test_a_claim_of_an_execution_that_has_ended_without_a_word_does_not_stand(
    claim: Callable[..., Claim | None], executions: Executions, status: str | None, stands: bool
) -> None:
    """Who was killed cannot say so."""
    claim("one")
    if status is not None:
        executions.statuses["one"] = status
    assert (claim("two") is not None) is stands


@pytest.mark.parametrize(("state", "stands"), [("succeeded", True), ("failed", False)])
def test_what_succeeded_stands_and_what_failed_does_not(
    claim: Callable[..., Claim | None], claims: Claims, state: Any, stands: bool
) -> None:
    """A result need not be made again; one that is not there has to be."""
    claim("one")
    assert claims.settle("k", execution="one", state=state)
    assert (claim("two") is not None) is stands


def test_who_is_forced_takes_it_from_whoever_has_it(
    claim: Callable[..., Claim | None], claims: Claims, executions: Executions
) -> None:
    """Who had it can then no longer say how it ended."""
    executions.statuses["one"] = "RUNNING"
    claim("one")
    assert claim("two", force=True) is None
    assert not claims.settle("k", execution="one", state="failed")
    assert claims.find("k") == Claim(execution="two", state="running", output="s3://o/two/")


def test_an_expired_claim_does_not_stand(
    claim: Callable[..., Claim | None], claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB deletes it within days; until then it is overlooked."""
    claim("one")
    claims.settle("k", execution="one", state="succeeded")
    later = time.time() + 91 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert claims.find("k") is None
    assert claim("two") is None


def test_a_claim_that_changes_under_ones_hands_is_looked_at_again(
    claim: Callable[..., Claim | None],
    claims: Claims,
    executions: Executions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two who both saw nothing: one of them gets it."""
    executions.statuses["one"] = "RUNNING"
    stock, looks = claims.find, itertools.count()

    def find(key: str) -> Claim | None:
        seen = stock(key)
        if next(looks) == 0:
            # Between the look and the claim somebody else claims it.
            assert claim("one") is None
        return seen

    monkeypatch.setattr(claims, "find", find)
    found = claim("two")
    assert found is not None
    assert found.execution == "one"


def test_data_is_known_by_its_content_its_model_and_its_options() -> None:
    """In whichever order it is listed."""

    def key(etags: str, artifact: str = "m", options: Any = None) -> str:
        objects = [
            StoredObject("b", name, 1, NOW, "STANDARD", etag)
            for name, etag in zip("xy", etags, strict=True)
        ]
        assert data_key(objects, artifact=artifact, options=options) == data_key(
            reversed(objects), artifact=artifact, options=options
        )
        return data_key(objects, artifact=artifact, options=options)

    keys = [key("12"), key("13"), key("21"), key("12", "n"), key("12", options={"join": "Input"})]
    assert len(set(keys)) == len(keys)
    assert key("12") == keys[0]
    assert len(keys[0]) == 64
