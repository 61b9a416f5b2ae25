"""Which data has been run, is running, or may be run: one entry of a table for each.

An entry is written on the condition that nobody else wrote it in the meantime, so that of many
triggers for the same data one gets to run.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from ..batch_checks.locations import StoredObject

State = Literal["running", "succeeded", "failed"]
RUNNING: State = "running"
SUCCEEDED: State = "succeeded"
FAILED: State = "failed"

_KEPT_SECONDS = 90 * 24 * 3600
_TRIES = 10
# What of an execution still runs; a failed one may be redriven, but somebody has to do it.
_ALIVE = frozenset({"RUNNING", "PENDING_REDRIVE"})


def data_key(objects: Iterable[StoredObject], *, artifact: str, options: Any) -> str:
    """Names data with what is done with it.

    Args:
        objects: the input.
        artifact: the model.
        options: whatever else changes the result, as JSON.
    """
    listed = sorted([item.bucket, item.key, item.etag] for item in objects)
    text = json.dumps([listed, artifact, options], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the table knows of some data.

    Attributes:
        execution: who runs it or has run it.
        state: how far it is.
        output: where the result is.
    """

    execution: str
    state: str
    output: str


class Claims:
    """The table of claims.

    Args:
        table: its name.
        dynamodb: a boto3 client.
        states: a boto3 client of Step Functions.
    """

    def __init__(self, table: str, *, dynamodb: Any, states: Any) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._states = states

    def claim(self, key: str, *, execution: str, output: str, force: bool) -> Claim | None:
        """Claims data for an execution.

        Args:
            key: the data.
            execution: who wants to run it.
            output: where the result will be.
            force: whether to take it from whoever has it.

        Returns:
            None if it is claimed now, else the claim that stands.
        """
        for _ in range(_TRIES):
            found = self.find(key)
            if found is not None and found.execution != execution and not force:
                standing = self._standing(found)
                if standing is not None:
                    return standing
            mine = Claim(execution=execution, state=RUNNING, output=output)
            if self._put(key, mine, instead_of=found):
                return None
        raise RuntimeError(f"{key} was claimed and let go by others {_TRIES} times")

    def _standing(self, found: Claim) -> Claim | None:
        """The claim unless it failed, or its execution ended without saying so."""
        if found.state == FAILED or (found.state == RUNNING and not self._is_alive(found)):
            return None
        return found

    def _is_alive(self, found: Claim) -> bool:
        try:
            described = self._states.describe_execution(executionArn=found.execution)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return False
            raise
        return described["status"] in _ALIVE

    def find(self, key: str) -> Claim | None:
        """Looks data up.

        Args:
            key: the data.
        """
        item = self._get(key)
        if item is None:
            return None
        return Claim(
            execution=item["execution"]["S"], state=item["state"]["S"], output=item["output"]["S"]
        )

    def settle(self, key: str, *, execution: str, state: State) -> bool:
        """Writes how a run ended, unless the data was taken from it.

        Args:
            key: the data.
            execution: who ran it.
            state: how it ended.

        Returns:
            Whether it was written.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                UpdateExpression="SET #state = :state",
                ConditionExpression="#execution = :execution",
                ExpressionAttributeNames={"#state": "state", "#execution": "execution"},
                ExpressionAttributeValues={
                    ":state": {"S": state},
                    ":execution": {"S": execution},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def throughput(self, name: str) -> float | None:
        """What an instance got through the last time, in mebibytes a second.

        Args:
            name: what was run on what.
        """
        item = self._get(f"throughput {name}")
        return None if item is None else float(item["value"]["N"])

    def remember_throughput(self, name: str, value: float) -> None:
        """Keeps what an instance got through.

        Args:
            name: what was run on what.
            value: mebibytes a second.
        """
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"throughput {name}"},
                "value": {"N": f"{value:.6g}"},
                "expires": _expiry(),
            },
        )

    def _get(self, key: str) -> Any:
        found = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": key}}, ConsistentRead=True
        )
        item = found.get("Item")
        # The service deletes what has expired within days, not at once.
        return None if item is None or int(item["expires"]["N"]) <= time.time() else item

    def _put(self, key: str, claim: Claim, *, instead_of: Claim | None) -> bool:
        values = {"execution": {"S": claim.execution}, "state": {"S": claim.state}}
        condition: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(id) OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(int(time.time()))}},
        }
        if instead_of is not None:
            condition = {
                "ConditionExpression": "#execution = :execution AND #state = :state",
                "ExpressionAttributeNames": {"#execution": "execution", "#state": "state"},
                "ExpressionAttributeValues": {
                    ":execution": {"S": instead_of.execution},
                    ":state": {"S": instead_of.state},
                },
            }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": key},
                    **values,
                    "output": {"S": claim.output},
                    "expires": _expiry(),
                },
                **condition,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _expiry() -> dict[str, str]:
    return {"N": str(int(time.time()) + _KEPT_SECONDS)}
