"""Calls of roles' sessions on a running local AWS."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"


def allow(*actions: str, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **elements}


def denied(call: Callable[[], Any]) -> tuple[str, int, str]:
    """Code, HTTP status and message of a refused call."""
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"].get("Message", ""),
    )


def test_a_session_may_do_what_its_policy_allows_and_nothing_else(assume: Any, bucket: str) -> None:
    """S3 words the refusal with the resource in quotes."""
    session = assume(allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/*"))
    s3 = session.client("s3")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    assert denied(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"")) == (
        "AccessDenied",
        403,
        f"User: {session.arn} is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{bucket}/k" because no identity-based policy allows the s3:PutObject '
        "action",
    )


DENIED, ACCESS = "AccessDeniedException", "AccessDenied"
ARN = "arn:aws:{}:us-east-1:123456789012:{}"
REFUSALS: list[tuple[str, str, dict[str, Any], str, int, str, str]] = [
    ("sagemaker", "list_models", {}, DENIED, 400, "sagemaker:ListModels", "*"),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "e", "Body": b""},
        DENIED,
        403,
        "sagemaker:InvokeEndpoint",
        ARN.format("sagemaker", "endpoint/e"),
    ),
    ("stepfunctions", "list_state_machines", {}, DENIED, 400, "states:ListStateMachines", "*"),
    (
        "logs",
        "create_log_group",
        {"logGroupName": "g"},
        DENIED,
        400,
        "logs:CreateLogGroup",
        ARN.format("logs", "log-group:g:log-stream:"),
    ),
    ("kms", "list_keys", {}, DENIED, 400, "kms:ListKeys", "*"),
    ("lambda", "list_functions", {}, DENIED, 403, "lambda:ListFunctions", "*"),
    ("scheduler", "list_schedules", {}, DENIED, 403, "scheduler:ListSchedules", "*"),
    (
        "sns",
        "create_topic",
        {"Name": "t"},
        "AuthorizationError",
        403,
        "SNS:CreateTopic",
        ARN.format("sns", "t"),
    ),
    (
        "sqs",
        "create_queue",
        {"QueueName": "q"},
        ACCESS,
        400,
        "sqs:CreateQueue",
        ARN.format("sqs", "q"),
    ),
    ("cloudwatch", "list_metrics", {}, ACCESS, 400, "cloudwatch:ListMetrics", "*"),
    ("iam", "list_roles", {}, ACCESS, 403, "iam:ListRoles", "*"),
    ("cloudformation", "list_stacks", {}, ACCESS, 403, "cloudformation:ListStacks", "*"),
    ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", 403, "ec2:DescribeVpcs", "*"),
]


@pytest.mark.parametrize(
    ("service", "method", "given", "code", "status", "action", "resource"),
    REFUSALS,
    ids=[refusal[0] for refusal in REFUSALS],
)
def test_a_refusal_comes_in_the_service_s_own_format(  # noqa: PLR0917
    assume: Any,
    service: str,
    method: str,
    given: dict[str, Any],
    code: str,
    status: int,
    action: str,
    resource: str,
) -> None:
    """Each protocol's error is understood by boto3."""
    session = assume()
    call = getattr(session.client(service), method)
    assert denied(lambda: call(**given)) == (
        code,
        status,
        f"User: {session.arn} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action",
    )


