"""Which actions on which resources an operation needs.

IAM's names follow the operations' with few exceptions; the ARN follows from the parameters. Both
are those of https://docs.aws.amazon.com/service-authorization/latest/reference/. Where a service is
not listed here, the action is the operation's name and the resource ``*``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local_aws.permissions.operations import Call

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where an ARN lies.

    Attributes:
        region: of the request.
        account: of the caller.
    """

    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """An ARN of a regional service."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Target:
    """One action on one resource that must be allowed."""

    action: str
    resource: str


def targets_of(call: Call, place: Place) -> list[Target]:
    """Everything that the call itself needs; its side effects are `effects`' matter."""
    if call.service == "s3":
        return list(_s3(call))
    action = f"{call.service}:{_ACTIONS.get((call.service, call.operation), call.operation)}"
    finder = _FINDERS.get(call.service)
    resources = finder(call.operation, call.parameters, place) if finder is not None else []
    targets = [Target(action, resource) for resource in resources or ["*"]]
    if action == "sts:AssumeRole" and call.parameters.get("Tags"):
        targets.append(Target("sts:TagSession", targets[0].resource))
    return targets


_ACTIONS: dict[tuple[str, str], str] = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "InvokeFunction",
    ("sagemaker", "InvokeEndpointWithResponseStream"): "InvokeEndpoint",
    ("sns", "PublishBatch"): "Publish",
    ("sqs", "SendMessageBatch"): "SendMessage",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "ChangeMessageVisibility",
    ("kms", "ReEncrypt"): "ReEncryptFrom",
    ("dynamodb", "TransactGetItems"): "GetItem",
    ("dynamodb", "TransactWriteItems"): "PutItem",
}

# Where IAM's name of an S3 action is not the operation's.
_S3_ACTIONS: dict[str, str] = {
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "UploadPartCopy": "PutObject",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObjects": "DeleteObject",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListBuckets": "ListAllMyBuckets",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
}


def _s3(call: Call) -> Iterator[Target]:
    given = call.parameters
    bucket, key = given.get("Bucket"), given.get("Key")
    action = _S3_ACTIONS.get(call.operation, call.operation)
    if given.get("VersionId") and action in {"GetObject", "DeleteObject", "GetObjectTagging"}:
        action = action.replace("Object", "ObjectVersion", 1)
    if bucket is None:
        yield Target(f"s3:{action}", "*")
    elif call.operation == "DeleteObjects":
        # The first one always: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
        for one, has_version in given.get("Objects") or ():
            yield Target("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{one}")
            if has_version:
                yield Target("s3:DeleteObjectVersion", f"arn:aws:s3:::{bucket}/{one}")
    elif key is None:
        yield Target(f"s3:{action}", f"arn:aws:s3:::{bucket}")
    else:
        yield Target(f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}")
        if call.operation in {"CopyObject", "UploadPartCopy"}:
            yield Target("s3:GetObject", f"arn:aws:s3:::{copy_source(given)}")
        if action == "PutObject" and "x-amz-tagging" in call.headers:
            yield Target("s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/{key}")


def copy_source(given: Parameters) -> str:
    """Bucket and key of what is copied, which come encoded and perhaps with a version."""
    return unquote(str(given["CopySource"]).split("?")[0]).lstrip("/")


Finder = Callable[[str, Parameters, Place], Sequence[str]]


