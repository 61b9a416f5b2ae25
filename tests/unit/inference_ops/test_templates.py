"""Templates are read as CloudFormation reads them, whoever wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference_ops.errors import CommandError, Exit
from inference_ops.templates import load_templates, parse_template
from inference_rules.intrinsics import Resolver, Unresolved

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: {Type: String, Default: prod}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /image/name}
Mappings:
  Sizes: {prod: {Type: ml.m5.xlarge}, dev: {Type: ml.m5.large}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsSmall: !Not [!Condition IsProd]
  InAccount: !Equals [!Ref AWS::AccountId, "1"]
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: AllTraffic
          InstanceType: !FindInMap [Sizes, !Ref Stage, Type]
          InitialInstanceCount: !If [IsProd, 2, 1]
          AcceleratorType: !If [IsSmall, ml.eia1.medium, !Ref AWS::NoValue]
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Condition: IsProd
    Properties:
      EndpointName: !Sub "churn-${Stage}"
      EndpointConfigName: !GetAtt Config.EndpointConfigName
  Topic: {Type: AWS::SNS::Topic, Condition: IsSmall}
  Queue: {Type: AWS::SQS::Queue, Condition: InAccount}
"""


@pytest.fixture(name="template")
def _template() -> dict[str, Any]:
    return parse_template(YAML, origin="test.yaml")


def resolve(template: dict[str, Any], value: Any, **options: Any) -> Any:
    """A value in the context of the template."""
    return Resolver(template, **options).resolve(value)


def test_short_tags_are_written_out(template: dict[str, Any]) -> None:
    """As the same template in JSON has them."""
    endpoint = template["Resources"]["Endpoint"]["Properties"]
    assert endpoint == {
        "EndpointName": {"Fn::Sub": "churn-${Stage}"},
        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
    }
    assert template["Conditions"]["IsSmall"] == {"Fn::Not": [{"Condition": "IsProd"}]}


def test_the_version_of_the_format_is_a_text(template: dict[str, Any]) -> None:
    """YAML alone would make a date of it."""
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"


def test_properties_have_the_defaults_of_parameters(template: dict[str, Any]) -> None:
    """Through maps and conditions; what is no value is left out."""
    [variant] = Resolver(template).properties("Config")["ProductionVariants"]
    assert variant == {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.m5.xlarge",
        "InitialInstanceCount": 2,
    }


def test_a_given_parameter_counts_instead_of_its_default(template: dict[str, Any]) -> None:
    """Another stage takes the other branch of each condition."""
    [variant] = Resolver(template, parameters={"Stage": "dev"}).properties("Config")[
        "ProductionVariants"
    ]
    assert variant["InstanceType"] == "ml.m5.large"
    assert variant["InitialInstanceCount"] == 1
    assert variant["AcceleratorType"] == "ml.eia1.medium"


