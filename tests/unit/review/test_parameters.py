"""Parameters, mappings and conditions: what CloudFormation would make of the same text."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from inference_ops.review.parameters import Parameters, as_deployed
from tests.unit.review.conftest import Command
from tests.unit.review.edits import edited, healthy

Write = Callable[..., str]

TYPE = "Resources/Config/Properties/ProductionVariants/0/InstanceType"
STAGED: list[dict[str, Any]] = [
    {"at": "Parameters/Size", "value": {"Type": "String", "Default": "ml.m5.large"}},
    {"at": TYPE, "value": {"Ref": "Size"}},
]
LARGER = {"at": "Parameters/Size/Default", "value": "ml.m5.xlarge"}


def told(inference: Command, *arguments: str) -> dict[str, Any]:
    """A review as values."""
    result = inference("review", *arguments, "--json")
    assert result.exit_code in (0, 1), result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def actions(found: dict[str, Any]) -> dict[str, str]:
    """What happens to each resource."""
    (stack,) = found["stacks"]
    return {entry["logical_id"]: entry["action"] for entry in stack["resources"]}


def test_another_default_is_a_change_of_what_refers_to_it(
    template: Write, inference: Command
) -> None:
    """The config's text stays, and CloudFormation replaces it all the same."""
    pair = template("a", "realtime", *STAGED), template("b", "realtime", *STAGED, LARGER)
    found = told(inference, *pair)
    assert actions(found) == {"Config": "replace", "Endpoint": "update", "RollbackAlarm": "update"}
    says = {entry["logical_id"]: entry["says"] for entry in found["stacks"][0]["resources"]}
    assert says["Config"] == [
        "variant Blue: instance type ml.m5.large → ml.m5.xlarge",
        "replaced, because of ProductionVariants",
    ]
    assert {entry["rule"] for entry in found["findings"]} == {"ScaledInstanceType"}


def test_a_given_parameter_counts_on_both_sides(template: Write, inference: Command) -> None:
    """Another default is no change of a stack that has a value of its own."""
    pair = template("a", "realtime", *STAGED), template("b", "realtime", *STAGED, LARGER)
    found = told(inference, *pair, "--parameter", "Size=ml.c5.large")
    assert (actions(found), found["findings"]) == ({}, [])


def test_the_stack_may_have_had_another_value(template: Write, inference: Command) -> None:
    """As with `cdk deploy --parameters`: the template is the same, and its parameter is not."""
    same = template("a", "realtime", *STAGED)
    values = ("--base-parameter", "Size=ml.m5.xlarge", "--parameter", "Size=ml.m5.large")
    found = told(inference, same, same, *values, "--region", "us-east-1")
    assert actions(found)["Config"] == "replace"
    (finding,) = found["findings"]
    assert finding["rule"] == "ScaledInstanceType"
    assert "from ml.m5.xlarge to ml.m5.large" in finding["detail"]
    (cost,) = found["cost_usd_per_month"]
    # 4 to 8 instances for 730 hours, at $0.115 an hour instead of $0.23.
    assert cost["difference"]["minimum"] == pytest.approx(-4 * 730 * 0.115)
    assert cost["difference"]["maximum"] == pytest.approx(-8 * 730 * 0.115)
    (table,) = re.findall(
        r"Parameters.*", inference("review", same, same, *values).stdout, re.DOTALL
    )
    assert "ml.m5.xlarge" in table


def test_what_a_parameter_leaves_out_is_neither_judged_nor_changed(
    template: Write, inference: Command
) -> None:
    """An alarm in milliseconds that only one stage has."""
    only = [
        {"at": "Conditions", "value": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}},
        {"at": "Resources/Latency/Condition", "value": "Prod"},
    ]
    wrong = {"at": "Resources/Latency/Properties/Threshold", "value": 500}
    pair = template("a", "realtime", *only), template("b", "realtime", *only, wrong)
    assert {one["rule"] for one in told(inference, *pair)["findings"]} == {"AlarmUnits"}
    found = told(inference, *pair, "--parameter", "Stage=dev")
    assert (actions(found), found["findings"]) == ({}, [])
    moved = told(inference, *pair, "--base-parameter", "Stage=dev")
    assert actions(moved)["Latency"] == "add"


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("Stge=prod", "--parameter Stge is a parameter of no template; there are Key, Stage"),
        ("Stage=test", "--parameter Stage must be one of dev, prod, not 'test'"),
        ("Key=secret", "--parameter Key is NoEcho"),
        ("Stage", "--parameter must be NAME=VALUE, not Stage"),
    ],
)
def test_a_parameter_that_cannot_be_given_is_wrong_usage(
    template: Write, inference: Command, parameter: str, reason: str
) -> None:
    """In one line, before anything is compared."""
    edits = [
        {"at": "Parameters/Stage/AllowedValues", "value": ["dev", "prod"]},
        {"at": "Parameters/Key", "value": {"Type": "String", "NoEcho": True}},
    ]
    same = template("a", "realtime", *edits)
    result = inference("review", same, same, "--parameter", parameter)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Open": {"Type": "String"},
    },
    "Mappings": {"Sizes": {"dev": {"Count": 1}, "prod": {"Count": 2}}},
    "Conditions": {
        "Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Unknown": {"Fn::Equals": [{"Ref": "Open"}, "yes"]},
    },
    "Resources": {
        "Other": {"Type": "AWS::SNS::Topic"},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Value": None}},
    },
}
PROD = {"at": "Parameters/Stage/Default", "value": "prod"}
BRANCHES = {"Fn::If": ["Prod", {"Ref": "Other"}, {"Ref": "AWS::NoValue"}]}


