"""Permissions of the local AWS: calls of roles' sessions are judged as AWS judges them.

The account's root user (any key that STS did not issue) may do everything; so do the services of
this AWS where they act for themselves. Signatures are not verified.
"""

from __future__ import annotations

import os

from moto.iam.access_control import PermissionResult
from moto.iam.responses import IamResponse
from moto.s3.models import FakeBucket

from local_aws.permissions.middleware import Gate
from local_aws.serialized import serialize
from local_aws.subsystem import Subsystem, WsgiApp


def _no_opinion(_bucket: FakeBucket, _action: str, _resource: str) -> PermissionResult:
    """Replaces moto's look at bucket policies, which ignores conditions: `Gate` has judged."""
    return PermissionResult.NEUTRAL


class Permissions(Subsystem):
    """Judges calls by identity policies, resource policies, key policies and boundaries."""

    def install(self) -> None:
        """Load AWS's managed policies, serialize IAM, and leave bucket policies to the gate."""
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        # IAM looks through all policies while another thread may add one.
        serialize(IamResponse, ["call_action"])
        FakeBucket.get_permission = _no_opinion  # type: ignore[assignment,method-assign]

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Put the gate before the application."""
        return Gate(app, self.cloud.directory("permissions") / "denied.log")
