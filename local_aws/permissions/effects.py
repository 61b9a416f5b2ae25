"""What a call needs beyond its own action: passing a role, using a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.permissions import stored
from local_aws.permissions.operations import Call
from local_aws.permissions.roles import role_may
from local_aws.permissions.scaling import asked_for
from local_aws.permissions.targets import Place, Target, copy_source, targets_of

# Where a call names a role that a service will take, and which service that is.
_PASSED_ROLES: dict[tuple[str, str], tuple[str, str]] = {
    ("application-autoscaling", "RegisterScalableTarget"): (
        "RoleARN",
        "application-autoscaling.amazonaws.com",
    ),
    ("cloudformation", "CreateChangeSet"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "CreateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "DeleteStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("cloudformation", "UpdateStack"): ("RoleARN", "cloudformation.amazonaws.com"),
    ("codebuild", "CreateProject"): ("serviceRole", "codebuild.amazonaws.com"),
    ("codebuild", "UpdateProject"): ("serviceRole", "codebuild.amazonaws.com"),
    ("codepipeline", "CreatePipeline"): ("pipeline.roleArn", "codepipeline.amazonaws.com"),
    ("codepipeline", "UpdatePipeline"): ("pipeline.roleArn", "codepipeline.amazonaws.com"),
    ("events", "PutRule"): ("RoleArn", "events.amazonaws.com"),
    ("events", "PutTargets"): ("Targets.RoleArn", "events.amazonaws.com"),
    ("lambda", "CreateFunction"): ("Role", "lambda.amazonaws.com"),
    ("lambda", "UpdateFunctionConfiguration"): ("Role", "lambda.amazonaws.com"),
    ("sagemaker", "CreateEndpointConfig"): ("ExecutionRoleArn", "sagemaker.amazonaws.com"),
    ("sagemaker", "CreateHyperParameterTuningJob"): (
        "TrainingJobDefinition.RoleArn",
        "sagemaker.amazonaws.com",
    ),
    ("sagemaker", "CreateModel"): ("ExecutionRoleArn", "sagemaker.amazonaws.com"),
    ("sagemaker", "CreateMonitoringSchedule"): (
        "MonitoringScheduleConfig.MonitoringJobDefinition.RoleArn",
        "sagemaker.amazonaws.com",
    ),
    ("sagemaker", "CreateProcessingJob"): ("RoleArn", "sagemaker.amazonaws.com"),
    ("sagemaker", "CreateTrainingJob"): ("RoleArn", "sagemaker.amazonaws.com"),
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("scheduler", "UpdateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("states", "CreateStateMachine"): ("roleArn", "states.amazonaws.com"),
    ("states", "UpdateStateMachine"): ("roleArn", "states.amazonaws.com"),
}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One more target, with the condition keys that belong to it."""

    target: Target
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# Services that ask for the right to tag where something is created with tags.
_TAGGING = {
    "events": "events:TagResource",
    "kms": "kms:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sagemaker": "sagemaker:AddTags",
    "sns": "sns:TagResource",
    "states": "states:TagResource",
}


def effects_of(call: Call, place: Place) -> Iterator[Effect]:
    """Everything that the call needs beyond its own action."""
    yield from _passed_roles(call)
    yield from _tagged(call, place)
    finder = {
        "application-autoscaling": _scaling,
        "s3": _s3,
        "sns": _sns,
        "sqs": _sqs,
        "secretsmanager": _secrets,
        "sagemaker": _sagemaker,
        "states": _states,
    }.get(call.service)
    if finder is not None:
        yield from finder(call, place)


def _tagged(call: Call, place: Place) -> Iterator[Effect]:
    creates = call.operation.startswith(("Create", "Put"))
    if not creates or not (call.parameters.get("Tags") or call.parameters.get("tags")):
        return
    if call.service in _TAGGING:
        # What is made comes first, before what it is made of.
        made = targets_of(call, place)[0]
        yield Effect(target=Target(_TAGGING[call.service], made.resource))


def _passed_roles(call: Call) -> Iterator[Effect]:
    path, service = _PASSED_ROLES.get((call.service, call.operation), ("", ""))
    for role in _values(call.parameters, path.split(".")) if path else ():
        yield Effect(
            target=Target("iam:PassRole", role),
            context={"iam:passedtoservice": (service,)},
        )


