"""Endpoints that the real CDK CLI deploys and changes, while a client asks all the while."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
ENVIRONMENT = "aws://123456789012/us-east-1"
RATE = 25
# A client that asks later than it should proves less than it says.
MOST_LATE_SECONDS = 1.0
# What an answer may take on a machine that starts fleets and runs the CDK beside.
SLOWEST_SECONDS = 5.0


@dataclass(frozen=True)
class Request:
    """One request of the client.

    Attributes:
        due: when it had to be sent, in seconds of the epoch.
        sent: when it was.
        answered: when it was answered or given up.
        status: the HTTP status; None where nothing came back.
        version: the model's version, out of the body.
        variant: the variant that answered.
        error: what went wrong.
    """

    due: float
    sent: float
    answered: float
    status: int | None = None
    version: str | None = None
    variant: str | None = None
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it has no good answer."""
        return self.status != 200


@dataclass
class Log:
    """What the client saw, in the order in which it asked."""

    requests: list[Request] = field(default_factory=list)

    @property
    def failures(self) -> list[Request]:
        """The requests without a good answer."""
        return [request for request in self.requests if request.failed]

    def versions(self, *, since: float = 0, until: float = float("inf")) -> Counter[str | None]:
        """How often each version answered to requests sent within a time."""
        return Counter(
            request.version for request in self.requests if since <= request.sent <= until
        )

    def variants(self, *, since: float = 0, until: float = float("inf")) -> Counter[str | None]:
        """How often each variant answered to requests sent within a time."""
        return Counter(
            request.variant for request in self.requests if since <= request.sent <= until
        )

    def span(self, version: str) -> tuple[float, float]:
        """When a version answered first and last."""
        times = [request.sent for request in self.requests if request.version == version]
        return min(times), max(times)

    def check_complete(self, rate: float = RATE) -> None:
        """Every request that was due has been sent, in time, and has an answer of some kind."""
        first, last = self.requests[0].due, self.requests[-1].due
        assert len(self.requests) == round((last - first) * rate) + 1
        assert len(self.requests) > 2 * rate
        assert max(r.sent - r.due for r in self.requests) < MOST_LATE_SECONDS
        sent = sorted(r.sent for r in self.requests)
        assert max(b - a for a, b in itertools.pairwise(sent)) < 1

    def check_served(self) -> None:
        """There was no second in which nobody got a good answer to what was sent."""
        good = [request.sent for request in self.requests if not request.failed]
        edges = sorted([self.requests[0].sent, *good, self.requests[-1].sent])
        assert max(b - a for a, b in itertools.pairwise(edges)) < 1
        assert max(request.answered - request.sent for request in self.requests) < SLOWEST_SECONDS


