"""Traffic until the fleet has grown."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from demo.console import say
from demo.environment import DemoError, LocalAwsProcess

CLIENTS = 4
TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.5
SETTLE_SECONDS = 5


def grow(aws: LocalAwsProcess, endpoint: str, model: Path) -> None:
    """Ask from several clients at once until target tracking has added instances.

    Args:
        aws: where the endpoint is.
        endpoint: its name.
        model: the directory with the held-out rows.

    Raises:
        DemoError: a request failed, or the fleet did not grow.
    """
    row = (model / "heldout.csv").read_text().splitlines()[0]
    stop, answered, errors = threading.Event(), [0] * CLIENTS, list[str]()

    def ask(client: int) -> None:
        runtime = aws.client("sagemaker-runtime")
        while not stop.is_set():
            try:
                runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row)
            except Exception as error:  # whatever it is, a caller met it
                errors.append(f"{type(error).__name__}: {error}")
                return
            answered[client] += 1

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    start = time.monotonic()
    before = count = _count(aws, endpoint)
    for client in clients:
        client.start()
    try:
        while count <= before and not errors and time.monotonic() < start + TIMEOUT_SECONDS:
            time.sleep(POLL_SECONDS)
            count = _count(aws, endpoint)
        # The workers of a new instance load the model within their first request.
        time.sleep(SETTLE_SECONDS)
        count = _count(aws, endpoint)
    finally:
        stop.set()
        for client in clients:
            client.join()
    seconds = time.monotonic() - start
    if errors:
        raise DemoError(f"a request failed under load: {errors[0]}")
    if count <= before:
        raise DemoError(f"the fleet did not grow within {TIMEOUT_SECONDS} s of load")
    say(f"{CLIENTS} clients, {sum(answered) / seconds:.0f} requests a second for {seconds:.0f} s")
    say(f"instances: {before} → {count}, not one request failed")


def _count(aws: LocalAwsProcess, endpoint: str) -> int:
    found = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    count: int = found["ProductionVariants"][0]["CurrentInstanceCount"]
    return count
