"""Brings the local AWS up on loopback, and down again."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import threading
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO, Any

from local_aws.cloud import REGION, ROOT_ACCESS_KEY, Cloud
from local_aws.subsystem import Subsystem, WsgiApp

# Outermost middleware first: a call is judged before anything answers it.
SUBSYSTEMS = (
    "local_aws.permissions:Permissions",
    "local_aws.faults:Faults",
    "local_aws.quotas:Quotas",
    "local_aws.registries:Registries",
    "local_aws.cloudformation:CloudFormation",
    "local_aws.sagemaker:SageMaker",
    "local_aws.transform:Transform",
    "local_aws.stepfunctions:StepFunctions",
    "local_aws.functions:Functions",
    "local_aws.dynamodb:DynamoDB",
    "local_aws.storage:Storage",
    "local_aws.logs:Logs",
    "local_aws.events:Events",
    "local_aws.cloudwatch:CloudWatch",
    "local_aws.autoscaling:AutoScaling",
)
MARKER = "local-aws.state"


class StateDirectoryError(Exception):
    """The state directory holds something that this program did not write."""


def prepare_state(state: Path) -> tuple[IO[str], str | None]:
    """Make ``state`` an empty directory of ours.

    State lives in the server's memory, so what an earlier run left on disk is only half of it:
    it is removed, and told.

    Returns:
        The marker file, locked for as long as it is open, and a sentence about what was removed;
        None if there was nothing.

    Raises:
        StateDirectoryError: ``state`` is a file, a directory with contents of somebody else, or in
            use by another server.
    """
    told = None
    if state.exists():
        if not state.is_dir():
            raise StateDirectoryError(f"--state must be a directory, {state} is a file")
        contents = list(state.iterdir())
        if contents and not (state / MARKER).is_file():
            raise StateDirectoryError(
                f"--state must be an empty directory or one of an earlier run, {state} holds other "
                f"files ({contents[0].name}, ...): choose another directory"
            )
        if contents:
            with (state / MARKER).open("r+") as marker:
                _lock(marker)
                shutil.rmtree(state)
            told = f"state of an earlier run in {state} removed: starting empty"
    state.mkdir(parents=True, exist_ok=True)
    marker = (state / MARKER).open("w")
    _lock(marker)
    marker.write(f"Written by `python -m local_aws`, process {os.getpid()}.\n")
    marker.flush()
    return marker, told


def _lock(marker: IO[str]) -> None:
    """Take the directory; a server that ends, however it ends, gives it free."""
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = Path(marker.name).read_text().strip()
        marker.close()
        raise StateDirectoryError(
            f"--state {Path(marker.name).parent} is in use ({owner}): stop that server or choose "
            "another directory"
        ) from error


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _environment(cloud: Cloud) -> None:
    """What moto and botocore read from the environment of this process and of its children."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")):
            del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=cloud.endpoint_url,
        AWS_ACCESS_KEY_ID=ROOT_ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=ROOT_ACCESS_KEY,
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_EC2_METADATA_DISABLED="true",
        MOTO_PORT=str(cloud.port),
        MOTO_CALL_RESET_API="false",
    )


def _not_implemented(error: NotImplementedError) -> tuple[str, int, dict[str, str]]:
    """The answer to an operation that this AWS does not have: its name, instead of a traceback."""
    message = f"the local AWS does not have this operation: {error}"
    body = json.dumps({"__type": "NotImplemented", "message": message})
    return body, 501, {"Content-Type": "application/json", "x-amzn-errortype": "NotImplemented"}


def _load(cloud: Cloud) -> list[Subsystem]:
    subsystems = []
    for path in SUBSYSTEMS:
        module, _, name = path.partition(":")
        subsystems.append(getattr(import_module(module), name)(cloud))
    return subsystems


class LocalAws:
    """The server and its subsystems."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._subsystems: list[Subsystem] = []
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve until SIGTERM, Ctrl-C or `shutdown`; returns when everything has ended.

        Raises:
            OSError: the port is taken.
            StateDirectoryError: the state directory cannot be used.
        """
        if _is_taken(self.cloud.port):
            raise OSError(f"port {self.cloud.port} is taken: choose another with --port")
        marker, told = prepare_state(self.cloud.state)
        if told:
            print(told, flush=True)
        with marker:
            self._serve()

    def _serve(self) -> None:
        _environment(self.cloud)
        # Imported here: they read the environment.
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        self._subsystems = _load(self.cloud)
        for subsystem in self._subsystems:
            subsystem.install()

        def create_app(service: Any) -> Any:
            app = create_backend_app(service)
            app.register_error_handler(NotImplementedError, _not_implemented)
            return app

        app: WsgiApp = DomainDispatcherApplication(create_app)
        for subsystem in reversed(self._subsystems):
            app = subsystem.wrap(app)

        class Handler(MotoRequestHandler):
            # Keep-alive: a new connection for each prediction would dominate its latency.
            protocol_version = "HTTP/1.1"

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server(
            "127.0.0.1", self.cloud.port, app, threaded=True, request_handler=Handler
        )
        serving = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        serving.start()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._signalled)
        try:
            for subsystem in self._subsystems:
                subsystem.start()
            print(f"local AWS ready at {self.cloud.endpoint_url}", flush=True)
            self._stopping.wait()
        finally:
            for subsystem in reversed(self._subsystems):
                subsystem.stop()
            server.shutdown()
            serving.join(timeout=5)

    def shutdown(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    def _signalled(self, _signum: int, _frame: FrameType | None) -> None:
        self.shutdown()