def _values(node: Any, path: list[str]) -> Iterator[str]:
    """Texts at a path; a list on the way is followed into each of its members."""
    if isinstance(node, list):
        for member in node:
            yield from _values(member, path)
    elif not path:
        if isinstance(node, str) and node:
            yield node
    elif isinstance(node, Mapping) and path[0] in node:
        yield from _values(node[path[0]], path[1:])


def use_of_key(
    key_id: str | None,
    actions: tuple[str, ...],
    service: str,
    place: Place,
    context: Mapping[str, str] | None = None,
) -> Iterator[Effect]:
    """Targets for a key that a service uses on the caller's behalf.

    AWS's own keys need no permission of the caller's: their policies let everyone in the account
    use them through the service.

    Args:
        key_id: id, ARN or alias; nothing where the service uses its own key.
        actions: without ``kms:``.
        service: its name in ``kms:ViaService``.
        place: region and account of the call.
        context: further condition keys, without ``kms:``.
    """
    if not key_id:
        return
    key = stored.find_key(key_id, account=place.account, region=place.region)
    if key is None or stored.is_aws_managed(key):
        return
    keys = {"kms:viaservice": (f"{service}.{place.region}.amazonaws.com",)}
    keys |= {f"kms:{name.lower()}": (value,) for name, value in (context or {}).items()}
    for action in actions:
        yield Effect(target=Target(f"kms:{action}", key.arn), context=keys)


