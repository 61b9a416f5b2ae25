"""Buckets, keys, repositories: what a template says stands, also after an update."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_bucket_has_every_setting_of_its_template(stacks: Any, local_aws: Any) -> None:
    """Each one is set, and goes back to its default when the template no longer has it."""
    s3, name = local_aws.client("s3"), stacks.new_name()
    log_bucket = stacks.resource("AWS::S3::Bucket", BucketName=f"{name}-logs")
    log_policy = stacks.resource(
        "AWS::S3::BucketPolicy",
        Bucket={"Ref": "Logs"},
        PolicyDocument={
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "logging.s3.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": {"Fn::Sub": "${Logs.Arn}/data/*"},
                }
            ]
        },
    )
    data = stacks.resource(
        "AWS::S3::Bucket",
        BucketName=name,
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": True,
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]},
                    },
                }
            ]
        },
        VersioningConfiguration={"Status": "Enabled"},
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "Prefix": "tmp/",
                    "ExpirationInDays": 7,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ]
        },
        LoggingConfiguration={
            "DestinationBucketName": {"Ref": "Logs"},
            "LogFilePrefix": "data/",
        },
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    data["DependsOn"] = "LogPolicy"
    key = stacks.resource("AWS::KMS::Key")
    stack = stacks.deploy(
        name, {"Key": key, "Logs": log_bucket, "LogPolicy": log_policy, "Data": data}
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events(stack)
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    rule = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert rule["SSEAlgorithm"] == "aws:kms"
    assert rule["KMSMasterKeyID"].endswith(stacks.physical_id(stack, "Key"))
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (rule["ID"], rule["Filter"], rule["Expiration"]["Days"]) == (
        "old",
        {"Prefix": "tmp/"},
        7,
    )
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"] == {
        "TargetBucket": f"{name}-logs",
        "TargetPrefix": "data/",
    }
    (rule,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "a", "Value": "1"}]
    bare = stacks.resource("AWS::S3::Bucket", BucketName=name)
    stack = stacks.deploy(name, {"Logs": log_bucket, "Data": bare})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    for gone in (
        s3.get_bucket_lifecycle_configuration,
        s3.get_public_access_block,
        s3.get_bucket_tagging,
        s3.get_bucket_ownership_controls,
    ):
        with pytest.raises(ClientError, match=r"No[Ss]uch|NotFound"):
            gone(Bucket=name)


def test_a_bucket_sends_its_events_to_the_bus(stacks: Any, local_aws: Any) -> None:
    """A rule of the same stack gets them into a queue."""
    s3, sqs, name = local_aws.client("s3"), local_aws.client("sqs"), stacks.new_name()
    stack = stacks.deploy(
        name,
        {
            "Data": stacks.resource(
                "AWS::S3::Bucket",
                BucketName=name,
                NotificationConfiguration={
                    "EventBridgeConfiguration": {"EventBridgeEnabled": True}
                },
            ),
            "Queue": stacks.resource("AWS::SQS::Queue"),
            "QueuePolicy": stacks.resource(
                "AWS::SQS::QueuePolicy",
                Queues=[{"Ref": "Queue"}],
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                        }
                    ],
                },
            ),
            "Rule": stacks.resource(
                "AWS::Events::Rule",
                EventPattern={"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}},
                Targets=[{"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
            ),
        },
    )
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    answer = sqs.receive_message(
        QueueUrl=stacks.physical_id(stack, "Queue"), WaitTimeSeconds=10, MaxNumberOfMessages=1
    )
    (message,) = answer["Messages"]
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "k"
    s3.delete_object(Bucket=name, Key="k")


def test_a_bucket_that_exists_is_not_taken_over(stacks: Any, local_aws: Any) -> None:
    """CreateBucket of one's own bucket would succeed in us-east-1."""
    s3, name = local_aws.client("s3"), stacks.new_name()
    s3.create_bucket(Bucket=name)
    stack = stacks.deploy(name, {"Data": stacks.resource("AWS::S3::Bucket", BucketName=name)})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    s3.head_bucket(Bucket=name)
    (reason,) = [told for _, status, told in stacks.events(stack) if status == "CREATE_FAILED"]
    assert f"with identifier '{name}' already exists" in reason
    s3.delete_bucket(Bucket=name)


def test_a_policy_that_denies_plain_http_with_a_condition_does_not_deny_everything(
    stacks: Any, local_aws: Any
) -> None:
    """The condition decides, as for every bucket that the CDK makes with ``enforce_ssl``."""
    s3, name = local_aws.client("s3"), stacks.new_name()
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    stacks.deploy(
        name,
        {
            "Data": stacks.resource("AWS::S3::Bucket", BucketName=name),
            "Policy": stacks.resource(
                "AWS::S3::BucketPolicy",
                Bucket={"Ref": "Data"},
                PolicyDocument={"Version": "2012-10-17", "Statement": [deny]},
            ),
        },
    )
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=name, Key="k")


def test_a_key_follows_its_template_and_is_scheduled_for_deletion(
    stacks: Any, local_aws: Any
) -> None:
    """Policy, description, rotation, state and alias."""
    kms, name = local_aws.client("kms"), stacks.new_name()
    alias = stacks.resource(
        "AWS::KMS::Alias", AliasName=f"alias/{name}", TargetKeyId={"Ref": "Key"}
    )

    def policy(sid: str) -> dict[str, Any]:
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": sid,
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }

    stack = stacks.deploy(
        name,
        {
            "Alias": alias,
            "Key": stacks.resource(
                "AWS::KMS::Key", KeyPolicy=policy("one"), EnableKeyRotation=True, Description="one"
            ),
        },
    )
    key_id = stacks.physical_id(stack, "Key")
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    stack = stacks.deploy(
        name,
        {
            "Alias": alias,
            "Key": stacks.resource(
                "AWS::KMS::Key",
                KeyPolicy=policy("two"),
                Description="two",
                Enabled=False,
                PendingWindowInDays=7,
            ),
        },
    )
    metadata = kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]
    assert (metadata["KeyId"], metadata["Description"]) == (key_id, "two")
    assert metadata["KeyState"] == "Disabled"
    assert not kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    found = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
    assert json.loads(found) == policy("two")
    assert stacks.delete(name)["StackStatus"] == "DELETE_COMPLETE"
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_repository_follows_its_template(stacks: Any, local_aws: Any) -> None:
    """Mutability, scanning, lifecycle and access policy."""
    ecr, name = local_aws.client("ecr"), stacks.new_name()
    lifecycle = json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "imageCountMoreThan",
                        "countNumber": 1,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    stacks.deploy(
        name,
        {
            "Images": stacks.resource(
                "AWS::ECR::Repository",
                RepositoryName=name,
                ImageTagMutability="IMMUTABLE",
                LifecyclePolicy={"LifecyclePolicyText": lifecycle},
                RepositoryPolicyText=stacks.allow("ecr:BatchGetImage"),
            )
        },
    )
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    stack = stacks.deploy(
        name,
        {
            "Images": stacks.resource(
                "AWS::ECR::Repository",
                RepositoryName=name,
                ImageScanningConfiguration={"ScanOnPush": True},
            )
        },
    )
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stacks.events(stack)
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["imageTagMutability"] == "MUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    with pytest.raises(ClientError, match="LifecyclePolicyNotFound"):
        ecr.get_lifecycle_policy(repositoryName=name)
    with pytest.raises(ClientError, match="RepositoryPolicyNotFound"):
        ecr.get_repository_policy(repositoryName=name)
