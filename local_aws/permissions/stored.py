"""What moto stores of roles, sessions, keys and policies: the only module that knows its inside."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.kms.models import Key, kms_backends
from moto.kms.utils import KEY_ID_LEN
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.sns.models import Topic, sns_backends
from moto.sqs.models import sqs_backends
from moto.sts.models import AssumedRole, sts_backends

from local_aws.permissions.documents import Policy, parse_policy
from local_aws.permissions.evaluate import Policies

PARTITION = "aws"


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session of a role.

    Attributes:
        arn: ``arn:aws:sts::…:assumed-role/role/session``.
        role_arn: the role's ARN.
        account: account id.
        name: the session's name.
        user_id: what ``aws:userid`` holds.
        policy: session policy, as JSON.
        expires: when it ends.
    """

    arn: str
    role_arn: str
    account: str
    name: str
    user_id: str
    policy: str | None
    expires: datetime


_sessions: dict[str, AssumedRole] = {}
_sessions_lock = threading.Lock()


def find_session(access_key: str) -> Session | None:
    """The session whose access key this is."""
    found = _sessions.get(access_key)
    if found is None:
        with _sessions_lock:
            # moto lists the sessions; index those that came since.
            for backends in list(sts_backends.values()):
                for role in backends[PARTITION].assumed_roles:
                    _sessions[role.access_key_id] = role
        found = _sessions.get(access_key)
    if found is None:
        return None
    return Session(
        arn=found.arn,
        role_arn=found.role_arn,
        account=found.account_id,
        name=found.session_name,
        user_id=found.user_id,
        policy=found.policy or None,
        expires=found.expiration,
    )


def find_role(role_arn: str) -> Role | None:
    """A role by its ARN."""
    account = role_arn.split(":")[4]
    for role in list(iam_backends[account][PARTITION].roles.values()):
        if role.arn == role_arn:
            return role
    return None


def role_tags(role: Role) -> dict[str, str]:
    """A role's tags."""
    tags: Any = role.tags or {}
    if isinstance(tags, dict):
        return {key: tag["Value"] if isinstance(tag, dict) else tag for key, tag in tags.items()}
    return {tag["Key"]: tag["Value"] for tag in tags}


def identity_policies(role: Role) -> list[Policy]:
    """Managed and inline policies of a role, as they are now."""
    documents = [_document(policy) for policy in list(role.managed_policies.values())]
    documents += list(role.policies.values())
    return [parse_policy(document) for document in documents]


def _document(policy: ManagedPolicy) -> str:
    """The document of a managed policy's default version."""
    return next(str(version.document) for version in policy.versions if version.is_default)


def policies_of(role: Role, session_policy: str | None = None) -> Policies:
    """Everything that limits a role's session but the resource's policy."""
    boundary = None
    if role.permissions_boundary_arn:
        managed = iam_backends[role.account_id][PARTITION].managed_policies
        found = managed.get(role.permissions_boundary_arn)
        boundary = None if found is None else parse_policy(_document(found))
    return Policies(
        identity=identity_policies(role),
        boundary=boundary,
        session=None if session_policy is None else parse_policy(session_policy),
    )


def find_key(key_id: str, *, account: str, region: str) -> Key | None:
    """A customer-managed or AWS-managed key by id, ARN or alias."""
    if key_id.startswith("arn:"):
        region, account = key_id.split(":")[3:5]
    backend = kms_backends[account][region]
    alias = backend.get_alias_name(key_id)
    if alias.startswith("alias/"):
        return next((key for key in list(backend.keys.values()) if alias in key.aliases), None)
    return backend.keys.get(backend.get_key_id(key_id))


def key_of_ciphertext(blob: str) -> str:
    """The id of the key that encrypted; moto writes it before the rest."""
    return base64.b64decode(blob)[:KEY_ID_LEN].decode("ascii", "replace")


def is_aws_managed(key: Key) -> bool:
    """Whether AWS made the key for one of its services; anyone in the account may use it there."""
    return any(alias.startswith("alias/aws/") for alias in key.aliases)


def role_of_model(name: str, *, account: str, region: str) -> str | None:
    """The execution role of a SageMaker model; None where there is no such model."""
    from moto.sagemaker.models import sagemaker_backends

    backend: Any = sagemaker_backends[account][region]
    model = backend._models.get(name)
    return None if model is None else str(model.execution_role_arn)


def key_of_endpoint_config(name: str, *, account: str, region: str) -> str | None:
    """The key of an endpoint config's volumes; None where it has none, or is none."""
    from moto.sagemaker.models import sagemaker_backends

    backend: Any = sagemaker_backends[account][region]
    config = backend.endpoint_configs.get(name)
    return None if config is None else config.request.get("KmsKeyId")