def values(value: Any, edit: dict[str, Any], other: Any = None, **given: str) -> tuple[Any, Any]:
    """A property before and after another edit, as the differ gets to see it."""
    base = edited(TEMPLATE, [{"at": "Resources/Topic/Properties/Value", "value": value}])
    head = edited(base, [edit])
    if other is not None:
        head = edited(head, [{"at": "Resources/Topic/Properties/Value", "value": other}])
    untouched = copy.deepcopy((base, head))
    both = as_deployed(base, head, Parameters(both=given))
    assert (base, head) == untouched
    before, after = (each["Resources"]["Topic"]["Properties"].get("Value") for each in both)
    return before, after


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, ("dev", "prod")),
        ({"Fn::Sub": "churn-${Stage}"}, ("churn-dev", "churn-prod")),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Count"]}, (1, 2)),
        ([{"A": {"Ref": "Stage"}}, "kept"], ([{"A": "dev"}, "kept"], [{"A": "prod"}, "kept"])),
        # What refers to a resource still does: the differ follows it.
        (BRANCHES, (None, {"Ref": "Other"})),
        ([BRANCHES], ([], [{"Ref": "Other"}])),
        (
            {"Fn::Join": ["-", [{"Ref": "Stage"}, {"Ref": "Other"}]]},
            ({"Fn::Sub": "dev-${Other}"}, {"Fn::Sub": "prod-${Other}"}),
        ),
        (
            {"Fn::If": ["Unknown", {"Ref": "Stage"}, "x"]},
            ({"Fn::If": ["Unknown", "dev", "x"]}, {"Fn::If": ["Unknown", "prod", "x"]}),
        ),
        ({"Ref": "Other"}, ({"Ref": "Other"}, {"Ref": "Other"})),
    ],
)
def test_what_a_default_changes_is_written_out(value: Any, expected: tuple[Any, Any]) -> None:
    """And nothing else."""
    assert values(value, PROD) == expected


def test_a_mapping_may_change_instead() -> None:
    """It is another section of the same template."""
    more = {"at": "Mappings/Sizes/dev/Count", "value": 5}
    count = {"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Count"]}
    assert values(count, more) == (1, 5)
    assert values(count, more, Stage="prod") == (count, count)


def test_a_parameter_may_get_a_default() -> None:
    """What is not known refers to the parameter as before."""
    default = {"at": "Parameters/Open/Default", "value": "yes"}
    assert values({"Ref": "Open"}, default) == ({"Fn::Sub": "${Open}"}, "yes")


def test_another_default_may_bring_a_resource() -> None:
    """Its condition did not hold before."""
    base = edited(TEMPLATE, [{"at": "Resources/Topic/Condition", "value": "Prod"}])
    both = as_deployed(base, edited(base, [PROD]), Parameters())
    assert [sorted(each["Resources"]) for each in both] == [["Other"], ["Other", "Topic"]]


def test_a_list_has_its_members() -> None:
    """As CloudFormation splits them."""
    zones = {"at": "Parameters/Zones/Default", "value": "a, c"}
    assert values({"Ref": "Zones"}, zones) == (["a", "b"], ["a", "c"])


def test_a_branch_that_a_given_parameter_rules_out_is_no_change() -> None:
    """By a default alone it would be one: the reviewer may have another stage in mind."""
    old, new = ({"Fn::If": ["Prod", size, "small"]} for size in ("large", "larger"))
    same = {"at": "Parameters/Stage/Default", "value": "dev"}
    assert values(old, same, new, Stage="dev") == ("small", "small")
    assert values(old, same, new, Stage="prod") == ("large", "larger")
    assert values(old, same, new) == values(old, same, new, Zones="a") == (old, new)


def test_another_text_for_the_same_value_is_no_change() -> None:
    """A literal that becomes a parameter, with that value."""
    same = {"at": "Parameters/Stage/Default", "value": "dev"}
    old, new = values("prod", same, {"Ref": "Stage"}, Stage="prod")
    assert old == new
    assert values("prod", same, {"Ref": "Stage"}) == ("prod", {"Ref": "Stage"})


def test_what_nobody_knows_is_never_the_same() -> None:
    """Two texts that only a deployment works out."""
    same = {"at": "Parameters/Stage/Default", "value": "dev"}
    old, new = ({"Fn::If": ["Unknown", size, "small"]} for size in ("large", "larger"))
    assert values(old, same, new, Stage="dev") == (old, new)


def test_templates_that_differ_elsewhere_are_left_alone() -> None:
    """Without parameters there is nothing to work out."""
    body = healthy("realtime")
    other = edited(body, [{"at": TYPE, "value": "ml.m5.xlarge"}])
    assert as_deployed(body, other, Parameters()) == (body, other)


def test_odd_sections_are_no_crash() -> None:
    """Templates are written by people."""
    odd: dict[str, Any] = {
        "Parameters": {"A": "text", "B": {"Type": "String"}},
        "Conditions": {"Half": {"Fn::Equals": ["x"]}, "Odd": []},
        "Resources": {
            "Refers": {"Type": "AWS::SNS::Topic", "Properties": {"X": {"Fn::Sub": "${A}-${B}"}}},
            "Half": {"Type": "AWS::SNS::Topic", "Condition": "Half"},
            "Odd": {"Type": "AWS::SNS::Topic", "Condition": "Odd"},
            "Fn::ForEach::Topics": ["Name", ["a"], {}],
            "Topic": {"Type": "AWS::SNS::Topic", "Condition": "Nowhere", "Properties": []},
            "If": {"Type": "AWS::SNS::Topic", "Properties": {"X": {"Fn::If": "Nowhere"}}},
        },
    }
    both = as_deployed(odd, odd, Parameters(both={"A": "x", "B": "y"}))
    assert [each["Resources"] for each in both] == [odd["Resources"], odd["Resources"]]
