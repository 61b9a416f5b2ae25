"""Evaluates a Map state in distributed mode, in the place of moto's evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Any, cast

from moto.stepfunctions.parser.api import HistoryEventType, MapRunStatus
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.states import ItemData, MapData

from local_aws.stepfunctions.authorization import role_may
from local_aws.stepfunctions.distributed import reader, writer
from local_aws.stepfunctions.distributed.definition import DistributedMap, Template
from local_aws.stepfunctions.distributed.failures import MapRunFailed, not_permitted, reader_failed
from local_aws.stepfunctions.distributed.map_run import (
    ChildInput,
    Limits,
    MapRun,
    batches,
    compact,
)
from local_aws.stepfunctions.execution import ChildExecution
from local_aws.stepfunctions.jobs import RunAJob

_stock_evaluation = StateMap._eval_execution
MAX_INPUT_BYTES = 256 * 1024


def evaluate(state: Any, env: Any) -> None:
    """Run the state; called by moto in place of its own method."""
    settings: DistributedMap | None = getattr(state, "distributed", None)
    if settings is None:
        _stock_evaluation(state, env)
        return
    _Evaluation(state, settings, env).run()


class _Evaluation:
    def __init__(self, state: Any, settings: DistributedMap, env: Any) -> None:
        self._state = state
        self._settings = settings
        self._env = env
        self._given = env.stack[-1]
        self._execution = env.aws_execution_details.live
        self._role: str = env.aws_execution_details.role_arn

    def run(self) -> None:
        """From the items to the state's result."""
        run: MapRun | None = self._execution.map_run_to_redrive(self._state.name)
        try:
            if run is None:
                run = self._begin()
                self._event(HistoryEventType.MapRunStarted, mapRunArn=run.arn)
                self._need("states:StartExecution", self._execution.machine_arn)
                run.take(self._inputs())
            else:
                if run.unsuccessful():
                    machine = self._execution.machine_arn.replace(":stateMachine:", ":execution:")
                    self._need("states:RedriveExecution", f"{machine}/*")
                run.redrive()
                self._event(
                    HistoryEventType.MapRunRedriven, mapRunArn=run.arn, redriveCount=run.redrives
                )
            self._children(run)
        except MapRunFailed as failure:
            if run is not None:
                run.finish(MapRunStatus.FAILED)
            self._env.event_manager.add_event(
                context=self._env.event_history_context,
                event_type=HistoryEventType.MapRunFailed,
                event_details=failure.details,
            )
            raise failure.event(self._env) from failure

    def _children(self, run: MapRun) -> None:
        try:
            run.run(self._env.is_running)
        except MapRunFailed:
            self._export(run)
            raise
        result = self._export(run)
        if not self._env.is_running():
            run.finish(MapRunStatus.ABORTED)
            self._event(HistoryEventType.MapRunAborted)
            self._event(HistoryEventType.MapStateAborted)
            self._env.stack.append([])
            return
        self._env.stack.append(result)
        run.finish(MapRunStatus.SUCCEEDED)
        self._event(HistoryEventType.MapRunSucceeded)
        self._env.event_manager.add_event(
            context=self._env.event_history_context,
            event_type=HistoryEventType.MapStateSucceeded,
            update_source_event_id=False,
        )

    def _export(self, run: MapRun) -> Any:
        settings = self._settings.writer
        if settings.parameters is None:
            return writer.inline(settings, run.children)
        result = writer.export(
            settings,
            self._s3(),
            settings.parameters.value(self._env, self._given),
            map_run_arn=run.arn,
            children=run.children,
            pending=run.pending,
        )
        run.results_were_written()
        return result

    # ------------------------------------------------------------------ the beginning

    def _begin(self) -> MapRun:
        self._state.max_concurrency_decl.eval(env=self._env)
        concurrency = self._env.stack.pop()
        limits = Limits(
            concurrency=concurrency,
            tolerated_count=self._number(self._settings.tolerated_count),
            tolerated_percentage=self._number(self._settings.tolerated_percentage),
        )
        self._event(HistoryEventType.MapStateStarted, length=0)
        program = self._state.iteration_component._get_iteration_program()
        parent = self._execution

        def make_child(run: MapRun, name: str, given: str) -> ChildExecution:
            machine = copy(parent.state_machine)
            machine.arn = run.child_machine_arn
            machine.name = run.child_machine_arn.rpartition(":")[2]
            return ChildExecution(
                map_run=run,
                parent=parent,
                program=program,
                name=name,
                sm_type=machine.sm_type,
                role_arn=parent.role_arn,
                exec_arn=f"{machine.arn}:{name}".replace(":stateMachine:", ":execution:"),
                account_id=parent.account_id,
                region_name=parent.region_name,
                state_machine=machine,
                start_date=datetime.now(UTC),
                input_data=given,
                trace_header=None,
                activity_store={},
            )

        label = self._state.label
        run = MapRun(
            machine_arn=self._execution.machine_arn,
            execution_arn=self._execution.exec_arn,
            label=None if label is None else label.label,
            limits=limits,
            make_child=make_child,
        )
        self._execution.map_runs_by_state.setdefault(self._state.name, []).append(run)
        return run

    def _inputs(self) -> Sequence[ChildInput]:
        """The children's inputs: items, selected, batched."""
        items = self._items()
        values = self._selected(items)
        batcher = self._settings.batcher
        if batcher is None:
            inputs = [ChildInput(text=compact(value), items=1) for value in values]
        else:
            beside = batcher.batch_input
            inputs = list(
                batches(
                    values,
                    max_items=self._number(batcher.max_items),
                    max_bytes=self._number(batcher.max_bytes),
                    batch_input=None if beside is None else beside.value(self._env, self._given),
                )
            )
        for given in inputs:
            if len(given.text.encode()) > MAX_INPUT_BYTES:
                raise reader_failed(
                    f"The input of a child is larger than {MAX_INPUT_BYTES} bytes, which is the "
                    "maximum"
                )
        return inputs

    def _items(self) -> reader.Items:
        settings = self._settings.reader
        if settings is not None:
            parameters = settings.parameters.value(self._env, self._given)
            limit = self._number(settings.max_items)
            return reader.read_items(settings, self._s3(), parameters, limit)
        self._state.items_path.eval(env=self._env)
        values = self._env.stack.pop()
        if not isinstance(values, list):
            raise reader_failed("Attempting to map over non-iterable node.")
        return reader.Items(values=values, source="STATE_DATA")

    def _selected(self, items: reader.Items) -> list[Any]:
        selector = self._state.item_selector or self._state.parameters
        if selector is None:
            return items.values
        frame = self._env.open_inner_frame()
        context = frame.states.context_object.context_object_data
        chosen = []
        try:
            for index, value in enumerate(items.values):
                item = {"Index": index, "Value": value, "Source": items.source}
                context["Map"] = MapData(Item=cast(ItemData, item))
                frame.states.reset(input_value=self._given)
                frame.stack = [self._given]
                selector.eval(frame)
                chosen.append(frame.stack.pop())
        finally:
            self._env.close_frame(frame)
        return chosen

    def _number(self, template: Template | None) -> Any:
        if template is None:
            return None
        value = template.value(self._env, self._given)["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise reader_failed(f"expected a number of at least 0, got {value!r}")
        return value

    def _s3(self) -> Any:
        region = self._env.aws_execution_details.region
        return RunAJob.client_for(region, "s3", self._role)

    def _need(self, action: str, resource: str) -> None:
        if not role_may(self._role, action, resource):
            raise not_permitted(self._role, action, resource)

    def _event(self, event_type: HistoryEventType, **details: Any) -> None:
        name = event_type.value[0].lower() + event_type.value[1:] + "EventDetails"
        self._env.event_manager.add_event(
            context=self._env.event_history_context,
            event_type=event_type,
            event_details=cast(EventDetails, {name: details}) if details else None,
        )
