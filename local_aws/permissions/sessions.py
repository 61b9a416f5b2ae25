"""Sessions of roles: what a trust policy allows, and sessions that AWS services take."""

from __future__ import annotations

from botocore.exceptions import ClientError
from moto.sts.models import sts_backends

from local_aws.cloud import REGION, Credentials
from local_aws.permissions import stored
from local_aws.permissions.documents import Principal, Request
from local_aws.permissions.evaluate import decide_for_service
from local_aws.permissions.services import ServiceCall, service_context

# A service renews its sessions for as long as it works for the role; here one lasts that long.
DURATION = 7 * 24 * 3600


def trusts_service(role_arn: str, service: str, *, source_arn: str | None = None) -> bool:
    """Whether the role exists and its trust policy lets ``service`` assume it."""
    if stored.find_role(role_arn) is None:
        return False
    account = role_arn.split(":")[4]
    call = ServiceCall(service=service, account=account, region=REGION, source_arn=source_arn)
    request = Request(
        principal=Principal(arn=service, account=account, service=True),
        action="sts:AssumeRole",
        resource=role_arn,
        context=service_context(call),
    )
    return decide_for_service(request, stored.resource_policy(role_arn)).allowed


def assume(
    role_arn: str, *, service: str, session_name: str, source_arn: str | None = None
) -> Credentials:
    """A session of ``role_arn`` for the principal ``service``.

    Args:
        role_arn: the role.
        service: e.g. ``sagemaker.amazonaws.com``.
        session_name: shown in the session's ARN.
        source_arn: what the service acts for, where a trust policy asks for ``aws:SourceArn``.

    Raises:
        ClientError: AccessDenied when the role does not exist or does not trust the service.
    """
    if not trusts_service(role_arn, service, source_arn=source_arn):
        message = (
            f"User: {service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
        )
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "AssumeRole")
    account = role_arn.split(":")[4]
    session = sts_backends[account][stored.PARTITION].assume_role(
        region_name=REGION,
        role_session_name=session_name,
        role_arn=role_arn,
        policy="",
        duration=DURATION,
        external_id="",
    )
    return Credentials(
        access_key_id=session.access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
    )
