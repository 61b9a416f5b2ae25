"""The one object that every subsystem gets: where this AWS listens and how to call it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
REGION = "us-east-1"
# moto takes any access key that it did not issue for the account's root user.
ROOT_ACCESS_KEY = "local"

# Making a client is not thread-safe; using one is.
_session_lock = threading.Lock()


@cache
def _session() -> Any:
    """One session for all clients: it keeps service models, which take 50 to 150 ms to read.

    Made at the first call, when the server has set its environment.
    """
    return boto3.session.Session()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A session's credentials, as STS returns them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A running local AWS.

    Attributes:
        port: TCP port on loopback.
        state: directory that holds everything this AWS writes; removed and made anew at each start.
        speed: how many times faster than on AWS the waits of a deployment, an alarm period and a
            cooldown pass. 1 is AWS's own time.
        silent_rollbacks: CloudFormation takes an endpoint that SageMaker rolled back for updated.
            Whether it does on AWS is not documented; by default it fails the stack's update.
    """

    port: int
    state: Path
    speed: float = 1.0
    silent_rollbacks: bool = False

    @property
    def endpoint_url(self) -> str:
        """The URL for ``AWS_ENDPOINT_URL``; the word localhost, which moto's S3 parsing needs."""
        return f"http://localhost:{self.port}"

    def directory(self, name: str) -> Path:
        """A directory of a subsystem's own below the state directory, made if missing."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """A boto3 client over loopback: the account's root user, or a role's session.

        Calls of a role's session are judged by its policies, as a call from outside would be.
        """
        if credentials is None:
            credentials = Credentials(access_key_id=ROOT_ACCESS_KEY, secret_access_key="local")
        with _session_lock:
            return _session().client(
                service,
                region_name=REGION,
                endpoint_url=self.endpoint_url,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=Config(
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                    ignore_configured_endpoint_urls=True,
                    read_timeout=3600,
                    max_pool_connections=50,
                ),
            )