_WRITES = {"PutObject", "CreateMultipartUpload", "CopyObject"}
# A part is encrypted with the data key of its upload, which must be decrypted first.
_PARTS = {"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}


def _s3(call: Call, place: Place) -> Iterator[Effect]:
    given = call.parameters
    name, key = given.get("Bucket"), given.get("Key")
    bucket = stored.find_bucket(str(name)) if name else None
    if bucket is None or not key:
        return
    if call.operation in {"GetObject", "HeadObject"}:
        found = stored.find_object(bucket, str(key), given.get("VersionId"))
        if found is not None and found.encryption == "aws:kms":
            yield from _object_key(found.kms_key_id, ("Decrypt",), f"{name}/{key}", place)
    elif call.operation in _WRITES | _PARTS:
        key_id = _key_of_write(call, bucket)
        actions: tuple[str, ...] = ("GenerateDataKey",)
        if call.operation in _PARTS:
            actions = ("Decrypt",)
        elif call.operation == "CreateMultipartUpload":
            actions = ("GenerateDataKey", "Decrypt")
        yield from _object_key(key_id, actions, f"{name}/{key}", place)
        if call.operation in {"CopyObject", "UploadPartCopy"}:
            yield from _copied(copy_source(given), place)


def _copied(source: str, place: Place) -> Iterator[Effect]:
    name, _, key = source.partition("/")
    bucket = stored.find_bucket(name)
    found = None if bucket is None else stored.find_object(bucket, key)
    if found is not None and found.encryption == "aws:kms":
        yield from _object_key(found.kms_key_id, ("Decrypt",), f"{name}/{key}", place)


def _object_key(
    key_id: str | None, actions: tuple[str, ...], path: str, place: Place
) -> Iterator[Effect]:
    yield from use_of_key(
        key_id,
        actions,
        "s3",
        place,
        {"EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{path}"},
    )


def _key_of_write(call: Call, bucket: Any) -> str | None:
    """The key of an object to be written: from its headers, else the bucket's default."""
    asked = call.headers.get("x-amz-server-side-encryption")
    if asked is not None:
        if asked != "aws:kms":
            return None
        return call.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    rule: Any = (bucket.encryption or {}).get("Rule") or {}
    rule = rule[0] if isinstance(rule, list) else rule
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    return default.get("KMSMasterKeyID") if default.get("SSEAlgorithm") == "aws:kms" else None


def _sns(call: Call, place: Place) -> Iterator[Effect]:
    arn = call.parameters.get("TopicArn") or call.parameters.get("TargetArn")
    if call.operation not in {"Publish", "PublishBatch"} or not arn:
        return
    yield from topic_key(str(arn), place)


def topic_key(topic_arn: str, place: Place) -> Iterator[Effect]:
    """What publishing to a topic needs of its key."""
    topic = stored.find_topic(topic_arn)
    if topic is not None:
        yield from use_of_key(
            topic.kms_master_key_id,
            ("GenerateDataKey", "Decrypt"),
            "sns",
            place,
            {"EncryptionContext:aws:sns:topicArn": topic_arn},
        )


def queue_key(queue_arn: str, actions: tuple[str, ...], place: Place) -> Iterator[Effect]:
    """What using a queue needs of its key."""
    queue = stored.find_queue(queue_arn)
    if queue is not None:
        yield from use_of_key(
            getattr(queue, "kms_master_key_id", None),
            actions,
            "sqs",
            place,
            {"EncryptionContext:aws:sqs:arn": queue_arn},
        )


def _sqs(call: Call, place: Place) -> Iterator[Effect]:
    actions = {
        "SendMessage": ("GenerateDataKey", "Decrypt"),
        "SendMessageBatch": ("GenerateDataKey", "Decrypt"),
        "ReceiveMessage": ("Decrypt",),
    }.get(call.operation)
    name = str(call.parameters.get("QueueUrl", "")).rsplit("/", 1)[-1]
    if actions and name:
        yield from queue_key(place.arn("sqs", name), actions, place)


def _secrets(call: Call, place: Place) -> Iterator[Effect]:
    actions = {
        "GetSecretValue": ("Decrypt",),
        "PutSecretValue": ("GenerateDataKey", "Decrypt"),
        "CreateSecret": ("GenerateDataKey", "Decrypt"),
    }.get(call.operation)
    if actions:
        key_id = stored.key_of_secret(str(call.parameters.get("SecretId", "")), place.account)
        key_id = key_id or call.parameters.get("KmsKeyId")
        yield from use_of_key(key_id, actions, "secretsmanager", place)


def _scaling(call: Call, place: Place) -> Iterator[Effect]:
    for asked in asked_for(call, place):
        yield Effect(target=asked.target, context=asked.context)


_VOLUME_KEYS = {
    "CreateTrainingJob": ["ResourceConfig", "VolumeKmsKeyId"],
    "CreateTransformJob": ["TransformResources", "VolumeKmsKeyId"],
}


def _sagemaker(call: Call, place: Place) -> Iterator[Effect]:
    """A volume's key is used through a grant, which somebody must be allowed to create.

    For an endpoint that is the caller; for a job it is the caller only if the job's role may not:
    https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
    """
    role_arn = _role_of_job(call, place)
    for key_id in _volume_keys(call, place):
        for effect in use_of_key(
            key_id, ("CreateGrant",), "sagemaker", place, {"GrantIsForAWSResource": "true"}
        ):
            target = effect.target
            if role_arn is None or not role_may(
                role_arn,
                target.action,
                target.resource,
                service="sagemaker.amazonaws.com",
                context=effect.context,
            ):
                yield effect


def _volume_keys(call: Call, place: Place) -> Iterator[str]:
    if call.operation in {"CreateEndpoint", "UpdateEndpoint"}:
        name = str(call.parameters.get("EndpointConfigName", ""))
        key_id = stored.key_of_endpoint_config(name, account=place.account, region=place.region)
        if key_id is not None:
            yield key_id
    elif call.operation in _VOLUME_KEYS:
        yield from _values(call.parameters, _VOLUME_KEYS[call.operation])


def _states(call: Call, place: Place) -> Iterator[Effect]:
    """The input of an execution is encrypted with its state machine's key.

    AWS names these permissions for StartExecution without saying whose they are, so that the role
    of the state machine is asked for them and whoever starts it, too:
    https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
    """
    if call.operation == "StartExecution":
        arn = str(call.parameters.get("stateMachineArn", ""))
        yield from use_of_key(
            stored.key_of_state_machine(arn),
            ("GenerateDataKey", "Decrypt"),
            "states",
            place,
            {"EncryptionContext:aws:states:stateMachineArn": arn},
        )


def _role_of_job(call: Call, place: Place) -> str | None:
    if call.operation == "CreateTransformJob":
        name = str(call.parameters.get("ModelName", ""))
        return stored.role_of_model(name, account=place.account, region=place.region)
    return call.parameters.get("RoleArn")
