"""Brings the user's code to where it runs, with what it requires."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local_aws.sagemaker.archive import extract
from local_aws.sagemaker.container.settings import Settings

# What pip takes for "no" in PIP_NO_BUILD_ISOLATION, which is how its build isolation is turned off.
_PIP_NO = {"0", "false", "no", "off", "n", "f"}


class InstallModuleError(Exception):
    """The user's code cannot be installed."""


def prepare(settings: Settings, environ: Mapping[str, str], *, isolated: bool) -> None:
    """Copy or download the code to the code directory and install its requirements.

    Args:
        settings: the container's.
        environ: its environment, where pip's settings stand.
        isolated: whether the container has no network.

    Raises:
        InstallModuleError: pip would fail.
    """
    _bring(settings.submit_directory, settings.code_directory)
    if isolated and environ.get("PIP_NO_BUILD_ISOLATION", "").lower() not in _PIP_NO:
        # The image runs `pip install .` on the code at each start. pip then wants to download
        # setuptools for an isolated build, unless told not to.
        raise InstallModuleError(
            "ERROR: Could not find a version that satisfies the requirement setuptools>=40.8.0 "
            "(from versions: none). The container has no network: set PIP_NO_BUILD_ISOLATION=0"
        )
    requirements = settings.code_directory / "requirements.txt"
    if requirements.is_file():
        _install(requirements, settings, environ, isolated=isolated)


def _bring(source: str, destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        return
    if source.startswith("s3://"):
        extract(io.BytesIO(_download(source)), destination)
    elif os.path.isdir(source):
        shutil.copytree(source, destination, dirs_exist_ok=True)
    elif os.path.isfile(source) and tarfile.is_tarfile(source):
        with open(source, "rb") as archive:
            extract(archive, destination)
    elif os.path.isfile(source):
        shutil.copy2(source, destination)


def _download(uri: str) -> bytes:
    # Imported here: most containers never need it. Credentials are those of the execution role; a
    # container in network isolation has none, and fails here.
    import boto3

    location = urlsplit(uri)
    body = boto3.client("s3").get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))
    content: bytes = body["Body"].read()
    return content


def _install(
    requirements: Path, settings: Settings, environ: Mapping[str, str], *, isolated: bool
) -> None:
    """Install what this environment lacks beside the code, never into the environment itself."""

    def pip(*arguments: str, output: int | None = None) -> bytes:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
        ended = subprocess.run(
            [*command, *(["--no-index"] if isolated else []), *arguments],
            cwd=settings.code_directory,
            env=dict(environ),
            stdout=output,
        )
        if ended.returncode != 0:
            raise InstallModuleError(f"pip install -r {requirements.name} failed")
        return ended.stdout or b""

    report = pip(
        *("--dry-run", "--quiet", "--report", "-", "-r", str(requirements)),
        output=subprocess.PIPE,
    )
    lacking = [found["download_info"]["url"] for found in json.loads(report)["install"]]
    if lacking:
        # `--target` alone looks at nothing that is installed: it would want every dependency anew.
        pip("--no-deps", "--target", str(settings.base / "site-packages"), *lacking)