def test_a_resource_exists_if_its_condition_holds(template: dict[str, Any]) -> None:
    """Whether the account is a certain one, only the deployment tells."""
    resolver = Resolver(template)
    assert resolver.exists("Config") is True
    assert resolver.exists("Endpoint") is True
    assert resolver.exists("Topic") is False
    assert resolver.exists("Queue") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": "${Stage}-${!Literal}"}, "prod-${Literal}"),
        ({"Fn::Sub": ["${A}/${Endpoint.EndpointName}", {"A": "x"}]}, "x/churn-prod"),
        (
            {"Fn::Join": ["/", ["endpoint", {"Fn::GetAtt": ["Endpoint", "EndpointName"]}]]},
            "endpoint/churn-prod",
        ),
        ({"Fn::Join": ["-", ["a", {"Ref": "Config"}]]}, "a-${Config}"),
        ({"Fn::Select": [1, {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": [",", "x,y"]}]}, "x"),
        (
            {"Fn::Or": "is no function of values"},
            Unresolved(text="Fn::Or is no function of values"),
        ),
        ({"Ref": "Config"}, Unresolved(text="Config", logical_id="Config")),
        (
            {"Fn::GetAtt": "Config.Arn"},
            Unresolved(text="Config.Arn", logical_id="Config", attribute="Arn"),
        ),
        # Its default is the name of an SSM parameter, and no image.
        ({"Ref": "Image"}, Unresolved(text="Image", logical_id="Image")),
        ({"Fn::Select": [7, {"Ref": "Zones"}]}, Unresolved(text="Fn::Select")),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::Sub": "arn:${AWS::Partition}:s3"}, "arn:aws:s3"),
    ],
)
def test_a_function_is_worked_out_as_far_as_the_template_tells(
    template: dict[str, Any], value: Any, expected: Any
) -> None:
    """By hand, after the CloudFormation user guide."""
    assert resolve(template, value, region="eu-west-1") == expected


def test_resources_that_refer_to_one_another_in_a_circle_are_no_endless_loop() -> None:
    """CloudFormation refuses them; whoever reads the template must not hang."""
    template = {
        "Conditions": {"A": {"Condition": "B"}, "B": {"Condition": "A"}},
        "Resources": {
            "X": {"Type": "T", "Properties": {"Name": {"Fn::GetAtt": ["Y", "Name"]}}},
            "Y": {"Type": "T", "Properties": {"Name": {"Fn::GetAtt": ["X", "Name"]}}},
        },
    }
    assert isinstance(resolve(template, {"Fn::GetAtt": ["X", "Name"]}), Unresolved)
    assert Resolver(template).condition("A") is None


def test_an_assembly_holds_the_templates_of_stages_and_nested_stacks(tmp_path: Path) -> None:
    """With the region that the assembly says."""

    def write(path: str, document: dict[str, Any]) -> None:
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document))

    def stack(template: str, environment: str) -> dict[str, Any]:
        return {
            "type": "aws:cloudformation:stack",
            "environment": environment,
            "properties": {"templateFile": template},
            "displayName": template.split(".", maxsplit=1)[0],
        }

    empty: dict[str, Any] = {"Resources": {}}
    nested = {
        "Inner": {
            "Type": "AWS::CloudFormation::Stack",
            "Metadata": {"aws:asset:path": "inner.nested.template.json"},
        }
    }
    prod = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    outer = stack("outer.template.json", "aws://1/eu-west-1")
    write("manifest.json", {"artifacts": {"outer": outer, "Prod": prod, "t": {"type": "cdk:tree"}}})
    write("outer.template.json", {"Resources": nested})
    write("inner.nested.template.json", empty)
    stage = stack("api.template.json", "aws://unknown-account/unknown-region")
    write("assembly-Prod/manifest.json", {"artifacts": {"api": stage}})
    write("assembly-Prod/api.template.json", empty)

    found = [(template.name, template.region) for template in load_templates(tmp_path)]

    assert found == [("api", None), ("outer", "eu-west-1"), ("outer/Inner", "eu-west-1")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is neither JSON nor YAML"),
        ("Resources: [", "is neither JSON nor YAML"),
        ("a text", "is no CloudFormation template"),
        ('{"Resources": {"A": {}}}', "is no CloudFormation template"),
        ("!!python/object/apply:os.system ['true']", "is neither JSON nor YAML"),
    ],
)
def test_what_is_no_template_is_wrong_usage(tmp_path: Path, text: str, reason: str) -> None:
    """With the file's name, and without running what YAML may ask for."""
    file = tmp_path / "template.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=f"template.yaml {reason}") as caught:
        load_templates(file)
    assert caught.value.code == Exit.USAGE


def test_a_loop_is_no_resource(tmp_path: Path) -> None:
    """Only a deployment tells what it makes."""
    file = tmp_path / "loop.yaml"
    file.write_text(
        "Transform: AWS::LanguageExtensions\n"
        "Resources: {'Fn::ForEach::Keys': [Name, [a], {}], Topic: {Type: AWS::SNS::Topic}}"
    )
    (template,) = load_templates(file)
    assert list(template.resources) == ["Topic"]


def test_a_directory_without_a_manifest_is_wrong_usage(tmp_path: Path) -> None:
    """It says what is expected instead."""
    with pytest.raises(CommandError, match=r"manifest\.json") as caught:
        load_templates(tmp_path)
    assert caught.value.code == Exit.USAGE
