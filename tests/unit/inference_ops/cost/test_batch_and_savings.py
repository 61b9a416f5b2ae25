"""A batch costs its instances while they are there; a plan covers what is always there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inference_ops.cost.batch import find_jobs
from inference_ops.cost.savings import find_commitment
from sagemaker_prices import PriceTable

REGION = "us-east-1"
Parse = Callable[..., dict[str, Any]]


def machine(resources: dict[str, Any], *, as_text: bool = True) -> dict[str, Any]:
    """A template with a state machine that starts a transform job."""
    job = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
        "Parameters": {"TransformResources": resources},
        "End": True,
    }
    definition = {"StartAt": "Transform", "States": {"Transform": job}}
    text = json.dumps(definition)
    properties = (
        {"DefinitionString": {"Fn::Join": ["", [text[:60], text[60:]]]}}
        if as_text
        else {"Definition": definition}
    )
    return {
        "Resources": {
            "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        }
    }


@pytest.mark.parametrize("as_text", [True, False])
def test_a_transform_job_costs_its_instances(prices: PriceTable, as_text: bool) -> None:
    """3 instances at 0.4 USD an hour; a run of 20 minutes is a third of an hour."""
    resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 3}
    (job,) = find_jobs(machine(resources, as_text=as_text), region=REGION, prices=prices)
    assert job.usd_per_hour == pytest.approx(1.2)
    assert job.usd(20) == pytest.approx(0.4)


def test_a_job_whose_size_the_input_tells_is_unknown(prices: PriceTable) -> None:
    """Its type is told all the same."""
    resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount.$": "$.count"}
    (job,) = find_jobs(machine(resources), region=REGION, prices=prices)
    assert (job.instance_type, job.instance_count, job.usd(20)) == ("ml.m5.xlarge", None, None)


def test_a_job_without_a_price_is_unknown(prices: PriceTable) -> None:
    """Hosting's price is not that of a transform job."""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    (job,) = find_jobs(machine(resources), region=REGION, prices=prices)
    assert job.usd_per_hour is None


def test_a_state_machine_without_transform_jobs_has_none(prices: PriceTable) -> None:
    """Training jobs have resources of another name, and other machines none."""
    template = machine({})
    text = json.dumps(template).replace("createTransformJob", "createTrainingJob")
    assert list(find_jobs(json.loads(text), region=REGION, prices=prices)) == []


SCALED = """
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ResourceId: endpoint/churn/variant/AllTraffic
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      MinCapacity: 3
      MaxCapacity: 8
"""
AT_NIGHT = """
      ScheduledActions:
        - {Schedule: cron(0 20 * * ? *), ScalableTargetAction: {MinCapacity: 1}}
        - {Schedule: cron(0 6 * * ? *), ScalableTargetAction: {MinCapacity: 3}}
"""


@pytest.mark.parametrize(("scaling", "always"), [(SCALED, 3), (SCALED + AT_NIGHT, 1)])
def test_a_plan_is_for_what_runs_in_every_hour(
    parse: Parse, prices: PriceTable, scaling: str, always: int
) -> None:
    """A plan of 20 % for n instances at 0.1 USD: n x 0.08 USD an hour saves n x 0.02 x 730."""
    plan = find_commitment(parse(scaling), region=REGION, prices=prices, discount=0.2)
    assert plan.on_demand == pytest.approx(always * 0.1)
    assert plan.commitment == pytest.approx(always * 0.08)
    assert plan.saving == pytest.approx(always * 0.02 * 730)


def test_a_discount_that_is_not_known_is_not_made_up(parse: Parse, prices: PriceTable) -> None:
    """What could be under a plan is told all the same."""
    plan = find_commitment(parse(), region=REGION, prices=prices)
    assert plan.on_demand == pytest.approx(0.2)
    assert (plan.commitment, plan.saving) == (None, None)


def test_a_plan_for_instances_without_a_price_is_unknown(parse: Parse, prices: PriceTable) -> None:
    """They are named."""
    plan = find_commitment(parse(), region="eu-west-1", prices=prices, discount=0.2)
    assert (plan.on_demand, plan.unknown) == (0, ("2 x ml.m5.large of AllTraffic",))


@pytest.mark.parametrize(
    ("copies", "instances"), [(1, ("1 x ml.m5.large of AllTraffic",)), (0, ())]
)
def test_a_copy_that_is_always_there_keeps_an_instance(
    parse: Parse, prices: PriceTable, copies: int, instances: tuple[str, ...]
) -> None:
    """Even where the fleet itself could have none."""
    component = f"""
  Component:
    Type: AWS::SageMaker::InferenceComponent
    Properties: {{EndpointName: churn, RuntimeConfig: {{CopyCount: {copies}}}}}
"""
    managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}
    variant = {"InstanceType": "ml.m5.large", "ManagedInstanceScaling": managed}
    plan = find_commitment(parse(component, variant=variant), region=REGION, prices=prices)
    assert plan.instances == instances
