"""Distributed Map: items from S3, children of their own, tolerance, results.

Expected shapes are those of AWS's developer guide, "Distributed Map state", "ItemReader",
"ItemBatcher" and "ResultWriter".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "distributed-map"
PASS = {"P": {"Type": "Pass", "End": True}}
# Fails for items that say so.
CHOOSY = {
    "C": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "F"}],
        "Default": "S",
    },
    "F": {"Type": "Fail", "Error": "BadItem", "Cause": "it said so"},
    "S": {"Type": "Succeed"},
}


def distributed(states: dict[str, Any] = PASS, **fields: Any) -> dict[str, Any]:
    """One Distributed Map state over ``states``."""
    return {
        "M": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": next(iter(states)),
                "States": states,
            },
            "End": True,
            **fields,
        }
    }


def listing(prefix: str) -> dict[str, Any]:
    """An ItemReader of the objects below a prefix."""
    return {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": BUCKET, "Prefix": prefix},
    }


def reading(key: str, **config: Any) -> dict[str, Any]:
    """An ItemReader of one object."""
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": BUCKET, "Key": key},
    }


WRITER = {
    "Resource": "arn:aws:states:::s3:putObject",
    "Parameters": {"Bucket": BUCKET, "Prefix": "results"},
}


@pytest.fixture(scope="module")
def s3(local_aws: Any) -> Any:
    """S3 with the bucket that all tests of this module use."""
    client = local_aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def files(s3: Any) -> Callable[..., None]:
    """Puts objects, by their keys."""

    def put(**contents: str) -> None:
        for key, body in contents.items():
            s3.put_object(Bucket=BUCKET, Key=key.replace("__", "/"), Body=body.encode())

    return put


def results(s3: Any, run: Any) -> dict[str, Any]:
    """The manifest of a run's result writer, with what its files hold in place of their names."""
    details = run.output["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(**details)["Body"].read())
    assert manifest["DestinationBucket"] == BUCKET
    assert manifest["MapRunArn"] == run.output["MapRunArn"]
    found = {}
    for kind, listed in manifest["ResultFiles"].items():
        for file in listed:
            body = s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read()
            assert file["Size"] == len(body)
            assert file["Key"].endswith(f"/{kind}_0.json")
        found[kind] = json.loads(body) if listed else []
    return found


def test_an_object_below_a_prefix_is_an_item(machines: Any, files: Any) -> None:
    """It tells key, size, tag, class and time, as the guide shows it."""
    files(few__a="1", few__b="22", other="3")
    run = machines.run(distributed(ItemReader=listing("few/")))
    assert [(item["Key"], item["Size"]) for item in run.output] == [("few/a", 1), ("few/b", 2)]
    assert set(run.output[0]) == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert isinstance(run.output[0]["LastModified"], int)


@pytest.mark.long
def test_a_listing_is_read_page_after_page(machines: Any, s3: Any) -> None:
    """1,001 objects are two pages."""
    for number in range(1001):
        s3.put_object(Bucket=BUCKET, Key=f"many/{number:04}", Body=b"x" * (number % 7))
    run = machines.run(
        distributed(
            ItemReader=listing("many/"),
            ItemBatcher={"MaxItemsPerBatch": 400},
            MaxConcurrency=2,
        )
    )
    batches = [child["Items"] for child in run.output]
    assert [len(batch) for batch in batches] == [400, 400, 201]
    items = [item for batch in batches for item in batch]
    assert [item["Key"] for item in items] == [f"many/{number:04}" for number in range(1001)]
    assert [item["Size"] for item in items] == [number % 7 for number in range(1001)]


def test_an_empty_prefix_gives_no_children(machines: Any, s3: Any) -> None:
    """Nothing to do is a success."""
    del s3
    run = machines.run(distributed(ItemReader=listing("nothing-here/")))
    assert run.output == []


def test_items_are_read_from_json_lines_and_csv(machines: Any, files: Any) -> None:
    """Each format of the guide, with the header of a CSV in it or given, and a number of items."""
    files(
        list_json='[{"a": 1}, {"a": 2}, {"a": 3}]',
        nested_json='{"found": {"items": [1, 2]}}',
        lines_jsonl='{"a": 1}\n\n{"a": "x"}\n',
        rows_csv='id,name\n1,"one, two"\n2\n\n3,c,left out\n',
        bare_csv="1|one\n2|two\n",
    )
    rows = [{"id": "1", "name": "one, two"}, {"id": "2", "name": ""}, {"id": "3", "name": "c"}]
    for reader, expected in (
        (reading("list_json", InputType="JSON"), [{"a": 1}, {"a": 2}, {"a": 3}]),
        (reading("list_json", InputType="JSON", MaxItems=2), [{"a": 1}, {"a": 2}]),
        (reading("nested_json", InputType="JSON", ItemsPointer="/found/items"), [1, 2]),
        (reading("lines_jsonl", InputType="JSONL"), [{"a": 1}, {"a": "x"}]),
        (reading("rows_csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"), rows),
        (
            reading(
                "bare_csv",
                InputType="CSV",
                CSVHeaderLocation="GIVEN",
                CSVHeaders=["id", "name"],
                CSVDelimiter="PIPE",
            ),
            [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}],
        ),
    ):
        assert machines.run(distributed(ItemReader=reader)).output == expected


