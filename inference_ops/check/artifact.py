"""Packs a model with its code, unpacks it elsewhere and has its handlers answer requests."""

import base64
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from inference_ops.archives import unpack
from inference_ops.check.requests import CheckRequest, Known
from inference_ops.check.verdict import Answer
from inference_ops.errors import CommandError, Exit
from model_artifacts.ensemble import ENSEMBLE_NAME, ensemble_files
from model_artifacts.handlers import check_handlers
from model_artifacts.images import DEFAULT_XGBOOST_VERSION
from model_artifacts.model_file import check_model
from model_artifacts.packing import CODE_DIRECTORY, MODEL_NAME, PackedArtifact, pack

_CHILD = Path(__file__).with_name("child.py")
_SECONDS = 600
_ROWS = 100
# What the image has, and a check cannot do without.
_NEEDED = ("numpy", "xgboost", "flask")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the handlers did.

    Attributes:
        packed: The artifact.
        load_seconds: How long `model_fn` took.
        answers: An answer for each request.
        log: What the handlers wrote.
    """

    packed: PackedArtifact
    load_seconds: float
    answers: Sequence[Answer]
    log: str


def require_libraries() -> None:
    """Make sure that the handlers can run here.

    Raises:
        CommandError: A library of the image is missing.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the handlers need {', '.join(missing)} here as in the image: pip install "
            f"{' '.join('xgboost-cpu' if name == 'xgboost' else name for name in missing)}"
        )


def known_rows(model_dir: Path) -> tuple[Known, Known]:
    """Rows around the splits of a model, and what it predicts for them without its code.

    Args:
        model_dir: Where the model file lies.

    Returns:
        Rows in which every value is there, and rows in which some are missing.

    Raises:
        ArtifactError: The file is no model, or one that the image would not read.
    """
    check_model(model_dir / MODEL_NAME, image_version=DEFAULT_XGBOOST_VERSION)
    import numpy as np

    from inference_ops.convert_script import load, predict, probe_rows

    booster = load(str(model_dir / MODEL_NAME))
    some_missing = probe_rows(booster)[:_ROWS]
    complete = np.nan_to_num(some_missing, nan=0.5)
    complete_rows, rows = (
        Known(rows=rows, scores=predict(booster, rows)["predictions"])
        for rows in (complete, some_missing)
    )
    return complete_rows, rows


def is_ensemble(model_dir: Path) -> bool:
    """Whether several models answer as one, so that none of them alone predicts the answers."""
    return (model_dir / ENSEMBLE_NAME).is_file()


def answer_locally(
    model_dir: Path,
    code: Path,
    entry_point: str,
    libraries: Sequence[Path],
    requests: Sequence[CheckRequest],
) -> Checked:
    """Pack, unpack, load and ask.

    Args:
        model_dir: Where the model file lies.
        code: The code that is packed with it.
        entry_point: The file in it that holds the handlers.
        libraries: Shared libraries that are packed beside it.
        requests: What the handlers are asked.

    Raises:
        ArtifactError: The model or the code cannot be packed.
        CommandError: The code does not load the model, or ends the process.
    """
    check_handlers(code, entry_point)
    with _unpacked(model_dir, code, libraries) as (packed, base):
        asked, answered = base / "requests", base / "answers"
        asked.write_text("".join(f"{json.dumps(_as_json(request))}\n" for request in requests))
        log = _run(base, Path(entry_point).stem, asked, answered)
        told = [json.loads(line) for line in answered.read_text().splitlines()]
    if not told or "load_seconds" not in told[0]:
        why = told[0]["error"] if told else (log.strip().splitlines() or ["no output"])[-1]
        raise CommandError(f"model_fn of {code / entry_point} failed: {why}")
    first, *rest = told
    if len(rest) < len(requests):
        last = (log.strip().splitlines() or ["no output"])[-1]
        raise CommandError(
            f"the handlers ended the process at the request {requests[len(rest)].name!r}: {last}"
        )
    return Checked(
        packed=packed,
        load_seconds=first["load_seconds"],
        answers=[
            Answer(
                status=answer["status"],
                content_type=answer["content_type"],
                body=base64.b64decode(answer["body"]),
                milliseconds=answer["milliseconds"],
                error=answer.get("error"),
            )
            for answer in rest
        ],
        log=log,
    )


@contextmanager
def _unpacked(
    model_dir: Path, code: Path, libraries: Sequence[Path]
) -> Iterator[tuple[PackedArtifact, Path]]:
    with tempfile.TemporaryDirectory(prefix="inference-check-") as name:
        base = Path(name)
        packed = pack(
            base / "model.tar.gz",
            model_file=model_dir / MODEL_NAME,
            code=code,
            libraries=libraries,
            extra_files=ensemble_files(model_dir, image_version=DEFAULT_XGBOOST_VERSION),
        )
        with tarfile.open(packed.path, "r:gz") as archive:
            unpack(archive, base / "model")
        yield packed, base


def _run(base: Path, module: str, asked: Path, answered: Path) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_MODEL_DIR": str(base / "model"),
    }
    code = base / "model" / CODE_DIRECTORY
    arguments = [str(code), module, str(base / "model"), str(asked), str(answered)]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(_CHILD), *arguments],
            cwd=base,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"the handlers took more than {_SECONDS} s", Exit.REFUSED) from None
    return done.stdout


def _as_json(request: CheckRequest) -> dict[str, str | None]:
    return {
        "content_type": request.content_type,
        "accept": request.accept,
        "body": base64.b64encode(request.body).decode(),
    }
