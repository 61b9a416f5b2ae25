"""The app around the stacks: which stages it has, and what every template must pass."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from inference_constructs.rules import InferenceChecks
from stacks.section import ROOT
from stacks.settings import Settings
from stacks.settings_file import known_stages, load_settings

DEFAULT_STAGE = "dev"


def new_app(outdir: Path = ROOT / "cdk.out", context: Mapping[str, Any] | None = None) -> App:
    """Makes the app, with the same context whether the CDK CLI runs it or not.

    Args:
        outdir: where the templates go, if the CLI does not say so.
        context: values beside those of `cdk.json` and `cdk.context.json`.

    Returns:
        The app, whose templates are checked by cdk-nag and by the rules of this project.
    """
    if _run_by_cli():
        app = App(context=context)
    else:
        # Only the CLI reads these files and gives templates the paths of their constructs; without
        # them other templates would come out.
        given = {
            "aws:cdk:enable-path-metadata": True,
            "aws:cdk:enable-asset-metadata": True,
            **_context_file("cdk.json").get("context", {}),
            **_context_file("cdk.context.json"),
        }
        app = App(outdir=str(outdir), context={**given, **(context or {})})
    Validations.of(app).add_plugins(
        AwsSolutionsChecks(app), NIST80053R5Checks(app), InferenceChecks()
    )
    return app


def chosen_settings(app: App) -> list[Settings]:
    """Reads the settings of the stages to synthesize.

    That is the stage given as context (`-c stage=prod`), else `dev` under the CLI and all of them
    otherwise.

    Args:
        app: the app.

    Raises:
        SettingsError: there is no such stage, or its file is wrong.
    """
    chosen = app.node.try_get_context("stage")
    if chosen is not None:
        stages = [str(chosen)]
    else:
        stages = [DEFAULT_STAGE] if _run_by_cli() else known_stages()
    return [load_settings(stage) for stage in stages]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Ends the program with the message of a refusal, without a traceback.

    Settings, models and constructs are refused by `ValueError`: its message is all that whoever
    edits a settings file needs.
    """
    try:
        yield
    except ValueError as error:
        sys.exit(f"error: {error}")


def _run_by_cli() -> bool:
    return "CDK_OUTDIR" in os.environ


def _context_file(name: str) -> dict[str, Any]:
    path = ROOT / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
