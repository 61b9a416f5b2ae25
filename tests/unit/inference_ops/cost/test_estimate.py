"""A template costs what its bounds and its prices make; what is not known is told as such."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inference_ops.cost import Estimate, Line, estimate
from inference_ops.cost.batch import find_jobs
from inference_ops.cost.rollout import find_surges
from inference_ops.cost.savings import find_commitment
from sagemaker_prices import PriceTable

REGION = "us-east-1"
Parse = Callable[..., dict[str, Any]]

TARGET = """
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ResourceId: !Sub "endpoint/${Endpoint.EndpointName}/variant/AllTraffic"
      ScalableDimension: sagemaker:variant:DesiredInstanceCount
      ServiceNamespace: sagemaker
      MinCapacity: 1
      MaxCapacity: 4
  Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyType: TargetTrackingScaling
      TargetTrackingScalingPolicyConfiguration: {TargetValue: 70}
"""
OWNER = """
  Scaling:
    Type: Custom::EndpointScaling
    Properties:
      EndpointName: churn
      ScalableTargets:
        - ResourceId: endpoint/churn/variant/AllTraffic
          ScalableDimension: sagemaker:variant:DesiredInstanceCount
          MinCapacity: 1
          MaxCapacity: 4
          ScalingPolicies:
            - TargetTrackingScalingPolicyConfiguration: {TargetValue: 70}
"""


def line(found: Estimate, what: str) -> Line:
    """The one line whose name begins so."""
    (one,) = [line for line in found.lines if line.what.startswith(what)]
    return one


def test_an_endpoint_without_scaling_costs_its_instances(parse: Parse, prices: PriceTable) -> None:
    """2 x 730 hours x 0.1 USD = 146 USD, neither more nor less."""
    found = estimate(parse(), region=REGION, prices=prices)
    assert (found.minimum, found.maximum) == (pytest.approx(146), pytest.approx(146))


@pytest.mark.parametrize("scaling", [TARGET, OWNER])
def test_scaling_is_read_whoever_registers_it(
    parse: Parse, prices: PriceTable, scaling: str
) -> None:
    """1 to 4 instances: 73 to 292 USD; and target tracking has two alarms at 0.1 USD."""
    found = estimate(parse(scaling), region=REGION, prices=prices)
    assert found.minimum == pytest.approx(730 * 1 * 0.1 + 2 * 0.1)
    assert found.maximum == pytest.approx(730 * 4 * 0.1 + 2 * 0.1)


def test_a_name_cut_out_of_an_arn_still_means_the_endpoint(
    parse: Parse, prices: PriceTable
) -> None:
    """As templates do that have no name to give; only a deployment can cut it."""
    cut = TARGET.replace(
        '!Sub "endpoint/${Endpoint.EndpointName}/variant/AllTraffic"',
        '!Join ["/", [endpoint, !Select [1, !Split ["/", !Ref Endpoint]], variant, AllTraffic]]',
    )
    found = estimate(parse(cut), region=REGION, prices=prices)
    assert line(found, "AllTraffic").maximum == 730 * 4


@pytest.mark.parametrize("other", ["churn/variant/Other", "other/variant/AllTraffic"])
def test_a_target_of_something_else_scales_nothing_here(
    parse: Parse, prices: PriceTable, other: str
) -> None:
    """The endpoint keeps its two instances."""
    other = OWNER.replace("churn/variant/AllTraffic", other)
    assert line(estimate(parse(other), region=REGION, prices=prices), "AllTraffic").minimum == 1460


def test_an_asynchronous_endpoint_has_prices_of_its_own(parse: Parse, prices: PriceTable) -> None:
    """2 x 730 x 0.3; storage of 20 GB each at 0.14."""
    template = parse(
        variant={"InstanceType": "ml.m5.large", "InitialInstanceCount": 2, "VolumeSizeInGB": 20}
    )
    template["Resources"]["Config"]["Properties"]["AsyncInferenceConfig"] = {"OutputConfig": {}}
    found = estimate(template, region=REGION, prices=prices)
    assert found.minimum == pytest.approx(2 * 730 * 0.3 + 2 * 20 * 0.14)


def test_shadow_variants_cost_like_others(parse: Parse, prices: PriceTable) -> None:
    """One more instance."""
    template = parse()
    template["Resources"]["Config"]["Properties"]["ShadowProductionVariants"] = [
        {"VariantName": "Shadow", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    ]
    found = estimate(template, region=REGION, prices=prices)
    assert found.minimum == pytest.approx(146 + 730 * 0.2)


def test_a_pool_costs_from_its_cheapest_to_its_dearest_type(
    parse: Parse, prices: PriceTable
) -> None:
    """One instance, of one of two types."""
    pools = [{"InstanceType": "ml.m5.xlarge"}, {"InstanceType": "ml.m5.large"}]
    template = parse(variant={"InstancePools": pools, "InitialInstanceCount": 1})
    found = estimate(template, region=REGION, prices=prices)
    assert (found.minimum, found.maximum) == (pytest.approx(73), pytest.approx(146))


def test_a_pool_with_a_type_without_a_price_is_unknown(parse: Parse, prices: PriceTable) -> None:
    """The dearest may be the one that nobody knows."""
    pools = [{"InstanceType": "ml.c5.xlarge"}, {"InstanceType": "ml.m5.large"}]
    template = parse(variant={"InstancePools": pools, "InitialInstanceCount": 1})
    found = estimate(template, region=REGION, prices=prices)
    assert "AllTraffic: ml.c5.xlarge or ml.m5.large: the price per hour is unknown" in found.unknown
    assert found.maximum == 0


def test_serverless_costs_nothing_to_all_of_its_concurrency(
    parse: Parse, prices: PriceTable
) -> None:
    """A month has 2,628,000 seconds; of 5 at once, 2 are provisioned and paid for in any case."""
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 2}
    found = estimate(parse(variant={"ServerlessConfig": serverless}), region=REGION, prices=prices)
    month = 730 * 3600
    assert found.minimum == pytest.approx(2 * month * 0.00001)
    assert found.maximum == pytest.approx(
        3 * month * 0.00004 + 2 * month * 0.00001 + 2 * month * 0.00002
    )


COMPONENT = """
  Component:
    Type: AWS::SageMaker::InferenceComponent
    Properties:
      EndpointName: churn
      InferenceComponentName: one
      VariantName: AllTraffic
      RuntimeConfig: {CopyCount: 1}
  Scaling:
    Type: Custom::EndpointScaling
    Properties:
      ScalableTargets:
        - ResourceId: inference-component/one
          ScalableDimension: sagemaker:inference-component:DesiredCopyCount
          MinCapacity: 0
          MaxCapacity: 4
