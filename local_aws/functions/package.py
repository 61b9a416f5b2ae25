"""From a function's zip to the command and the environment that run it."""

from __future__ import annotations

import io
import os
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path, PurePosixPath

from local_aws.cloud import Cloud, Credentials
from local_aws.functions.function import LiveFunction

RUNTIMES = Path(__file__).parent / "runtimes"


class RuntimeUnsupportedError(Exception):
    """The function cannot be run here; the message says why."""


def unpack(function: LiveFunction, destination: Path) -> None:
    """Write the function's code; a path that leads out of ``destination`` is refused."""
    destination.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
        for member in archive.infolist():
            parts = PurePosixPath(member.filename)
            if parts.is_absolute() or ".." in parts.parts:
                raise RuntimeUnsupportedError(f"{member.filename} leads out of the archive")
            path = Path(archive.extract(member, destination))
            mode = member.external_attr >> 16 & 0o777
            if mode and path.is_file():
                path.chmod(mode | 0o400)


def command(function: LiveFunction, descriptor: int) -> list[str]:
    """The process for the function's runtime; events come over the file descriptor.

    Raises:
        RuntimeUnsupportedError: no such runtime here.
    """
    runtime = function.run_time or function.package_type
    if runtime.startswith("python"):
        # No site-packages: only the standard library and what the bootstrap lets in.
        bootstrap = str(RUNTIMES / "bootstrap.py")
        return [sys.executable, "-S", "-P", "-u", bootstrap, str(descriptor)]
    if runtime.startswith("nodejs"):
        beside = str(Path(sys.executable).parent)
        node = shutil.which("node", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
        if node is None:
            raise RuntimeUnsupportedError(f"no node found in {beside} or on PATH")
        return [node, str(RUNTIMES / "bootstrap.mjs"), str(descriptor)]
    raise RuntimeUnsupportedError(
        f"the local AWS runs python and nodejs functions, {function.function_name} has {runtime}"
    )


def environment(
    cloud: Cloud, function: LiveFunction, credentials: Credentials, *, home: Path, stream: str
) -> dict[str, str]:
    """The environment as AWS gives it, and where this AWS listens."""
    logging = function.settings.get("LoggingConfig", {})
    task = str(home / "task")
    own = {str(name): str(value) for name, value in function.environment_vars.items()}
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin:/usr/bin:/bin"]),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": str(home / "tmp"),
        "TMPDIR": str(home / "tmp"),
        # Where a function may keep things is the same for all of them otherwise.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "NODE_PATH": str(Path(__file__).parents[2] / "node_modules"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **own,
        "AWS_ENDPOINT_URL": own.get("AWS_ENDPOINT_URL", cloud.endpoint_url),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if function.logs_json else "Text",
        "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO"),
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": str(RUNTIMES),
        "LOCAL_AWS_SITE_PACKAGES": sysconfig.get_path("purelib"),
        "_HANDLER": function.handler or "",
    }
