"""`inference deployments` and `inference rollback`."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import sagemaker_backends
from typer.testing import CliRunner

from inference_ops import rollback
from inference_ops.cli import app
from inference_ops.guardrails import Guardrails
from tests.unit.history.conftest import ACCOUNT

ALARM = {
    "Namespace": "AWS/SageMaker",
    "MetricName": "Invocation5XXErrors",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 0.01,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run() -> Run:
    """Runs the command in this process; gives exit code, output and, of --json, the object."""

    def run(*arguments: str) -> SimpleNamespace:
        done = CliRunner().invoke(app, list(arguments))
        parsed: Any = json.loads(done.stdout) if "--json" in arguments else None
        return SimpleNamespace(code=done.exit_code, out=done.stdout, err=done.stderr, json=parsed)

    return run


@pytest.fixture
def shop(stack: Any) -> Any:
    """Three deployments, of which two are retained; their models' role exists."""
    boto3.Session().client("iam").create_role(RoleName="models", AssumeRolePolicyDocument="{}")
    stack.keep = 2
    for number in (1, 2, 3):
        stack.deploy(f"c{number}", f"m{number}")
    return stack


@pytest.fixture
def updates(shop: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests of UpdateEndpoint, which the mocked AWS does not know; they are obeyed."""
    asked: list[dict[str, Any]] = []

    def update_endpoint(**request: Any) -> None:
        asked.append(request)
        shop.move(request["EndpointConfigName"])

    class Obeying(rollback.Deployments):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.sagemaker.update_endpoint = update_endpoint

    monkeypatch.setattr(rollback, "Deployments", Obeying)
    return asked


def put_alarm(name: str, config: str | None, state: str = "OK") -> None:
    """Make an alarm on the fleet of a config, or on none's."""
    cloudwatch = boto3.Session().client("cloudwatch")
    dimensions = {"EndpointName": "shop"} | ({"EndpointConfigName": config} if config else {})
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        **ALARM,
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def _raising(error: Exception) -> Callable[..., None]:
    def fail(**_: Any) -> None:
        raise error

    return fail


def alarms() -> dict[str, dict[str, Any]]:
    """All alarms by their names."""
    found = boto3.Session().client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"]: alarm for alarm in found}


def guarded(*names: str) -> dict[str, Any]:
    """A canary with alarms."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 600,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]},
    }


def test_the_list_has_the_live_deployment_first(shop: Any, run: Run) -> None:
    """With what each holds."""
    done = run("deployments", "list", "shop", "--json")
    assert done.code == 0
    assert done.json["keep"] == 2
    found = done.json["deployments"]
    assert [deployment["config"] for deployment in found] == ["c3", "c2", "c1"]
    assert [deployment["live"] for deployment in found] == [True, False, False]
    assert (
        found[1]["variants"][0] | {"model": "m2", "instance_type": "ml.m5.large"}
        == (found[1]["variants"][0])
    )


def test_the_list_is_a_table_for_people(shop: Any, run: Run) -> None:
    """What is gone is told."""
    shop.sagemaker.delete_model(ModelName="m1")
    lines = run("deployments", "list", "shop").out.splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [
        ["live", "c3"],
        ["previous", "c2"],
        ["previous", "c1"],
    ]
    assert lines[-1].endswith("model m1 is gone")


def test_an_endpoint_without_a_history_has_its_live_deployment(stack: Any, run: Run) -> None:
    """Anyone's endpoint can be looked at."""
    stack.make("c1", ["m1"])
    stack.move("c1")
    done = run("deployments", "list", "shop", "--json")
    assert [deployment["config"] for deployment in done.json["deployments"]] == ["c1"]
    refused = run("deployments", "prune", "shop")
    assert refused.code == 1
    assert "no record" in refused.err


@pytest.mark.parametrize("command", [["deployments", "list"], ["rollback"]])
def test_an_endpoint_that_does_not_exist_is_told(stack: Any, run: Run, command: list[str]) -> None:
    """As a refusal, not as a fault of the program."""
    done = run(*command, "nowhere")
    assert done.code == 1
    assert "endpoint nowhere does not exist" in done.err


def test_pruning_is_told_before_it_is_done(shop: Any, run: Run) -> None:
    """And the record goes along with what it names."""
    assert run("deployments", "prune", "shop", "--keep", "1", "--json").json == {
        "endpoint": "shop",
        "deleted": False,
        "configs": ["c1"],
    }
    assert shop.configs() == {"c1", "c2", "c3"}
    assert run("deployments", "prune", "shop", "--keep", "1", "--yes").code == 0
    assert shop.configs() == {"c2", "c3"}
    assert shop.models() == {"m2", "m3"}
    assert shop.previous() == ["c2"]


def test_without_a_number_as_many_stay_as_the_stack_says(shop: Any, run: Run) -> None:
    """Which is what there is."""
    assert run("deployments", "prune", "shop", "--json").json["configs"] == []


def test_a_rollback_goes_to_what_was_live_last(
    shop: Any, run: Run, updates: list[dict[str, Any]]
) -> None:
    """Counts are kept as the template has it, and the tags tell the new order."""
    done = run("rollback", "shop", "--json")
    assert done.code == 0, done.json
    assert updates == [
        {
            "EndpointName": "shop",
            "EndpointConfigName": "c2",
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        }
    ]
    assert shop.tags()["inference:live-config"] == "c2"
    assert shop.previous() == ["c3", "c1"]
    assert done.json["stack_config"] == "c3"
    assert done.json["drift"] == [
        {"variant": "v0", "property": "model", "stack": "m3", "endpoint": "m2"}
    ]


def test_a_rollback_can_be_taken_back(shop: Any, run: Run, updates: list[dict[str, Any]]) -> None:
    """To what the stack deployed: nothing differs then."""
    assert run("rollback", "shop").code == 0
    done = run("rollback", "shop", "--json")
    assert [request["EndpointConfigName"] for request in updates] == ["c2", "c3"]
    assert done.json["drift"] == []
    assert shop.previous() == ["c2", "c1"]


def test_a_dry_run_changes_nothing(shop: Any, run: Run, updates: list[dict[str, Any]]) -> None:
    """But tells how the endpoint would differ from its stack."""
    done = run("rollback", "shop", "--to", "c1", "--dry-run")
    assert done.code == 0
    assert "shop would go back to c1" in done.out
    assert "m1" in done.out
    assert updates == []
    assert shop.tags()["inference:live-config"] == "c3"


def test_the_live_config_is_no_way_back(shop: Any, run: Run) -> None:
    """It is served already."""
    done = run("rollback", "shop", "--to", "c3")
    assert done.code == 1
    assert "serves c3 already" in done.err


def test_without_retention_the_way_is_another_deployment(stack: Any, run: Run) -> None:
    """The message has the command."""
    stack.make("c1", ["m1"])
    stack.move("c1")
    done = run("rollback", "shop")
    assert done.code == 1
    assert "cdk deploy -a" in done.err


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (lambda shop: shop.sagemaker.delete_model(ModelName="m2"), "model m2 is gone"),
        (
            lambda _: boto3.Session().client("iam").delete_role(RoleName="models"),
            "the role models of model m2 is gone",
        ),
    ],
)
def test_what_lost_something_that_it_needs_is_refused(
    shop: Any, run: Run, updates: list[dict[str, Any]], lose: Callable[[Any], None], told: str
) -> None:
    """Better no update than a fleet that does not start."""
    lose(shop)
    done = run("rollback", "shop")
    assert done.code == 1
    assert told in done.err
    assert updates == []


