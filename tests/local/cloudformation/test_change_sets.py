"""Change sets as the CDK CLI uses them: what is told before anything happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

NO_CHANGES = "The submitted information didn't contain changes."


def test_a_change_set_for_a_new_stack_adds_and_leaves_it_in_review(
    stacks: Any, parameter: Any
) -> None:
    """Nothing exists until it is executed."""
    name = stacks.new_name()
    found = stacks.change_set(name, {"B": parameter({"Ref": "A"}), "A": parameter()}, kind="CREATE")
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [
        (change["ResourceChange"]["Action"], change["ResourceChange"]["LogicalResourceId"])
        for change in found["Changes"]
    ] == [("Add", "A"), ("Add", "B")]
    (stack,) = stacks.api.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert stacks.api.describe_stack_resources(StackName=name)["StackResources"] == []


def test_the_same_template_again_is_no_change(stacks: Any, parameter: Any) -> None:
    """The change set fails with the words that the CLI looks for, and cannot be executed."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter(), "B": parameter({"Ref": "A"})})
    found = stacks.change_set(name, {"B": parameter({"Ref": "A"}), "A": parameter()})
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].startswith(NO_CHANGES)
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        stacks.api.execute_change_set(ChangeSetName=found["ChangeSetId"])


def test_what_resolves_to_the_same_value_is_no_change(stacks: Any, parameter: Any) -> None:
    """Resolved properties are compared, not the template's text."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter({"Ref": "AWS::Region"})})
    found = stacks.change_set(name, {"A": parameter({"Fn::Join": ["-", ["us", "east", "1"]]})})
    assert found["StatusReason"].startswith(NO_CHANGES)


def test_a_changed_output_alone_is_a_change(stacks: Any, parameter: Any) -> None:
    """It has no resource changes and can be executed."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter()})
    found = stacks.change_set(
        name, {"A": parameter()}, template={"Outputs": {"New": {"Value": "1"}}}
    )
    assert (found["Status"], found["Changes"]) == ("CREATE_COMPLETE", [])
    assert stacks.execute(found)["Outputs"] == [{"OutputKey": "New", "OutputValue": "1"}]


def test_names_of_change_sets_belong_to_their_stack(stacks: Any, parameter: Any) -> None:
    """Two stacks use the same name, and one deletes its own."""
    first, second = stacks.new_name(), stacks.new_name()
    for name in (first, second):
        stacks.api.create_change_set(
            StackName=name,
            ChangeSetName="cdk-deploy-change-set",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"A": parameter(name)}}),
        )
    stacks.api.delete_change_set(StackName=first, ChangeSetName="cdk-deploy-change-set")
    with pytest.raises(ClientError) as refused:
        stacks.api.describe_change_set(StackName=first, ChangeSetName="cdk-deploy-change-set")
    assert refused.value.response["Error"]["Code"] == "ChangeSetNotFound"
    found = stacks.api.describe_change_set(
        StackName=second, ChangeSetName="cdk-deploy-change-set", IncludePropertyValues=True
    )
    after = json.loads(found["Changes"][0]["ResourceChange"]["AfterContext"])
    assert after["Properties"]["Value"] == second


