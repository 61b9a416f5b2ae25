"""Templates, intrinsic functions, parameters and schemas: no server needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.graph import dependencies_of, order_of
from local_aws.cloudformation.intrinsics import Resolver, Unresolved, first_unresolved
from local_aws.cloudformation.parameters import Parameter, resolve_parameters
from local_aws.cloudformation.schemas import schema_of
from local_aws.cloudformation.template import parse_template

PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "AWS::Partition": "aws"}


class Lookup:
    """Resources that answer with their own names."""

    def ref(self, logical_id: str) -> Any:
        """A resource named Later is not made yet."""
        return Unresolved(logical_id) if logical_id == "Later" else f"id-of-{logical_id}"

    def attribute(self, logical_id: str, name: str) -> Any:
        """As `ref`."""
        return Unresolved(logical_id) if logical_id == "Later" else f"{name}-of-{logical_id}"

    def import_value(self, name: str) -> Any:
        """An export."""
        return f"imported-{name}"

    def dynamic_reference(self, service: str, reference: str) -> str:
        """A dynamic reference."""
        return f"<{service}|{reference}>"


@pytest.fixture
def resolve() -> Callable[..., Any]:
    """Evaluates an expression within a small template."""
    template = parse_template(
        json.dumps(
            {
                "Resources": {"Now": {"Type": "A::B::C"}, "Later": {"Type": "A::B::C"}},
                "Mappings": {"Map": {"eu-west-1": {"key": "mapped"}}},
                "Conditions": {
                    "Yes": {"Fn::Equals": ["a", {"Ref": "Text"}]},
                    "No": {"Fn::Not": [{"Condition": "Yes"}]},
                    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
                    "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
                },
                "Parameters": {"Text": {"Type": "String"}, "Texts": {"Type": "List<String>"}},
            }
        )
    )
    parameters = {"Text": "a", "Texts": ["x", "y"]}
    resolver = Resolver(template, parameters, PSEUDO, Lookup())

    def run(expression: Any) -> Any:
        return resolver.resolve(expression)

    return run


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Now"}, "id-of-Now"),
        ({"Ref": "Texts"}, ["x", "y"]),
        ({"Fn::GetAtt": ["Now", "Arn"]}, "Arn-of-Now"),
        ({"Fn::GetAtt": "Now.Endpoint.Port"}, "Endpoint.Port-of-Now"),
        ({"Fn::Join": [":", ["a", 1, True, {"Ref": "Text"}]]}, "a:1:true:a"),
        ({"Fn::Join": ["-", {"Ref": "Texts"}]}, "x-y"),
        (
            {"Fn::Sub": "${Now}/${Now.Arn}/${!Kept}/${AWS::Region}"},
            "id-of-Now/Arn-of-Now/${Kept}/eu-west-1",
        ),
        ({"Fn::Sub": ["${Own}-${Text}", {"Own": {"Ref": "Now"}}]}, "id-of-Now-a"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "p,q"]}]}, "q"),
        ({"Fn::If": ["Yes", {"a": 1}, {"b": 2}]}, {"a": 1}),
        ({"Fn::If": ["No", "x", {"Fn::If": ["Either", "deep", "y"]}]}, "deep"),
        ({"k": {"Fn::If": ["Both", 1, {"Ref": "AWS::NoValue"}]}, "l": 1}, {"l": 1}),
        ([{"Ref": "AWS::NoValue"}, "kept"], ["kept"]),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "key"]}, "mapped"),
        ({"Fn::FindInMap": ["Map", "mars", "key", {"DefaultValue": "d"}]}, "d"),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ImportValue": {"Fn::Sub": "exp-${Text}"}}, "imported-exp-a"),
        ("pw {{resolve:ssm:/a/b:1}}", "pw <ssm|/a/b:1>"),
        # A policy's condition is no function.
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}},) * 2,
    ],
    ids=str,
)
def test_functions_give_what_cloudformation_gives(
    resolve: Callable[..., Any], expression: Any, value: Any
) -> None:
    """Each intrinsic function, nested ones as well."""
    assert resolve(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        {"Ref": "Later"},
        {"Fn::Sub": "a-${Later.Arn}"},
        {"Fn::Join": ["", ["a", {"Ref": "Later"}]]},
        {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "Later"}]}]},
        {"deep": [{"Fn::Base64": {"Fn::GetAtt": ["Later", "Arn"]}}]},
    ],
    ids=str,
)
def test_what_hangs_on_a_resource_that_is_not_made_yet_is_unknown(
    resolve: Callable[..., Any], expression: Any
) -> None:
    """It is shown as in a change set and names its cause."""
    found = first_unresolved(resolve(expression))
    assert found == "{{changeSet:KNOWN_AFTER_APPLY}}"
    assert found is not None
    assert found.cause == "Later"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Fn::FindInMap": ["Map", "mars", "key"]}, "Unable to get mapping for Map::mars::key"),
        ({"Fn::Select": [5, ["a"]]}, "cannot select nonexistent value at index 5"),
        ({"Fn::Transform": {}}, "Fn::Transform is not supported"),
        ({"Fn::If": ["Unheard", 1, 2]}, "unresolved condition dependency Unheard"),
    ],
)
def test_expressions_that_cannot_be_evaluated_are_told(
    resolve: Callable[..., Any], expression: Any, message: str
) -> None:
    """With the words of AWS."""
    with pytest.raises(ValidationError, match=message):
        resolve(expression)


def test_yaml_has_short_forms_and_dates_stay_text() -> None:
    """``!Sub`` and its like, and a policy's version, which YAML would take for a date."""
    template = parse_template(
        """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  A:
    Type: A::B::C
    DependsOn: B
    Properties:
      Version: 2012-10-17
      Sub: !Sub "${B}-x"
      Att: !GetAtt B.Some.Thing
      If: !If [Wanted, !Ref B, !Ref AWS::NoValue]
  B:
    Type: A::B::C
Conditions:
  Wanted: !Equals [1, 1]
"""
    )
    assert template.resources["A"].depends_on == ("B",)
    assert template.resources["A"].properties == {
        "Version": "2012-10-17",
        "Sub": {"Fn::Sub": "${B}-x"},
        "Att": {"Fn::GetAtt": ["B", "Some.Thing"]},
        "If": {"Fn::If": ["Wanted", {"Ref": "B"}, {"Ref": "AWS::NoValue"}]},
    }


