"""A map run: starts children, bounds their number, counts their failures, ends them."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, MapRunStatus

from local_aws.stepfunctions.distributed.failures import threshold_exceeded

_WAKE_SECONDS = 0.25
# Each child is two threads and more; AWS runs up to 10,000 at once.
MAX_CONCURRENCY = 200
_ENDED_BADLY = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED)
_MEMBERS = {
    ExecutionStatus.RUNNING: "running",
    ExecutionStatus.SUCCEEDED: "succeeded",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "timedOut",
    ExecutionStatus.ABORTED: "aborted",
}
# Every map run of this server, by its ARN.
map_runs: dict[str, MapRun] = {}


@dataclass(frozen=True, kw_only=True)
class ChildInput:
    """What a child gets.

    Attributes:
        text: its input as JSON.
        items: how many items are in it.
    """

    text: str
    items: int


@dataclass(kw_only=True)
class Limits:
    """What UpdateMapRun may change.

    Attributes:
        concurrency: children at once; 0 means no limit.
        tolerated_count: failed items; None if only the percentage was given.
        tolerated_percentage: of all items; None if only the count was given.
    """

    concurrency: int
    tolerated_count: int | None = None
    tolerated_percentage: float | None = None

    def exceeded(self, failed: int, total: int) -> bool:
        """Whether so many failed items are too many; without any limit one is."""
        if self.tolerated_count is None and self.tolerated_percentage is None:
            return failed > 0
        return (self.tolerated_count is not None and failed > self.tolerated_count) or (
            self.tolerated_percentage is not None
            and failed * 100 > self.tolerated_percentage * total
        )


class MapRun:
    """One run of a Distributed Map state.

    Args:
        machine_arn: the state machine.
        execution_arn: the execution that the state is in.
        label: the state's Label; None for one of the service's own.
        inputs: of its children.
        limits: concurrency and tolerance.
        make_child: makes the execution of a child by the map run, a name and an input.
    """

    def __init__(
        self,
        *,
        machine_arn: str,
        execution_arn: str,
        label: str | None,
        limits: Limits,
        make_child: Callable[[MapRun, str, str], Any],
    ) -> None:
        label = label or str(uuid.uuid4())
        self.child_machine_arn = f"{machine_arn}/{label}"
        self.arn = f"{self.child_machine_arn}:{uuid.uuid4()}".replace(":stateMachine:", ":mapRun:")
        self.execution_arn = execution_arn
        self.limits = limits
        self.status = MapRunStatus.RUNNING
        self.started = datetime.now(UTC)
        self.stopped: datetime | None = None
        self.redrives = 0
        self.redriven: datetime | None = None
        self._make_child = make_child
        self._inputs: Sequence[ChildInput] = ()
        self._children: list[Any] = []
        self._to_redrive: list[Any] = []
        self._results_written = False
        self._changed = threading.Condition()
        map_runs[self.arn] = self

    # ------------------------------------------------------------------ running

    def take(self, inputs: Sequence[ChildInput]) -> None:
        """What the children get."""
        self._inputs = inputs

    @property
    def children(self) -> Sequence[Any]:
        """The executions that were started, in the order of the items."""
        return tuple(self._children)

    @property
    def pending(self) -> Iterator[str]:
        """The inputs that no execution was started for."""
        return (given.text for given in self._inputs[len(self._children) :])

    def run(self, is_wanted: Callable[[], bool]) -> None:
        """Run until every child has ended.

        Args:
            is_wanted: whether the parent still waits; when it does not, the children are aborted.

        Raises:
            MapRunFailed: more failed than is tolerated; what ran was aborted.
        """
        while is_wanted():
            # Looked at before the failures are counted: who ends meanwhile is counted next time.
            running = self._running()
            if self.limits.exceeded(self._failed_items(), self._total_items()):
                self._abort()
                raise threshold_exceeded()
            if self._is_waiting():
                self._start_more()
            elif not running:
                return
            with self._changed:
                self._changed.wait(_WAKE_SECONDS)
        self._abort()

    def child_ended(self) -> None:
        """Called by each child."""
        with self._changed:
            self._changed.notify_all()

    def finish(self, status: MapRunStatus) -> None:
        """The run is over."""
        self.status = status
        self.stopped = datetime.now(UTC)

    def results_were_written(self) -> None:
        """The result writer has written what the children gave."""
        self._results_written = True

    def redrive(self) -> None:
        """Begin again with the children that did not succeed; the ARN stays."""
        self.redrives += 1
        self.redriven, self.stopped = datetime.now(UTC), None
        self.status = MapRunStatus.RUNNING
        self._to_redrive = self.unsuccessful()

    def unsuccessful(self) -> list[Any]:
        """The children that ended without success."""
        return [child for child in self._children if child.exec_status in _ENDED_BADLY]

    def _is_waiting(self) -> bool:
        """Whether anything is left to start."""
        return bool(self._to_redrive) or len(self._children) < len(self._inputs)

    def _start_more(self) -> None:
        """Start what there is room for."""
        limit = min(self.limits.concurrency or MAX_CONCURRENCY, MAX_CONCURRENCY)
        room = limit - len(self._running())
        while room > 0 and self._to_redrive:
            self._to_redrive.pop(0).redrive()
            room -= 1
        while room > 0 and len(self._children) < len(self._inputs):
            given = self._inputs[len(self._children)]
            child = self._make_child(self, str(uuid.uuid4()), given.text)
            self._children.append(child)
            child.start()
            room -= 1

    def _running(self) -> list[Any]:
        return [child for child in self._children if child.exec_status == ExecutionStatus.RUNNING]

    def _abort(self) -> None:
        """Stop what runs and wait for it: a child stops what it waits for in its turn."""
        self._to_redrive = []
        for child in self._running():
            child.stop_when_begun(error=None, cause=None)
        with self._changed:
            self._changed.wait_for(lambda: not self._running())

    # ------------------------------------------------------------------ what others see

    def find_child(self, arn: str) -> Any | None:
        """A child by its ARN."""
        return next((child for child in self._children if child.exec_arn == arn), None)

    def describe(self) -> dict[str, Any]:
        """The response of DescribeMapRun."""
        items = [given.items for given in self._inputs]
        return {
            "mapRunArn": self.arn,
            "executionArn": self.execution_arn,
            "status": self.status.value,
            "startDate": self.started,
            **({"stopDate": self.stopped} if self.stopped is not None else {}),
            "maxConcurrency": self.limits.concurrency,
            "toleratedFailureCount": self.limits.tolerated_count or 0,
            "toleratedFailurePercentage": self.limits.tolerated_percentage or 0.0,
            "itemCounts": self._counts(items),
            "executionCounts": self._counts([1] * len(items)),
            "redriveCount": self.redrives,
            **({"redriveDate": self.redriven} if self.redriven is not None else {}),
        }

    def summary(self) -> dict[str, Any]:
        """A member of ListMapRuns' answer."""
        return {
            "executionArn": self.execution_arn,
            "mapRunArn": self.arn,
            "stateMachineArn": self.child_machine_arn,
            "startDate": self.started,
            **({"stopDate": self.stopped} if self.stopped is not None else {}),
        }

    def _counts(self, weights: Sequence[int]) -> dict[str, int]:
        counts = dict.fromkeys(
            ("pending", *_MEMBERS.values(), "failuresNotRedrivable", "pendingRedrive"), 0
        )
        waiting = {child.exec_arn for child in self._to_redrive}
        for index, weight in enumerate(weights):
            if index >= len(self._children):
                counts["pending"] += weight
            elif self._children[index].exec_arn in waiting:
                counts["pendingRedrive"] += weight
            else:
                counts[_MEMBERS[self._children[index].exec_status]] += weight
        written = sum(counts[name] for name in ("succeeded", "failed", "timedOut", "aborted"))
        return {
            **counts,
            "total": sum(weights),
            "resultsWritten": written if self._results_written else 0,
        }

    def _failed_items(self) -> int:
        waiting = {child.exec_arn for child in self._to_redrive}
        return sum(
            given.items
            for given, child in zip(self._inputs, self._children, strict=False)
            if child.exec_status in _ENDED_BADLY and child.exec_arn not in waiting
        )

    def _total_items(self) -> int:
        return sum(given.items for given in self._inputs)


def batches(
    items: Sequence[Any], *, max_items: int | None, max_bytes: int | None, batch_input: Any
) -> Iterator[ChildInput]:
    """The inputs of children that get several items each.

    Args:
        items: all of them.
        max_items: of one batch.
        max_bytes: of one input.
        batch_input: stands beside the items; None for nothing.

    Raises:
        MapRunFailed: an item alone is too large for its input.
    """
    gathered: list[Any] = []

    def made(batch: Sequence[Any]) -> ChildInput:
        beside = {} if batch_input is None else {"BatchInput": batch_input}
        return ChildInput(text=compact({**beside, "Items": batch}), items=len(batch))

    size = 0
    frame = len(made([]).text.encode())
    for item in items:
        # One more for the comma.
        length = len(compact(item).encode()) + 1
        full = max_items is not None and len(gathered) >= max_items
        large = max_bytes is not None and frame + size + length > max_bytes
        if gathered and (full or large):
            yield made(gathered)
            gathered, size = [], 0
        gathered.append(item)
        size += length
    if gathered:
        yield made(gathered)


def compact(value: Any) -> str:
    """As Step Functions writes JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
