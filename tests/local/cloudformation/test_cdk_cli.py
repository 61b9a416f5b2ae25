"""The real CDK CLI, unchanged: bootstrap, deploy, diff, a failing deployment, destroy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from botocore.exceptions import ClientError

STACK = "cli-probe"
TAKEN = "/cli-probe/taken"
SECONDS = 300

# What `tests/local/test_end_to_end.py` does with the project's own stacks, for every resource type
# of the CDK's bootstrap.
pytestmark = pytest.mark.long


def synthesize(directory: Path, *, name: str, hours: int, failing: bool = False) -> Path:
    """An assembly with a key, a bucket that refuses plain HTTP, a role and parameters.

    Args:
        directory: where it goes.
        name: name of a parameter that another one refers to; another name is a replacement.
        hours: session length of the role, an update in place.
        failing: whether it has a resource that cannot be made.
    """
    app = cdk.App(outdir=str(directory), analytics_reporting=False, tree_metadata=False)
    stack = cdk.Stack(app, STACK, tags={"team": "ml"})
    key = kms.Key(stack, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
    bucket = s3.Bucket(
        stack,
        "Bucket",
        encryption_key=key,
        enforce_ssl=True,
        versioned=True,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        stack,
        "Role",
        assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        max_session_duration=cdk.Duration.hours(hours),
    )
    bucket.grant_read(iam.ManagedPolicy(stack, "Policy", roles=[role]))
    named = ssm.StringParameter(stack, "Named", parameter_name=name, string_value="named")
    user = ssm.StringParameter(stack, "User", string_value=named.parameter_name)
    if failing:
        taken = ssm.StringParameter(stack, "Taken", parameter_name=TAKEN, string_value="x")
        taken.node.add_dependency(user)
    cdk.CfnOutput(stack, "BucketName", value=bucket.bucket_name)
    cdk.CfnOutput(stack, "RoleName", value=role.role_name)
    app.synth()
    return directory


@pytest.fixture
def cli(local_aws: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the CLI of the project against the local AWS."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["cdk", *arguments, "--no-notices", "--no-color"],
            env=local_aws.env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )

    return run


def test_the_cli_bootstraps_deploys_updates_fails_and_destroys(
    cli: Callable[..., subprocess.CompletedProcess[str]], local_aws: Any, tmp_path: Path
) -> None:
    """Each step does what it does on AWS, and what the CLI prints tells it."""
    api, store = local_aws.client("cloudformation"), local_aws.client("ssm")
    first = synthesize(tmp_path / "first", name="/cli-probe/first", hours=1)
    second = synthesize(tmp_path / "second", name="/cli-probe/second", hours=2)
    failing = synthesize(tmp_path / "failing", name="/cli-probe/third", hours=3, failing=True)

    def status() -> str:
        return str(api.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    done = cli("bootstrap", "aws://123456789012/us-east-1")
    assert done.returncode == 0, done.stdout
    assert "bootstrapped" in done.stdout

    outputs_file = tmp_path / "outputs.json"
    deploy = ("--require-approval", "never", "--outputs-file", str(outputs_file))
    done = cli("deploy", "-a", str(first), *deploy)
    assert done.returncode == 0, done.stdout
    outputs = json.loads(outputs_file.read_text())[STACK]
    versioning = local_aws.client("s3").get_bucket_versioning(Bucket=outputs["BucketName"])
    assert versioning["Status"] == "Enabled"

    done = cli("diff", "-a", str(second), "--fail")
    assert done.returncode == 1, done.stdout
    assert "AWS::SSM::Parameter Named" in done.stdout
    assert "requires replacement" in done.stdout
    assert "Could not create a change set" not in done.stdout

    done = cli("deploy", "-a", str(second), *deploy)
    assert (done.returncode, status()) == (0, "UPDATE_COMPLETE"), done.stdout
    role = local_aws.client("iam").get_role(RoleName=outputs["RoleName"])["Role"]
    assert role["MaxSessionDuration"] == 2 * 3600

    done = cli("diff", "-a", str(second), "--fail")
    assert done.returncode == 0, done.stdout

    store.put_parameter(Name=TAKEN, Value="x", Type="String")
    done = cli("deploy", "-a", str(failing), *deploy)
    assert (done.returncode, status()) == (1, "UPDATE_ROLLBACK_COMPLETE"), done.stdout
    assert "The parameter already exists" in done.stdout
    role = local_aws.client("iam").get_role(RoleName=outputs["RoleName"])["Role"]
    assert role["MaxSessionDuration"] == 2 * 3600
    store.get_parameter(Name="/cli-probe/second")

    done = cli("destroy", "-a", str(second), "--force")
    assert done.returncode == 0, done.stdout
    with pytest.raises(ClientError, match="does not exist"):
        status()
    for gone in ("/cli-probe/first", "/cli-probe/second", "/cli-probe/third"):
        with pytest.raises(ClientError, match="ParameterNotFound"):
            store.get_parameter(Name=gone)
    with pytest.raises(ClientError, match="404"):
        local_aws.client("s3").head_bucket(Bucket=outputs["BucketName"])
    store.delete_parameter(Name=TAKEN)