def test_an_inventory_is_read_through_its_manifest(machines: Any, s3: Any) -> None:
    """The rows of every file that the manifest names, with the columns of its schema."""
    import gzip

    s3.put_object(Bucket=BUCKET, Key="inv/1.gz", Body=gzip.compress(b'"b","k%201","5"\n'))
    s3.put_object(Bucket=BUCKET, Key="inv/2.gz", Body=gzip.compress(b'"b","k2","6"\n'))
    manifest = {
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "inv/1.gz"}, {"key": "inv/2.gz"}],
    }
    s3.put_object(Bucket=BUCKET, Key="inv/manifest.json", Body=json.dumps(manifest).encode())
    run = machines.run(distributed(ItemReader=reading("inv/manifest.json", InputType="MANIFEST")))
    assert run.output == [
        {"Bucket": "b", "Key": "k%201", "Size": "5"},
        {"Bucket": "b", "Key": "k2", "Size": "6"},
    ]


def test_items_that_cannot_be_read_have_an_error_of_their_own(machines: Any, files: Any) -> None:
    """``States.ItemReaderFailed``, which a Catch may name."""
    files(object_json='{"no": "list"}', twice_csv="a,a\n1,2\n")
    for reader in (
        reading("missing", InputType="JSON"),
        reading("object_json", InputType="JSON"),
        reading("twice_csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
    ):
        run = machines.run(distributed(ItemReader=reader))
        assert run.failure[0] == "States.ItemReaderFailed"
    states = distributed(
        ItemReader=reading("missing", InputType="JSON"),
        Catch=[{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "S"}],
    )
    assert machines.run(states | {"S": {"Type": "Succeed"}}).status == "SUCCEEDED"


def test_children_get_what_the_selector_makes_of_their_item(machines: Any) -> None:
    """Index, value and source of the item, and the state's own input."""
    run = machines.run(
        distributed(
            ItemsPath="$.list",
            ItemSelector={
                "index.$": "$$.Map.Item.Index",
                "value.$": "$$.Map.Item.Value",
                "source.$": "$$.Map.Item.Source",
                "whole.$": "$.name",
            },
        ),
        {"list": ["a", "b"], "name": "n"},
    )
    assert run.output == [
        {"index": 0, "value": "a", "source": "STATE_DATA", "whole": "n"},
        {"index": 1, "value": "b", "source": "STATE_DATA", "whole": "n"},
    ]


def test_batches_hold_a_number_of_items_or_of_bytes(machines: Any) -> None:
    """The batch's own input stands beside the items; limits may come from the input."""
    run = machines.run(
        distributed(
            ItemsPath="$.list",
            ItemBatcher={
                "MaxItemsPerBatchPath": "$.size",
                "BatchInput": {"day.$": "$.day", "fixed": 1},
            },
        ),
        {"list": [1, 2, 3], "size": 2, "day": "mon"},
    )
    beside = {"day": "mon", "fixed": 1}
    assert run.output == [
        {"BatchInput": beside, "Items": [1, 2]},
        {"BatchInput": beside, "Items": [3]},
    ]
    # {"Items":["aaaa","bbbb"]} has 25 bytes, one more item would make it 32.
    run = machines.run(
        distributed(ItemBatcher={"MaxInputBytesPerBatch": 26}), ["aaaa", "bbbb", "cccc"]
    )
    assert run.output == [{"Items": ["aaaa", "bbbb"]}, {"Items": ["cccc"]}]


def test_a_child_is_an_execution_of_its_own(machines: Any) -> None:
    """ARN with machine, label and a UUID; own input, name and history; listed by its map run."""
    states = {
        "P": {
            "Type": "Pass",
            "Parameters": {
                "id.$": "$$.Execution.Id",
                "name.$": "$$.Execution.Name",
                "input.$": "$$.Execution.Input",
                "machine.$": "$$.StateMachine.Id",
            },
            "End": True,
        }
    }
    run = machines.run(distributed(states, Label="Files"), [{"n": 1}, {"n": 2}])
    machine = run.described["stateMachineArn"].rpartition(":")[2]
    (first, second) = run.output
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    place = "arn:aws:states:us-east-1:123456789012"
    assert re.fullmatch(f"{place}:execution:{machine}/Files:{uuid}", first["id"])
    assert first["id"].endswith(first["name"])
    assert first["id"] != second["id"]
    assert first["input"] == {"n": 1}
    assert first["machine"] == f"{place}:stateMachine:{machine}/Files"
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    assert re.fullmatch(f"{place}:mapRun:{machine}/Files:{uuid}", listed["mapRunArn"])
    assert listed["stateMachineArn"] == first["machine"]
    children = machines.states.list_executions(mapRunArn=listed["mapRunArn"], maxResults=1)
    assert len(children["executions"]) == 1
    more = machines.states.list_executions(
        mapRunArn=listed["mapRunArn"], nextToken=children["nextToken"]
    )
    assert {child["executionArn"] for page in (children, more) for child in page["executions"]} == {
        first["id"],
        second["id"],
    }
    described = machines.states.describe_execution(executionArn=first["id"])
    assert described["mapRunArn"] == listed["mapRunArn"]
    assert json.loads(described["input"]) == {"n": 1}
    events = machines.states.get_execution_history(executionArn=first["id"])["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert [event["type"] for event in run.history()] == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    own = machines.states.list_executions(stateMachineArn=run.described["stateMachineArn"])
    assert [found["executionArn"] for found in own["executions"]] == [run.arn]


ITEMS = [{}, {"bad": 1}, {}, {"bad": 1}]


def test_one_failed_child_is_too_many_unless_told(machines: Any) -> None:
    """``States.ExceedToleratedFailureThreshold``; the map run counts what became of each item."""
    run = machines.run(distributed(CHOOSY, MaxConcurrency=1), ITEMS)
    assert run.failure == (
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
    )
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    described = machines.states.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert described["status"] == "FAILED"
    assert described["maxConcurrency"] == 1
    counts = described["itemCounts"]
    assert (counts["succeeded"], counts["failed"], counts["pending"], counts["total"]) == (
        1,
        1,
        2,
        4,
    )


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 49.9}, "FAILED"),
        ({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailureCountPath": "$.tolerated"}, "SUCCEEDED"),
    ],
)
def test_failures_within_the_tolerance_are_no_failure(
    machines: Any, tolerance: dict[str, Any], status: str
) -> None:
    """2 of 4 items fail: 50 percent. With both limits the lower one counts."""
    states = distributed(CHOOSY, ItemsPath="$.items", **tolerance)
    run = machines.run(states, {"items": ITEMS, "tolerated": 2})
    assert run.status == status
    if status == "SUCCEEDED":
        # What succeeded gives its output, what failed all that is known of it.
        assert [run.output[0], run.output[2]] == [{}, {}]
        assert [(run.output[n]["Status"], run.output[n]["Error"]) for n in (1, 3)] == [
            ("FAILED", "BadItem")
        ] * 2


