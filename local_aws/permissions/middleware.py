"""Stands before everything else and lets through what policies allow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_aws.cloud import ACCOUNT
from local_aws.permissions import stored
from local_aws.permissions.answers import refuse
from local_aws.permissions.judge import Refusal, judge, judge_assuming, judge_listing
from local_aws.permissions.operations import Call, call_of, signature_of
from local_aws.permissions.services import may_encrypt_logs
from local_aws.permissions.stored import Session
from local_aws.permissions.targets import Place
from local_aws.subsystem import WsgiApp

# Access keys of sessions begin so; any other key is the account's root user's.
TEMPORARY = "ASIA"
UNKNOWN = Refusal(
    "The security token included in the request is invalid.", "", "InvalidClientTokenId"
)


class Gate:
    """A WSGI application that judges each call before it reaches the one behind.

    Args:
        app: the application behind.
        denials: a file to which every refusal is appended, for who looks for the reason.
    """

    def __init__(self, app: WsgiApp, denials: Path) -> None:
        self._app = app
        self._denials = denials
        self._lock = threading.Lock()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        signature = signature_of(environ)
        if signature is None:
            return self._app(environ, start_response)
        temporary = signature.access_key.startswith(TEMPORARY)
        if not temporary and signature.service not in {"sts", "logs"}:
            return self._app(environ, start_response)
        call = call_of(environ, signature)
        session = stored.find_session(signature.access_key) if temporary else None
        refusal = self._judge(call, session, temporary=temporary)
        if refusal is not None:
            self._tell(refusal)
            return refuse(call, refusal, start_response)
        if session is not None and call.operation in {"GetObject", "HeadObject"}:
            return self._read_object(environ, start_response, call, session)
        return self._app(environ, start_response)

    def _judge(self, call: Call, session: Session | None, *, temporary: bool) -> Refusal | None:
        if temporary and session is None:
            return UNKNOWN
        if session is not None:
            refusal = judge(call, session)
        elif call.operation == "AssumeRole":
            refusal = judge_assuming(call, ACCOUNT)
        else:
            refusal = None
        return refusal or _judge_log_key(call, ACCOUNT if session is None else session.account)

    def _read_object(
        self,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        call: Call,
        session: Session,
    ) -> Iterable[bytes]:
        """Who may not list a bucket does not learn which objects are missing: 403, not 404."""
        bucket = stored.find_bucket(str(call.parameters["Bucket"]))
        key, version = str(call.parameters["Key"]), call.parameters.get("VersionId")
        if bucket is not None and stored.find_object(bucket, key, version) is None:
            refusal = judge_listing(call, session)
            if refusal is not None:
                self._tell(refusal)
                return refuse(call, refusal, start_response)
        return self._app(environ, start_response)

    def _tell(self, refusal: Refusal) -> None:
        with self._lock, self._denials.open("a") as file:
            file.write(f"{datetime.now(UTC).isoformat()} {refusal.message}\n")


def _judge_log_key(call: Call, account: str) -> Refusal | None:
    """Logs refuses a key that they may not use themselves, whoever asks."""
    key_id = call.parameters.get("kmsKeyId")
    if call.service != "logs" or not key_id:
        return None
    if call.operation not in {"CreateLogGroup", "AssociateKmsKey"}:
        return None
    name = call.parameters.get("logGroupName")
    arn = Place(call.region, account).arn("logs", f"log-group:{name}")
    if may_encrypt_logs(key_id=str(key_id), group_arn=arn, account=account, region=call.region):
        return None
    return Refusal(
        f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'",
        "kms:Encrypt",
        "InvalidParameterException",
    )
