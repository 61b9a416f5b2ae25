"""What the container reads from its environment, as the ``sagemaker-containers`` library does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The serving environment of one container.

    Attributes:
        base: the directory that is ``/opt/ml`` in the image.
        module: name of the user's module; None is algorithm mode.
        submit_directory: where the user's code comes from: a directory, a tar file or an S3 URI.
        workers: number of worker processes.
        timeout: seconds after which a silent worker is killed.
        default_accept: what an invocation without an Accept gets; None is the mode's default.
        log_level: the root logger's level.
    """

    base: Path
    module: str | None
    submit_directory: str
    workers: int
    timeout: int
    default_accept: str | None
    log_level: int

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Settings:
        """Read them.

        Raises:
            ValueError: a number is not one: ``SAGEMAKER_CONTAINER_LOG_LEVEL=INFO`` crashes the
                start of the real container as well.
        """
        base = Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
        program = environ.get("SAGEMAKER_PROGRAM")
        submit = environ.get("SAGEMAKER_SUBMIT_DIRECTORY", str(base / "code"))
        return cls(
            base=base,
            module=program.removesuffix(".py") if program else None,
            submit_directory=_in_base(submit, base),
            workers=int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", str(os.cpu_count() or 1))),
            timeout=int(environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60")),
            default_accept=environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"),
            log_level=int(environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "20")),
        )

    @property
    def model_directory(self) -> Path:
        """Where the artifact was unpacked."""
        return self.base / "model"

    @property
    def code_directory(self) -> Path:
        """Where the user's code runs from."""
        return self.base / "code"


def _in_base(path: str, base: Path) -> str:
    """``/opt/ml/...`` as a path below this container's base directory."""
    if path == "/opt/ml" or path.startswith("/opt/ml/"):
        return str(base / path.removeprefix("/opt/ml").lstrip("/"))
    return path
