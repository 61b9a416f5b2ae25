"""`inference check`: its options, and its table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName
from model_artifacts.packing import DEFAULT_CODE, DEFAULT_ENTRY_POINT

if TYPE_CHECKING:
    from inference_ops.check.run import Report

# Paragraphs in one line each: the terminal decides where they break.
_CHECK = (
    "Prove a model and its code, before or after a deployment.\n\n"
    "Packs MODEL_DIR with its code, unpacks it elsewhere and loads it as the container does, in a "
    "process of its own. Then its handlers answer golden requests, with rows around the splits of "
    "the model, whose answers must be those of `Booster.predict` to the last bit; and hostile "
    "ones, which must get the 4xx that tells the caller why.\n\n"
    "With --endpoint a live endpoint answers them instead; without MODEL_DIR only the hostile ones "
    "that need no model, and those of --request.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference check build/model\n"
    "  inference check build/model --request tests/golden.csv --json\n"
    "  inference check build/model --endpoint churn\n"
    "  inference check --endpoint churn --region eu-west-1"
)
_REQUEST_WIDTH = 28


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program.

    Args:
        app: the program.
    """
    app.command(help=_CHECK, epilog=EXIT_CODES)(check)


def check(
    model_dir: Annotated[
        Path | None, typer.Argument(help="The directory that holds xgboost-model.")
    ] = None,
    *,
    request: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file with a request's body, which must be answered; may be given several "
            "times. Its type goes by the end of its name."
        ),
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(help="The type of the files of --request.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(help="The answers' type that the files of --request ask for.")
    ] = None,
    code: Annotated[
        Path | None,
        typer.Option(help=f"The code that is packed with the model. By default {DEFAULT_CODE}."),
    ] = None,
    entry_point: Annotated[
        str, typer.Option(help="The file in it that holds the handlers.")
    ] = DEFAULT_ENTRY_POINT,
    library: Annotated[
        list[Path] | None,
        typer.Option(
            help="A shared library that is packed beside it, as for an accelerated model; may be "
            "given several times."
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare/--no-compare",
            help="Compare answers with what the model predicts; without, where the code turns "
            "scores into something else, only their number counts.",
        ),
    ] = True,
    endpoint: Annotated[
        str | None, typer.Option(help="The endpoint that answers, instead of the code.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="The variant of the endpoint that is to answer.")
    ] = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference check`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.errors import CommandError, Exit

        if model_dir is None and endpoint is None:
            raise CommandError("give MODEL_DIR, --endpoint or both", Exit.USAGE)
        if endpoint is not None and (code is not None or library):
            raise CommandError(
                "an endpoint answers with its own code: leave out --code and --library", Exit.USAGE
            )
        if variant is not None and endpoint is None:
            raise CommandError("--variant is one of an endpoint: give --endpoint", Exit.USAGE)
        from inference_ops.check.run import Options, run_check

        report = run_check(
            Options(
                model_dir=model_dir,
                code=Path(DEFAULT_CODE) if code is None else code,
                entry_point=entry_point,
                libraries=library or [],
                files=request or [],
                content_type=content_type,
                accept=accept,
                compare=compare,
                endpoint=endpoint,
                variant=variant,
                region=region,
                profile=profile,
            ),
            console,
        )
        if as_json:
            console.result("", _as_json(report))
        else:
            _print(report)
        if report.failed:
            raise SystemExit(int(Exit.REFUSED))


def _as_json(report: "Report") -> dict[str, object]:
    return {
        **report.about,
        "requests": [
            {
                "name": result.request.name,
                "content_type": result.request.content_type,
                "accept": result.request.accept,
                "expected_status": result.request.status,
                "status": result.answer.status,
                "answer_type": result.answer.content_type,
                "milliseconds": round(result.answer.milliseconds, 3),
                "fault": result.fault,
            }
            for result in report.results
        ],
        "failed": report.failed,
    }


def _print(report: "Report") -> None:
    import os

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from inference_ops.check.verdict import shown

    # A pipe or a file has no width of its own.
    console = Console(width=None if "COLUMNS" in os.environ or os.isatty(1) else 120)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("request", no_wrap=True, min_width=_REQUEST_WIDTH)
    table.add_column("status", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True, min_width=6)
    table.add_column("answer")
    # What the other columns and the space between them leave.
    room = max(20, console.width - _REQUEST_WIDTH - 28)
    for result in report.results:
        good = result.fault is None
        told = result.fault or result.answer.body.decode(errors="replace")
        table.add_row(
            Text("✓", "green") if good else Text("✗", "bold red"),
            Text(result.request.name),
            str(result.answer.status),
            f"{result.answer.milliseconds:.1f}",
            Text(shown(told, room)),
        )
    console.print(table)
    passed = len(report.results) - report.failed
    print(f"{passed} passed, {report.failed} failed")
    for name, value in report.about.items():
        print(f"  {name.replace('_', ' '):<17}{value}")