A = {"Type": "A::B::C"}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{", "JSON not well-formed"),
        ("a: [", "YAML not well-formed"),
        ("just text", "unsupported structure"),
        ({}, "At least one Resources member must be defined"),
        ({"Resources": {"A": A}, "Resorces": {}}, r"Invalid template property .* \[Resorces\]"),
        ({"Resources": {"A": {}}}, "must contain a Type member"),
        ({"Resources": {"A-B": A}}, "Resource name A-B is non alphanumeric"),
        ({"Resources": {"A": {**A, "Tpye": 1}}}, "Invalid template resource property 'Tpye'"),
        ({"Resources": {"A": {**A, "Properties": {"x": {"Ref": "B"}}}}}, r"dependencies \[B\] in"),
        ({"Resources": {"A": {**A, "Properties": {"x": {"Fn::Sub": "${C.Arn}"}}}}}, r"\[C\]"),
        ({"Resources": {"A": {**A, "DependsOn": "D"}}}, r"\[D\]"),
        ({"Resources": {"A": A}, "Outputs": {"O": {"Value": {"Ref": "E"}}}}, "Outputs block"),
        ({"Resources": {"A": {**A, "Condition": "F"}}}, "Unresolved condition dependency F"),
        ({"Resources": {"A": {**A, "DeletionPolicy": "Keep"}}}, "DeletionPolicy"),
        ({"Resources": {"A": A}, "Transform": "AWS::Serverless-2016-10-31"}, "not supported"),
    ],
)
def test_templates_with_faults_are_refused(template: Any, message: str) -> None:
    """Each fault with words that lead to it."""
    text = template if isinstance(template, str) else json.dumps(template)
    with pytest.raises(ValidationError, match=message):
        parse_template(text)


def test_resources_come_after_what_they_refer_to() -> None:
    """Otherwise in the order of the template; a circle is refused by name."""

    def resource(*needs: str) -> dict[str, Any]:
        return {**A, "Properties": {"x": [{"Ref": need} for need in needs]}}

    resources = {"D": resource("B", "C"), "C": resource("B"), "B": resource(), "A": resource("D")}
    order = order_of(dependencies_of(parse_template(json.dumps({"Resources": resources}))))
    assert order == ["B", "C", "D", "A"]
    resources["B"] = resource("A")
    template = parse_template(json.dumps({"Resources": resources}))
    with pytest.raises(ValidationError, match=r"Circular dependency .* \[A, B, C, D\]"):
        dependencies_of(template)


