"""`inference preflight`: what it predicts is what the deployment then does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference_ops.preflight.finding import ACTIONS
from tests.local.sagemaker.hosted_templates import (
    TYPE,
    assemble,
    at_rest,
    batch,
    deployed,
    hosted,
    removed,
)

Run = Callable[..., SimpleNamespace]
SetQuota = Callable[[str, float | None], None]
QUOTA = f"{TYPE} for endpoint usage"
# Its container takes a while to start.
SLOW = """
import time

def model_fn(model_dir):
    time.sleep(5)
"""
TOTAL = "Number of instances across active endpoints"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Writes a template; its path."""

    def to_file(template: dict[str, Any]) -> str:
        path = tmp_path / "template.json"
        path.write_text(json.dumps(template))
        return str(path)

    return to_file


def looked_up(done: SimpleNamespace) -> dict[str, dict[str, Any]]:
    """The findings by what was looked at."""
    return {one["subject"]: one for part in done.json["findings"].values() for one in part}


def test_an_update_beyond_the_quota_is_told_and_fails_as_told(
    run: Run, hosting: Any, set_quota: SetQuota, write: Callable[..., str], tmp_path: Path
) -> None:
    """And one that fits passes; other bytes under the pinned URI are told with both ETags."""
    cloudformation = hosting.connect("cloudformation")
    stack, first = f"{hosting.prefix}-surge", hosting.artifact("first")
    set_quota(QUOTA, 1)
    template = hosted(hosting, first)
    told = run("preflight", write(template), "--stack", stack, "--json")
    assert (told.code, told.json["failed"], told.json["unknown"]) == (0, 0, 0)
    assert deployed(cloudformation, stack, template, "create") == "CREATE_COMPLETE"
    assert looked_up(run("preflight", write(template), "--stack", stack, "--json"))[QUOTA] == {
        "subject": QUOTA,
        "result": "ok",
        "found": "0 used by others, up to 1 with this: the quota is 1",
        "advice": None,
    }

    second = hosting.artifact("second")
    template = hosted(hosting, second)
    told = run("preflight", write(template), "--stack", stack, "--json")
    assert told.code == 1
    found = looked_up(told)
    assert {name for name, one in found.items() if one["result"] == "failed"} == {QUOTA}
    assert found[QUOTA]["found"].startswith("needs 2 now (0 used by others, 1 by this endpoint, 1")
    assert deployed(cloudformation, stack, template, "update") == "UPDATE_ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [event.get("ResourceStatusReason") or "" for event in events]
    assert any(
        f"The account-level service limit '{QUOTA}' is 1 Instances, with current utilization of 1 "
        "Instances and a request delta of 1 Instances" in reason
        for reason in reasons
    )

    # As the advice says.
    words = found[QUOTA]["advice"].split()
    given = dict(zip(words[3::2], words[4::2], strict=True))
    hosting.connect("service-quotas").request_service_quota_increase(
        ServiceCode=given["--service-code"],
        QuotaCode=given["--quota-code"],
        DesiredValue=float(given["--desired-value"]),
    )
    assert run("preflight", write(template), "--stack", stack).code == 0
    assert deployed(cloudformation, stack, template, "update") == "UPDATE_COMPLETE"

    bucket, _, key = second.removeprefix("s3://").partition("/")
    etag = hosting.s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    context = tmp_path / "cdk.context.json"
    pin = {"artifact": {"uri": second, "etag": etag}, "region": "us-east-1"}
    context.write_text(json.dumps({"inference:model:s3": pin}))
    pinned = ("preflight", write(template), "--stack", stack, "--context", str(context), "--json")
    assert looked_up(run(*pinned))["model data of Model"]["result"] == "ok"
    hosting.s3.put_object(Bucket=bucket, Key=key, Body=b"other bytes")
    other = hosting.s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    told = run(*pinned)
    assert told.code == 1
    assert looked_up(told)["model data of Model"]["found"] == (
        f"{second} has ETag {other}, pinned is {etag}: other bytes lie there"
    )
    removed(cloudformation, stack)


