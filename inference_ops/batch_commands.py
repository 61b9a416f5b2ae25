"""`inference batch`: runs of a deployed batch workflow."""

from typing import Annotated, Any

import typer

from inference_ops.console import on_aws
from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName

# Paragraphs in one line each: the terminal decides where they break.
_BATCH = "Start batch runs, repeat what failed, and look at them."
_RUN = (
    "Run a batch over the objects at a place in S3.\n\n"
    "The workflow checks them, runs transform jobs, verifies the outputs and writes a summary. "
    "Data that is being run, or has been, is not run again without --force.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference batch run s3://data/input/may/ --wait\n"
    "  inference batch run s3://data/input/may/ --header strip --set join=Input --wait\n"
    "  inference batch run s3://data/input/may/ --set shard_objects=100 --set concurrent_jobs=8"
)
_RERUN = (
    "Run again what failed in a run, into the same place and with the same options.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference batch rerun s3://data/output/may/_failed.json --wait"
)
_STATUS = (
    "Show what a run is at, or how it ended.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference batch status arn:aws:states:eu-west-1:123456789012:execution:Workflow-1:ab12\n"
    "  inference batch status ab12 --json"
)

Stack = Annotated[
    str | None,
    typer.Option(
        help="The stack of the workflow, or the state machine's ARN. By default the only stack of "
        "the region that has one."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A field of the request: docs/batch-request.schema.json. Can be repeated.",
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end, and show progress.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    batch = typer.Typer(name="batch", help=_BATCH, epilog=EXIT_CODES, no_args_is_help=True)
    batch.command("run", help=_RUN, epilog=EXIT_CODES)(run_batch)
    batch.command("rerun", help=_RERUN, epilog=EXIT_CODES)(rerun_batch)
    batch.command("status", help=_STATUS, epilog=EXIT_CODES)(show_status)
    app.add_typer(batch)


def run_batch(
    place: Annotated[str, typer.Argument(metavar="INPUT", help="s3://bucket/key-or-prefix.")],
    *,
    output: Annotated[
        str | None,
        typer.Option(help="Where the results go. By default a place of the run's own."),
    ] = None,
    header: Annotated[
        str | None, typer.Option(help="What happens to CSV headers: refuse, strip or none.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run also what is being run or has been.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let the output hold objects already.")
    ] = False,
    settings: Settings = None,
    wait: Wait = False,
    stack: Stack = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference batch run`."""
    given: dict[str, Any] = {"input": place, "output": output, "header": header}
    given |= {"force": force or None, "overwrite": overwrite or None}
    request = {name: value for name, value in given.items() if value is not None}
    _start(request, settings, wait, stack, (region, profile), as_json)


def rerun_batch(
    failed: Annotated[str, typer.Argument(metavar="FAILED", help="The _failed.json of a run.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Run also with another model than the run had.")
    ] = False,
    settings: Settings = None,
    wait: Wait = False,
    stack: Stack = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference batch rerun`."""
    request = {"rerun": failed} | ({"force": True} if force else {})
    _start(request, settings, wait, stack, (region, profile), as_json)


def _start(  # noqa: PLR0917
    request: dict[str, Any],
    settings: list[str] | None,
    wait: bool,
    stack: str | None,
    where: tuple[str | None, str | None],
    as_json: bool,
) -> None:
    with on_aws(*where, as_json=as_json) as console:
        from inference_ops.batch_runs import Runs, parse_settings

        runs = Runs(console.session, stack=stack, tell=console.progress)
        execution = runs.start({**request, **parse_settings(settings or [])})
        if not wait:
            console.result("started", {"execution": execution})
            return
        console.progress(f"started {execution}")
        run = runs.follow(execution)
        console.result(run.execution, run.to_json() if as_json else run.shown())


def show_status(
    execution: Annotated[
        str, typer.Argument(metavar="EXECUTION", help="The execution's ARN or name.")
    ],
    *,
    stack: Stack = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference batch status`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.batch_runs import Runs

        runs = Runs(console.session, stack=stack, tell=console.progress)
        run = runs.look(execution)
        if as_json:
            console.result(run.execution, run.to_json())
            return
        shown = {"execution status": run.status, **run.shown()}
        if run.status == "RUNNING":
            shown["at"] = runs.progress(run.execution)
        elif run.status != "SUCCEEDED":
            shown["reason"] = run.reason
        console.result(run.execution, shown)