@dataclass
class Application:
    """An app of a test module's own, which describes one endpoint."""

    path: Path
    aws: Any
    stack: str
    described: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CDK CLI as a user would."""
        # The templates are checked in the tests of the constructs.
        faster = {"CDK_VALIDATION": "false", "PYTHONPATH": str(ROOT / "constructs")}
        return subprocess.run(
            ["cdk", *arguments, "--ci", "--no-notices"],
            cwd=self.path,
            env=self.aws.env | faster,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def inference(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command `inference` as a user would."""
        return subprocess.run(
            ["inference", *arguments],
            cwd=self.path,
            env=self.aws.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def try_deploy(self, **endpoint: Any) -> subprocess.CompletedProcess[str]:
        """Deploy the endpoint as described; whatever is not given stays as it was."""
        described = self.described | endpoint
        self._describe(described)
        outputs = self.path / "outputs.json"
        ended = self.cdk(*("deploy", "--require-approval", "never", "--outputs-file", str(outputs)))
        if ended.returncode == 0:
            self.described = described
            self.outputs = json.loads(outputs.read_text())[self.stack]
        return ended

    def synth(self, output: str, **endpoint: Any) -> None:
        """Synthesize the endpoint as described into a cloud assembly, and deploy nothing."""
        self._describe(self.described | endpoint)
        ended = self.cdk("synth", "--quiet", "--output", output)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def _describe(self, endpoint: dict[str, Any]) -> None:
        file = self.path / "endpoint.json"
        file.write_text(json.dumps(endpoint | {"stack": self.stack}))
        # Another release is another artifact, which another object in S3 holds.
        (self.path / "handler" / "release.txt").write_text(endpoint.get("release", ""))

    def destroy(self) -> None:
        """Delete the stack, which leaves nothing."""
        self._describe(self.described)
        assert self.left_behind() != []
        ended = self.cdk("destroy", "--force")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert self.left_behind() == []

    def deploy(self, **endpoint: Any) -> None:
        """Deploy, and it has to succeed."""
        ended = self.try_deploy(**endpoint)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    @property
    def endpoint_name(self) -> str:
        """The endpoint's name."""
        return self.outputs["EndpointName"]

    def describe(self) -> dict[str, Any]:
        """What DescribeEndpoint says."""
        found: dict[str, Any] = self.aws.client("sagemaker").describe_endpoint(
            EndpointName=self.endpoint_name
        )
        return found

    def instances(self) -> dict[str, int]:
        """The instances of each variant."""
        return {
            variant["VariantName"]: variant["CurrentInstanceCount"]
            for variant in self.describe()["ProductionVariants"]
        }

    def scale(self, **counts: int) -> None:
        """Change the instances as autoscaling does."""
        self.aws.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint_name,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredInstanceCount": count}
                for name, count in counts.items()
            ],
        )
        self.wait_until(lambda: self.describe()["EndpointStatus"] == "InService")

    def targets(self) -> dict[str, tuple[int, int]]:
        """The bounds of the endpoint's scalable targets, by variant or component."""
        found = self.aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker"
        )["ScalableTargets"]
        return {
            target["ResourceId"].rpartition("/")[2]: (
                target["MinCapacity"],
                target["MaxCapacity"],
            )
            for target in found
            if target["ResourceId"].startswith(f"endpoint/{self.endpoint_name}/")
        }

    def config(self, name: str) -> dict[str, Any]:
        """What DescribeEndpointConfig says."""
        found: dict[str, Any] = self.aws.client("sagemaker").describe_endpoint_config(
            EndpointConfigName=name
        )
        return found

    def models_of(self, config: str) -> dict[str, str]:
        """The model of each variant of a config."""
        return {
            variant["VariantName"]: variant["ModelName"]
            for variant in self.config(config)["ProductionVariants"]
        }

    def versions_of(self, config: str) -> dict[str, str]:
        """The version that each variant of a config answers with."""
        sagemaker = self.aws.client("sagemaker")
        return {
            variant: sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["Environment"][
                "INFERENCE_MODEL_VERSION"
            ]
            for variant, model in self.models_of(config).items()
        }

    def kept(self) -> tuple[set[str], set[str]]:
        """All configs and models that are this stack's, by their names."""
        sagemaker = self.aws.client("sagemaker")
        configs = sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
        models = sagemaker.list_models(MaxResults=100)["Models"]
        return (
            {c["EndpointConfigName"] for c in configs if self.owns(c["EndpointConfigArn"])},
            {m["ModelName"] for m in models if self.owns(m["ModelArn"])},
        )

    def owns(self, arn: str) -> bool:
        """Whether something is tagged as one of this stack's endpoint."""
        tags = self.aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        return {"Key": "inference:endpoint", "Value": f"{self.stack}/Endpoint"} in tags

    def tags(self) -> dict[str, str]:
        """The endpoint's tags."""
        arn = self.describe()["EndpointArn"]
        found = self.aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def alarms(self) -> set[str]:
        """The alarms that bear the endpoint's name."""
        found = self.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return {a["AlarmName"] for a in found if self.endpoint_name in a["AlarmName"]}

    @staticmethod
    def pause(seconds: float) -> None:
        """Let traffic pass."""
        time.sleep(seconds)

    @staticmethod
    def now() -> float:
        """The time as the client's log has it."""
        return time.time()

    def left_behind(self) -> list[str]:
        """What bears the stack's or the endpoint's name; a deleted stack should have nothing."""
        client, name = self.aws.client, self.stack.lower()
        sagemaker = client("sagemaker")
        found = [
            *(e["EndpointName"] for e in sagemaker.list_endpoints(MaxResults=100)["Endpoints"]),
            *(
                config["EndpointConfigName"]
                for config in sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
            ),
            *(model["ModelName"] for model in sagemaker.list_models(MaxResults=100)["Models"]),
            *(
                alarm["AlarmName"]
                for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]
            ),
            *(group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]),
            *(role["RoleName"] for role in client("iam").list_roles(MaxItems=1000)["Roles"]),
            *(
                target["ResourceId"]
                for target in client("application-autoscaling").describe_scalable_targets(
                    ServiceNamespace="sagemaker"
                )["ScalableTargets"]
            ),
        ]
        return [one for one in found if name in one.lower()]

    def errors(self) -> dict[str, int]:
        """How many requests the fleet of each config failed in the last hour, as it says itself."""
        cloudwatch, now = self.aws.client("cloudwatch"), datetime.now(UTC)
        metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors"}
        listed = cloudwatch.list_metrics(
            **metric, Dimensions=[{"Name": "EndpointName", "Value": self.endpoint_name}]
        )["Metrics"]
        found = {}
        for dimensions in (entry["Dimensions"] for entry in listed):
            names = {dimension["Name"]: dimension["Value"] for dimension in dimensions}
            if names.keys() == {"EndpointName", "VariantName", "EndpointConfigName"}:
                points = cloudwatch.get_metric_statistics(
                    **metric,
                    Dimensions=dimensions,
                    StartTime=now - timedelta(hours=1),
                    EndTime=now + timedelta(minutes=1),
                    Period=3600,
                    Statistics=["Sum"],
                )["Datapoints"]
                found[names["EndpointConfigName"]] = int(sum(point["Sum"] for point in points))
        return found

    def stack_status(self) -> str:
        """The stack's status."""
        [stack] = self.aws.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        status: str = stack["StackStatus"]
        return status

    @staticmethod
    def wait_until(true: Callable[[], Any], *, seconds: float = 60) -> Any:
        """Wait for something that has to come."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, f"it did not come within {seconds} s"
            time.sleep(0.1)
        return found

    @contextmanager
    def traffic(self, *, rate: float = RATE, component: str | None = None) -> Iterator[Log]:
        """A client in a process of its own; what it saw can be read when it has ended."""
        file, log = self.path / "traffic.jsonl", Log()
        more = [] if component is None else ["--component", component]
        with subprocess.Popen(
            [
                *(sys.executable, str(HERE / "traffic.py"), "--url", self.aws.url),
                *("--endpoint", self.endpoint_name, "--rate", str(rate), "--log", str(file)),
                *more,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"AWS_EC2_METADATA_DISABLED": "true"},
        ) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == b"asking\n"
            try:
                yield log
            finally:
                assert client.stdin is not None
                client.stdin.close()
                assert client.wait(timeout=120) == 0
        log.requests += [Request(**json.loads(line)) for line in file.read_text().splitlines()]


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory, local_aws: Any) -> Any:
    """The local AWS with what the CDK needs in every account."""
    ended = subprocess.run(
        ["cdk", "bootstrap", ENVIRONMENT, "--ci", "--no-notices"],
        cwd=tmp_path_factory.mktemp("bootstrap"),
        env=local_aws.env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return local_aws


@pytest.fixture(scope="module")
def new_application(
    tmp_path_factory: pytest.TempPathFactory, bootstrapped: Any
) -> Iterator[Callable[..., Application]]:
    """Makes apps with stacks of their own, which are destroyed in the end."""
    made: list[Application] = []

    def make(name: str, *, app: str = "app.py", **endpoint: Any) -> Application:
        path = tmp_path_factory.mktemp(name)
        shutil.copytree(HERE / "app", path, dirs_exist_ok=True)
        (path / "model").mkdir()
        (path / "model" / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
        flags = json.loads((ROOT / "cdk.json").read_text())["context"]
        (path / "cdk.json").write_text(
            json.dumps({"app": f"{sys.executable} {app}", "context": flags})
        )
        made.append(Application(path=path, aws=bootstrapped, stack=name, described=endpoint))
        return made[-1]

    yield make
    for application in made:
        application.destroy()
