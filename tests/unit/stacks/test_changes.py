"""What the settings say of changes: variants, a shadow, rollouts, scaling, data capture."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template
from pydantic import ValidationError

from stacks.inference_stack import InferenceStack
from stacks.settings import Settings

MakeStack = Callable[..., InferenceStack]

FLEET = {"instance_type": "ml.m5.large", "initial_instance_count": 2}


@pytest.fixture
def challenger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of a second model."""
    directory = tmp_path_factory.mktemp("challenger")
    (directory / "xgboost-model").write_text('{"learner":{"n":2},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 2\n")
    return {"challenger": {"directory": str(directory), "code": str(directory / "code")}}


def config_of(stack: InferenceStack) -> dict[str, Any]:
    """The properties of the stack's endpoint config."""
    found = Template.from_stack(stack).find_resources("AWS::SageMaker::EndpointConfig")
    (config,) = found.values()
    properties: dict[str, Any] = config["Properties"]
    return properties


def endpoint_of(stack: InferenceStack) -> dict[str, Any]:
    """The properties of the stack's endpoint."""
    (endpoint,) = Template.from_stack(stack).find_resources("AWS::SageMaker::Endpoint").values()
    properties: dict[str, Any] = endpoint["Properties"]
    return properties


def test_two_variants_share_the_traffic_each_with_its_model(
    make_stack: MakeStack, challenger: dict[str, Any]
) -> None:
    """The weights are those of the file, and each variant has a Model of its own."""
    stack = make_stack(
        models=challenger,
        endpoint={
            "variants": {
                "Champion": {**FLEET, "weight": 9},
                "Challenger": {**FLEET, "weight": 1, "model": "challenger"},
            }
        },
    )
    Template.from_stack(stack).resource_count_is("AWS::SageMaker::Model", 2)
    variants = {v["VariantName"]: v for v in config_of(stack)["ProductionVariants"]}
    assert {name: v["InitialVariantWeight"] for name, v in variants.items()} == {
        "Champion": 9,
        "Challenger": 1,
    }
    assert variants["Champion"]["ModelName"] != variants["Challenger"]["ModelName"]


def test_a_challenger_takes_over_by_one_edit(
    make_stack: MakeStack, challenger: dict[str, Any]
) -> None:
    """The variant keeps its name, so that the update may be a canary."""
    models = json.dumps(challenger)
    before = make_stack(models=json.loads(models), endpoint={"variants": {"Main": FLEET}})
    after = make_stack(
        models=json.loads(models),
        endpoint={"variants": {"Main": {**FLEET, "model": "challenger"}}},
    )
    (old,), (new,) = (config_of(stack)["ProductionVariants"] for stack in (before, after))
    assert old["VariantName"] == new["VariantName"] == "Main"
    assert old["ModelName"] != new["ModelName"]


def test_a_shadow_stands_beside_the_variant(
    make_stack: MakeStack, challenger: dict[str, Any]
) -> None:
    """25 percent of the requests are copied: a weight of a quarter of the variant's."""
    stack = make_stack(
        models=challenger,
        endpoint={
            "variants": {"Main": FLEET},
            "shadow": {
                "model": "challenger",
                "instance_type": "ml.m5.large",
                "sampling_percent": 25,
            },
        },
    )
    (shadow,) = config_of(stack)["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("Shadow", 0.25)


@pytest.mark.parametrize("place", ["variant", "shadow"])
def test_a_model_that_is_not_among_the_models_is_refused(
    dev_values: dict[str, Any], place: str
) -> None:
    """The message says which there are."""
    endpoint: dict[str, Any] = {"variants": {"Main": dict(FLEET)}}
    if place == "variant":
        endpoint["variants"]["Main"]["model"] = "chalenger"
        key = "endpoint.variants.Main.model"
    else:
        endpoint["shadow"] = {"instance_type": "ml.m5.large", "model": "chalenger"}
        key = "endpoint.shadow.model"
    with pytest.raises(ValidationError, match=rf"{key} must be one of .*none so far"):
        Settings.of_stage("dev", {**dev_values, "endpoint": endpoint})


@pytest.mark.parametrize(
    ("rollout", "routing"),
    [
        (
            {"strategy": "canary", "percent": 50, "bake_minutes": 5},
            {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 300,
            },
        ),
        (
            {"strategy": "linear", "percent": 25, "bake_minutes": 6},
            {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                "WaitIntervalInSeconds": 360,
            },
        ),
        (
            {"strategy": "all_at_once", "bake_minutes": 7},
            {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 420},
        ),
    ],
)
def test_a_rollout_moves_the_traffic_as_the_file_says(
    make_stack: MakeStack, rollout: dict[str, Any], routing: dict[str, Any]
) -> None:
    """Minutes in the file are seconds in the template."""
    fleet = {"instance_type": "ml.m5.large", "initial_instance_count": 4}
    stack = make_stack(endpoint={"variants": {"Main": fleet}, "rollout": rollout})
    policy = endpoint_of(stack)["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == routing


def test_a_rolling_update_goes_batch_by_batch(make_stack: MakeStack) -> None:
    """It has a policy of its own."""
    fleet = {"instance_type": "ml.m5.large", "initial_instance_count": 4}
    rollout = {"strategy": "rolling", "percent": 25, "bake_minutes": 5}
    stack = make_stack(endpoint={"variants": {"Main": fleet}, "rollout": rollout})
    policy = endpoint_of(stack)["DeploymentConfig"]["RollingUpdatePolicy"]
    assert policy["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert policy["WaitIntervalInSeconds"] == 300


def test_an_update_without_a_rollout_has_no_guardrails(make_stack: MakeStack) -> None:
    """Nothing is put in that nobody asked for."""
    assert "DeploymentConfig" not in endpoint_of(make_stack(endpoint={"variants": {"Main": FLEET}}))


@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        ({"strategy": "canary"}, "percent belongs to .*: add it"),
        ({"strategy": "all_at_once", "percent": 10}, "percent belongs to .*: leave it out"),
        (
            {"strategy": "rolling", "percent": 10, "termination_wait_minutes": 1},
            "does nothing when rolling",
        ),
        ({"strategy": "canary", "percent": 51}, "less than or equal to 50"),
    ],
)
def test_a_rollout_that_cannot_be_is_refused(
    dev_values: dict[str, Any], rollout: dict[str, Any], told: str
) -> None:
    """While the file is read, with what to change."""
    endpoint = {"variants": {"Main": FLEET}, "rollout": rollout}
    with pytest.raises(ValidationError, match=told):
        Settings.of_stage("dev", {**dev_values, "endpoint": endpoint})


def test_captured_requests_go_to_a_bucket_of_the_stack(make_stack: MakeStack) -> None:
    """It deletes them after the days that the file says."""
    stack = make_stack(
        endpoint={
            "variants": {"Main": FLEET},
            "data_capture": {"sampling_percent": 20, "keep_days": 7},
        }
    )
    capture = config_of(stack)["DataCaptureConfig"]
    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 20)
    Template.from_stack(stack).has_resource_properties(
        "AWS::S3::Bucket",
        {
            "LifecycleConfiguration": {
                "Rules": Match.array_with([Match.object_like({"ExpirationInDays": 7})])
            }
        },
    )


def scaled(**keys: Any) -> dict[str, Any]:
    """An endpoint whose one variant is scaled."""
    scaling = {"min_capacity": 1, "max_capacity": 4, **keys}
    return {"variants": {"Main": {"instance_type": "ml.m5.large", "scaling": scaling}}}


def test_a_measured_peak_gives_the_target(dev_values: dict[str, Any]) -> None:
    """40 requests a second, half of it, in a minute: 1200."""
    settings = Settings.of_stage(
        "dev", {**dev_values, "endpoint": scaled(peak_requests_per_second=40)}
    )
    scaling = settings.endpoint.variants["Main"].scaling
    assert scaling is not None
    (policy,) = scaling.scaling().policies
    assert policy.target == 1200


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "nothing would ever scale"),
        (
            {"peak_requests_per_second": 40, "invocations_per_instance_per_minute": 100},
            "give either",
        ),
        (
            {"concurrent_requests_per_model": 5, "schedules": {"day": {"cron": "0 8 * * *"}}},
            "should match pattern",
        ),
        (
            {
                "concurrent_requests_per_model": 5,
                "schedules": {"day": {"cron": "0 8 ? * MON-FRI *", "time_zone": "Nowhere/Town"}},
            },
            "Nowhere/Town",
        ),
    ],
)
def test_a_scaling_that_cannot_be_is_refused(
    dev_values: dict[str, Any], keys: dict[str, Any], told: str
) -> None:
    """While the file is read, with what to change."""
    with pytest.raises(ValidationError, match=told):
        Settings.of_stage("dev", {**dev_values, "endpoint": scaled(**keys)})


