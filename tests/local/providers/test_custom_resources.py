"""Custom resources: what a function is asked, and what its answer means."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local_aws.cloudformation.provider import ResourceError

ANSWERING = """
    import json, urllib.request
    def answer(event, **fields):
        body = {"Status": "SUCCESS", "StackId": event["StackId"], "RequestId": event["RequestId"],
                "LogicalResourceId": event["LogicalResourceId"], **fields}
        urllib.request.urlopen(urllib.request.Request(
            event["ResponseURL"], data=json.dumps(body).encode(), method="PUT"))
"""


@pytest.fixture
def function(local_aws: Any, role: str) -> Callable[..., str]:
    """Deploys the function behind a custom resource."""

    def deployed(source: str, name: str) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            code = textwrap.dedent(ANSWERING) + textwrap.dedent(source)
            archive.writestr("index.py", code)
        answer = local_aws.client("lambda").create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="index.handler",
            Code={"ZipFile": buffer.getvalue()},
            Timeout=10,
        )
        arn: str = answer["FunctionArn"]
        return arn

    return deployed


def test_a_custom_resource_is_created_updated_and_deleted(drive: Any, function: Any) -> None:
    """The function sees what CloudFormation sends; its data become attributes."""
    token = function(
        """
        def handler(event, context):
            shown = {key: value for key, value in event.items() if key != "ResponseURL"}
            answer(event, PhysicalResourceId="thing", Data={
                "Request": json.dumps(shown), "Nested": {"Inner": 1}})
        """,
        "custom-echo",
    )
    thing = drive("Custom::Thing")
    old = {"ServiceToken": token, "Count": 3, "On": True, "Parts": [{"Size": 1.5}]}
    created = thing.create(old)
    assert created.physical_id == "thing"
    assert created.attributes["Nested.Inner"] == 1
    asked = json.loads(created.attributes["Request"])
    request_id = asked.pop("RequestId")
    assert asked == {
        "RequestType": "Create",
        "ServiceToken": token,
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1234",
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {
            "ServiceToken": token,
            "Count": "3",
            "On": "true",
            "Parts": [{"Size": "1.5"}],
        },
    }

    new = {"ServiceToken": token, "Count": 4}
    updated = json.loads(thing.update(created, old, new).attributes["Request"])
    assert updated["RequestType"] == "Update"
    assert updated["PhysicalResourceId"] == "thing"
    assert updated["OldResourceProperties"]["Count"] == "3"
    assert updated["ResourceProperties"]["Count"] == "4"
    assert updated["RequestId"] != request_id
    thing.delete(created, new)


def test_a_failure_gives_the_functions_reason(drive: Any, function: Any) -> None:
    """In CloudFormation's words, and with the id by which the rollback deletes."""
    token = function(
        """
        def handler(event, context):
            answer(event, Status="FAILED", Reason="out of things", PhysicalResourceId="half")
        """,
        "custom-failing",
    )
    with pytest.raises(ResourceError) as caught:
        drive("Custom::Thing").create({"ServiceToken": token})
    assert str(caught.value).startswith(
        "Received response status [FAILED] from custom resource. "
        "Message returned: out of things (RequestId: "
    )
    assert caught.value.physical_id == "half"


def test_an_answer_without_a_physical_id_is_refused(drive: Any, function: Any) -> None:
    """CloudFormation needs it to update and delete the resource."""
    token = function("def handler(event, context):\n    answer(event)", "custom-nameless")
    with pytest.raises(ResourceError, match="Invalid PhysicalResourceId"):
        drive("Custom::Thing").create({"ServiceToken": token})


def test_a_function_that_never_answers_times_out(drive: Any, function: Any) -> None:
    """After ServiceTimeout, with the request's id to look for in the log."""
    token = function("def handler(event, context):\n    pass", "custom-silent")
    with pytest.raises(ResourceError, match=r"did not receive a response .* requestId \[[-\w]+\]"):
        drive("Custom::Thing").create({"ServiceToken": token, "ServiceTimeout": 1})


def test_inline_code_may_use_cfnresponse(drive: Any, role: str) -> None:
    """CloudFormation adds the module to functions with inline Python."""
    source = textwrap.dedent(
        """
        import cfnresponse
        def handler(event, context):
            data = {"Doubled": 2 * int(event["ResourceProperties"]["Number"])}
            cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "inline")
        """
    )
    made = drive("AWS::Lambda::Function").create(
        {
            "Code": {"ZipFile": source},
            "Role": role,
            "Runtime": "python3.13",
            "Handler": "index.handler",
        }
    )
    custom = drive("AWS::CloudFormation::CustomResource")
    created = custom.create({"ServiceToken": made.attributes["Arn"], "Number": 21})
    assert (created.physical_id, created.attributes["Doubled"]) == ("inline", 42)


def test_cdks_own_node_handlers_can_answer(drive: Any, role: str) -> None:
    """They answer with https to the URL's host, and name no port."""
    source = """
        const https = require("https");
        exports.handler = async (event) => {
            const url = new URL(event.ResponseURL);
            const body = JSON.stringify({ Status: "SUCCESS", PhysicalResourceId: "node",
                StackId: event.StackId, RequestId: event.RequestId,
                LogicalResourceId: event.LogicalResourceId });
            await new Promise((resolve, reject) => {
                const request = https.request({ hostname: url.hostname,
                    path: `${url.pathname}?${url.searchParams.toString()}`, method: "PUT",
                    headers: { "content-type": "", "content-length": Buffer.byteLength(body) } },
                    (response) => { response.resume(); resolve(); });
                request.on("error", reject);
                request.end(body);
            });
        };
    """
    made = drive("AWS::Lambda::Function").create(
        {
            "Code": {"ZipFile": source},
            "Role": role,
            "Runtime": "nodejs22.x",
            "Handler": "index.handler",
            "Timeout": 20,
        }
    )
    created = drive("Custom::Node").create({"ServiceToken": made.attributes["Arn"]})
    assert created.physical_id == "node"


def test_a_default_timeout_leaves_real_work_its_time(drive: Any, cloud: Any) -> None:
    """However fast the waits of this AWS pass."""
    driven = drive("Custom::Thing")
    fast = replace(driven.context, cloud=replace(cloud, speed=1000))
    assert driven.provider._patience(fast, {}) == 30
    assert driven.provider._patience(fast, {"ServiceTimeout": "2"}) == 2