def test_what_is_taken_missing_and_elsewhere_is_told(
    run: Run, hosting: Any, write: Callable[..., str]
) -> None:
    """A name, an artifact, an own image and the region of one; each with what to do."""
    taken = f"{hosting.prefix}-taken"
    hosting.create_model("taken")
    template = hosted(hosting, f"s3://{hosting.bucket}/nothing.tar.gz")
    properties = template["Resources"]["Model"]["Properties"]
    properties["ModelName"] = taken
    properties["PrimaryContainer"]["Image"] = (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:latest"
    )
    other = {"Image": "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"}
    properties["Containers"] = [other]
    told = run("preflight", write(template), "--json")
    assert told.code == 1
    found = looked_up(told)
    assert {name for name, one in found.items() if one["result"] == "failed"} == {
        f"model {taken}",
        "model data of Model",
        "image own:latest",
        "image sagemaker-xgboost:3.2-0",
    }
    assert found[f"model {taken}"]["found"] == "exists already and belongs to no stack"
    assert found["stack"]["result"] == "unknown"
    ecr = hosting.connect("ecr")
    ecr.create_repository(repositoryName="own")
    found = looked_up(run("preflight", write(template), "--json"))
    assert found["image own:latest"]["result"] == "failed"
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {}, "layers": []}
    ecr.put_image(repositoryName="own", imageManifest=json.dumps(manifest), imageTag="latest")
    found = looked_up(run("preflight", write(template), "--json"))
    assert found["image own:latest"]["result"] == "ok"


def test_the_largest_fleet_has_to_fit_beside_those_of_others(
    run: Run, hosting: Any, set_quota: SetQuota, write: Callable[..., str]
) -> None:
    """Not only the first one: scaling would come to an end before its maximum."""
    template = hosted(hosting, hosting.artifact("largest"), most=4)
    set_quota(QUOTA, 3)
    told = run("preflight", write(template), "--json")
    assert told.code == 1
    assert looked_up(told)[QUOTA]["found"] == (
        "needs 4 when scaled out (0 in use, up to 4 of its own): the quota is 3"
    )
    set_quota(QUOTA, 4)
    found = looked_up(run("preflight", write(template), "--json"))
    assert found[QUOTA]["result"] == "ok"
    set_quota(TOTAL, 0)
    assert looked_up(run("preflight", write(template), "--json"))[TOTAL]["result"] == "failed"


def test_a_type_that_nothing_knows_is_not_known(
    run: Run, hosting: Any, write: Callable[..., str]
) -> None:
    """It is neither fine nor refused: only AWS could say."""
    template = hosted(hosting, hosting.artifact("type"))
    variant = template["Resources"]["Config"]["Properties"]["ProductionVariants"][0]
    variant["InstanceType"] = "ml.x99.large"
    path = write(template)
    told = run("preflight", path, "--stack", "new", "--json")
    assert told.code == 0
    assert looked_up(told)["ml.x99.large in us-east-1"]["result"] == "unknown"
    assert run("preflight", path, "--stack", "new", "--strict").code == 1


def test_serverless_variants_and_transform_jobs_count(
    run: Run, hosting: Any, set_quota: SetQuota, write: Callable[..., str]
) -> None:
    """The jobs of a map as often as it runs at once; without a limit nobody knows how often."""
    template = hosted(hosting, hosting.artifact("kinds"))
    variant = template["Resources"]["Config"]["Properties"]["ProductionVariants"][0]
    del variant["InstanceType"], variant["InitialInstanceCount"]
    variant["ServerlessConfig"] = {"MemorySizeInMB": 1024, "MaxConcurrency": 5}
    template["Resources"]["Batch"] = batch(MaxConcurrency=3)
    concurrency = "Maximum total concurrency that can be allocated across all serverless endpoints"
    jobs = "Number of instances across all transform jobs"
    set_quota(concurrency, 4)
    set_quota(jobs, 5)
    found = looked_up(run("preflight", write(template), "--json"))
    assert found[concurrency]["found"].startswith("needs 5 ")
    assert found[jobs]["found"].startswith("needs 6 when scaled out")
    assert QUOTA not in found
    set_quota(concurrency, 5)
    set_quota(jobs, 6)
    found = looked_up(run("preflight", write(template), "--json"))
    assert found[concurrency]["result"] == found[jobs]["result"] == "ok"
    template["Resources"]["Batch"] = batch()
    found = looked_up(run("preflight", write(template), "--json"))
    assert found[jobs]["result"] == "unknown"