def test_a_config_that_is_gone_is_no_way_back(
    shop: Any, run: Run, updates: list[dict[str, Any]]
) -> None:
    """Nobody who asks for the last one wants the one before it without a word."""
    shop.sagemaker.delete_endpoint_config(EndpointConfigName="c2")
    done = run("rollback", "shop")
    assert done.code == 1
    assert "c2, which was live before, is gone" in done.err
    assert "cdk deploy -a" in done.err
    assert "--to, such as c1" in done.err
    named = run("rollback", "shop", "--to", "c2")
    assert named.code == 1
    assert "endpoint config c2 does not exist: retained of endpoint shop is c1" in named.err
    assert updates == []
    assert run("rollback", "shop", "--to", "c1").code == 0
    # From there, the last one is what was live until now.
    assert run("rollback", "shop").code == 0
    assert [request["EndpointConfigName"] for request in updates] == ["c1", "c3"]


def test_after_an_update_beside_the_tags_the_way_back_is_what_they_call_live(
    shop: Any, run: Run, updates: list[dict[str, Any]]
) -> None:
    """Whatever else is gone: somebody has moved the endpoint in a notebook."""
    shop.sagemaker.delete_endpoint_config(EndpointConfigName="c2")
    shop.move("c1")
    assert run("rollback", "shop").code == 0
    assert [request["EndpointConfigName"] for request in updates] == ["c3"]


