"""What a service asks before it works with a role: whether the role may do it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from local_aws.cloud import REGION
from local_aws.permissions import stored
from local_aws.permissions.context import session_context
from local_aws.permissions.documents import Principal, Request
from local_aws.permissions.evaluate import Policies, decide


def role_may(
    role_arn: str,
    action: str,
    resource: str,
    *,
    service: str,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> bool:
    """Whether a session of a role may do ``action`` to ``resource``.

    For what a service does with a role where there is no call to judge, such as pulling an image.

    Args:
        role_arn: the role; one that does not exist may do nothing.
        action: with the service's prefix.
        resource: an ARN, or ``*``.
        service: the service that works with the role, e.g. ``sagemaker.amazonaws.com``.
        context: further condition keys, in lower case.
    """
    role = stored.find_role(role_arn)
    if role is None:
        return False
    now = datetime.now(UTC)
    account, name = role_arn.split(":")[4], service.partition(".")[0]
    session = stored.Session(
        arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{name}",
        role_arn=role_arn,
        account=account,
        name=name,
        user_id=f"{role.id}:{name}",
        policy=None,
        expires=now,
    )
    keys = {
        "aws:securetransport": ("true",),
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:requestedregion": (REGION,),
        "aws:resourceaccount": (account,),
        "aws:viaawsservice": ("false",),
        "kms:calleraccount": (account,),
    }
    policies = stored.policies_of(role)
    is_key = action.startswith("kms:")
    request = Request(
        principal=Principal(arn=session.arn, account=account, role_arn=role_arn),
        action=action,
        resource=resource,
        context={**keys, **session_context(session, role), **(context or {})},
    )
    return decide(
        request,
        Policies(
            identity=policies.identity,
            boundary=policies.boundary,
            resource=stored.resource_policy(resource) if is_key else None,
            resource_decides=is_key,
        ),
    ).allowed
