"""Judges a call: its own action, and everything that it does on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from local_aws.permissions import stored
from local_aws.permissions.conditions import PolicyError
from local_aws.permissions.context import common_context, resource_context, session_context
from local_aws.permissions.documents import Principal, Request, parse_policy
from local_aws.permissions.effects import Effect, effects_of
from local_aws.permissions.evaluate import Decision, Policies, decide
from local_aws.permissions.operations import Call
from local_aws.permissions.stored import Session
from local_aws.permissions.targets import Place, Target, targets_of

# Allowed whatever the policies say.
ALWAYS = {"sts:GetCallerIdentity", "sts:GetSessionToken"}


@dataclass(frozen=True)
class Refusal:
    """Why a call is refused, as AWS words it.

    Attributes:
        message: the sentence.
        action: what was not allowed.
        code: the error code; the service's usual one if None.
    """

    message: str
    action: str
    code: str | None = None


def judge(call: Call, session: Session) -> Refusal | None:
    """Judge a call of a role's session; None if it is allowed."""
    now = datetime.now(UTC)
    if session.expires.replace(tzinfo=UTC) < now:
        return Refusal("The security token included in the request is expired", "", "ExpiredToken")
    role = stored.find_role(session.role_arn)
    if role is None:
        return Refusal(
            "The security token included in the request is invalid.", "", "InvalidClientTokenId"
        )
    place = Place(call.region, session.account)
    principal = Principal(arn=session.arn, account=session.account, role_arn=session.role_arn)
    context = {**common_context(call, session.account, now), **session_context(session, role)}
    try:
        policies = stored.policies_of(role, session.policy)
        for effect in needs_of(call, place):
            if effect.target.action in ALWAYS:
                continue
            request = Request(
                principal=principal,
                action=effect.target.action,
                resource=effect.target.resource,
                context={
                    **context,
                    **resource_context(effect.target.resource),
                    **effect.context,
                },
            )
            decision = decide(request, _with_resource(policies, effect.target))
            if not decision.allowed:
                return Refusal(_sentence(request, decision, call), effect.target.action)
    except PolicyError as error:
        return Refusal(f"A policy cannot be evaluated: {error}", "", "MalformedPolicyDocument")
    return None


def needs_of(call: Call, place: Place) -> Iterator[Effect]:
    """Every target of a call with its context, aliases of keys resolved."""
    for target in targets_of(call, place):
        resolved = target
        if call.service == "kms":
            key_id = target.resource
            if key_id == "*" and call.parameters.get("CiphertextBlob"):
                key_id = stored.key_of_ciphertext(call.parameters["CiphertextBlob"])
            key = stored.find_key(key_id, account=place.account, region=place.region)
            if key is not None:
                resolved = Target(target.action, key.arn)
        yield Effect(target=resolved)
    yield from effects_of(call, place)


def judge_listing(call: Call, session: Session) -> Refusal | None:
    """Judge whether the call's bucket may be listed: else a missing object is a forbidden one."""
    bucket = call.parameters["Bucket"]
    return judge(replace(call, operation="ListObjectsV2", parameters={"Bucket": bucket}), session)


def judge_assuming(call: Call, account: str) -> Refusal | None:
    """Judge AssumeRole by the account's root user, whom only the trust policy may stop."""
    place = Place(call.region, account)
    root = Principal(arn=f"arn:aws:iam::{account}:root", account=account)
    context = common_context(call, account, datetime.now(UTC))
    for effect in needs_of(call, place):
        request = Request(
            principal=root,
            action=effect.target.action,
            resource=effect.target.resource,
            context=context,
        )
        decision = decide(request, _with_resource(Policies(identity=(_ANYTHING,)), effect.target))
        if not decision.allowed:
            return Refusal(_sentence(request, decision, call), effect.target.action)
    return None


_ANYTHING = parse_policy({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def _with_resource(policies: Policies, target: Target) -> Policies:
    """The policies with the resource's own; a key's and a role's trust policy must allow."""
    resource = None if target.resource == "*" else stored.resource_policy(target.resource)
    decides = target.action.startswith("kms:") and target.resource.startswith("arn:")
    return replace(
        policies,
        resource=resource,
        resource_decides=decides or target.action in {"sts:AssumeRole", "sts:TagSession"},
    )


def _sentence(request: Request, decision: Decision, call: Call) -> str:
    """AWS's sentence; S3 puts the resource into quotes, SNS writes its name in capitals."""
    action, resource = request.action, request.resource
    if call.service == "s3" and action == "kms:Decrypt":
        where = "the resource associated with this ciphertext"
    elif action.startswith("s3:"):
        where = f'resource: "{resource}"'
    else:
        where = f"resource: {resource}"
    shown = f"{action} on {where} {decision.because}"
    if call.service == "sns":
        shown = re.sub(r"\bsns:(?=[A-Z])", "SNS:", shown)
    if action == "sts:AssumeRole":
        # AWS does not tell what stands in somebody's trust policy.
        shown = f"{action} on {where}"
    return f"User: {request.principal.arn} is not authorized to perform: {shown}"
