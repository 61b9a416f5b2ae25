"""The life of a stack over the API, on resources that live."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_new_stack_makes_its_resources_in_the_order_of_their_references(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """What is referred to stands before what refers to it, and its values are passed on."""
    name = stacks.new_name()
    stack = stacks.deploy(
        name,
        {
            "Last": parameter({"Fn::Sub": "${Middle.Value}/${Middle}"}, DependsOn="Free"),
            "Middle": parameter({"Fn::Join": ["-", ["a", {"Fn::GetAtt": ["First", "Value"]}]]}),
            "First": parameter("one", Name=f"/{name}/first"),
            "Free": parameter({"Ref": "First"}),
        },
        template={
            "Outputs": {
                "Text": {
                    "Value": {"Fn::GetAtt": ["Last", "Value"]},
                    "Description": "the last one",
                    "Export": {"Name": f"{name}-text"},
                }
            }
        },
    )
    middle = stacks.physical_id(stack, "Middle")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"] == [
        {
            "OutputKey": "Text",
            "OutputValue": f"a-one/{middle}",
            "Description": "the last one",
            "ExportName": f"{name}-text",
        }
    ]
    assert (
        ssm.get_parameter(Name=stacks.physical_id(stack, "Free"))["Parameter"]["Value"]
        == f"/{name}/first"
    )
    done = [logical for logical, status, _ in stacks.events(stack) if status == "CREATE_COMPLETE"]
    assert done.index("First") < done.index("Middle") < done.index("Last")
    assert done.index("Free") < done.index("Last")
    assert done[-1] == name


def test_events_tell_each_step_once_and_in_time(stacks: Any, parameter: Any) -> None:
    """The stack's events surround those of its resources."""
    name = stacks.new_name()
    stack = stacks.deploy(name, {"Only": parameter()})
    assert stacks.events(stack) == [
        (name, "REVIEW_IN_PROGRESS", "User Initiated"),
        (name, "CREATE_IN_PROGRESS", "User Initiated"),
        ("Only", "CREATE_IN_PROGRESS", ""),
        ("Only", "CREATE_COMPLETE", ""),
        (name, "CREATE_COMPLETE", ""),
    ]