def test_deleting_a_change_set_that_is_not_there_is_no_error(stacks: Any, parameter: Any) -> None:
    """The CLI deletes the one of the last deployment without asking whether it exists."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter()})
    stacks.api.delete_change_set(StackName=name, ChangeSetName="never-made")


def test_unknown_resource_types_are_refused_by_name(stacks: Any, parameter: Any) -> None:
    """Nothing is made, not even the stack."""
    name = stacks.new_name()
    resources = {"A": parameter(), "B": {"Type": "AWS::Made::Up"}, "C": {"Type": "No::Such::Type"}}
    with pytest.raises(ClientError) as refused:
        stacks.change_set(name, resources, kind="CREATE")
    assert refused.value.response["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": "Template format error: Unrecognized resource types: "
        "[AWS::Made::Up, No::Such::Type]",
    }
    with pytest.raises(ClientError, match="does not exist"):
        stacks.api.describe_stacks(StackName=name)


@pytest.mark.parametrize(
    ("properties", "path", "reason"),
    [
        ({"Wrong": 1}, "", "#: extraneous key [Wrong] is not permitted"),
        ({"Type": None}, "", "#: required key [Type] not found"),
        ({"Value": ["x"]}, "/Value", "#/Value: expected type: String, found: JSONArray"),
        ({"Tier": "Gold"}, "/Tier", "#/Tier: failed validation constraint for keyword [enum]"),
    ],
    ids=["extraneous", "missing", "type", "enum"],
)
def test_wrong_properties_fail_early_validation(
    stacks: Any, parameter: Any, properties: dict[str, Any], path: str, reason: str
) -> None:
    """The change set fails, and DescribeEvents says where and why."""
    name, bad = stacks.new_name(), parameter()
    bad["Properties"] |= properties
    bad["Properties"] = {k: v for k, v in bad["Properties"].items() if v is not None}
    found = stacks.change_set(name, {"Bad": bad, "Good": parameter()}, kind="CREATE")
    assert found["Status"] == "FAILED"
    assert "AWS::EarlyValidation::PropertyValidation" in found["StatusReason"]
    (event,) = stacks.api.describe_events(
        ChangeSetName=found["ChangeSetId"], Filters={"FailedEvents": True}
    )["OperationEvents"]
    assert event["LogicalResourceId"] == "Bad"
    assert event["ValidationStatusReason"] == reason
    assert event["ValidationPath"] == f"/Resources/Bad/Properties{path}"


def test_scalars_are_converted_as_cloudformation_converts_them(stacks: Any, local_aws: Any) -> None:
    """``"true"`` is a boolean and ``"3600"`` a number where the schema says so."""
    name = stacks.new_name()
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    stack = stacks.deploy(
        name,
        {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": trust, "MaxSessionDuration": "7200"},
            },
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": "true"}},
        },
    )
    role = local_aws.client("iam").get_role(RoleName=stacks.physical_id(stack, "Role"))["Role"]
    assert role["MaxSessionDuration"] == 7200
    status = local_aws.client("kms").get_key_rotation_status(KeyId=stacks.physical_id(stack, "Key"))
    assert status["KeyRotationEnabled"] is True


def test_parameters_keep_their_value_unless_told(
    stacks: Any, parameter: Any, local_aws: Any
) -> None:
    """An SSM parameter is read anew each time; ``UsePreviousValue`` passes its name on."""
    name, ssm = stacks.new_name(), local_aws.client("ssm")
    ssm.put_parameter(Name=f"/{name}/source", Value="first", Type="String")
    template = {
        "Parameters": {
            "FromSsm": {"Type": "AWS::SSM::Parameter::Value<String>"},
            "Plain": {"Type": "String", "Default": "default", "NoEcho": True},
        },
        "Outputs": {"Both": {"Value": {"Fn::Sub": "${FromSsm}-${Plain}"}}},
    }
    resources = {"A": parameter({"Ref": "FromSsm"})}
    stack = stacks.deploy(
        name,
        resources,
        template=template,
        Parameters=[
            {"ParameterKey": "FromSsm", "ParameterValue": f"/{name}/source"},
            {"ParameterKey": "Plain", "ParameterValue": "given"},
        ],
    )
    assert stack["Outputs"][0]["OutputValue"] == "first-given"
    assert stack["Parameters"] == [
        {
            "ParameterKey": "FromSsm",
            "ParameterValue": f"/{name}/source",
            "ResolvedValue": "first",
        },
        {"ParameterKey": "Plain", "ParameterValue": "****"},
    ]
    ssm.put_parameter(Name=f"/{name}/source", Value="second", Type="String", Overwrite=True)
    again = [{"ParameterKey": key, "UsePreviousValue": True} for key in ("FromSsm", "Plain")]
    stack = stacks.deploy(name, resources, template=template, Parameters=again)
    assert stack["Outputs"][0]["OutputValue"] == "second-given"
    ssm.delete_parameter(Name=f"/{name}/source")
    missing = "Unable to fetch parameters .* from parameter store"
    with pytest.raises(ClientError, match=missing):
        stacks.change_set(name, resources, template=template, Parameters=again)


def test_conditions_mappings_and_rules_decide_what_is_deployed(stacks: Any, parameter: Any) -> None:
    """A rule that does not hold fails the change set, a condition leaves resources out."""
    name = stacks.new_name()
    template = {
        "Parameters": {"Stage": {"Type": "String", "AllowedValues": ["dev", "prod", "lab"]}},
        "Mappings": {"Size": {"dev": {"count": "1"}, "prod": {"count": "2"}}},
        "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Rules": {
            "NotLab": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "lab"]}]},
                        "AssertDescription": "the lab deploys nothing",
                    }
                ]
            }
        },
        "Outputs": {
            "Count": {"Value": {"Fn::FindInMap": ["Size", {"Ref": "Stage"}, "count"]}},
            "Prod": {"Condition": "IsProd", "Value": {"Ref": "OnlyProd"}},
        },
    }
    resources = {"Always": parameter(), "OnlyProd": parameter(Condition="IsProd")}

    def stage(value: str) -> dict[str, Any]:
        return {"Parameters": [{"ParameterKey": "Stage", "ParameterValue": value}]}

    stack = stacks.deploy(name, resources, template=template, **stage("prod"))
    assert [output["OutputKey"] for output in stack["Outputs"]] == ["Count", "Prod"]
    stack = stacks.deploy(name, resources, template=template, **stage("dev"))
    assert stack["Outputs"] == [{"OutputKey": "Count", "OutputValue": "1"}]
    (only,) = stacks.api.describe_stack_resources(StackName=name)["StackResources"]
    assert only["LogicalResourceId"] == "Always"
    found = stacks.change_set(name, resources, template=template, **stage("lab"))
    assert (found["Status"], found["StatusReason"]) == (
        "FAILED",
        "Template validation error: the lab deploys nothing",
    )
    with pytest.raises(ClientError, match="'Stage' must be one of AllowedValues"):
        stacks.change_set(name, resources, template=template, **stage("moon"))


def test_importing_resources_is_refused_by_name(stacks: Any, parameter: Any) -> None:
    """The one kind of change set that is missing says so."""
    with pytest.raises(ClientError, match="ChangeSetType IMPORT is not supported"):
        stacks.change_set(stacks.new_name(), {"A": parameter()}, kind="IMPORT")


def test_a_resource_cannot_change_its_type(stacks: Any, parameter: Any) -> None:
    """As on AWS, the change set fails."""
    name = stacks.new_name()
    stacks.deploy(name, {"A": parameter()})
    found = stacks.change_set(name, {"A": {"Type": "AWS::KMS::Key"}})
    assert found["Status"] == "FAILED"
    assert "Update of resource type is not permitted" in found["StatusReason"]


def test_iam_resources_need_the_callers_acknowledgement(stacks: Any) -> None:
    """Without the capability the request is refused, for a named role with the stronger one."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"):
        stacks.api.create_change_set(
            StackName=stacks.new_name(),
            ChangeSetName="change",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"Role": role}}),
            Capabilities=["CAPABILITY_IAM"],
        )


def test_a_template_is_read_from_a_bucket(stacks: Any, parameter: Any, local_aws: Any) -> None:
    """By URL in path style, as the CLI gives it; a missing object is told."""
    name, s3 = stacks.new_name(), local_aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/b.json", Body=json.dumps({"Resources": {"A": parameter()}}))
    made = stacks.api.create_stack(StackName=name, TemplateURL=f"{local_aws.url}/{name}/a/b.json")
    assert stacks.wait(made["StackId"])["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="S3 error: The specified key does not exist"):
        stacks.api.create_stack(
            StackName=stacks.new_name(), TemplateURL=f"{local_aws.url}/{name}/none.json"
        )
    s3.delete_object(Bucket=name, Key="a/b.json")
    s3.delete_bucket(Bucket=name)