def _kebab(noun: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()


_VERBS = re.compile(r"^(Create|Describe|Delete|Update|Stop|Start|Invoke|Get|Put)")


def _sagemaker(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    """``CreateTransformJob`` with TransformJobName: the ARN's type is the noun in kebab case."""
    if "ResourceArn" in given:
        return [str(given["ResourceArn"])]
    noun = _VERBS.sub("", operation)
    nouns = {
        "EndpointWeightsAndCapacities": ["Endpoint"],
        "EndpointAsync": ["Endpoint"],
        "EndpointWithResponseStream": ["Endpoint"],
        "InferenceComponentRuntimeConfig": ["InferenceComponent"],
    }.get(noun, [noun])
    if operation in {"CreateEndpoint", "UpdateEndpoint"}:
        nouns = ["Endpoint", "EndpointConfig"]
    elif operation in {"CreateInferenceComponent", "InvokeEndpoint"}:
        # Who invokes may name a component, and needs both then.
        nouns = ["Endpoint", "InferenceComponent"]
    found = []
    for one in nouns:
        name = given.get(f"{one}Name")
        if isinstance(name, str):
            found.append(name if name.startswith("arn:") else _named(place, one, name))
    return found


def _named(place: Place, noun: str, name: str) -> str:
    return place.arn("sagemaker", f"{_kebab(noun)}/{name.lower()}")


def _logs(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    """A group's ARN ends in its streams, none for an operation on the group."""
    arn = given.get("resourceArn") or given.get("logGroupIdentifier")
    if arn and str(arn).startswith("arn:"):
        return [str(arn)]
    name = given.get("logGroupName")
    if name is None and operation != "DescribeLogGroups":
        return []
    stream = given.get("logStreamName", "")
    return [place.arn("logs", f"log-group:{name or ''}:log-stream:{stream}")]


def _sns(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    if arn := given.get("TopicArn") or given.get("TargetArn") or given.get("ResourceArn"):
        return [str(arn)]
    if arn := given.get("SubscriptionArn"):
        return [str(arn).rsplit(":", 1)[0]]
    return [place.arn("sns", str(given["Name"]))] if "Name" in given else []


def _sqs(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    name = given.get("QueueName") or str(given.get("QueueUrl", "")).rsplit("/", 1)[-1]
    return [place.arn("sqs", name)] if name else []


def _lambda(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    name = given.get("FunctionName") or given.get("Resource")
    if not name:
        return []
    if not str(name).startswith("arn:"):
        name = place.arn("lambda", f"function:{name}")
    qualifier = given.get("Qualifier")
    return [f"{name}:{qualifier}" if qualifier else str(name)]


def _states(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    if operation == "CreateStateMachine":
        return [place.arn("states", f"stateMachine:{given.get('name')}")]
    for name in ("stateMachineArn", "executionArn", "resourceArn", "activityArn", "mapRunArn"):
        if name in given:
            return [str(given[name])]
    return []


def _events(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    bus = str(given.get("EventBusName", "default")).rsplit("/", 1)[-1]
    if operation == "PutEvents":
        buses = {
            str(entry.get("EventBusName", "default")).rsplit("/", 1)[-1]
            for entry in given.get("Entries") or ()
        }
        return [place.arn("events", f"event-bus/{name}") for name in sorted(buses)]
    if "ResourceARN" in given:
        return [str(given["ResourceARN"])]
    rule = given.get("Rule") or (given.get("Name") if operation.endswith("Rule") else None)
    if not rule:
        return []
    return [place.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")]


def _scheduler(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    name = given.get("Name")
    if not name:
        return []
    if operation.endswith("ScheduleGroup"):
        return [place.arn("scheduler", f"schedule-group/{name}")]
    return [place.arn("scheduler", f"schedule/{given.get('GroupName', 'default')}/{name}")]


def _ssm(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    names = given.get("Names") or [given.get("Name") or given.get("Path")]
    return [
        str(name)
        if str(name).startswith("arn:")
        else place.arn("ssm", f"parameter/{str(name).lstrip('/')}")
        for name in names
        if name
    ]


def _secrets(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    name = given.get("SecretId") or given.get("Name")
    if not name:
        return []
    return [
        str(name)
        if str(name).startswith("arn:")
        else place.arn("secretsmanager", f"secret:{name}-??????")
    ]


def _dynamodb(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    tables = list(given.get("RequestItems") or ()) or [given.get("TableName")]
    return [
        table if table.startswith("arn:") else place.arn("dynamodb", f"table/{table}")
        for table in tables
        if table
    ]


def _ecr(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    names = given.get("repositoryNames") or [given.get("repositoryName")]
    return [place.arn("ecr", f"repository/{name}") for name in names if name]


def _iam(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    for name, kind in (
        ("RoleName", "role"),
        ("UserName", "user"),
        ("InstanceProfileName", "instance-profile"),
        ("GroupName", "group"),
        ("PolicyName", "policy"),
    ):
        if name in given:
            path = str(given.get("Path", "/"))
            return [f"arn:aws:iam::{place.account}:{kind}{path}{given[name]}"]
    return [str(given["PolicyArn"])] if "PolicyArn" in given else []


def _sts(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation, place
    return [str(given["RoleArn"])] if "RoleArn" in given else []


def _cloudformation(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    del operation
    name = given.get("StackName")
    if not name:
        return []
    return [
        str(name)
        if str(name).startswith("arn:")
        else place.arn("cloudformation", f"stack/{name}/*")
    ]


def _cloudwatch(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    if "Dashboard" in operation:
        names = given.get("DashboardNames") or [given.get("DashboardName", "*")]
        return [f"arn:aws:cloudwatch::{place.account}:dashboard/{name}" for name in names]
    if "Alarm" in operation:
        names = given.get("AlarmNames") or [given.get("AlarmName", "*")]
        return [place.arn("cloudwatch", f"alarm:{name}") for name in names]
    return []


def _application_autoscaling(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    if operation in {"DescribeScalableTargets", "DescribeScalingPolicies"}:
        return []
    del given
    return [place.arn("application-autoscaling", "scalable-target/*")]


def _kms(operation: str, given: Parameters, place: Place) -> Sequence[str]:
    """Only ids and ARNs; what an alias stands for is looked up by `stored`."""
    del operation
    key = given.get("KeyId") or given.get("TargetKeyId") or given.get("DestinationKeyId")
    if not key:
        return []
    return [str(key) if str(key).startswith(("arn:", "alias/")) else place.arn("kms", f"key/{key}")]


def _ec2(operation: str, parameters: Parameters, place: Place) -> list[str]:
    """The group whose rules change; what else there is of EC2 is not told apart."""
    if not re.fullmatch(r"(Authorize|Revoke)SecurityGroup(In|E)gress", operation):
        return []
    return [place.arn("ec2", f"security-group/{parameters['GroupId']}")]


_FINDERS: dict[str, Finder] = {
    "application-autoscaling": _application_autoscaling,
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "ec2": _ec2,
    "ecr": _ecr,
    "events": _events,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "sagemaker": _sagemaker,
    "scheduler": _scheduler,
    "secretsmanager": _secrets,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "states": _states,
    "sts": _sts,
}