def values_of(
    declared: dict[str, Any], given: list[dict[str, Any]], previous: dict[str, Parameter]
) -> dict[str, Any]:
    """Resolved parameters of a template that declares ``declared``; SSM knows ``/known``."""
    template = parse_template(json.dumps({"Resources": {"A": A}, "Parameters": declared}))
    found = resolve_parameters(
        template,
        given,
        previous=previous,
        read_ssm=lambda name: "s1,s2" if name == "/known" else None,
    )
    return {key: parameter.value for key, parameter in found.items()}


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ({"Type": "String", "Default": "d"}, None, "d"),
        ({"Type": "Number", "Default": 5}, None, "5"),
        ({"Type": "CommaDelimitedList"}, "a, b", ["a", "b"]),
        ({"Type": "CommaDelimitedList", "Default": ""}, None, [""]),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/known", "s1,s2"),
        ({"Type": "AWS::SSM::Parameter::Value<List<String>>"}, "/known", ["s1", "s2"]),
    ],
)
def test_parameters_have_the_value_of_their_type(declared: Any, given: Any, value: Any) -> None:
    """Defaults, lists, and values out of SSM."""
    request = [] if given is None else [{"ParameterKey": "P", "ParameterValue": given}]
    assert values_of({"P": declared}, request, {}) == {"P": value}


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        ({"Type": "String"}, None, r"Parameters: \[P\] must have values"),
        ({"Type": "String", "AllowedValues": ["a"]}, "b", "'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "'P' must match pattern"),
        (
            {"Type": "String", "MaxLength": 1, "ConstraintDescription": "be short"},
            "long",
            "Parameter P failed to satisfy constraint: be short",
        ),
        ({"Type": "Number"}, "x", "'P' must be a number"),
        ({"Type": "Number", "MinValue": 3}, "2", "not less than 3"),
    ],
)
def test_parameters_that_break_a_constraint_are_refused(
    declared: Any, given: Any, message: str
) -> None:
    """With the template's own words where it has some."""
    request = [] if given is None else [{"ParameterKey": "P", "ParameterValue": given}]
    with pytest.raises(ValidationError, match=message):
        values_of({"P": declared}, request, {})


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    """By name."""
    with pytest.raises(ValidationError, match=r"\[Other\] do not exist in the template"):
        values_of({}, [{"ParameterKey": "Other", "ParameterValue": "1"}], {})


def test_replacement_follows_the_resource_schemas() -> None:
    """AWS documents these three; a nested property decides only for itself."""
    endpoint = schema_of("AWS::SageMaker::Endpoint")
    alarm = schema_of("AWS::CloudWatch::Alarm")
    assert endpoint is not None
    assert alarm is not None
    assert endpoint.recreation("EndpointName", {"EndpointName": "a"}, {}) == "Always"
    assert endpoint.recreation("EndpointConfigName", {"EndpointConfigName": "a"}, {}) == "Never"
    assert alarm.recreation("AlarmName", {"AlarmName": "a"}, {"AlarmName": "b"}) == "Always"
    assert schema_of("No::Such::Type") is None


def test_properties_are_checked_to_their_depth() -> None:
    """A fault within a list names its place; what is not known yet passes."""
    schema = schema_of("AWS::SageMaker::EndpointConfig")
    assert schema is not None
    variant = {
        "ModelName": Unresolved("Model"),
        "VariantName": "all",
        "InitialVariantWeight": 1.0,
        "InitialInstanceCuont": 1,
    }
    problems = schema.problems(schema.coerced({"ProductionVariants": [variant]}))
    assert [str(problem) for problem in problems] == [
        "#/ProductionVariants/0: extraneous key [InitialInstanceCuont] is not permitted"
    ]
    assert problems[0].pointer("Config") == "/Resources/Config/Properties/ProductionVariants/0"


def test_the_stacks_tags_take_the_shape_of_the_type() -> None:
    """A list of pairs for a bucket, a map for an SSM parameter, nothing for what has no tags."""
    bucket, parameter = schema_of("AWS::S3::Bucket"), schema_of("AWS::SSM::Parameter")
    policy = schema_of("AWS::S3::BucketPolicy")
    assert bucket is not None
    assert parameter is not None
    assert policy is not None
    own = {"Tags": [{"Key": "a", "Value": "own"}]}
    assert bucket.tagged(own, {"a": "1", "b": "2"})["Tags"] == [
        {"Key": "a", "Value": "own"},
        {"Key": "b", "Value": "2"},
    ]
    assert parameter.tagged({}, {"a": "1"}) == {"Tags": {"a": "1"}}
    assert policy.tagged({"Bucket": "x"}, {"a": "1"}) == {"Bucket": "x"}
