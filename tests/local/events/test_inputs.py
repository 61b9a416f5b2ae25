"""What targets receive, after https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.events.inputs import payload

RULE = "arn:aws:events:us-east-1:123456789012:rule/nightly"
EVENT = {
    "version": "0",
    "id": "7bf73129",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1"],
    "detail": {"instance-id": "i-1", "state": "RUNNING", "tags": {"a": 1}, "list": [3, 4]},
}
PATHS = {
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "tags": "$.detail.tags",
    "second": "$.detail.list[1]",
    "none": "$.detail.nothing",
}


def transformed(template: str) -> str:
    """A target's payload with a template."""
    transformer = {"InputPathsMap": PATHS, "InputTemplate": template}
    return payload({"InputTransformer": transformer}, EVENT, rule_arn=RULE)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed":true}'}, {"fixed": True}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.detail.state"}, "RUNNING"),
    ],
)
def test_a_target_receives_the_event_a_constant_or_a_part(
    target: dict[str, Any], expected: Any
) -> None:
    """Matched event, constant, part of the matched event."""
    assert json.loads(payload(target, EVENT, rule_arn=RULE)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"instance <instance> is <state>"', '"instance i-1 is RUNNING"'),
        ('{"id": <instance>, "t": <tags>}', '{"id": "i-1", "t": {"a":1}}'),
        ('{"n": <second>, "text": "no. <second>"}', '{"n": 4, "text": "no. 4"}'),
        ('{"t": "<tags>"}', '{"t": "{\\"a\\":1}"}'),
        ('{"gone": <none>, "text": "<none>"}', '{"gone": null, "text": ""}'),
        ('{"rule": <aws.events.rule-name>}', '{"rule": "nightly"}'),
    ],
)
def test_a_template_is_filled(template: str, expected: str) -> None:
    """Texts are quoted outside of quotes; objects are JSON, escaped within quotes."""
    assert transformed(template) == expected
    json.loads(expected)


def test_the_whole_event_can_be_put_in() -> None:
    """``aws.events.event`` leaves the detail out, ``aws.events.event.json`` does not."""
    assert json.loads(transformed("<aws.events.event.json>")) == EVENT
    assert "detail" not in json.loads(transformed('{"e": <aws.events.event>}'))["e"]
