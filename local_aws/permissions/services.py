"""AWS services acting as themselves: an alarm that notifies, a bucket that sends events.

A service has no identity policies. The policy of the resource must allow the service's principal,
and so must the policy of a customer-managed key that protects the resource.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from local_aws.permissions import stored
from local_aws.permissions.documents import Principal, Request
from local_aws.permissions.effects import Effect, queue_key, topic_key
from local_aws.permissions.evaluate import decide_for_service
from local_aws.permissions.targets import Place, Target


@dataclass(frozen=True, kw_only=True)
class ServiceCall:
    """An AWS service that acts for a resource of an account.

    Attributes:
        service: the principal, e.g. ``cloudwatch.amazonaws.com``.
        account: whose resource it acts for.
        region: where.
        source_arn: the resource it acts for, e.g. an alarm; for ``aws:SourceArn``.
    """

    service: str
    account: str
    region: str
    source_arn: str | None = None


class ServiceDenied(Exception):
    """A policy does not let the service.

    Attributes:
        action: what was refused.
        resource: on what.
        because: the end of AWS's sentence.
    """

    def __init__(self, service: str, target: Target, because: str) -> None:
        super().__init__(
            f"{service} is not authorized to perform: {target.action} on resource: "
            f"{target.resource} {because}"
        )
        self.action = target.action
        self.resource = target.resource
        self.because = because


def authorize(call: ServiceCall, action: str, resource: str) -> None:
    """Return if the service may do ``action`` to ``resource``.

    Args:
        call: the service.
        action: e.g. ``sns:Publish``; for an encrypted topic or queue its key is asked too.
        resource: an ARN.

    Raises:
        ServiceDenied: a policy does not allow it.
    """
    principal = Principal(arn=call.service, account=call.account, service=True)
    for effect in _needs(call, action, resource):
        request = Request(
            principal=principal,
            action=effect.target.action,
            resource=effect.target.resource,
            context={**service_context(call), **effect.context},
        )
        policy = stored.resource_policy(effect.target.resource)
        decision = decide_for_service(request, policy)
        if not decision.allowed:
            raise ServiceDenied(call.service, effect.target, decision.because)


def service_context(call: ServiceCall) -> dict[str, tuple[str, ...]]:
    """Condition keys of a request that a service makes."""
    now = datetime.now(UTC)
    context: dict[str, tuple[str, ...]] = {
        "aws:securetransport": ("true",),
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (call.service,),
        "aws:principaltype": ("AWSService",),
        "aws:sourceaccount": (call.account,),
        "aws:sourceowner": (call.account,),
        "aws:resourceaccount": (call.account,),
        "aws:requestedregion": (call.region,),
        "aws:viaawsservice": ("false",),
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "kms:calleraccount": (call.account,),
    }
    if call.source_arn is not None:
        context["aws:sourcearn"] = (call.source_arn,)
    return context


def _needs(call: ServiceCall, action: str, resource: str) -> Iterator[Effect]:
    yield Effect(target=Target(action, resource))
    place = Place(call.region, call.account)
    if action.lower() == "sns:publish":
        yield from topic_key(resource, place)
    elif action.lower() == "sqs:sendmessage":
        yield from queue_key(resource, ("GenerateDataKey", "Decrypt"), place)


def may_encrypt_logs(*, key_id: str, group_arn: str, account: str, region: str) -> bool:
    """Whether CloudWatch Logs may use a key for a log group: its service principal must be allowed.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    key = stored.find_key(key_id, account=account, region=region)
    if key is None:
        return False
    call = ServiceCall(service=f"logs.{region}.amazonaws.com", account=account, region=region)
    context = {
        **service_context(call),
        "kms:encryptioncontext:aws:logs:arn": (group_arn,),
        "aws:sourcearn": (group_arn,),
    }
    principal = Principal(arn=call.service, account=account, service=True)
    policy = stored.resource_policy(key.arn)
    return all(
        decide_for_service(
            Request(principal=principal, action=action, resource=key.arn, context=context), policy
        ).allowed
        for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
    )