def test_who_may_not_list_does_not_learn_that_an_object_is_missing(
    assume: Any, bucket: str
) -> None:
    """403 without s3:ListBucket, 404 with it."""
    reads = allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/*")
    lists = allow("s3:ListBucket", resource=f"arn:aws:s3:::{bucket}")
    code, status, message = denied(
        lambda: assume(reads).client("s3").get_object(Bucket=bucket, Key="none")
    )
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:ListBucket" in message
    assert (
        denied(lambda: assume(reads, lists).client("s3").get_object(Bucket=bucket, Key="none"))[0]
        == "NoSuchKey"
    )


def test_a_refused_head_has_no_body(assume: Any, bucket: str) -> None:
    """HEAD answers with the status alone, and the connection goes on."""
    s3 = assume(allow("s3:ListBucket")).client("s3")
    assert denied(lambda: s3.head_object(Bucket=bucket, Key="k"))[:2] == ("403", 403)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_bucket_policy_with_enforced_tls_denies_nobody(
    local_aws: Any, assume: Any, bucket: str
) -> None:
    """Loopback counts as a secure transport; the condition is read, not ignored."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    tls = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    root = local_aws.client("s3")
    root.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [tls]}))
    root.put_object(Bucket=bucket, Key="k", Body=b"again")
    s3 = assume(allow("s3:*")).client("s3")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"again"
    deny = {**tls, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    root.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [deny]}))
    assert denied(lambda: s3.get_object(Bucket=bucket, Key="k"))[2].endswith(
        "with an explicit deny in a resource-based policy"
    )


def test_a_bucket_policy_may_be_all_that_allows(local_aws: Any, assume: Any, bucket: str) -> None:
    """A role named in the bucket's policy needs no policy of its own."""
    session = assume()
    grant = allow(
        "s3:GetObject",
        resource=f"arn:aws:s3:::{bucket}/*",
        Principal={"AWS": session.role_arn},
    )
    local_aws.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Statement": [grant]})
    )
    body = session.client("s3").get_object(Bucket=bucket, Key="k")["Body"].read()
    assert body == b"hello"


def encrypt(local_aws: Any, bucket: str, key: str) -> None:
    """Set a bucket's default encryption."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    local_aws.client("s3").put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )


def test_an_encrypted_object_needs_the_key_as_well(
    local_aws: Any, assume: Any, bucket: str, make_key: Any
) -> None:
    """Reading needs kms:Decrypt, writing kms:GenerateDataKey, through S3 only if so conditioned."""
    key = make_key()
    encrypt(local_aws, bucket, key)
    local_aws.client("s3").put_object(Bucket=bucket, Key="locked", Body=b"secret")
    objects = allow("s3:GetObject", "s3:PutObject")
    bare = assume(objects)
    code, _, message = denied(lambda: bare.client("s3").get_object(Bucket=bucket, Key="locked"))
    assert code == "AccessDenied"
    assert message == (
        f"User: {bare.arn} is not authorized to perform: kms:Decrypt on the resource associated "
        "with this ciphertext because no identity-based policy allows the kms:Decrypt action"
    )
    message = denied(lambda: bare.client("s3").put_object(Bucket=bucket, Key="x", Body=b""))[2]
    assert f"kms:GenerateDataKey on resource: {key} because no identity-based policy" in message
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    full = assume(
        objects, allow("kms:Decrypt", "kms:GenerateDataKey", resource=key, Condition=via)
    ).client("s3")
    full.put_object(Bucket=bucket, Key="x", Body=b"mine")
    assert full.get_object(Bucket=bucket, Key="locked")["Body"].read() == b"secret"


def test_a_multipart_upload_needs_the_key_to_decrypt_too(
    local_aws: Any, assume: Any, bucket: str, make_key: Any
) -> None:
    """GenerateDataKey alone begins no multipart upload."""
    key = make_key()
    encrypt(local_aws, bucket, key)
    half = assume(allow("s3:PutObject"), allow("kms:GenerateDataKey", resource=key)).client("s3")
    half.put_object(Bucket=bucket, Key="small", Body=b"1")
    assert (
        "kms:Decrypt" in denied(lambda: half.create_multipart_upload(Bucket=bucket, Key="large"))[2]
    )


def test_a_key_policy_that_does_not_delegate_locks_identity_policies_out(
    local_aws: Any, assume: Any, bucket: str, make_key: Any
) -> None:
    """Everything on everything is not enough where the key's policy says nothing."""
    key = make_key(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/Nobody"}))
    encrypt(local_aws, bucket, key)
    local_aws.client("s3").put_object(Bucket=bucket, Key="locked", Body=b"secret")
    s3 = assume(allow("*")).client("s3")
    assert denied(lambda: s3.get_object(Bucket=bucket, Key="locked"))[2].endswith(
        "because no resource-based policy allows the kms:Decrypt action"
    )


def test_publishing_to_an_encrypted_topic_needs_its_key(
    local_aws: Any, assume: Any, make_key: Any
) -> None:
    """sns:Publish and the key's two actions."""
    key = make_key()
    topic = local_aws.client("sns").create_topic(
        Name="encrypted", Attributes={"KmsMasterKeyId": key}
    )["TopicArn"]
    publish = allow("sns:Publish", resource=topic)
    message = denied(lambda: assume(publish).client("sns").publish(TopicArn=topic, Message="m"))[2]
    assert "kms:GenerateDataKey" in message
    use = allow("kms:GenerateDataKey", "kms:Decrypt", resource=key)
    assume(publish, use).client("sns").publish(TopicArn=topic, Message="m")


def test_creating_a_model_passes_its_role(assume: Any) -> None:
    """iam:PassRole on that role, to that service."""
    role = f"arn:aws:iam::{ACCOUNT}:role/execution"
    model = {
        "ModelName": "passed",
        "ExecutionRoleArn": role,
        "PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://none/model.tar.gz"},
    }
    create = allow("sagemaker:CreateModel")
    message = denied(lambda: assume(create).client("sagemaker").create_model(**model))[2]
    assert f"iam:PassRole on resource: {role}" in message
    wrong = allow(
        "iam:PassRole",
        resource=role,
        Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    )
    message = denied(lambda: assume(create, wrong).client("sagemaker").create_model(**model))[2]
    assert "iam:PassRole" in message


def test_creating_with_tags_needs_the_right_to_tag(assume: Any) -> None:
    """SageMaker asks for sagemaker:AddTags on the same resource."""
    session = assume(allow("sagemaker:CreateModelPackageGroup"))
    group = {"ModelPackageGroupName": "tagged", "Tags": [{"Key": "stage", "Value": "dev"}]}
    api = session.client("sagemaker")
    message = denied(lambda: api.create_model_package_group(**group))[2]
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/tagged"
    assert f"sagemaker:AddTags on resource: {arn}" in message
    api.create_model_package_group(ModelPackageGroupName="tagged")


def test_a_tag_condition_is_held_against_the_tags_of_the_request(assume: Any) -> None:
    """aws:RequestTag decides who may create what."""
    tagged = {"StringEquals": {"aws:RequestTag/stage": "dev"}}
    rights = allow("sagemaker:CreateModelPackageGroup", "sagemaker:AddTags", Condition=tagged)
    api = assume(rights).client("sagemaker")

    def create(name: str, stage: str) -> None:
        api.create_model_package_group(
            ModelPackageGroupName=name, Tags=[{"Key": "stage", "Value": stage}]
        )

    create("of-dev", "dev")
    assert denied(lambda: create("of-prod", "prod"))[0] == "AccessDeniedException"


def test_a_tag_condition_is_held_against_the_tags_of_the_resource(
    local_aws: Any, assume: Any, make_role: Any
) -> None:
    """aws:ResourceTag decides who may delete what; what is not there has no tags."""
    root = local_aws.client("sagemaker")
    role = make_role("sagemaker.amazonaws.com")
    for name, team in (("Of-Shop", "shop"), ("of-bank", "bank")):
        root.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": "image"},
            Tags=[{"Key": "inference:Team", "Value": team}],
        )
    own = {"StringEquals": {"aws:ResourceTag/inference:Team": "shop"}}
    api = assume(allow("sagemaker:DeleteModel", Condition=own)).client("sagemaker")
    api.delete_model(ModelName="Of-Shop")
    for name in ("of-bank", "Of-Shop"):
        code = denied(lambda name=name: api.delete_model(ModelName=name))[0]
        assert code == "AccessDeniedException"
    root.delete_model(ModelName="of-bank")


def test_decrypting_is_judged_by_the_key_that_encrypted(assume: Any, make_key: Any) -> None:
    """Decrypt names no key: the ciphertext does."""
    key, other = make_key(), make_key()
    session = assume(allow("kms:Encrypt"), allow("kms:Decrypt", resource=key))
    kms = session.client("kms")
    mine = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=mine)["Plaintext"] == b"secret"
    theirs = kms.encrypt(KeyId=other, Plaintext=b"secret")["CiphertextBlob"]
    assert other in denied(lambda: kms.decrypt(CiphertextBlob=theirs))[2]


def test_a_key_may_be_named_by_its_alias(local_aws: Any, assume: Any, make_key: Any) -> None:
    """The key's ARN is judged, not the alias."""
    key = make_key()
    local_aws.client("kms").create_alias(AliasName="alias/judged", TargetKeyId=key)
    kms = assume(allow("kms:Encrypt", resource=key)).client("kms")
    kms.encrypt(KeyId="alias/judged", Plaintext=b"x")
    assert key in denied(lambda: kms.describe_key(KeyId="alias/judged"))[2]


def test_a_permissions_boundary_limits_a_session(assume: Any, bucket: str) -> None:
    """What the boundary leaves out is refused by its name."""
    session = assume(allow("*"), boundary=[allow("s3:ListBucket")])
    session.client("s3").list_objects_v2(Bucket=bucket)
    assert denied(lambda: session.client("s3").get_object(Bucket=bucket, Key="k"))[2].endswith(
        "because no permissions boundary allows the s3:GetObject action"
    )


def test_aws_s_managed_policies_are_known(local_aws: Any, assume: Any, bucket: str) -> None:
    """A role with AmazonS3ReadOnlyAccess reads and does not write."""
    session = assume()
    local_aws.client("iam").attach_role_policy(
        RoleName=session.role_name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    s3 = session.client("s3")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    assert denied(lambda: s3.delete_object(Bucket=bucket, Key="k"))[0] == "AccessDenied"


def test_a_role_that_trusts_only_a_service_cannot_be_assumed_by_the_account(local_aws: Any) -> None:
    """The trust policy decides, and a role that does not exist is refused alike."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = local_aws.client("iam").create_role(
        RoleName="for-sagemaker", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    sts = local_aws.client("sts")
    for arn in (role, f"arn:aws:iam::{ACCOUNT}:role/missing"):
        assert denied(lambda arn=arn: sts.assume_role(RoleArn=arn, RoleSessionName="now")) == (
            "AccessDenied",
            403,
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole on "
            f"resource: {arn}",
        )


def test_a_session_ends_with_its_role(local_aws: Any, assume: Any) -> None:
    """Credentials of a deleted role are invalid, those that nobody issued as well."""
    session = assume()
    local_aws.client("iam").delete_role(RoleName=session.role_name)
    assert denied(session.client("s3").list_buckets)[0] == "InvalidClientTokenId"
    unknown = local_aws.client("s3", aws_access_key_id="ASIAUNKNOWNUNKNOWN00")
    assert denied(unknown.list_buckets)[0] == "InvalidClientTokenId"


def test_a_presigned_url_can_do_what_its_signer_can(assume: Any, bucket: str) -> None:
    """The URL carries the session."""
    s3 = assume(allow("s3:GetObject")).client("s3")
    which = {"Bucket": bucket, "Key": "k"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=which)) as answer:
        assert answer.read() == b"hello"
    url = s3.generate_presigned_url("put_object", Params=which)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b"x"))


def test_log_groups_take_only_keys_that_logs_may_use(local_aws: Any, make_key: Any) -> None:
    """Even the root user is told so."""
    logs = local_aws.client("logs")
    code, _, message = denied(
        lambda: logs.create_log_group(logGroupName="locked", kmsKeyId=make_key())
    )
    assert code == "InvalidParameterException"
    assert message.startswith("The specified KMS key does not exist or is not allowed to be used")
    usable = make_key(
        allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        allow(
            "kms:Encrypt*",
            "kms:Decrypt*",
            "kms:GenerateDataKey*",
            Principal={"Service": "logs.us-east-1.amazonaws.com"},
            Condition={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:*"
                }
            },
        ),
    )
    logs.create_log_group(logGroupName="locked", kmsKeyId=usable)


def test_refusals_can_be_read_afterwards(local_aws: Any, assume: Any, bucket: str) -> None:
    """The state directory keeps one line for each."""
    session = assume()
    denied(lambda: session.client("s3").get_object(Bucket=bucket, Key="k"))
    log = (local_aws.state / "permissions" / "denied.log").read_text()
    assert f"User: {session.arn} is not authorized to perform: s3:GetObject" in log


def test_a_statement_can_be_taken_away_and_comes_back(
    local_aws: Any, assume: Any, bucket: str, removals: Callable[[str], Sequence[Any]]
) -> None:
    """Managed and inline policies alike; the role is as it was afterwards."""
    session = assume(allow("s3:GetObject"), allow("s3:ListBucket"))
    local_aws.client("iam").put_role_policy(
        RoleName=session.role_name,
        PolicyName="inline",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow("s3:PutObject")}),
    )
    s3 = session.client("s3")
    calls = {
        "s3:GetObject": lambda: s3.get_object(Bucket=bucket, Key="k"),
        "s3:ListBucket": lambda: s3.list_objects_v2(Bucket=bucket),
        "s3:PutObject": lambda: s3.put_object(Bucket=bucket, Key="k", Body=b""),
    }
    found = removals(session.role_name)
    assert [removal.statement["Action"] for removal in found] == [[name] for name in calls]
    for removal in found:
        with removal.taken_away():
            for name, call in calls.items():
                if [name] == removal.statement["Action"]:
                    assert denied(call)[0] == "AccessDenied", removal
                else:
                    call()
        for call in calls.values():
            call()
