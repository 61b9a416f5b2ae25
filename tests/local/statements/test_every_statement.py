"""Every permission of every role is needed: without it something end to end fails.

A permission is one action on one resource. It is taken away from the role's policy; then the
probes that work with the role are run, until one of them sees that something does not work any
more. The probes know nothing of the policies: they do what users and CloudFormation do.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

ENDED_SECONDS = 120
# What comes late if it comes: logs, metrics, traces.
LATE_SECONDS = 8
JOBS = "/aws/sagemaker/TransformJobs"
INSTANCES = "/aws/sagemaker/Endpoints"
CHECKS = ("batch_steps.plan", "batch_steps.report", "batch_steps.finish")
# What AWS documents for a state machine with a distributed map; the local AWS, which runs the
# map's executions itself, judges only that they may be started.
# https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
NOT_JUDGED = ("states:DescribeExecution", "states:StopExecution")
FEATURES = ",".join(["1.0"] * 30) + "\n"


class Noticed(Exception):
    """Something does not work; the message is what a user would see."""


def until(what: str, found: Callable[[], Any], *, seconds: float = LATE_SECONDS) -> Any:
    """Wait for something that has to come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise Noticed(f"{what} did not come")


@dataclass(frozen=True)
class Probe:
    """Something that works with roles.

    Attributes:
        name: what it does.
        roles: the names of the roles that it works with.
        run: does it; raises Noticed.
    """

    name: str
    roles: frozenset[str]
    run: Callable[[], None]