def test_an_endpoint_that_is_being_updated_is_left_alone(
    shop: Any, run: Run, updates: list[dict[str, Any]]
) -> None:
    """SageMaker would refuse the update; who waits gets another answer."""
    sagemaker_backends[ACCOUNT]["us-east-1"].endpoints["shop"].endpoint_status = "Updating"
    done = run("rollback", "shop")
    assert done.code == 1
    assert "endpoint shop is Updating: wait for its end" in done.err
    assert updates == []


def test_what_may_not_be_looked_at_is_told_and_not_refused(
    shop: Any, run: Run, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may update an endpoint need not be allowed to read roles."""
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")
    made = boto3.Session.client

    def client(session: boto3.Session, name: str, **more: Any) -> Any:
        found = made(session, name, **more)
        if name == "iam":
            found.meta.events.register("before-call.iam.GetRole", _raising(denied))
        return found

    monkeypatch.setattr(boto3.Session, "client", client)
    done = run("rollback", "shop", "--json")
    assert done.code == 0
    (note,) = done.json["notes"]
    assert note.startswith("whether role models is still there could not be looked up")
    assert len(updates) == 1


def test_an_update_that_sagemaker_takes_back_is_told(
    shop: Any, run: Run, updates: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In service again, and with the config of before: that is no rollback."""
    monkeypatch.setattr(shop, "move", lambda _: None)
    done = run("rollback", "shop")
    assert done.code == 1
    assert "endpoint shop is InService with c3: SageMaker took the update back" in done.err
    assert shop.tags()["inference:live-config"] == "c3"
    assert len(updates) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_the_artifact_has_to_be_there(
    shop: Any, run: Run, updates: list[dict[str, Any]], kept: bool
) -> None:
    """`cdk gc` may have deleted it."""
    s3 = boto3.Session().client("s3")
    s3.create_bucket(Bucket="assets")
    if kept:
        s3.put_object(Bucket="assets", Key="m.tar.gz", Body=b"")
    shop.sagemaker.create_model(
        ModelName="m4",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/models",
        PrimaryContainer={"Image": "image", "ModelDataUrl": "s3://assets/m.tar.gz"},
    )
    shop.deploy("c4", "m4")
    shop.deploy("c5", "m5")
    done = run("rollback", "shop", "--json")
    assert done.code == (0 if kept else 1)
    if not kept:
        message = done.json["error"]["message"]
        assert "s3://assets/m.tar.gz of model m4 is gone" in message


@pytest.mark.parametrize(("instance_type", "code"), [("ml.m5.large", 0), ("ml.m5.xlarge", 1)])
def test_another_type_of_a_scaled_variant_is_refused(
    shop: Any, run: Run, updates: list[dict[str, Any]], instance_type: str, code: int
) -> None:
    """As SageMaker would, while the variant is a scalable target."""
    shop.sagemaker.create_endpoint_config(
        EndpointConfigName="other",
        ProductionVariants=[
            {
                "VariantName": "v0",
                "ModelName": "m2",
                "InstanceType": instance_type,
                "InitialInstanceCount": 1,
            }
        ],
    )
    boto3.Session().client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/shop/variant/v0",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=2,
    )
    done = run("rollback", "shop", "--to", "other")
    assert done.code == code
    assert len(updates) == 1 - code
    assert ("is scaled and would change" in done.err) == bool(code)


