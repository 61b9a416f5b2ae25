"""Sources, and the pins that `inference resolve` leaves in the context."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from model_artifacts import ArtifactError
from model_artifacts.model_file import ModelFile
from model_artifacts.packing import code_digest, pack
from model_artifacts.pins import (
    PackedPin,
    Pin,
    PinnedObject,
    pin_key,
    read_pin,
    verify_packed,
    write_pin,
)
from model_artifacts.sources import Source

_ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
_JOB = Source.parse("training-job/churn")
_PIN = Pin(
    source=_JOB,
    region="us-east-1",
    artifact=PinnedObject(uri="s3://bucket/model.tar.gz", etag="abc", version_id="v1"),
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    job_arn="arn:aws:sagemaker:us-east-1:123456789012:training-job/churn",
    model=ModelFile(format="ubj", version=(3, 2, 0)),
)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("training-job/churn-2026", "training-job", "churn-2026"),
        ("tuning-job/t1", "tuning-job", "t1"),
        ("model-package/churn/12", "model-package", "churn/12"),
        ("model-package/single", "model-package", "single"),
        ("s3://my.bucket/a/b/model.tar.gz", "s3", "s3://my.bucket/a/b/model.tar.gz"),
        (f"{_ARN}:training-job/churn", "training-job", "churn"),
        (f"{_ARN}:hyper-parameter-tuning-job/t1", "tuning-job", "t1"),
        (f"{_ARN}:model-package/churn/3", "model-package", "churn/3"),
        ("arn:aws-cn:sagemaker:cn-north-1:123456789012:training-job/x", "training-job", "x"),
    ],
)
def test_a_source_is_read_and_written_alike(text: str, kind: str, name: str) -> None:
    """Short forms and ARNs."""
    source = Source.parse(text)

    assert (source.kind, source.name) == (kind, name)
    assert str(source) == text
    assert source.region == (text.split(":")[3] if text.startswith("arn") else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "training-job/",
        "training-job/-x",
        "training-job/" + "x" * 64,
        "training-job/a_b",
        "model-package/churn/0",
        "model-package/churn/x",
        "s3://bucket",
        "s3://bucket/",
        "s3://b/k",
        "https://bucket.s3.amazonaws.com/key",
        f"{_ARN}:endpoint/churn",
    ],
)
def test_what_is_no_source_is_refused_with_the_forms_there_are(text: str) -> None:
    """The other half of the pairs above."""
    with pytest.raises(ArtifactError, match="expected s3://BUCKET/KEY, training-job/NAME"):
        Source.parse(text)


_FULL = dataclasses.replace(
    _PIN,
    packed=PackedPin(path="artifacts/1.tar.gz", sha256="1", size=2, code_sha256="3"),
    tuning_job_arn="arn:tuning",
)
_PACKAGE = Pin(
    source=Source.parse("model-package/churn/1"),
    region="us-east-1",
    artifact=None,
    package_arn=f"{_ARN}:model-package/churn/1",
    package_status="PendingManualApproval",
)


@pytest.mark.parametrize("pin", [_PIN, _FULL, _PACKAGE])
def test_a_pin_is_read_back_as_it_was_written(tmp_path: Path, pin: Pin) -> None:
    """Through the file, as a synth reads it."""
    file = tmp_path / "cdk.context.json"
    write_pin(file, pin)

    context: dict[str, Any] = json.loads(file.read_text())
    assert read_pin(pin.source, context.get) == pin


def test_the_stored_form_is_what_a_reviewer_reads(tmp_path: Path) -> None:
    """Artifact, version, image and job, under a key of the source's own."""
    write_pin(tmp_path / "c.json", _PIN)

    assert json.loads((tmp_path / "c.json").read_text()) == {
        "inference:model:training-job/churn": {
            "source": "training-job/churn",
            "region": "us-east-1",
            "jobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn",
            "artifact": {"uri": "s3://bucket/model.tar.gz", "etag": "abc", "versionId": "v1"},
            "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            "model": {"format": "ubj", "version": "3.2.0"},
        }
    }


def test_a_missing_pin_is_told_with_the_command_to_run() -> None:
    """A synth never looks up by itself."""
    with pytest.raises(ArtifactError, match="run `inference resolve training-job/churn`"):
        read_pin(_JOB, {}.get)


@pytest.mark.parametrize(
    "value",
    ["text", 1, {}, {"region": "r", "artifact": {}}, {"region": "r", "packed": {"path": 1}}],
)
def test_a_damaged_pin_is_told_with_the_command_to_run(value: object) -> None:
    """Somebody edited the file by hand, or merged it badly."""
    with pytest.raises(
        ArtifactError, match=r"is damaged .*run `inference resolve training-job/churn`"
    ):
        read_pin(_JOB, {pin_key(_JOB): value}.get)