"""
MANAGED = {
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
    "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3},
}


def test_components_that_scale_to_zero_leave_no_instance(parse: Parse, prices: PriceTable) -> None:
    """0 to 3 instances."""
    found = line(
        estimate(parse(COMPONENT, variant=MANAGED), region=REGION, prices=prices), "AllTraffic"
    )
    assert (found.minimum, found.maximum) == (0, 3 * 730)


def test_a_component_that_keeps_a_copy_keeps_an_instance(parse: Parse, prices: PriceTable) -> None:
    """1 to 3 instances, although the fleet could have none."""
    template = parse(COMPONENT.replace("MinCapacity: 0", "MinCapacity: 1"), variant=MANAGED)
    found = line(estimate(template, region=REGION, prices=prices), "AllTraffic")
    assert (found.minimum, found.maximum) == (730, 3 * 730)


def test_a_fleet_without_components_keeps_its_minimum(parse: Parse, prices: PriceTable) -> None:
    """Nothing needs an instance."""
    found = line(estimate(parse(variant=MANAGED), region=REGION, prices=prices), "AllTraffic")
    assert (found.minimum, found.maximum) == (0, 0)


OFFICE_HOURS = """
  Hours:
    Type: Custom::OfficeHours
    Properties: {EndpointName: churn, StateMachine: !Ref Machine}
  Machine: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineType: EXPRESS}}
  Opening:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 8 ? * MON-FRI *)
      Target: {Arn: !Ref Machine, Input: '{"action":"open"}'}
  Closing:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 18 ? * MON-FRI *)
      Target: {Arn: !Ref Machine, Input: '{"action":"close"}'}
