"""What each role of the workflow can reach in S3, as the local AWS judges it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

# By a word of the role's logical id: what it reads, and what it writes.
ROLES = {
    "WorkflowRole": ({"output/_runs/x"}, set()),
    "FunctionsPlan": ({"input/x", "output/x", "output/_runs/x"}, {"output/_runs/x"}),
    "FunctionsReport": ({"input/x", "output/x", "output/_runs/x"}, {"output/_runs/x"}),
    "FunctionsFinish": ({"output/x", "output/_runs/x"}, {"output/x", "output/_runs/x"}),
    "ModelRole": ({"input/x", "output/_runs/x"}, {"output/x", "output/_runs/x"}),
}
KEYS = ("input/x", "inputs/x", "output/x", "output/_runs/x", "outputs/x", "x")


@pytest.fixture
def s3_as(batch: Any) -> Any:
    """Makes an S3 client with a session of a role."""
    iam = batch.aws.client("iam")

    def make(word: str) -> Any:
        role = batch.resource("AWS::IAM::Role", word)
        described = iam.get_role(RoleName=role)["Role"]
        trust = described["AssumeRolePolicyDocument"]
        anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        open_ = {**trust, "Statement": [*trust["Statement"], anyone]}
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(open_))
        try:
            session = batch.aws.client("sts").assume_role(
                RoleArn=described["Arn"], RoleSessionName="test"
            )["Credentials"]
        finally:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
        return batch.aws.client(
            "s3",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    return make


def may(call: Any, **given: Any) -> bool:
    """Whether a call is let through."""
    try:
        call(**given)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


@pytest.mark.parametrize(("word", "read", "written"), [(w, *sets) for w, sets in ROLES.items()])
def test_a_role_reaches_the_named_prefixes_of_the_named_bucket_only(
    batch: Any, s3_as: Any, word: str, read: set[str], written: set[str]
) -> None:
    """Neither a neighbour whose name begins alike, nor the same keys of another bucket."""
    name = batch.bucket
    other = f"not-{name}"[:63]
    if other not in {bucket["Name"] for bucket in batch.s3.list_buckets()["Buckets"]}:
        batch.s3.create_bucket(Bucket=other)
    for bucket in (name, other):
        for key in KEYS:
            batch.s3.put_object(Bucket=bucket, Key=key, Body=b"1\n")
    client = s3_as(word)
    readable = {
        (bucket, key)
        for bucket in (name, other)
        for key in KEYS
        if may(client.get_object, Bucket=bucket, Key=key)
    }
    writable = {
        (bucket, key)
        for bucket in (name, other)
        for key in KEYS
        if may(client.put_object, Bucket=bucket, Key=key, Body=b"2\n")
    }
    assert readable == {(name, key) for key in read}
    assert writable == {(name, key) for key in written}
    assert not any(
        may(client.delete_object, Bucket=bucket, Key=key)
        for bucket in (name, other)
        for key in KEYS
    )
