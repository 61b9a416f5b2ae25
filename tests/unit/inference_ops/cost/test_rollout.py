"""An update costs the new fleet beside the old one, for its bakes and its wait."""

from collections.abc import Callable
from typing import Any

import pytest

from inference_ops.cost.rollout import Surge, find_surges
from sagemaker_prices import PriceTable

REGION = "us-east-1"
Parse = Callable[..., dict[str, Any]]

# From 2 to 8 instances.
SCALED = """
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ResourceId: endpoint/churn/variant/AllTraffic
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      MinCapacity: 2
      MaxCapacity: 8
"""


def blue_green(kind: str, wait: int = 0, **routing: Any) -> dict[str, Any]:
    """A deployment config with bakes of ten minutes."""
    return {
        "BlueGreenUpdatePolicy": {
            "TerminationWaitInSeconds": wait,
            "TrafficRoutingConfiguration": {
                "Type": kind,
                "WaitIntervalInSeconds": 600,
                **routing,
            },
        }
    }


def percent(value: int) -> dict[str, Any]:
    """A share of the capacity."""
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def count(value: int) -> dict[str, Any]:
    """A number of instances."""
    return {"Type": "INSTANCE_COUNT", "Value": value}


def surge(template: dict[str, Any], prices: PriceTable, **options: Any) -> Surge:
    """What an update of the one variant takes."""
    (one,) = find_surges(template, region=REGION, prices=prices, **options)
    return one


@pytest.mark.parametrize(
    ("config", "minutes"),
    [
        # One bake of ten minutes, and five minutes of waiting.
        ((blue_green("ALL_AT_ONCE", 300), blue_green("ALL_AT_ONCE", 300)), (15, 15)),
        # One bake after the canary, and one after the rest.
        ((blue_green("CANARY", CanarySize=percent(10)),) * 2, (20, 20)),
        # Four steps of 25 %; of 30 %, the last one is smaller.
        ((blue_green("LINEAR", LinearStepSize=percent(25)),) * 2, (40, 40)),
        ((blue_green("LINEAR", LinearStepSize=percent(30)),) * 2, (40, 40)),
        # Of one instance each: two steps of the small fleet, eight of the large.
        ((blue_green("LINEAR", LinearStepSize=count(1)),) * 2, (20, 80)),
        # Without a config there is no bake.
        (({}, {}), (0, 0)),
    ],
)
def test_blue_green_doubles_the_fleet_for_bakes_and_wait(
    parse: Parse, prices: PriceTable, config: Any, minutes: tuple[int, int]
) -> None:
    """2 instances at least and 8 at most, for so many minutes, at 0.1 USD an hour."""
    found = surge(parse(SCALED, DeploymentConfig=config[0]), prices)
    assert found.instances == (2, 8)
    hours = (2 * minutes[0] / 60, 8 * minutes[1] / 60)
    assert found.hours == pytest.approx(hours)
    assert found.usd == pytest.approx((hours[0] * 0.1, hours[1] * 0.1))


@pytest.mark.parametrize(("size", "beside"), [(count(3), (2, 3)), (percent(25), (1, 2))])
def test_rolling_has_one_batch_beside_the_fleet(
    parse: Parse, prices: PriceTable, size: dict[str, Any], beside: tuple[int, int]
) -> None:
    """Each of 2 or 8 instances stands beside its successor for one bake of six minutes."""
    policy = {"WaitIntervalInSeconds": 360, "MaximumBatchSize": size}
    found = surge(parse(SCALED, DeploymentConfig={"RollingUpdatePolicy": policy}), prices)
    assert found.instances == beside
    assert found.hours == pytest.approx((2 * 0.1, 8 * 0.1))


def test_the_start_of_the_new_fleet_counts_if_it_is_told(parse: Parse, prices: PriceTable) -> None:
    """Six minutes more for each of 2 to 8 instances: nobody but the user knows how long."""
    found = surge(parse(SCALED), prices, start_minutes=6)
    assert found.hours == pytest.approx((2 * 0.1, 8 * 0.1))


def test_a_bake_that_only_a_deployment_tells_is_unknown(parse: Parse, prices: PriceTable) -> None:
    """And so is what it costs."""
    config = blue_green("CANARY")
    routing = config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    routing["WaitIntervalInSeconds"] = {"Ref": "Bake"}
    found = surge(parse(SCALED, DeploymentConfig=config), prices)
    assert (found.hours, found.usd) == (None, None)
    assert found.note is not None


def test_an_endpoint_with_office_hours_is_open_for_its_update(
    parse: Parse, prices: PriceTable
) -> None:
    """Both of its instances have a successor beside them, although none is there at night."""
    hours = """
  Hours: {Type: Custom::OfficeHours, Properties: {EndpointName: churn, StateMachine: machine}}
  Opening:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 8 ? * MON-FRI *)
      Target: {Arn: machine, Input: '{"action":"open"}'}
  Closing:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 18 ? * MON-FRI *)
      Target: {Arn: machine, Input: '{"action":"close"}'}
"""
    assert surge(parse(hours), prices).instances == (2, 2)


def test_an_unknown_price_leaves_the_hours(parse: Parse, prices: PriceTable) -> None:
    """They count against a quota, whatever they cost."""
    template = parse(SCALED, DeploymentConfig=blue_green("ALL_AT_ONCE"))
    (found,) = find_surges(template, region="eu-west-1", prices=prices)
    assert (found.instances, found.usd) == ((2, 8), None)