def test_a_missing_permission_is_named_and_those_in_the_help_are_enough(
    run_on: Callable[[Any], Run], hosting: Any, local_aws: Any, tmp_path: Path
) -> None:
    """Whoever may do nothing learns what is needed; whoever may do that learns all the rest."""
    path = str(tmp_path)
    template = hosted(hosting, hosting.artifact("permissions"), EndpointName="may-look")
    template["Resources"]["Batch"] = batch(MaxConcurrency=1)
    parameter = assemble(tmp_path, hosting, "described", template, "assets/permissions.tar.gz")
    hosting.connect("ssm").put_parameter(Name=parameter, Value="6", Type="String")

    def role(name: str, *actions: str) -> Run:
        iam, sts = hosting.connect("iam"), hosting.connect("sts")
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "sts:AssumeRole",
        }
        made = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        if actions:
            allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
            iam.put_role_policy(
                RoleName=name,
                PolicyName="own",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
            )
        keys = sts.assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="preflight")
        session = {
            "AWS_ACCESS_KEY_ID": keys["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["Credentials"]["SessionToken"],
        }
        return run_on(SimpleNamespace(env=local_aws.env | session))

    told = role("may-nothing")("preflight", path, "--json")
    assert told.code == 0
    found = {name: one["found"] for name, one in looked_up(told).items()}
    assert found["stack"] == "needs the permission cloudformation:DescribeStacks"
    assert found["instances of endpoints"] == "needs the permission sagemaker:ListEndpoints"
    assert found["model data of Model"].startswith("needs the permission s3:GetObject")
    assert found["transform jobs"] == "needs the permission sagemaker:ListTransformJobs"
    assert found["bootstrap version"] == "needs the permission ssm:GetParameter"
    may_describe = role("may-describe", "cloudformation:DescribeStacks")
    deployed(
        hosting.connect("cloudformation"),
        "described",
        {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}},
        "create",
    )
    told = may_describe("preflight", path, "--json")
    assert (told.code, looked_up(told)["stack"]["found"]) == (
        0,
        "needs the permission cloudformation:ListStackResources",
    )
    told = role("may-look", *ACTIONS)("preflight", path, "--json")
    assert (told.code, told.json["unknown"]) == (0, 0)
    removed(hosting.connect("cloudformation"), "described")


def test_an_assembly_brings_its_artifact_and_needs_its_bootstrap(
    run: Run, hosting: Any, tmp_path: Path
) -> None:
    """An artifact that lies there already has to be the assembly's: the CLI does not replace it."""
    key, name = "assets/abc.tar.gz", f"{hosting.prefix}-assembled"
    template = hosted(hosting, f"s3://{hosting.bucket}/{key}")
    parameter = assemble(tmp_path, hosting, name, template, key)
    size = (tmp_path / "asset.abc.tar.gz").stat().st_size
    ssm = hosting.connect("ssm")

    def judged() -> list[tuple[str, str]]:
        found = looked_up(run("preflight", str(tmp_path), "--stack", name, "--json"))
        both = (found["bootstrap version"], found["model data of Model"])
        return [(one["result"], one["found"]) for one in both]

    missing = f"us-east-1 has no {parameter}: needs 6"
    assert judged() == [
        ("failed", missing),
        ("ok", f"`cdk deploy` uploads it, {size} bytes"),
    ]
    for version, there, results in (
        ("5", size, ["failed", "ok"]),
        ("6", size + 1, ["ok", "failed"]),
        ("21", size - 1, ["ok", "failed"]),
    ):
        ssm.put_parameter(Name=parameter, Value=version, Type="String", Overwrite=True)
        hosting.s3.put_object(Bucket=hosting.bucket, Key=key, Body=b"x" * there)
        found = judged()
        assert [result for result, _ in found] == results
        assert found[0][1] == f"{version}, needs 6"
    assert run("preflight", str(tmp_path), "--stack", "another").code == 2
    assert run("preflight", str(tmp_path), "--region", "eu-west-1").code == 2


