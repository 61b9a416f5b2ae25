"""Condition keys that a request brings along.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. Not
offered: tags of other resources than SageMaker's models, endpoint configs and endpoints
(``aws:ResourceTag``), networks (``aws:SourceVpc`` and its like).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from moto.iam.models import Role

from local_aws.permissions import stored
from local_aws.permissions.operations import Call
from local_aws.permissions.stored import Session

Keys = dict[str, tuple[str, ...]]


def common_context(call: Call, account: str, now: datetime) -> Keys:
    """Condition keys that every request has, and those of some services.

    Requests come over loopback, which counts as a secure transport: nobody listens there.
    """
    context: Keys = {
        "aws:securetransport": ("true",),
        "aws:sourceip": ("127.0.0.1",),
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:requestedregion": (call.region,),
        "aws:resourceaccount": (account,),
        "aws:viaawsservice": ("false",),
        "aws:useragent": (call.headers.get("user-agent", ""),),
        "kms:calleraccount": (account,),
    }
    context |= _tags(call.parameters)
    if call.service == "s3":
        context["s3:resourceaccount"] = (account,)
    for key, value in _SERVICES.get(call.service, _nothing)(call):
        context[key.lower()] = (str(value),)
    return context


def session_context(session: Session, role: Role) -> Keys:
    """Condition keys that tell who asks."""
    context: Keys = {
        "aws:principalarn": (session.role_arn,),
        "aws:principalaccount": (session.account,),
        "aws:principaltype": ("AssumedRole",),
        "aws:principalisawsservice": ("false",),
        "aws:userid": (session.user_id,),
    }
    for key, value in stored.role_tags(role).items():
        context[f"aws:principaltag/{key.lower()}"] = (value,)
    return context


def resource_context(resource: str) -> Keys:
    """Condition keys of the resource itself; none if it does not exist."""
    tags = stored.tags_of_resource(resource).items()
    return {f"aws:resourcetag/{key.lower()}": (value,) for key, value in tags}


def _tags(given: Mapping[str, Any]) -> Keys:
    tags = given.get("Tags") or given.get("tags") or ()
    pairs = dict(tags) if isinstance(tags, Mapping) else dict(map(_tag, tags))
    if not pairs:
        return {}
    found: Keys = {f"aws:requesttag/{key.lower()}": (str(pairs[key]),) for key in pairs}
    return found | {"aws:tagkeys": tuple(pairs)}


def _tag(tag: Mapping[str, str]) -> tuple[str, str]:
    """A tag; services spell its two members in their own ways."""
    spelled = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
    return spelled.get("key", ""), spelled.get("value", "")


def _nothing(call: Call) -> Iterator[tuple[str, Any]]:
    del call
    yield from ()


def _s3(call: Call) -> Iterator[tuple[str, Any]]:
    for name, key in (
        ("Prefix", "prefix"),
        ("Delimiter", "delimiter"),
        ("MaxKeys", "max-keys"),
        ("VersionId", "versionid"),
    ):
        if name in call.parameters:
            yield f"s3:{key}", call.parameters[name]
    for name, value in call.headers.items():
        if name.startswith("x-amz-"):
            yield f"s3:{name}", value


def _cloudwatch(call: Call) -> Iterator[tuple[str, Any]]:
    if "Namespace" in call.parameters:
        yield "cloudwatch:namespace", call.parameters["Namespace"]


def _kms(call: Call) -> Iterator[tuple[str, Any]]:
    for name, value in (call.parameters.get("EncryptionContext") or {}).items():
        yield f"kms:EncryptionContext:{name}", value


def _iam(call: Call) -> Iterator[tuple[str, Any]]:
    for name in ("PermissionsBoundary", "PolicyArn"):
        if name in call.parameters:
            yield f"iam:{name}", call.parameters[name]


def _sts(call: Call) -> Iterator[tuple[str, Any]]:
    for name in ("ExternalId", "RoleSessionName"):
        if name in call.parameters:
            yield f"sts:{name}", call.parameters[name]


def _application_autoscaling(call: Call) -> Iterator[tuple[str, Any]]:
    for name, key in (
        ("ServiceNamespace", "service-namespace"),
        ("ScalableDimension", "scalable-dimension"),
    ):
        if name in call.parameters:
            yield f"application-autoscaling:{key}", call.parameters[name]


_SERVICES = {
    "application-autoscaling": _application_autoscaling,
    "cloudwatch": _cloudwatch,
    "iam": _iam,
    "kms": _kms,
    "s3": _s3,
    "sts": _sts,
}
