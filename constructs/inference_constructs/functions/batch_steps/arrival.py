"""Puts the start of a run off until no object comes into a folder any more.

A schedule for each folder stands for the start; whatever comes moves it on. It goes when it has
fired: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from .run_folder import digest

_TRIES = 5


def handler(event: dict[str, Any], context: object) -> None:
    """Takes S3's event of an object that came.

    Args:
        event: `detail` with `bucket` and `object`.
        context: Lambda's context; unused.
    """
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    folder = f"s3://{bucket}/{key[: key.rfind('/') + 1]}"
    start = datetime.now(UTC) + timedelta(seconds=int(os.environ["QUIET_SECONDS"]))
    schedule = {
        "Name": f"batch-{digest(folder)}",
        "GroupName": os.environ["GROUP"],
        "ScheduleExpression": f"at({start:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "State": "ENABLED",
        "Target": {
            "Arn": os.environ["MACHINE"],
            "RoleArn": os.environ["ROLE"],
            "Input": json.dumps({"input": folder}),
        },
    }
    scheduler = boto3.client("scheduler")
    for _ in range(_TRIES):
        # Between the two calls it may fire and go, or another function may make it.
        try:
            scheduler.update_schedule(**schedule)
            return
        except scheduler.exceptions.ResourceNotFoundException:
            pass
        try:
            scheduler.create_schedule(**schedule)
            return
        except scheduler.exceptions.ConflictException:
            pass
    raise RuntimeError(f"the schedule of {folder} came and went {_TRIES} times")