def test_a_failed_batch_counts_with_all_of_its_items(machines: Any) -> None:
    """One child of two failed, but it had three of the four items."""
    states = {"F": {"Type": "Fail", "Error": "BadBatch"}}
    run = machines.run(
        distributed(
            states,
            ItemBatcher={"MaxItemsPerBatch": 3},
            ToleratedFailurePercentage=70,
            MaxConcurrency=1,
        ),
        [1, 2, 3, 4],
    )
    assert run.failure[0] == "States.ExceedToleratedFailureThreshold"
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    described = machines.states.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert described["itemCounts"]["failed"] == 3
    assert described["executionCounts"]["failed"] == 1


def test_results_are_written_by_their_status(machines: Any, s3: Any) -> None:
    """A manifest and a file for each status, with what the guide shows of an execution."""
    run = machines.run(distributed(CHOOSY, ResultWriter=WRITER, ToleratedFailureCount=2), ITEMS)
    found = results(s3, run)
    assert [len(found[kind]) for kind in ("SUCCEEDED", "FAILED", "PENDING")] == [2, 2, 0]
    good, bad = found["SUCCEEDED"][0], found["FAILED"][0]
    assert good["Input"] == "{}"
    assert good["Output"] == "{}"
    assert good["Status"] == "SUCCEEDED"
    assert good["InputDetails"] == good["OutputDetails"] == {"Included": True}
    assert good["RedriveStatus"] == "NOT_REDRIVABLE"
    assert good["RedriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven."
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", good["StartDate"])
    assert good["ExecutionArn"].endswith(good["Name"])
    assert (bad["Status"], bad["Error"], bad["Cause"]) == ("FAILED", "BadItem", "it said so")
    assert json.loads(bad["Input"]) == {"bad": 1}
    assert run.output["ResultWriterDetails"]["Key"].startswith("results/")


def test_results_are_written_even_if_the_map_run_fails(machines: Any, s3: Any) -> None:
    """What was never started is told as pending."""
    run = machines.run(distributed(CHOOSY, ResultWriter=WRITER, MaxConcurrency=1), ITEMS)
    assert run.status == "FAILED"
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    folder = f"results/{listed['mapRunArn'].rpartition(':')[2]}/"
    keys = [
        found["Key"].removeprefix(folder)
        for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
    ]
    assert sorted(keys) == ["FAILED_0.json", "PENDING_0.json", "SUCCEEDED_0.json", "manifest.json"]


def test_no_more_children_run_than_are_allowed(machines: Any) -> None:
    """Six waits of one second at once take one second, two at once three."""
    wait = {"W": {"Type": "Wait", "Seconds": 60, "End": True}}
    run = machines.run(distributed(wait, MaxConcurrency=2), [0, 1, 2, 3, 4, 5])
    assert run.status == "SUCCEEDED"
    assert run.seconds > 2.9
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    children = machines.states.list_executions(mapRunArn=listed["mapRunArn"])["executions"]
    spans = [(child["startDate"], child["stopDate"]) for child in children]
    assert max(sum(a <= b < c for a, c in spans) for b, _ in spans) <= 2


def test_stopping_the_parent_stops_its_children(machines: Any) -> None:
    """Aborted, with the map run; nothing that waits goes on."""
    wait = {"W": {"Type": "Wait", "Seconds": 36000, "End": True}}
    run = machines.start(machines.create(distributed(wait, MaxConcurrency=2)), [1, 2, 3])
    listed: list[Any] = []
    children: list[Any] = []
    while len(children) < 2:
        listed = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
        if listed:
            arn = listed[0]["mapRunArn"]
            children = machines.states.list_executions(mapRunArn=arn)["executions"]
    machines.states.stop_execution(executionArn=run.arn)
    assert run.wait().status == "ABORTED"
    described = machines.states.describe_map_run(mapRunArn=arn)
    assert described["status"] == "ABORTED"
    assert described["executionCounts"]["aborted"] == 2
    assert described["executionCounts"]["pending"] == 1


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("states:StartExecution", "States.Permissions"),
        ("s3:ListBucket", "States.ItemReaderFailed"),
        ("s3:PutObject", "States.ResultWriterFailed"),
    ],
)
def test_a_map_run_needs_the_rights_that_the_guide_names(
    machines: Any, make_role: Any, files: Any, missing: str, error: str
) -> None:
    """Starting children, listing what they work on, writing what they gave."""
    files(rights__one="1")
    rights = {"states:StartExecution", "s3:ListBucket", "s3:GetObject", "s3:PutObject"} - {missing}
    role = make_role("states.amazonaws.com", *sorted(rights))
    states = distributed(ItemReader=listing("rights/"), ResultWriter=WRITER)
    run = machines.run(states, role=role)
    assert run.failure[0] == error


