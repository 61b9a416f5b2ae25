"""The examples, each synthesized once as it is, with every rule pack looking on."""

import json
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from stacks.application import new_app

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"

MODEL = "s3://example-models/churn/model.tar.gz"
# What `inference resolve` writes for the model of the canary.
PIN = {
    f"inference:model:{MODEL}": {
        "source": MODEL,
        "region": "us-east-1",
        "artifact": {"uri": MODEL, "etag": "9b2c0de4"},
        "model": {"format": "ubj", "version": "3.2.0"},
    }
}
# With this a finding does not fail the synth, so that a test can read the report and tell which.
REPORT_ONLY = {"@aws-cdk/core:failSynthOnValidationErrors": False}

Synthesize = Callable[[str], Path]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Runs an example in an app with the rule packs and the context of the CLI; its assembly."""

    @cache
    def run(name: str) -> Path:
        assembly = tmp_path_factory.mktemp("assembly")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)
            patch.delenv("CDK_OUTDIR", raising=False)
            patch.setattr(aws_cdk, "App", lambda: new_app(assembly, {**REPORT_ONLY, **PIN}))
            runpy.run_path(str(EXAMPLES / name / "app.py"))
        return assembly

    return run


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> Callable[[str], dict[str, Any]]:
    """The template of an example's one stack."""

    def read(name: str) -> dict[str, Any]:
        (file,) = synthesize(name).glob("*.template.json")
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    return read