def test_the_new_fleet_gets_alarms_of_its_own_while_it_comes(shop: Any) -> None:
    """Alike but for the config; an alarm that the live fleet set off stops nothing."""
    put_alarm("shop/errors/c3", "c3", "ALARM")
    told: list[str] = []
    guardrails = Guardrails(boto3.Session().client("cloudwatch"), told.append)
    last = guarded("shop/errors/c3")
    with guardrails.for_config(last, live="c3", deployed="c3", target="c2") as config:
        assert config == guarded("shop/errors/c2")
        copy = alarms()["shop/errors/c2"]
        assert {"Name": "EndpointConfigName", "Value": "c2"} in copy["Dimensions"]
        assert {key: copy[key] for key in ALARM} == ALARM
        assert copy["StateValue"] != "ALARM"
    assert set(alarms()) == {"shop/errors/c3"}
    assert told == []


def test_alarms_of_an_interrupted_rollback_do_not_stop_the_next(shop: Any) -> None:
    """They are deleted first: CloudWatch lets an alarm that is put again keep its state."""
    put_alarm("shop/errors/c3", "c3")
    put_alarm("shop/errors/c2", "c2", "ALARM")
    cloudwatch, asked = boto3.Session().client("cloudwatch"), []
    cloudwatch.meta.events.register(
        "before-call.cloudwatch", lambda model, **_: asked.append(model.name)
    )
    last = guarded("shop/errors/c3")
    guardrails = Guardrails(cloudwatch, print)
    with guardrails.for_config(last, live="c3", deployed="c3", target="c2"):
        assert asked.index("DeleteAlarms") < asked.index("PutMetricAlarm")


def test_after_a_rollback_the_alarms_are_those_of_the_stack_again(shop: Any) -> None:
    """The live config's were deleted with the rollback that made it live."""
    put_alarm("shop/errors/c3", "c3")
    guardrails = Guardrails(boto3.Session().client("cloudwatch"), print)
    last = guarded("shop/errors/c2")
    with guardrails.for_config(last, live="c2", deployed="c3", target="c1") as config:
        assert config == guarded("shop/errors/c1")
    with guardrails.for_config(last, live="c2", deployed="c3", target="c3") as config:
        assert config == guarded("shop/errors/c3")
    assert set(alarms()) == {"shop/errors/c3"}


def test_an_alarm_that_would_stop_the_rollback_at_once_is_left_out(shop: Any) -> None:
    """And so is one that does not exist; both are told."""
    put_alarm("checkout", None, "ALARM")
    put_alarm("orders", None)
    told: list[str] = []
    guardrails = Guardrails(boto3.Session().client("cloudwatch"), told.append)
    last = guarded("checkout", "orders", "nowhere")
    with guardrails.for_config(last, live="c3", deployed="c3", target="c2") as config:
        assert config == guarded("orders")
    assert len(told) == 2
    assert set(alarms()) == {"checkout", "orders"}


def test_an_interrupted_rollback_leaves_its_alarms(shop: Any) -> None:
    """SageMaker goes on, and takes the update back if it misses one."""
    put_alarm("shop/errors/c3", "c3")
    guardrails = Guardrails(boto3.Session().client("cloudwatch"), print)
    last = guarded("shop/errors/c3")
    with (
        pytest.raises(KeyboardInterrupt),
        guardrails.for_config(last, live="c3", deployed="c3", target="c2"),
    ):
        raise KeyboardInterrupt
    assert guardrails.made == ["shop/errors/c2"]
    assert set(alarms()) == {"shop/errors/c2", "shop/errors/c3"}