@pytest.mark.parametrize(
    "fields",
    [
        {"ItemReader": reading("k", InputType="PARQUET")},
        {"ItemReader": {"Resource": "arn:aws:states:::dynamodb:scan"}},
        {"ItemBatcher": {"BatchInput": {}}},
        {"ResultWriter": WRITER | {"WriterConfig": {"Transformation": "ZIP"}}},
    ],
)
def test_what_the_local_aws_does_not_have_is_refused_by_name(
    machines: Any, fields: dict[str, Any]
) -> None:
    """``InvalidDefinition`` at CreateStateMachine, not a surprise at run time."""
    with pytest.raises(ClientError) as refused:
        machines.create(distributed(**fields))
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"


@pytest.mark.long
def test_a_thousand_files_are_a_thousand_children(machines: Any, s3: Any) -> None:
    """995 succeed, and the manifest's file of failures names the other 5."""
    for number in range(1000):
        if number % 200:
            s3.put_object(Bucket=BUCKET, Key=f"thousand/{number:04}", Body=b"%d" % number)
    items = [{"key": f"thousand/{number:04}"} for number in range(1000)]
    get = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": BUCKET, "Key.$": "$.key"},
        "ResultSelector": {"body.$": "$.Body"},
        "End": True,
    }
    states = distributed(
        {"Get": get}, ResultWriter=WRITER, ToleratedFailurePercentage=1, MaxConcurrency=20
    )
    run = machines.start(machines.create(states), items).wait(300)
    found = results(s3, run)
    assert len(found["SUCCEEDED"]) == 995
    failed = {json.loads(child["Input"])["key"] for child in found["FAILED"]}
    assert failed == {f"thousand/{number:04}" for number in range(0, 1000, 200)}
    (listed,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    described = machines.states.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert (described["itemCounts"]["succeeded"], described["itemCounts"]["failed"]) == (995, 5)
