"""What a job's log says of its files.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

import re
from typing import Any
from urllib.parse import quote

import boto3
from botocore.exceptions import ClientError

from ..batch_checks.locations import Location

LOG_GROUP = "/aws/sagemaker/TransformJobs"
# A stream of each instance, `<job>/<instance>/data-log`, tells of the files.
_LINE = re.compile(r"\[sagemaker logs\]: (?P<object>\S+?/.+?): (?P<message>.+)", re.DOTALL)
_LONGEST = 300
_MOST_PAGES = 20


def reasons(job: str, source: Location) -> dict[str, str]:
    """Gives what the log says of each file that failed.

    Args:
        job: the job's name.
        source: the folder of its files.

    Returns:
        The messages by the file's name below the folder, without the pages of HTML that servers
        answer. Nothing where the log cannot be read: a report without reasons is better than none.
    """
    found: dict[str, list[str]] = {}
    try:
        for event in _events(job):
            match = _LINE.search(event["message"])
            prefix = f"{source.bucket}/{source.key}"
            if match is not None and match["object"].startswith(prefix):
                name = match["object"].removeprefix(prefix)
                message = match["message"].strip()
                if not message.startswith("<"):
                    found.setdefault(name, []).append(message)
    except ClientError as error:
        print(f"the log of {job} cannot be read: {error}")
    return {name: "; ".join(dict.fromkeys(lines))[:_LONGEST] for name, lines in found.items()}


def _events(job: str) -> Any:
    logs = boto3.client("logs")
    given = {"logGroupName": LOG_GROUP, "logStreamNamePrefix": f"{job}/"}
    pages = logs.get_paginator("filter_log_events").paginate(
        **given, filterPattern='"sagemaker logs"', PaginationConfig={"PageSize": 1000}
    )
    for number, page in enumerate(pages):
        if number == _MOST_PAGES:
            return
        yield from page["events"]


def log_url(region: str, job: str) -> str:
    """Gives the address of a job's log in the console.

    Args:
        region: where the job ran.
        job: its name.
    """
    # The console encodes its path twice, with a $ for the second %.
    group = quote(quote(LOG_GROUP, safe=""), safe="").replace("%", "$")
    return (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{job}"
    )
