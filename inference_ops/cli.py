"""The command `inference`.

Imports of its own work are within the commands: `inference --help` does not wait for boto3.
"""

from pathlib import Path
from typing import Annotated

import typer

from inference_ops import (
    batch_commands,
    cleanup_commands,
    cost_commands,
    deployment_commands,
    measurement_commands,
    operation_commands,
    preflight_commands,
    review_commands,
)
from inference_ops.check import command as check_command
from inference_ops.errors import Exit
from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName
from model_artifacts.packing import DEFAULT_CODE, DEFAULT_ENTRY_POINT

app = typer.Typer(
    name="inference",
    help="Prepares and proves trained XGBoost models for their deployment with the CDK, and looks "
    "after deployed endpoints and batch workflows.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Paragraphs in one line each: the terminal decides where they break.
_RESOLVE = (
    "Look a trained model up in AWS and pin it for the next synth.\n\n"
    "The artifact, its ETag or version, the image, the job or package and what was packed are "
    "written to cdk.context.json, to be reviewed and committed: a synth itself never calls AWS.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference resolve training-job/churn-2026-11-20\n"
    "  inference resolve tuning-job/churn-tuning --region eu-west-1\n"
    "  inference resolve model-package/churn/12 --no-repack\n"
    "  inference resolve s3://bucket/models/model.tar.gz --code src/serving\n"
    "  inference resolve training-job/churn-2026-11-20 --frozen"
)
_CONVERT = (
    "Save a model in XGBoost's legacy binary format anew as UBJ.\n\n"
    "XGBoost 3.1 and later cannot read that format, which the older images leave. The model is "
    "loaded and saved by XGBoost 3.0.5 in an environment of its own, made on first use below "
    "$XDG_CACHE_HOME/inference-constructs. Before anything is written, predictions for random rows "
    "around the model's split points are compared bit for bit: by 3.0.5 from the old file, and by "
    "the release of the present image from the new one.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference convert xgboost-model\n"
    "  inference convert xgboost-model --output build/model/xgboost-model --force"
)


@app.command(help=_RESOLVE, epilog=EXIT_CODES)
def resolve(
    source: Annotated[
        str,
        typer.Argument(
            help="training-job/NAME, tuning-job/NAME, model-package/GROUP/VERSION, one of their "
            "ARNs, or s3://BUCKET/KEY."
        ),
    ],
    *,
    code: Annotated[Path, typer.Option(help="The code that is packed with the model.")] = Path(
        DEFAULT_CODE
    ),
    entry_point: Annotated[
        str, typer.Option(help="The file in it that holds the handlers.")
    ] = DEFAULT_ENTRY_POINT,
    repack: Annotated[
        bool,
        typer.Option(
            "--repack/--no-repack",
            help="Pack model and code into an artifact of our own. Without, the model stays where "
            "it is: a package goes out as approved, other code is fetched when a container starts, "
            "which needs network_isolation=False.",
        ),
    ] = True,
    frozen: Annotated[
        bool,
        typer.Option(
            help="Make the artifact of an existing pin again and change no pin, as CI does."
        ),
    ] = False,
    image_version: Annotated[
        str | None,
        typer.Option(
            help="The XGBoost that will load the model, as an image's tag (3.2-0) or a version "
            "(3.2.0). By default 3.2-0; for a package, its own image's."
        ),
    ] = None,
    model_file: Annotated[
        str | None,
        typer.Option(help="The model's name in the artifact, if it is not xgboost-model."),
    ] = None,
    allow_unapproved: Annotated[
        bool, typer.Option("--allow-unapproved", help="Take a model package that is not Approved.")
    ] = False,
    convert_legacy: Annotated[
        bool,
        typer.Option(
            "--convert", help="Save a model in the legacy binary format anew, see `convert`."
        ),
    ] = False,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle", help="Take a pickled model; loading it executes what is in it."
        ),
    ] = False,
    context: Annotated[Path, typer.Option(help="The file that keeps the pins.")] = Path(
        "cdk.context.json"
    ),
    artifacts: Annotated[
        Path, typer.Option(help="Where packed artifacts are kept, below the context file.")
    ] = Path("artifacts"),
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference resolve`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.resolve import Options, Resolver
        from model_artifacts.pins import pin_key
        from model_artifacts.sources import Source

        _check_usage(frozen=frozen, repack=repack, artifacts=artifacts, context=context)
        options = Options(
            context=context,
            artifacts=artifacts,
            code=code,
            entry_point=entry_point,
            repack=repack,
            image_version=image_version,
            model_file=model_file,
            allow_unapproved=allow_unapproved,
            allow_pickle=allow_pickle,
            convert=convert_legacy,
        )
        resolver = Resolver(options, console, region=region, profile=profile)
        parsed = Source.parse(source)
        pin = resolver.restore(parsed) if frozen else resolver.resolve(parsed)
        packed = pin.packed
        values = pin.to_context()
        values |= {"packed": values["packed"] if as_json else packed.path} if packed else {}
        if not as_json:
            values["artifact"] = pin.artifact.uri if pin.artifact else None
            values["model"] = pin.model and " ".join(values["model"].values())
        console.result(f"pinned as {pin_key(parsed)} in {context}", values)


def _check_usage(*, frozen: bool, repack: bool, artifacts: Path, context: Path) -> None:
    from inference_ops.errors import CommandError

    if frozen and not repack:
        raise CommandError("--frozen restores what was packed: leave out --no-repack", Exit.USAGE)
    if not artifacts.resolve().is_relative_to(context.parent.resolve()):
        raise CommandError(
            f"--artifacts {artifacts} must lie below {context.parent.resolve()}, as the pins do",
            Exit.USAGE,
        )


@app.command(help=_CONVERT, epilog=EXIT_CODES)
def convert(
    model: Annotated[Path, typer.Argument(help="A model in XGBoost's legacy binary format.")],
    *,
    output: Annotated[
        Path | None, typer.Option(help="The file to write. By default MODEL with .ubj appended.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the output if it exists.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run `inference convert`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.convert import convert_model

        destination = model.with_name(f"{model.name}.ubj") if output is None else output
        proof = convert_model(model, destination, console=console, force=force)
        console.result("converted", {"output": str(destination), **proof})


for commands in (
    check_command,
    review_commands,
    cost_commands,
    preflight_commands,
    deployment_commands,
    operation_commands,
    cleanup_commands,
    measurement_commands,
    batch_commands,
):
    commands.add_to(app)


def main() -> None:
    """Run the command."""
    app()