@dataclass
class Probes:
    """What is done with the stacks."""

    deployment: Any
    scaling: Any
    history: Any
    kept_log_group: Any
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        client, outputs = self.deployment.client, self.deployment.outputs
        self.sagemaker, self.states = client("sagemaker"), client("stepfunctions")
        self.s3, self.logs, self.functions = client("s3"), client("logs"), client("lambda")
        self.endpoint = outputs["realtime.EndpointName"]
        self.stack_id = self.deployment.stack_id("realtime")
        self.machine = self.states.describe_state_machine(
            stateMachineArn=outputs["batch.StateMachineArn"]
        )
        self.bucket = outputs["batch.DataBucketName"]
        described = [
            self.functions.get_function_configuration(FunctionName=name)
            for name in self.deployment.resources("AWS::Lambda::Function")
        ]
        self.functions_by_module = {
            f["Handler"].removeprefix("functions.").rpartition(".")[0]: f for f in described
        }
        self.s3.create_bucket(Bucket="answers")

    def all(self) -> list[Probe]:
        """Each with the roles of the resources that it uses; the quickest first."""
        config = self.sagemaker.describe_endpoint_config(
            EndpointConfigName=self.deployment.outputs["realtime.EndpointConfigName"]
        )
        served = config["ProductionVariants"][0]["ModelName"]
        functions = self.functions_by_module
        emptier = functions["bucket_emptier.custom_resource"]
        owner = functions["scaling.custom_resource"]
        keeper = functions["deployment_history.custom_resource"]
        log_keeper = functions["log_group.custom_resource"]
        checks = [functions[name] for name in CHECKS]
        workflow = [
            self.machine["roleArn"],
            self._role_of_model(self.deployment.outputs["batch.ModelName"]),
            *(function["Role"] for function in checks),
        ]

        def roles(*arns: str) -> frozenset[str]:
            return frozenset(arn.rpartition("/")[2] for arn in arns)

        return [
            Probe("the state machine is made anew", roles(self.machine["roleArn"]), self.make),
            Probe("buckets are emptied", roles(emptier["Role"]), lambda: self.empty(emptier)),
            Probe("an endpoint is scaled", roles(owner["Role"]), lambda: self.scale(owner)),
            Probe("a deployment is let go", roles(keeper["Role"]), lambda: self.let_go(keeper)),
            Probe("a log group is kept", roles(log_keeper["Role"]), lambda: self.keep(log_keeper)),
            Probe("an endpoint is updated", roles(self._role_of_model(served)), self.update),
            Probe("a batch is run", roles(*workflow), self.batch),
            Probe("a batch is stopped", roles(*workflow), self.stop_batch),
            Probe("a batch fans out", roles(*workflow), self.fan_out),
            Probe("a batch is asked for twice", roles(*workflow), self.ask_twice),
        ]

    def _role_of_model(self, name: str) -> str:
        role: str = self.sagemaker.describe_model(ModelName=name)["ExecutionRoleArn"]
        return role

    def make(self) -> None:
        """Create the state machine once more, as a deployment would."""
        kept = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
        try:
            made = self.states.create_state_machine(
                name=f"probe-{next(self._numbers)}", **{name: self.machine[name] for name in kept}
            )
        except ClientError as error:
            raise Noticed(str(error)) from error
        self.states.delete_state_machine(stateMachineArn=made["stateMachineArn"])

    def empty(self, function: dict[str, Any]) -> None:
        """Let the custom resource empty the buckets, as a deletion of the stack would."""
        logs = self.s3.get_bucket_logging(Bucket=self.bucket)["LoggingEnabled"]["TargetBucket"]
        policy = self.s3.get_bucket_policy(Bucket=logs)["Policy"]
        for bucket in (self.bucket, logs):
            for _ in range(2):
                self.s3.put_object(Bucket=bucket, Key="object", Body=b"1")
            self.s3.delete_object(Bucket=bucket, Key="object")
        began = self._fresh(function)
        try:
            self._ask(function, "Delete", {"Buckets": [self.bucket], "LogBuckets": [logs]})
        finally:
            self.s3.put_bucket_policy(Bucket=logs, Policy=policy)
        for bucket in (self.bucket, logs):
            # What else the log bucket has by now are the logs of the emptying.
            left = self.s3.list_object_versions(Bucket=bucket, Prefix="object")
            if left.get("Versions") or left.get("DeleteMarkers"):
                raise Noticed(f"{bucket} is not empty")
        self._logged(function, began)

    def scale(self, function: dict[str, Any]) -> None:
        """Let the custom resource scale the endpoint by all means, by fewer, and no more."""
        self.scaling.clear()
        began = self._fresh(function)
        given = {"EndpointName": self.endpoint}
        try:
            for name, targets in (
                ("Create", self.scaling.everything),
                ("Update", self.scaling.own),
            ):
                self._ask(function, name, {**given, "ScalableTargets": targets}, self.scaling.kind)
                if told := self.scaling.differs(targets):
                    raise Noticed(told)
            self._ask(function, "Delete", given, self.scaling.kind)
            if told := self.scaling.differs([]):
                raise Noticed(told)
        finally:
            self.scaling.restore()
        self._logged(function, began)

    def let_go(self, function: dict[str, Any]) -> None:
        """Let the custom resource write a deployment down, and then delete all earlier ones."""
        self._serve_deployed()
        began = self._fresh(function)
        before, now = (self.history.properties | {"Keep": keep} for keep in ("2", "1"))
        kind = self.history.kind
        self._ask(function, "Update", now, kind, OldResourceProperties=before)
        earlier = self.history.add_previous()
        self._ask(function, "Delete", now, kind)
        if left := self.history.left(earlier):
            raise Noticed(f"{left} is left")
        self._logged(function, began)

    def keep(self, function: dict[str, Any]) -> None:
        """Let the custom resource make a log group, and then keep what is in it for good."""
        group = self.kept_log_group
        began = self._fresh(function)
        group.delete()
        for request, days in (("Create", 7), ("Update", None)):
            retention = {} if days is None else {"RetentionInDays": str(days)}
            self._ask(function, request, group.properties | retention, group.kind)
            if told := group.differs(days):
                raise Noticed(told)
        self._logged(function, began)

    def update(self) -> None:
        """Move the endpoint to a new config of the same variants, whose instances log and count."""
        old = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointConfigName"]
        given = self.sagemaker.describe_endpoint_config(EndpointConfigName=old)
        new = f"probe-{next(self._numbers)}"
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=new,
            ProductionVariants=given["ProductionVariants"],
            KmsKeyId=given["KmsKeyId"],
        )
        began = int(time.time() * 1000)
        self.sagemaker.update_endpoint(EndpointName=self.endpoint, EndpointConfigName=new)
        described = until("the update's end", self._updated, seconds=ENDED_SECONDS)
        if described["EndpointConfigName"] != new:
            raise Noticed(described["FailureReason"])
        group = f"{INSTANCES}/{self.endpoint}"
        until("the containers' log", lambda: self._events(group, began))
        until(
            "the instances' metrics",
            lambda: self.deployment.client("cloudwatch").list_metrics(
                Namespace=INSTANCES, Dimensions=[{"Name": "EndpointConfigName", "Value": new}]
            )["Metrics"],
        )

    def _serve_deployed(self) -> None:
        """Move the endpoint back to the stack's own config: the others are nobody's deployments."""
        deployed = self.deployment.outputs["realtime.EndpointConfigName"]
        found = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        if found["EndpointConfigName"] != deployed:
            self.sagemaker.update_endpoint(EndpointName=self.endpoint, EndpointConfigName=deployed)
            until("the way back", self._updated, seconds=ENDED_SECONDS)

    def _updated(self) -> dict[str, Any] | None:
        described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return described if described["EndpointStatus"] != "Updating" else None

    def batch(self) -> None:
        """Run the workflow to its end, with everything that it leaves behind."""
        self._without_jobs_log()
        checks = [self.functions_by_module[name] for name in CHECKS]
        began = [self._fresh(check) for check in checks]
        known = self._jobs()
        execution = self._start()
        ended = until("the end", lambda: self._ended(execution), seconds=ENDED_SECONDS)
        if ended["status"] != "SUCCEEDED":
            raise Noticed(ended["cause"])
        for check, since in zip(checks, began, strict=True):
            self._logged(check, since)
        job = (self._jobs() - known).pop()
        until("the job's log", lambda: self._streams_of(job) >= {"container", "data-log"})
        until("the job's metrics", lambda: self._has_metrics(job))
        trace = ended["traceHeader"].partition("=")[2].partition(";")[0]
        xray = self.deployment.client("xray")
        until("the trace", lambda: xray.batch_get_traces(TraceIds=[trace])["Traces"])

    def stop_batch(self) -> None:
        """Stop an execution: its job stops too, and its run is ended."""
        began = self._fresh(self.functions_by_module[CHECKS[-1]])
        known = self._jobs()
        execution = self._start()
        try:
            job = until("a job", lambda: self._jobs() - known, seconds=20).pop()
        finally:
            self.states.stop_execution(executionArn=execution)
        status = until(
            "the job's end",
            lambda: (
                self._status_of(job) in {"Completed", "Failed", "Stopped"} and self._status_of(job)
            ),
            seconds=ENDED_SECONDS,
        )
        if status != "Stopped":
            raise Noticed(f"the job of a stopped execution has {status}")
        output = f"output/{execution.rpartition(':')[2]}"
        summary = until("the summary", lambda: self._content(f"{output}/_summary.json"))
        if summary["status"] != "ABORTED":
            raise Noticed(f"the run is told to be {summary['status']}")
        group = self.functions_by_module[CHECKS[-1]]["LoggingConfig"]["LogGroup"]
        events = until(
            "the end of the run's end",
            lambda: self._events(group, began) if self._has_ended(group, began) else None,
        )
        for event in events:
            if "not authorized" in event["message"]:
                raise Noticed(event["message"])

    def _has_ended(self, group: str, began: int) -> bool:
        return any(event["message"].startswith("REPORT") for event in self._events(group, began))

    def _content(self, key: str) -> Any:
        """What lies at a key, as JSON; None if nothing does."""
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key).get("Contents"):
            return None
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def fan_out(self) -> None:
        """Run two jobs, of which one fails, and says why; and then that one again."""
        execution = self._start(
            {"bad.csv": "x,y\n"}, shard_objects=1, tolerated_failure_percent=50, header="none"
        )
        ended = until("the end", lambda: self._ended(execution), seconds=ENDED_SECONDS)
        if ended["status"] != "SUCCEEDED":
            raise Noticed(ended["cause"])
        [entry] = self._content(f"output/{execution.rpartition(':')[2]}/_failed.json")["inputs"]
        if "row 1, column 1" not in entry["reason"]:
            raise Noticed(f"the reason is {entry['reason']}")
        self._repeat(execution)

    def _repeat(self, execution: str) -> None:
        """Run again what failed, after it was mended."""
        place = f"output/{execution.rpartition(':')[2]}/_failed.json"
        asked = self.states.describe_execution(executionArn=execution)["input"]
        folder = json.loads(asked)["input"].removeprefix(f"s3://{self.bucket}/")
        self.s3.put_object(Bucket=self.bucket, Key=f"{folder}bad.csv", Body=FEATURES.encode())
        again = self.states.start_execution(
            stateMachineArn=self.machine["stateMachineArn"],
            input=json.dumps({"rerun": f"s3://{self.bucket}/{place}"}),
        )["executionArn"]
        ended = until("the end", lambda: self._ended(again), seconds=ENDED_SECONDS)
        if ended["status"] != "SUCCEEDED":
            raise Noticed(ended["cause"])

    def ask_twice(self) -> None:
        """Of two who ask for the same at once one learns that the other has it."""
        name = f"probe-{next(self._numbers)}"
        executions = [self._start(name=name) for _ in range(2)]
        ends = [until("the end", lambda one=one: self._ended(one)) for one in executions]
        for ended in ends:
            if ended["status"] != "SUCCEEDED":
                raise Noticed(ended["cause"])
        found = {json.loads(ended["output"])["status"] for ended in ends}
        if found != {"SUCCEEDED", "RUNNING_ELSEWHERE"}:
            raise Noticed(f"of two one is {found}")

    def _start(
        self, more: dict[str, str] | None = None, *, name: str | None = None, **request: Any
    ) -> str:
        """Start an execution on two rows, and perhaps more files."""
        prefix = f"probe-{next(self._numbers)}" if name is None else name
        files = {"rows.csv": FEATURES * 2}
        for file, body in {**files, **(more or {})}.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"input/{prefix}/{file}", Body=body.encode())
        request["input"] = f"s3://{self.bucket}/input/{prefix}/"
        try:
            started = self.states.start_execution(
                stateMachineArn=self.machine["stateMachineArn"], input=json.dumps(request)
            )
        except ClientError as error:
            raise Noticed(str(error)) from error
        arn: str = started["executionArn"]
        return arn

    def _ended(self, execution: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    def _jobs(self) -> set[str]:
        found = self.sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"]
        return {job["TransformJobName"] for job in found}

    def _status_of(self, job: str) -> str:
        found = self.sagemaker.describe_transform_job(TransformJobName=job)
        status: str = found["TransformJobStatus"]
        return status

    def _ask(
        self,
        function: dict[str, Any],
        request: str,
        properties: dict[str, Any],
        kind: str = "Custom::Emptied",
        **event: Any,
    ) -> None:
        """Ask a custom resource's function as CloudFormation does."""
        key = f"answer-{next(self._numbers)}"
        where = {"Bucket": "answers", "Key": key}
        event |= {
            "RequestType": request,
            "ResponseURL": self.s3.generate_presigned_url("put_object", Params=where),
            "StackId": self.stack_id,
            "RequestId": key,
            "ResourceType": kind,
            "LogicalResourceId": "Probed",
            "ResourceProperties": properties,
        }
        self.functions.invoke(FunctionName=function["FunctionName"], Payload=json.dumps(event))
        answer = json.loads(self.s3.get_object(**where)["Body"].read())
        if answer["Status"] != "SUCCESS":
            raise Noticed(answer["Reason"])

    def _fresh(self, function: dict[str, Any]) -> int:
        """Let the function's next run begin with a new environment, and so a new log stream."""
        self.functions.update_function_configuration(
            FunctionName=function["FunctionName"], Description=f"probe {next(self._numbers)}"
        )
        return int(time.time() * 1000)

    def _logged(self, function: dict[str, Any], since: int) -> None:
        group = function["LoggingConfig"]["LogGroup"]
        until(f"the log of {function['Handler']}", lambda: self._events(group, since))

    def _events(self, group: str, since: int) -> list[Any]:
        found: list[Any] = self.logs.filter_log_events(logGroupName=group, startTime=since)[
            "events"
        ]
        return found

    def _without_jobs_log(self) -> None:
        """As in an account that has never run a transform job."""
        if self.logs.describe_log_groups(logGroupNamePrefix=JOBS)["logGroups"]:
            self.logs.delete_log_group(logGroupName=JOBS)

    def _streams_of(self, job: str) -> set[str]:
        """What of a job has logged."""
        try:
            found = self.logs.filter_log_events(
                logGroupName=JOBS, logStreamNamePrefix=job, limit=1000
            )["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return set()
        names = {event["logStreamName"].rpartition("/")[2] for event in found}
        return {name if name == "data-log" else "container" for name in names}

    def _has_metrics(self, job: str) -> bool:
        listed = self.deployment.client("cloudwatch").list_metrics(Namespace=JOBS)["Metrics"]
        return any(
            dimension["Value"].startswith(f"{job}/")
            for metric in listed
            for dimension in metric["Dimensions"]
        )


@pytest.fixture(scope="module")
def probes(
    deployment: Any, endpoint_scaling: Any, endpoint_history: Any, kept_log_group: Any
) -> list[Probe]:
    """What is done with the stacks."""
    return Probes(deployment, endpoint_scaling, endpoint_history, kept_log_group).all()


def seen_without(permission: Any, probes: list[Probe]) -> str | None:
    """What is seen of a permission's absence; None if nothing."""
    with permission.taken_away():
        for probe in probes:
            if permission.role in probe.roles:
                try:
                    probe.run()
                except Noticed as noticed:
                    return f"{probe.name}: {noticed}"
    return None


@pytest.mark.parametrize(
    ("role", "action", "seen"),
    [
        ("realtime-Model", "s3:GetObject", "Failed to download model data"),
        ("batch-WorkflowRole", "sagemaker:CreateTransformJob", "not authorized to perform"),
        ("batch-WorkflowFunctionsReport", "s3:GetObject", "AccessDenied"),
    ],
)
def test_without_one_of_three_permissions_something_fails(
    deployment: Any, probes: list[Probe], role: str, action: str, seen: str
) -> None:
    """The model's artifact, the workflow's job and the verification's reading, and all is told."""
    found = [
        permission
        for permission in deployment.permissions()
        if role in permission.role and permission.action == action
    ]
    assert found
    assert seen in str(seen_without(found[-1], probes))


def test_a_permission_that_nobody_needs_is_found_out(deployment: Any, probes: list[Probe]) -> None:
    """Nothing is seen of its absence, so that it would have to be deleted."""
    [name] = next(probe.roles for probe in probes if probe.name == "buckets are emptied")
    iam = deployment.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": "*"}
    policy = iam.create_policy(
        PolicyName="needless",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    try:
        [needless] = [found for found in deployment.permissions() if found.policy == policy]
        assert seen_without(needless, probes) is None
    finally:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy)


def test_with_all_permissions_everything_works(probes: list[Probe]) -> None:
    """Also after some were taken away and given back."""
    for probe in probes:
        probe.run()


@pytest.mark.soak
def test_without_any_one_permission_something_fails(
    deployment: Any, probes: list[Probe], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each action on each resource that a role of the stacks is allowed; the table is printed."""
    for probe in probes:
        probe.run()
    unnoticed = []
    for permission in deployment.permissions():
        if permission.action in NOT_JUDGED and permission.resource.endswith("/*:*"):
            continue
        seen = seen_without(permission, probes)
        with capsys.disabled():
            print(f"\n{permission}\n    {seen}", end="")
        if seen is None and not permission.listed_by_jobs:
            unnoticed.append(str(permission))
    assert unnoticed == []
    for probe in probes:
        probe.run()
