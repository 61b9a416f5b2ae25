"""One instance: a real process that serves one model from its own copy of the artifact."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import ClientError

from local_aws import processes
from local_aws.cloud import REGION, Cloud, Credentials
from local_aws.permissions.sessions import assume
from local_aws.sagemaker.artifacts import (
    SERVICE,
    ArtifactError,
    ContainerSpec,
    container_of,
    fetch,
)
from local_aws.sagemaker.http_pool import HttpPool, UnreachableError
from local_aws.sagemaker.logs import LogShipper
from local_aws.sagemaker.role_checks import RoleError, check_network, check_pull

_ROOT = Path(__file__).parents[2]
# AWS pings until the health check's timeout. Here a container that has answered this often with an
# error is given up: nothing that it waits for will come.
_PINGS = 3
_PING_INTERVAL = 0.2
_HEADERS = {"User-Agent": "AHC/2.0"}
# In the place of an answer's status: the container did not answer in time, or there is none.
TIMED_OUT, NOBODY = 0, 1


class ModelInstanceError(Exception):
    """The instance cannot serve; the message is the FailureReason as AWS words it.

    Attributes:
        unhealthy: it started, but did not pass the health check. The message then lacks the
            variant's name, which only the caller knows.
    """

    def __init__(self, message: str, *, unhealthy: bool = False) -> None:
        super().__init__(message)
        self.unhealthy = unhealthy


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the container answered.

    Attributes:
        status: HTTP status; `TIMED_OUT` or `NOBODY` where there was no answer.
        headers: names in lower case.
        body: the whole body.
        latency: seconds that the container took, the way there and back included.
        instance: the instance's name; empty where nobody answered.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency: float
    instance: str = ""


class ModelInstance:
    """A running container; `start` makes one."""

    def __init__(
        self,
        *,
        name: str,
        image: str,
        role_arn: str,
        directory: Path,
        process: subprocess.Popen[bytes],
        port: int,
        logs: LogShipper,
    ) -> None:
        self.name = name
        self.image = image
        self.role_arn = role_arn
        self._directory = directory
        self._process = process
        self._http = HttpPool(port)
        self._logs = logs
        self._measured: dict[int, psutil.Process] = {}
        self._state = threading.Condition()
        self._under_way = 0
        self._leaving = False
        _running.add(self)

    @classmethod
    def start(
        cls,
        cloud: Cloud,
        *,
        model_name: str = "",
        model: Mapping[str, Any] | None = None,
        name: str,
        log_group: str,
        log_stream: str,
        environment: Mapping[str, str] | None = None,
        workers: int | None = None,
        startup_timeout: float = 480.0,
    ) -> ModelInstance:
        """Start an instance of a model and wait until it is healthy.

        Args:
            cloud: where the model is.
            model_name: the model.
            model: instead of its name, the model as DescribeModel would show it.
            name: the instance's own name, unique over all of this AWS.
            log_group: where the container's output goes.
            log_stream: likewise.
            environment: variables beside those of the model.
            workers: worker processes if the model does not say; one per CPU if None.
            startup_timeout: seconds after which a container that does not answer is given up.

        Raises:
            ModelInstanceError: it cannot be had.
        """
        try:
            if model is None:
                model = cloud.client("sagemaker").describe_model(ModelName=model_name)
            spec = container_of(cloud, model)
        except ClientError as error:
            raise ModelInstanceError(error.response["Error"]["Message"]) from error
        role: str = model["ExecutionRoleArn"]
        try:
            session = assume(role, service=SERVICE, session_name="SageMaker")
        except ClientError as error:
            raise ModelInstanceError(
                f"Could not assume role {role}. Please ensure that the role exists and allows "
                f"principal '{SERVICE}' to assume the role."
            ) from error
        directory = cloud.directory("sagemaker/instances") / name
        try:
            check_pull(role, spec.image)
            if model.get("VpcConfig"):
                check_network(role)
            fetch(cloud, session, spec, directory / "opt/ml/model")
        except (ArtifactError, RoleError) as error:
            shutil.rmtree(directory, ignore_errors=True)
            raise ModelInstanceError(str(error)) from error
        isolated = bool(model.get("EnableNetworkIsolation", False))
        variables = _environment(cloud, spec, directory, None if isolated else session)
        variables.update(environment or {})
        variables.setdefault("SAGEMAKER_MODEL_SERVER_WORKERS", str(workers or os.cpu_count() or 1))
        process, port = _spawn(directory, variables, isolated=isolated)
        if process.stdout is None:
            raise RuntimeError("the container's output is not a pipe")
        logs = LogShipper(cloud, session, group=log_group, stream=log_stream, source=process.stdout)
        instance = cls(
            name=name,
            image=spec.image,
            role_arn=role,
            directory=directory,
            process=process,
            port=port,
            logs=logs,
        )
        if not instance._healthy(timeout=startup_timeout):
            instance.stop()
            raise ModelInstanceError(
                "The primary container did not pass the ping health check. Please check CloudWatch "
                "logs for this endpoint.",
                unhealthy=True,
            )
        return instance

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
        """Send one invocation.

        Raises:
            TimeoutError: no answer within ``timeout`` seconds.
            UnreachableError: the container has ended or is about to.
        """
        with self._state:
            if self._leaving:
                raise UnreachableError(f"{self.name} takes no more requests")
            self._under_way += 1
        began = time.perf_counter()
        try:
            answer = self._http.request(
                "POST", "/invocations", body=body, headers={**_HEADERS, **headers}, timeout=timeout
            )
        finally:
            with self._state:
                self._under_way -= 1
                self._state.notify_all()
        return Answer(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            latency=time.perf_counter() - began,
            instance=self.name,
        )

    def execution_parameters(self) -> dict[str, Any] | None:
        """What the container wants of a transform job; None if it does not say."""
        with contextlib.suppress(UnreachableError, TimeoutError, ValueError):
            answer = self._http.request(
                "GET", "/execution-parameters", headers=_HEADERS, timeout=10
            )
            if answer.status == 200:
                found: dict[str, Any] = json.loads(answer.body)
                return found
        return None

    @property
    def under_way(self) -> int:
        """Invocations that it has not answered yet."""
        return self._under_way

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def utilization(self) -> tuple[float, float]:
        """CPU in percent of one core since the last call, and memory in percent of this machine's.

        Both are sums over the container's processes.
        """
        found = {}
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(self._process.pid)
            found = {process.pid: process for process in (leader, *leader.children(recursive=True))}
        # cpu_percent counts from an object's last call, so the objects are kept.
        self._measured = {pid: self._measured.get(pid, process) for pid, process in found.items()}
        cpu = memory = 0.0
        for process in self._measured.values():
            with contextlib.suppress(psutil.Error):
                cpu += process.cpu_percent()
                memory += process.memory_percent()
        return cpu, memory

    def stop(self, *, drain: float = 0.0, logs: bool = True) -> None:
        """End the container and remove what it had on disk.

        Args:
            drain: seconds at most to wait for requests under way; new ones are refused at once.
            logs: send what it wrote last.
        """
        with self._state:
            self._leaving = True
            self._state.wait_for(lambda: self._under_way == 0, timeout=drain)
        processes.end(self._process, grace=1.0)
        self._http.close()
        if logs:
            self._logs.flush()
        shutil.rmtree(self._directory, ignore_errors=True)
        _running.discard(self)

    def _healthy(self, *, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        failures = 0
        while self.alive and failures < _PINGS and time.monotonic() < deadline:
            with contextlib.suppress(UnreachableError, TimeoutError):
                left = max(0.1, deadline - time.monotonic())
                answer = self._http.request("GET", "/ping", headers=_HEADERS, timeout=left)
                if answer.status == 200:
                    return True
                failures += 1
            time.sleep(_PING_INTERVAL)
        return False


# Every instance of this server, also one that is only just starting.
_running: set[ModelInstance] = set()


def stop_all() -> None:
    """End every instance at once: the server stops."""
    instances = list(_running)
    if instances:
        with ThreadPoolExecutor(len(instances)) as executor:
            for instance in instances:
                executor.submit(instance.stop, logs=False)


def _environment(
    cloud: Cloud, spec: ContainerSpec, directory: Path, session: Credentials | None
) -> dict[str, str]:
    """The container's own environment: nothing of the server's comes in."""
    home = directory / "root"
    home.mkdir(parents=True, exist_ok=True)
    variables = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin:/usr/bin:/bin"]),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_ROOT),
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        **spec.environment,
        "SAGEMAKER_BASE_DIR": str(directory / "opt/ml"),
    }
    if session is not None:
        variables["AWS_ENDPOINT_URL"] = cloud.endpoint_url
        variables["AWS_ACCESS_KEY_ID"] = session.access_key_id
        variables["AWS_SECRET_ACCESS_KEY"] = session.secret_access_key
        if session.session_token is not None:
            variables["AWS_SESSION_TOKEN"] = session.session_token
    return variables


def _spawn(
    directory: Path, variables: Mapping[str, str], *, isolated: bool
) -> tuple[subprocess.Popen[bytes], int]:
    # The child gets the listening socket: its port is known, and free, before it runs.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = processes.spawn(
            [
                sys.executable,
                "-P",
                "-m",
                "local_aws.sagemaker.container",
                "--fd",
                str(listener.fileno()),
                *(["--isolated"] if isolated else []),
            ],
            env=variables,
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
        return process, listener.getsockname()[1]
