"""The grant with which instances use the key of their volumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

ANYTHING = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
WORK = {
    "Effect": "Allow",
    "Action": ["sagemaker:CreateTrainingJob", "iam:PassRole"],
    "Resource": "*",
}

TRUSTS_SAGEMAKER = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def train(make_key: Callable[..., str], assume: Callable[..., Any]) -> Callable[..., None]:
    """Starts a training job on an encrypted volume, with or without the grant's permission."""
    key = make_key()
    grant = {
        "Effect": "Allow",
        "Action": "kms:CreateGrant",
        "Resource": key,
        "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    }

    def start(name: str, *, caller: bool, role: bool) -> None:
        assume(WORK, grant if caller else ANYTHING).client("sagemaker").create_training_job(
            TrainingJobName=name,
            RoleArn=assume(grant if role else ANYTHING).role_arn,
            AlgorithmSpecification={"TrainingInputMode": "File", "TrainingImage": "image"},
            OutputDataConfig={"S3OutputPath": "s3://anywhere/"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
                "VolumeKmsKeyId": key,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )

    return start


def test_a_job_s_caller_or_its_role_makes_the_grant(train: Callable[..., None]) -> None:
    """One of both suffices.

    https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
    """
    train("grant-of-the-caller", caller=True, role=False)
    train("grant-of-the-role", caller=False, role=True)


def test_a_job_without_a_grant_is_refused(train: Callable[..., None]) -> None:
    """As a call of its caller, who might have it."""
    with pytest.raises(ClientError, match="not authorized to perform: kms:CreateGrant"):
        train("no-grant", caller=False, role=False)


def test_who_creates_an_endpoint_makes_the_grant(
    root: Any, make_key: Callable[..., str], assume: Callable[..., Any]
) -> None:
    """The config may be created by someone who has it not."""
    key = make_key()
    grant = {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key}
    sagemaker = {"Effect": "Allow", "Action": "sagemaker:Create*", "Resource": "*"}
    config = {"EndpointName": "granted", "EndpointConfigName": "granted"}
    api = assume(sagemaker).client("sagemaker")
    with pytest.raises(ClientError) as unknown:
        api.create_endpoint(**config)
    assert "kms:CreateGrant" not in str(unknown.value)
    role = assume(ANYTHING).role_arn
    root("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=TRUSTS_SAGEMAKER
    )
    root("sagemaker").create_model(
        ModelName="granted", ExecutionRoleArn=role, PrimaryContainer={"Image": "image"}
    )
    variant = {
        "VariantName": "v",
        "ModelName": "granted",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    api.create_endpoint_config(
        EndpointConfigName="granted", ProductionVariants=[variant], KmsKeyId=key
    )
    with pytest.raises(ClientError, match="not authorized to perform: kms:CreateGrant"):
        api.create_endpoint(**config)
    assume(sagemaker, grant).client("sagemaker").create_endpoint(**config)
    # There is no model in it; it goes when it has found out.
    with pytest.raises(WaiterError):
        root("sagemaker").get_waiter("endpoint_in_service").wait(
            EndpointName="granted", WaiterConfig={"Delay": 1}
        )
    root("sagemaker").delete_endpoint(EndpointName="granted")
