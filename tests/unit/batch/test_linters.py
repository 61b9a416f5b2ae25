"""Linters of state machines and of policies find nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import parliament
import pytest
from aws_cdk.assertions import Template

# statelint's specification of the language has of a ReaderConfig the MaxItems only; see
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
NOT_IN_ITS_SPECIFICATION = re.compile(r'Field "InputType" not allowed in .*ItemReader.ReaderConfig')


def lint(definition: dict[str, Any], path: Path) -> list[str]:
    """What statelint says of a definition."""
    text = json.dumps(definition).replace('"<', '"arn:aws:lambda:us-east-1:123456789012:function:<')
    path.write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "statelint", str(path)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    problems = [line.strip() for line in ended.stdout.splitlines()[1:]]
    return [line for line in problems if not NOT_IN_ITS_SPECIFICATION.search(line)]


def test_statelint_finds_nothing_in_the_state_machine(
    definition: dict[str, Any], tmp_path: Path
) -> None:
    """And finds what is put wrong."""
    assert lint(definition, tmp_path / "machine.json") == []
    broken = json.loads(json.dumps(definition))
    broken["States"]["Fan out"]["ItemProcessor"]["States"]["Report shard"]["Next"] = "Nowhere"
    assert lint(broken, tmp_path / "broken.json") != []


def flat(value: Any) -> Any:
    """A template's value with a word for whatever is known at the deployment."""
    if isinstance(value, list):
        return [flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(str(flat(part)) for part in parts)
        case {"Fn::GetAtt": [name, "Arn"]} | {"Ref": name} if arn := arn_of(name):
            return arn
        case {"Fn::GetAtt": [name, _]} | {"Ref": name}:
            return {"AWS::AccountId": "123456789012", "AWS::Partition": "aws"}.get(name, name)
    return {key: flat(item) for key, item in value.items()}


def arn_of(name: str) -> str | None:
    """An ARN as the resource of a logical id has one."""
    return next((arn.format(name) for word, arn in ARNS if re.search(word, name)), None)


# By a pattern of the logical id, the first that fits.
PLACE = "eu-west-1:123456789012"
ARNS = (
    ("Table", f"arn:aws:dynamodb:{PLACE}:table/{{}}"),
    ("Logs[0-9A-F]{8}$", f"arn:aws:logs:{PLACE}:log-group:{{}}:*"),
    ("Function[0-9A-F]{8}$", f"arn:aws:lambda:{PLACE}:function:{{}}"),
    ("Key", f"arn:aws:kms:{PLACE}:key/12345678-1234-1234-1234-123456789012"),
    ("Bucket|DataLogs", "arn:aws:s3:::data"),
    ("StateMachine", f"arn:aws:states:{PLACE}:stateMachine:{{}}"),
    ("Topic", f"arn:aws:sns:{PLACE}:{{}}"),
    ("Role", "arn:aws:iam::123456789012:role/{}"),
)


@pytest.fixture
def policies(template: Template) -> dict[str, dict[str, Any]]:
    """The documents of all policies by their logical ids."""
    found = template.find_resources("AWS::IAM::ManagedPolicy")
    return {name: flat(one["Properties"]["PolicyDocument"]) for name, one in found.items()}


# Where parliament is wrong: it asks for all resources of an action where one is enough, and so for
# express executions; and it does not see that `log-group:NAME:*` has the group's streams.
NOT_SO = (
    "[{'action': 'states:DescribeExecution', 'required_format': 'arn:*:states:*:*:express:*:*:*'}]",
    "[{'action': 'logs:CreateLogStream', 'required_format': "
    "'arn:*:logs:*:*:log-group:*:log-stream:*'}, {'action': 'logs:PutLogEvents', "
    "'required_format': 'arn:*:logs:*:*:log-group:*:log-stream:*'}]",
)


def findings(document: dict[str, Any]) -> list[str]:
    """What parliament says of a policy."""
    analyzed = parliament.analyze_policy_string(json.dumps(document))
    found = [str(finding) for finding in analyzed.findings]
    return [one for one in found if not any(known in one for known in NOT_SO)]


def test_parliament_finds_nothing_in_any_role(policies: dict[str, dict[str, Any]]) -> None:
    """Unknown actions, resources that do not fit them, conditions that nothing has."""
    assert len(policies) >= 6
    found = {name: findings(document) for name, document in policies.items()}
    assert {name: one for name, one in found.items() if one} == {}


def test_parliament_would_find_an_action_on_a_resource_that_it_does_not_have(
    policies: dict[str, dict[str, Any]],
) -> None:
    """Else the test above would show nothing."""
    [document] = [one for name, one in policies.items() if name.startswith("WorkflowRole")]
    document["Statement"].append(
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data"}
    )
    assert findings(document) != []