def test_an_update_changes_in_place_what_may_be_changed_in_place(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """The physical id stays, what did not change is left alone, what is gone is deleted."""
    name = stacks.new_name()
    first = stacks.deploy(name, {"A": parameter("1"), "B": parameter("1"), "C": parameter("1")})
    ids = {key: stacks.physical_id(first, key) for key in "ABC"}
    told = len(stacks.events(first))
    second = stacks.deploy(name, {"A": parameter("2"), "B": parameter("1"), "D": parameter("1")})
    assert second["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id(second, "A") == ids["A"]
    assert ssm.get_parameter(Name=ids["A"])["Parameter"]["Value"] == "2"
    update = stacks.events(second)[told:]
    assert [entry[:2] for entry in update if entry[0] == "B"] == []
    assert [entry[:2] for entry in update if entry[0] == "C"] == [
        ("C", "DELETE_IN_PROGRESS"),
        ("C", "DELETE_COMPLETE"),
    ]
    assert [entry[:2] for entry in update if entry[0] == name] == [
        (name, "UPDATE_IN_PROGRESS"),
        (name, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        (name, "UPDATE_COMPLETE"),
    ]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=ids["C"])


def test_a_replacement_is_made_before_the_old_one_is_deleted(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """What refers to it moves to the new one in between."""
    name = stacks.new_name()
    stacks.deploy(
        name, {"Named": parameter(Name=f"/{name}/one"), "User": parameter({"Ref": "Named"})}
    )
    change_set = stacks.change_set(
        name, {"Named": parameter(Name=f"/{name}/two"), "User": parameter({"Ref": "Named"})}
    )
    changes = {
        found["ResourceChange"]["LogicalResourceId"]: found["ResourceChange"]
        for found in change_set["Changes"]
    }
    assert changes["Named"]["Replacement"] == "True"
    assert changes["Named"]["PolicyAction"] == "ReplaceAndDelete"
    (detail,) = changes["Named"]["Details"]
    assert detail["Target"]["RequiresRecreation"] == "Always"
    assert (detail["Target"]["BeforeValue"], detail["Target"]["AfterValue"]) == (
        f"/{name}/one",
        f"/{name}/two",
    )
    (detail,) = changes["User"]["Details"]
    assert changes["User"]["Replacement"] == "False"
    assert (detail["Evaluation"], detail["CausingEntity"]) == ("Dynamic", "Named")
    stack = stacks.execute(change_set)
    steps = [entry[:2] for entry in stacks.events(stack)]
    start = steps.index(("Named", "UPDATE_COMPLETE"))
    user = steps.index(("User", "UPDATE_COMPLETE"))
    assert start < user < steps.index(("Named", "DELETE_IN_PROGRESS"))
    assert (
        ssm.get_parameter(Name=stacks.physical_id(stack, "User"))["Parameter"]["Value"]
        == f"/{name}/two"
    )
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=f"/{name}/one")


def test_a_deleted_stack_is_known_by_its_id_only(stacks: Any, parameter: Any) -> None:
    """By name it does not exist, and deleting it again is no error."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter()})
    stack = stacks.delete(name)
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        stacks.api.describe_stacks(StackName=name)
    stacks.api.delete_stack(StackName=name)
    summaries = stacks.api.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert stack["StackId"] in [found["StackId"] for found in summaries]


def test_an_export_in_use_is_neither_changed_nor_deleted(stacks: Any, parameter: Any) -> None:
    """The stack that has it keeps its status, and the importer is named."""
    owner, user = stacks.new_name(), stacks.new_name()

    def outputs(value: str) -> dict[str, Any]:
        return {"Outputs": {"V": {"Value": value, "Export": {"Name": f"{owner}-v"}}}}

    stacks.deploy(owner, {"A": parameter("1")}, template=outputs("one"))
    stacks.deploy(user, {"A": parameter({"Fn::ImportValue": {"Fn::Sub": f"{owner}-v"}})})
    assert stacks.api.list_imports(ExportName=f"{owner}-v")["Imports"] == [user]
    changed = stacks.deploy(owner, {"A": parameter("2")}, template=outputs("two"))
    assert changed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    in_use = f"Export {owner}-v cannot be updated as it is in use by {user}"
    assert any(in_use in reason for _, _, reason in stacks.events(changed))
    kept = stacks.delete(owner)
    assert kept["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Cannot delete export {owner}-v as it is in use by {user}" in kept["StackStatusReason"]
    taken = stacks.new_name()
    rejected = stacks.deploy(taken, {"A": parameter()}, template=outputs("three"))
    assert rejected["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.delete(user)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.delete(owner)["StackStatus"] == "DELETE_COMPLETE"


def test_tags_of_the_stack_reach_every_resource_and_follow_an_update(
    stacks: Any, parameter: Any, ssm: Any
) -> None:
    """A resource's own tag wins over the stack's."""
    name = stacks.new_name()
    resources = {"A": parameter(Tags={"own": "1", "team": "mine"}), "B": parameter()}

    def tags(stack: dict[str, Any], logical_id: str) -> dict[str, str]:
        found = ssm.list_tags_for_resource(
            ResourceType="Parameter", ResourceId=stacks.physical_id(stack, logical_id)
        )
        return {tag["Key"]: tag["Value"] for tag in found["TagList"]}

    stack = stacks.deploy(name, resources, Tags=[{"Key": "team", "Value": "ml"}])
    assert tags(stack, "A") == {"own": "1", "team": "mine"}
    assert tags(stack, "B") == {"team": "ml"}
    stack = stacks.deploy(name, resources, Tags=[{"Key": "stage", "Value": "dev"}])
    assert tags(stack, "B") == {"stage": "dev"}
    assert stack["Tags"] == [{"Key": "stage", "Value": "dev"}]


def test_termination_protection_keeps_a_stack(stacks: Any, parameter: Any) -> None:
    """DeleteStack is refused until it is switched off."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter()})
    stacks.api.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.api.delete_stack(StackName=name)
    (stack,) = stacks.api.describe_stacks(StackName=name)["Stacks"]
    assert stack["EnableTerminationProtection"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_create_stack_and_update_stack_work_without_a_change_set(
    stacks: Any, parameter: Any
) -> None:
    """The direct way; an update without changes is an error."""
    name = stacks.new_name()
    body = json.dumps({"Resources": {"A": parameter("1")}})
    made = stacks.api.create_stack(StackName=name, TemplateBody=body)
    assert stacks.wait(made["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="AlreadyExists"):
        stacks.api.create_stack(StackName=name, TemplateBody=body)
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.api.update_stack(StackName=name, TemplateBody=body)
    stacks.api.update_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": {"A": parameter("2")}})
    )
    assert stacks.wait(made["StackId"])["StackStatus"] == "UPDATE_COMPLETE"


def test_forty_resources_are_deployed_in_seconds(stacks: Any, parameter: Any) -> None:
    """Several at a time: a stack of forty resources takes less than fifteen seconds."""
    name = stacks.new_name()
    resources = {"R0": parameter()}
    for number in range(1, 40):
        resources[f"R{number}"] = parameter({"Ref": f"R{number // 3}"})
    stack = stacks.deploy(name, resources)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    events = stacks.api.describe_stack_events(StackName=name)["StackEvents"]
    assert (events[0]["Timestamp"] - stack["CreationTime"]).total_seconds() < 15


def test_the_api_tells_the_same_from_every_side(stacks: Any, parameter: Any) -> None:
    """Resources, exports, template and its summary, policy, change sets."""
    api, name = stacks.api, stacks.new_name()
    template = {
        "Description": "from every side",
        "Parameters": {"P": {"Type": "String", "Default": "x"}},
        "Outputs": {"V": {"Value": "1", "Export": {"Name": f"{name}-v"}}},
    }
    stack = stacks.deploy(name, {"A": parameter({"Ref": "P"})}, template=template)
    physical_id = stacks.physical_id(stack, "A")
    (listed,) = api.list_stack_resources(StackName=name)["StackResourceSummaries"]
    (found,) = api.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
    assert listed["PhysicalResourceId"] == physical_id
    assert (found["StackName"], found["LogicalResourceId"]) == (name, "A")
    exports = {export["Name"]: export["Value"] for export in api.list_exports()["Exports"]}
    assert exports[f"{name}-v"] == "1"
    summary = api.get_template_summary(StackName=name)
    assert summary["ResourceTypes"] == ["AWS::SSM::Parameter"]
    assert [entry["ParameterKey"] for entry in summary["Parameters"]] == ["P"]
    body = json.dumps({"Resources": {"A": parameter()}, **template})
    assert api.validate_template(TemplateBody=body)["Description"] == "from every side"
    api.set_stack_policy(StackName=name, StackPolicyBody="{}")
    assert api.get_stack_policy(StackName=name)["StackPolicyBody"] == "{}"
    change_set = stacks.change_set(name, {"A": parameter("y")}, template=template)
    names = [entry["ChangeSetName"] for entry in api.list_change_sets(StackName=name)["Summaries"]]
    assert change_set["ChangeSetName"] in names
    events = api.describe_events(StackName=name, Filters={"FailedEvents": True})
    assert events["OperationEvents"] == []


def test_an_operation_that_is_missing_says_so(stacks: Any) -> None:
    """Not with an internal error, which a client would try again."""
    with pytest.raises(ClientError, match="does not have CloudFormation's DetectStackDrift"):
        stacks.api.detect_stack_drift(StackName="any")