def test_a_wrong_call_is_told_in_one_line(run: Run, tmp_path: Path, hosting: Any) -> None:
    """No template, two stacks for one, no stack of the name, a context that is none."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps(hosted(hosting, "s3://bucket/key")))
    context = tmp_path / "context.json"
    context.write_text('{"inference:model:s3": {"artifact": {"uri": 3, "nothing": 1}}}')
    for arguments, expected in (
        ((str(tmp_path / "nothing"),), "nothing"),
        ((str(template), "--stack", "a", "--stack", "b"), "give --stack once"),
        ((str(template), "--context", str(context)), "inference resolve"),
        ((str(template), "--context", str(tmp_path / "none")), "No such file"),
        ((str(template), "--parameter", "wrong"), "NAME=VALUE"),
        ((str(template), "--parameter", "Stage=prod"), "is a parameter of no template"),
    ):
        told = run("preflight", *arguments)
        assert told.code == 2
        assert told.err.count("\n") == 1
        assert expected in told.err


@pytest.mark.long
def test_an_update_of_a_fleet_that_has_grown_is_judged_as_it_is_now(
    run: Run, hosting: Any, set_quota: SetQuota, write: Callable[..., str]
) -> None:
    """With its count retained both fleets are as large; a rolling update needs a batch."""
    cloudformation = hosting.connect("cloudformation")
    stack, data = f"{hosting.prefix}-grown", hosting.artifact("grown")
    retained = {"RetainAllVariantProperties": True}
    template = hosted(hosting, data, most=3, **retained)
    set_quota(QUOTA, 5)
    assert deployed(cloudformation, stack, template, "create") == "CREATE_COMPLETE"
    (endpoint,) = (
        each["PhysicalResourceId"].rpartition("/")[2]
        for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        if each["LogicalResourceId"] == "Endpoint"
    )

    def judged(template: dict[str, Any], subject: str = QUOTA) -> tuple[str, str]:
        told = run("preflight", write(template), "--stack", stack, "--json")
        one = looked_up(told)[subject]
        return one["result"], one["found"]

    # No update can begin while another one waits for the end of the old fleet.
    hosting.api.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=hosting.api.describe_endpoint(EndpointName=endpoint)[
            "EndpointConfigName"
        ],
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
            }
        },
    )
    assert judged(template, f"endpoint {endpoint}") == ("failed", "is Updating")
    hosting.wait(endpoint, "InService")
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3}
    hosting.api.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[change]
    )
    hosting.wait(endpoint, "InService")
    unchanged = ("ok", "0 used by others, up to 3 with this: the quota is 5")
    assert judged(template) == unchanged
    tagged = hosted(hosting, data, most=3, **retained, Tags=[{"Key": "a", "Value": "b"}])
    assert judged(tagged) == unchanged
    changed = hosted(hosting, hosting.artifact("changed"), most=3, **retained)
    assert judged(changed) == (
        "failed",
        "needs 6 now (0 used by others, 3 by this endpoint, 3 to start): the quota is 5",
    )
    # Not retained, one instance starts beside the three.
    found = judged(hosted(hosting, hosting.artifact("changed"), most=3))
    assert found == (
        "unknown",
        "goes now, with 4 of 5; scaled out to 3, an update needs 6",
    )
    batch = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 60,
    }
    rolling = {"DeploymentConfig": {"RollingUpdatePolicy": batch}}
    assert judged(hosted(hosting, data, most=3, **retained, **rolling)) == (
        "ok",
        "0 used by others, up to 3 with this, 4 during an update: the quota is 5",
    )
    removed(cloudformation, stack)


@pytest.mark.long
def test_the_state_of_a_stack_decides_whether_it_can_be_deployed(
    run: Run, hosting: Any, set_quota: SetQuota, write: Callable[..., str], tmp_path: Path
) -> None:
    """One whose creation was rolled back cannot be updated; the CDK CLI makes it anew."""
    cloudformation = hosting.connect("cloudformation")
    stack, data = f"{hosting.prefix}-undone", hosting.artifact("undone", SLOW)
    template = hosted(hosting, data, EndpointName=stack)
    set_quota(QUOTA, 0)
    assert deployed(cloudformation, stack, template, "create") == "ROLLBACK_COMPLETE"
    set_quota(QUOTA, None)
    path = write(template)
    told = run("preflight", path, "--stack", stack, "--json")
    found = looked_up(told)["stack"]
    assert (told.code, found["result"]) == (1, "failed")
    assert found["found"] == f"{stack} is ROLLBACK_COMPLETE"
    assert found["advice"].startswith("delete it: aws cloudformation delete-stack")
    assemble(tmp_path, hosting, stack, template, "assets/undone.tar.gz")
    found = looked_up(run("preflight", str(tmp_path), "--json"))["stack"]
    assert found["result"] == "ok"
    removed(cloudformation, stack)

    made = cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    found = looked_up(run("preflight", path, "--stack", stack, "--json"))["stack"]
    assert (found["result"], found["found"]) == ("failed", f"{stack} is CREATE_IN_PROGRESS")
    assert at_rest(cloudformation, made["StackId"]) == "CREATE_COMPLETE"
    # Under another name the endpoint is another one, for which both fleets are needed.
    set_quota(QUOTA, 1)
    renamed = hosted(hosting, data, EndpointName=f"{stack}-renamed")
    found = looked_up(run("preflight", write(renamed), "--stack", stack, "--json"))
    assert found[f"endpoint {stack}-renamed"]["found"] == "the name is free"
    assert found[QUOTA]["found"].startswith("needs 2 now (1 in use, 1 to start)")
    removed(cloudformation, stack)
