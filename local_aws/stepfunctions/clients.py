"""The clients of a running state machine: each call is judged by its role's policies."""

from __future__ import annotations

import sys
import threading
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from local_aws.cloud import Cloud
from local_aws.permissions.sessions import assume
from local_aws.stepfunctions.jobs import RunAJob

SERVICE = "states.amazonaws.com"
# A task may run for a year; its state's timeout ends it, not the client's.
READ_SECONDS = 86400
# Making a client is not thread-safe; using one is.
_session_lock = threading.Lock()
_PARSER = "moto.stepfunctions.parser"


class MachineRole(str):
    """The ARN of a state machine's role, which knows the machine that it is assumed for.

    moto hands on nothing but the role, and a trust policy may ask for ``aws:SourceArn``. It keeps
    the clients of one execution and its children: to make one takes longer than most calls.
    """

    state_machine_arn: str
    clients: dict[tuple[str, str], Any]

    @classmethod
    def of(cls, role_arn: str, state_machine_arn: str) -> MachineRole:
        """The role of a state machine."""
        role = cls(role_arn)
        role.state_machine_arn = state_machine_arn
        role.clients = {}
        return role

    def __deepcopy__(self, _memo: dict[int, Any]) -> MachineRole:
        """Itself: moto copies whatever it shows, and clients cannot be copied."""
        return self


def install(cloud: Cloud) -> None:
    """Let every integration of moto's interpreter call with the state machine's role.

    The function that makes clients is imported by name into each integration's module, so it is
    replaced in all of them; the modules must have been imported.
    """

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return client_for(cloud, region, service, state_credentials.role_arn)

    RunAJob.client_for = staticmethod(partial(client_for, cloud))
    for name, module in list(sys.modules.items()):
        if name.startswith(_PARSER) and hasattr(module, "boto_client_for"):
            vars(module)["boto_client_for"] = boto_client_for


def client_for(
    cloud: Cloud, region: str, service: str, role_arn: str, *, source_arn: str | None = None
) -> Any:
    """A client with a session of ``role_arn`` that Step Functions took.

    Args:
        cloud: the local AWS.
        region: of the service.
        service: its name in boto3.
        role_arn: the role.
        source_arn: the state machine, unless ``role_arn`` is a `MachineRole`.

    Raises:
        botocore.exceptions.ClientError: the role's trust policy does not let Step Functions.
    """
    if source_arn is None and isinstance(role_arn, MachineRole):
        known = role_arn.clients.get((region, service))
        if known is None:
            known = client_for(
                cloud, region, service, str(role_arn), source_arn=role_arn.state_machine_arn
            )
            role_arn.clients[region, service] = known
        return known
    credentials = assume(
        role_arn, service=SERVICE, session_name="StepFunctions", source_arn=source_arn
    )
    with _session_lock:
        return _session().client(
            service,
            region_name=region,
            endpoint_url=cloud.endpoint_url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=Config(
                # The service judges parameters: a wrong one is an error that can be caught.
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                ignore_configured_endpoint_urls=True,
                connect_timeout=60,
                max_pool_connections=50,
                read_timeout=READ_SECONDS,
            ),
        )


@cache
def _session() -> Any:
    """One session for all clients: it keeps service models, which take 50 to 150 ms to read."""
    return boto3.session.Session()
