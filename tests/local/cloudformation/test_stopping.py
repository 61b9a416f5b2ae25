"""The server stops while a stack is being worked on."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_stop_does_not_wait_for_an_operation(launch: Callable[..., Any], tmp_path: Path) -> None:
    """A deletion that is waiting for its next attempt ends with the server."""
    running = launch(tmp_path / "state", speed=1)
    api, s3 = running.client("cloudformation"), running.client("s3")
    resources = {"Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept-data"}}}
    api.create_stack(StackName="kept", TemplateBody=json.dumps({"Resources": resources}))
    while api.describe_stacks(StackName="kept")["Stacks"][0]["StackStatus"] != "CREATE_COMPLETE":
        time.sleep(0.05)
    s3.put_object(Bucket="kept-data", Key="k", Body=b"x")
    api.delete_stack(StackName="kept")
    (stack,) = api.describe_stacks(StackName="kept")["Stacks"]
    assert stack["StackStatus"] == "DELETE_IN_PROGRESS"
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=60) == 0