"""


def test_an_endpoint_with_office_hours_costs_them_only(parse: Parse, prices: PriceTable) -> None:
    """5 x 10 of 168 hours."""
    found = line(estimate(parse(OFFICE_HOURS), region=REGION, prices=prices), "AllTraffic")
    assert found.minimum == found.maximum == pytest.approx(2 * 730 * 50 / 168)


def test_what_a_condition_may_leave_out_is_in_the_most_only(
    parse: Parse, prices: PriceTable
) -> None:
    """Whether the account is a certain one, only the deployment tells."""
    template = parse("  Key: {Type: AWS::KMS::Key, Condition: Late}")
    template["Conditions"] = {"Late": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]}}
    template["Resources"]["Endpoint"]["Condition"] = "Late"
    found = estimate(template, region=REGION, prices=prices)
    assert (found.minimum, found.maximum) == (0, pytest.approx(146 + 1))


def test_parameters_decide_what_is_there(parse: Parse, prices: PriceTable) -> None:
    """By their defaults, or by what is given."""
    template = parse("  Key: {Type: AWS::KMS::Key, Condition: Prod}")
    template["Parameters"] = {"Stage": {"Type": "String", "Default": "dev"}}
    template["Conditions"] = {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    prod = {"Stage": "prod"}
    assert estimate(template, region=REGION, prices=prices).maximum == pytest.approx(146)
    assert estimate(
        template, region=REGION, prices=prices, parameters=prod
    ).minimum == pytest.approx(147)


SURROUNDINGS = """
  Key: {Type: AWS::KMS::Key}
  Plain: {Type: AWS::CloudWatch::Alarm, Properties: {Period: 60}}
  Quick: {Type: AWS::CloudWatch::Alarm, Properties: {Period: 10}}
  Sum:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - {Id: a, MetricStat: {Period: 60}}
        - {Id: b, MetricStat: {Period: 60}}
        - {Id: c, Expression: a + b}
  Both: {Type: AWS::CloudWatch::CompositeAlarm}
  Board: {Type: AWS::CloudWatch::Dashboard}
  Private:
    Type: AWS::EC2::VPCEndpoint
    Properties: {VpcEndpointType: Interface, SubnetIds: [one, two]}
  Free: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcEndpointType: Gateway}}
  Gateway: {Type: AWS::EC2::NatGateway}