def key_of_state_machine(arn: str) -> str | None:
    """The key of its own with which a state machine encrypts its executions."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    if arn.count(":") < 6:
        return None
    region, account = arn.split(":")[3:5]
    backend: Any = stepfunctions_parser_backends[account][region]
    for machine in list(backend.state_machines):
        if machine.arn == arn:
            key: str | None = (machine.encryptionConfiguration or {}).get("kmsKeyId")
            return key
    return None


def config_of_endpoint(name: str, *, account: str, region: str) -> str | None:
    """The name of an endpoint's config; None where there is no such endpoint."""
    from moto.sagemaker.models import sagemaker_backends

    backend: Any = sagemaker_backends[account][region]
    endpoint = backend.endpoints.get(name)
    return None if endpoint is None else str(endpoint.config.endpoint_config_name)


def tags_of_resource(arn: str) -> dict[str, str]:
    """The tags of a SageMaker model, endpoint config or endpoint; none of anything else.

    An ARN has a name in lower case, however it was given.
    """
    _, _, service, region, account, resource = (arn.split(":", 5) + [""] * 6)[:6]
    if service != "sagemaker":
        return {}
    from moto.sagemaker.models import sagemaker_backends

    backend: Any = sagemaker_backends[account][region]
    kind, _, name = resource.partition("/")
    kept = {
        "endpoint": backend.endpoints,
        "endpoint-config": backend.endpoint_configs,
        "model": backend._models,
    }
    for known, found in list(kept.get(kind, {}).items()):
        if known.lower() == name.lower():
            return {tag["Key"]: tag["Value"] for tag in found.tags or ()}
    return {}


def find_bucket(name: str) -> FakeBucket | None:
    """A bucket by its name."""
    for backends in list(s3_backends.values()):
        if name in backends[PARTITION].buckets:
            return backends[PARTITION].buckets[name]
    return None


def find_object(bucket: FakeBucket, key: str, version: str | None = None) -> FakeKey | None:
    """An object, or one version of it."""
    versions = [found for found in bucket.keys.getlist(key, []) if isinstance(found, FakeKey)]
    if version is not None:
        versions = [found for found in versions if found.version_id == version]
    return versions[-1] if versions else None


def find_topic(arn: str) -> Topic | None:
    """A topic by its ARN."""
    region, account = arn.split(":")[3:5]
    return sns_backends[account][region].topics.get(arn)


def find_queue(arn: str) -> Any:
    """A queue by its ARN."""
    region, account, name = arn.split(":")[3:6]
    return sqs_backends[account][region].queues.get(name)


def resource_policy(resource: str) -> Policy | None:
    """The policy of a bucket, key, topic, queue, function, secret or role; None without one."""
    service = resource.split(":", 3)[2] if resource.startswith("arn:") else ""
    finder = {
        "s3": _bucket_policy,
        "kms": _key_policy,
        "sns": lambda arn: getattr(find_topic(arn), "policy", None),
        "sqs": lambda arn: getattr(find_queue(arn), "policy", None),
        "iam": lambda arn: getattr(find_role(arn), "assume_role_policy_document", None),
        "lambda": _function_policy,
        "secretsmanager": _secret_policy,
    }.get(service)
    document = None if finder is None else finder(resource)
    return parse_policy(document) if document else None


def _bucket_policy(arn: str) -> Any:
    bucket = find_bucket(arn.split(":::", 1)[1].split("/", 1)[0])
    return None if bucket is None else bucket.policy


def _key_policy(arn: str) -> Any:
    key = find_key(arn, account="", region="")
    return None if key is None else key.policy


def _function_policy(arn: str) -> Any:
    from moto.awslambda.models import lambda_backends

    region, account = arn.split(":")[3:5]
    function = lambda_backends[account][region].get_function_by_arn(":".join(arn.split(":")[:7]))
    statements = function.policy.statements if function and function.policy else []
    return {"Statement": statements} if statements else None


def _secret_policy(arn: str) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    region, account = arn.split(":")[3:5]
    for secret in list(secretsmanager_backends[account][region].secrets.values()):
        if secret.arn == arn:
            return getattr(secret, "policy", None)
    return None


def key_of_secret(secret_id: str, account: str) -> str | None:
    """The key that a secret was created with; None for AWS's own."""
    from moto.secretsmanager.models import secretsmanager_backends

    for backend in list(secretsmanager_backends[account].values()):
        for secret in list(backend.secrets.values()):
            if secret_id in (secret.name, secret.arn):
                return getattr(secret, "kms_key_id", None)
    return None