def test_only_an_approved_package_goes_out_unless_told() -> None:
    """And a model that is no package needs no approval."""
    _PIN.require_approval()
    dataclasses.replace(_PACKAGE, package_status="Approved").require_approval()
    _PACKAGE.require_approval(allow_unapproved=True)
    with pytest.raises(ArtifactError, match="is PendingManualApproval, not Approved"):
        _PACKAGE.require_approval()


# --- the context file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        '{\n  "vpc:account=1": {\n    "id": "vpc-1"\n  },\n  "number": 1.50\n}\n',
        '{\n    "four": [1,2,   3],\n    "é": "\\u00e9"\n}',
        '{\r\n\t"tab": true\r\n}\r\n',
        '{"one": "line", "n": 1e5}',
    ],
)
def test_everything_else_in_the_context_file_stays_byte_for_byte(
    tmp_path: Path, before: str
) -> None:
    """CDK's own lookups, their order and how somebody formatted them."""
    file = tmp_path / "cdk.context.json"
    file.write_bytes(before.encode())
    write_pin(file, _PIN)

    after = file.read_bytes().decode()
    kept = before.rstrip().removesuffix("}").rstrip()
    assert after.startswith(kept + ",")
    assert after.endswith(before[len(before.rstrip()) - 1 :])
    expected = json.loads(before) | {pin_key(_JOB): _PIN.to_context()}
    assert json.loads(after) == expected
    assert list(json.loads(after)) == list(expected)


def test_a_second_pin_replaces_the_first_in_its_place(tmp_path: Path) -> None:
    """One entry per source, and no change of the file where nothing changed."""
    file = tmp_path / "cdk.context.json"
    file.write_text('{\n  "a": 1\n}\n')
    write_pin(file, _FULL)
    with_last = file.read_text().replace("\n}\n", ',\n  "z": 2\n}\n')
    file.write_text(with_last)

    write_pin(file, _PIN)
    assert list(json.loads(file.read_text())) == ["a", pin_key(_JOB), "z"]
    write_pin(file, _FULL)
    assert file.read_text() == with_last


def test_a_new_file_is_indented_as_the_cdk_cli_does(tmp_path: Path) -> None:
    """Two spaces, and a line end at the end."""
    write_pin(tmp_path / "cdk.context.json", _PIN)

    text = (tmp_path / "cdk.context.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": 1,}', "null"])
def test_a_file_that_is_no_object_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    """Nothing of what somebody has there is lost."""
    file = tmp_path / "cdk.context.json"
    file.write_text(content)

    with pytest.raises(ArtifactError, match="is not a JSON object"):
        write_pin(file, _PIN)
    assert file.read_text() == content


# --- the packed artifact -------------------------------------------------------------------------


@pytest.fixture
def packed(tmp_path: Path, model_file: Path, code: Path) -> Pin:
    """A pin whose artifact lies beside the context file."""
    done = pack(tmp_path / "artifacts" / "x.tar.gz", model_file=model_file, code=code)
    packed = PackedPin(
        path="artifacts/x.tar.gz",
        sha256=done.sha256,
        size=done.size,
        code_sha256=code_digest(code),
    )
    return dataclasses.replace(_PIN, packed=packed)


def test_the_pinned_artifact_is_found(tmp_path: Path, packed: Pin, code: Path) -> None:
    """Path, digest and size of the file itself."""
    found = verify_packed(packed, tmp_path, code=code)

    assert packed.packed is not None
    assert (found.path, found.sha256, found.size) == (
        tmp_path / "artifacts" / "x.tar.gz",
        packed.packed.sha256,
        (tmp_path / "artifacts" / "x.tar.gz").stat().st_size,
    )


def test_an_artifact_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, packed: Pin, code: Path
) -> None:
    """Missing on this machine, changed, or packed with code that has changed since."""
    artifact = tmp_path / "artifacts" / "x.tar.gz"
    content = artifact.read_bytes()
    artifact.write_bytes(content + b"x")
    with pytest.raises(ArtifactError, match=r"differs from its pin: run `.* --frozen`"):
        verify_packed(packed, tmp_path, code=code)
    artifact.unlink()
    with pytest.raises(ArtifactError, match=r"not on this machine: run `.* --frozen`"):
        verify_packed(packed, tmp_path, code=code)
    (code / "inference.py").write_text("changed = 1\n")
    with pytest.raises(ArtifactError, match=r"has changed since .*: run `inference resolve [^ ]*`"):
        verify_packed(packed, tmp_path, code=code)
    with pytest.raises(ArtifactError, match="was pinned without our code"):
        verify_packed(_PIN, tmp_path, code=code)