def test_earlier_deployments_are_kept_where_the_file_says_so(make_stack: MakeStack) -> None:
    """CloudFormation retains what an update replaces."""
    stack = make_stack(endpoint={"variants": {"Main": FLEET}, "keep_previous": 2})
    template = Template.from_stack(stack)
    for kind in ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"):
        template.has_resource(kind, {"UpdateReplacePolicy": "Retain"})
    template.has_resource_properties("Custom::DeploymentHistory", {"Keep": 2})


def test_nothing_is_kept_otherwise(make_stack: MakeStack) -> None:
    """What is replaced is deleted."""
    template = Template.from_stack(make_stack(endpoint={"variants": {"Main": FLEET}}))
    template.resource_count_is("Custom::DeploymentHistory", 0)
    (config,) = template.find_resources("AWS::SageMaker::EndpointConfig").values()
    assert config.get("UpdateReplacePolicy", "Delete") == "Delete"


HOURS = {"opens": "08:00", "closes": "18:30", "time_zone": "Europe/Berlin"}


def test_an_endpoint_closes_after_its_hours(make_stack: MakeStack) -> None:
    """The schedules follow the clock of the file's time zone."""
    stack = make_stack(endpoint={"variants": {"Main": FLEET}, "office_hours": HOURS})
    Template.from_stack(stack).has_resource_properties(
        "AWS::Scheduler::Schedule",
        {
            "ScheduleExpression": "cron(30 18 ? * MON,TUE,WED,THU,FRI *)",
            "ScheduleExpressionTimezone": "Europe/Berlin",
        },
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"opens": "8:00"}, "should match pattern"),
        ({"opens": "18:30"}, "18:30"),
        ({"days": ["MON", "MON"]}, "MON"),
        ({"days": ["MONDAY"]}, "SUN"),
    ],
)
def test_hours_that_cannot_be_are_refused(
    dev_values: dict[str, Any], change: dict[str, Any], told: str
) -> None:
    """While the file is read."""
    endpoint = {"variants": {"Main": FLEET}, "office_hours": {**HOURS, **change}}
    with pytest.raises(ValidationError, match=told):
        Settings.of_stage("dev", {**dev_values, "endpoint": endpoint})