"""


def test_what_stands_around_is_paid_for(parse: Parse, prices: PriceTable) -> None:
    """Each metric of an expression is; seconds are dearer; each zone of an endpoint is."""
    found = estimate(parse(SURROUNDINGS), region=REGION, prices=prices)
    # A key; 1 and 2 metrics; one of seconds; a composite one; a dashboard; two zones; a gateway.
    around = 1 + (1 + 2) * 0.1 + 0.3 + 0.5 + 3 + 2 * 730 * 0.01 + 730 * 0.045
    assert found.minimum == found.maximum == pytest.approx(146 + around)


def test_what_is_paid_by_use_is_told_and_not_in_the_total(parse: Parse, prices: PriceTable) -> None:
    """A gigabyte of logs has a price; how many there are, nobody knows."""
    found = estimate(parse("  Log: {Type: AWS::Logs::LogGroup}"), region=REGION, prices=prices)
    assert [line.what for line in found.by_use] == ["logs, taken in"]
    assert found.maximum == pytest.approx(146)


def test_a_price_that_is_not_known_is_not_made_up(parse: Parse, prices: PriceTable) -> None:
    """The total says what is not in it."""
    template = parse(variant={"InstanceType": "ml.c5.large", "InitialInstanceCount": 1})
    found = estimate(template, region=REGION, prices=prices)
    assert (found.minimum, found.maximum) == (0, 0)
    assert "AllTraffic: ml.c5.large: the price per hour is unknown" in found.unknown
    assert line(found, "AllTraffic").standing == "unknown"


def test_another_regions_prices_do_not_count(parse: Parse, prices: PriceTable) -> None:
    """Regions differ by a fifth and more."""
    assert estimate(parse(), region="eu-west-1", prices=prices).maximum == 0


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ({"InstanceType": {"Ref": "Kind"}, "InitialInstanceCount": 1}, "instance type that only"),
        (
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": {"Ref": "Kind"}},
            "how many is known at deployment only",
        ),
    ],
)
def test_what_only_a_deployment_tells_is_unknown(
    parse: Parse, prices: PriceTable, variant: dict[str, Any], told: str
) -> None:
    """Neither a type nor a number is guessed."""
    found = estimate(parse(variant=variant), region=REGION, prices=prices)
    assert found.maximum == 0
    assert any(told in text for text in found.unknown)


def test_an_endpoint_whose_config_is_elsewhere_is_unknown(parse: Parse, prices: PriceTable) -> None:
    """It costs something, and nobody can tell what."""
    template = parse(EndpointConfigName="made-by-hand")
    found = estimate(template, region=REGION, prices=prices)
    assert "endpoint Endpoint: its config is not in the template" in found.unknown


def test_a_config_without_an_endpoint_costs_nothing(parse: Parse, prices: PriceTable) -> None:
    """Only endpoints have instances."""
    template = parse()
    del template["Resources"]["Endpoint"]
    found = estimate(template, region=REGION, prices=prices)
    assert (found.lines, found.unknown) == ((), ())


def test_types_that_are_not_read_are_told(parse: Parse, prices: PriceTable) -> None:
    """Except for those that are free."""
    more = "  A: {Type: AWS::DynamoDB::Table}\n  B: {Type: AWS::IAM::Role}"
    found = estimate(parse(more), region=REGION, prices=prices)
    assert "1 x AWS::DynamoDB::Table: not estimated" in found.unknown
    assert not any("IAM" in text for text in found.unknown)


def test_a_loop_is_told_as_not_estimated(parse: Parse, prices: PriceTable) -> None:
    """What it makes, only a deployment tells."""
    template = parse()
    loop = ["Name", ["a", "b"], {"Key${Name}": {"Type": "AWS::KMS::Key"}}]
    template["Resources"]["Fn::ForEach::Keys"] = loop
    found = estimate(template, region=REGION, prices=prices)
    assert found.maximum == pytest.approx(146)
    assert "1 x Fn::ForEach: not estimated" in found.unknown


def test_the_same_of_several_resources_is_one_line(parse: Parse, prices: PriceTable) -> None:
    """With the resources that it belongs to."""
    more = "  A: {Type: AWS::KMS::Key}\n  B: {Type: AWS::KMS::Key}"
    keys = line(estimate(parse(more), region=REGION, prices=prices), "KMS keys")
    assert (keys.resources, keys.minimum, keys.maximum) == (("A", "B"), 2, 2)


JUNK = [None, "x", {}, [None], {"Ref": "Nowhere"}]


def spoilt(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced by what does not belong there, in turn."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from ({**value, key: changed} for changed in spoilt(member))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from (
                [*value[:index], changed, *value[index + 1 :]] for changed in spoilt(member)
            )
    yield from JUNK


def test_a_template_that_nobody_can_deploy_is_estimated_without_a_crash(
    parse: Parse, prices: PriceTable
) -> None:
    """Each property in turn is something else: a review must tell of it, and not stop."""
    bake = {"TrafficRoutingConfiguration": {"Type": "LINEAR", "LinearStepSize": {"Value": 1}}}
    template = parse(
        TARGET + COMPONENT + OFFICE_HOURS + SURROUNDINGS,
        variant=MANAGED,
        DeploymentConfig={"BlueGreenUpdatePolicy": bake},
    )
    count = 0
    for logical_id, resource in template["Resources"].items():
        for properties in spoilt(resource.get("Properties", {})):
            changed = copy.copy(template)
            changed["Resources"] = {
                **template["Resources"],
                logical_id: {**resource, "Properties": properties},
            }
            estimate(changed, region=REGION, prices=prices)
            list(find_surges(changed, region=REGION, prices=prices))
            list(find_jobs(changed, region=REGION, prices=prices))
            find_commitment(changed, region=REGION, prices=prices)
            count += 1
    assert count > 300
