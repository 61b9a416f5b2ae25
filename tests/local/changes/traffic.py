"""An open-loop client: asks at fixed times, whatever the answers take, and never twice.

Run as a process of its own; it asks until its standard input ends, waits for what is under way, and
writes a JSON line for each request.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# More than can ever be under way: SageMaker gives each request a minute.
THREADS = 256
READ_SECONDS = 65


def make_client(url: str) -> Any:
    """A client without retries."""
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=THREADS,
            read_timeout=READ_SECONDS,
        ),
    )


def ask(runtime: Any, target: dict[str, str], due: float) -> dict[str, Any]:
    """Send one request; what came of it."""
    sent = time.time()
    found: dict[str, Any] = {"due": due, "sent": sent, "status": None}
    try:
        answer = runtime.invoke_endpoint(ContentType="text/csv", Body=b"1", **target)
        found |= {
            "status": answer["ResponseMetadata"]["HTTPStatusCode"],
            "variant": answer["InvokedProductionVariant"],
            "version": answer["Body"].read().decode(),
        }
    except ClientError as error:
        answer = error.response
        found |= {
            # Of a model's error InvokeEndpoint tells the model's own status.
            "status": answer["ResponseMetadata"]["HTTPStatusCode"],
            "error": str(error),
        }
    except BotoCoreError as error:
        found["error"] = f"{type(error).__name__}: {error}"
    return found | {"answered": time.time()}


def main() -> None:
    """Ask until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--component")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    runtime = make_client(given.url)
    target = {"EndpointName": given.endpoint}
    if given.component:
        target["InferenceComponentName"] = given.component
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    with ThreadPoolExecutor(THREADS) as pool, given.log.open("w") as log:
        began = time.time()
        print("asking", flush=True)
        asked = []
        while not stopped.is_set():
            due = began + len(asked) / given.rate
            if stopped.wait(due - time.time()):
                break
            asked.append(pool.submit(ask, runtime, target, due))
        for request in asked:
            log.write(json.dumps(request.result()) + "\n")


if __name__ == "__main__":
    main()
