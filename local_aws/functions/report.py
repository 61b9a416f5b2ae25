"""What Lambda itself writes into a function's log, and its errors' payloads."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one run took."""

    duration_ms: float
    init_ms: float | None
    memory_mb: int
    peak_mb: int


def now() -> str:
    """The time as the platform writes it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def start(request_id: str, version: str, *, as_json: bool) -> str:
    """The first event of a run."""
    if as_json:
        return _record("platform.start", {"requestId": request_id, "version": version})
    return f"START RequestId: {request_id} Version: {version}"


def finish(request_id: str, usage: Usage, *, failed: bool, as_json: bool) -> list[str]:
    """The last events of a run."""
    billed = math.ceil(usage.duration_ms)
    if as_json:
        metrics = {
            "durationMs": round(usage.duration_ms, 3),
            "billedDurationMs": billed,
            "memorySizeMB": usage.memory_mb,
            "maxMemoryUsedMB": usage.peak_mb,
        }
        if usage.init_ms is not None:
            metrics["initDurationMs"] = round(usage.init_ms, 3)
        status = "error" if failed else "success"
        record = {"requestId": request_id, "metrics": metrics, "status": status}
        return [_record("platform.report", record)]
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {usage.memory_mb} MB",
        f"Max Memory Used: {usage.peak_mb} MB",
    ]
    if usage.init_ms is not None:
        parts.append(f"Init Duration: {usage.init_ms:.2f} ms")
    return [f"END RequestId: {request_id}", "\t".join(parts) + "\t"]


def timed_out(request_id: str, seconds: float) -> dict[str, Any]:
    """The payload when a run takes longer than the function's timeout."""
    words = f"Task timed out after {seconds:.2f} seconds"
    return {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: {words}",
    }


def exited(request_id: str, status: int) -> dict[str, Any]:
    """The payload when the process ends within a run."""
    if status == 0:
        reason = "Runtime exited without providing a reason"
    elif status < 0:
        name = (signal.strsignal(-status) or str(-status)).lower()
        reason = f"Runtime exited with error: signal: {name}"
    else:
        reason = f"Runtime exited with error: exit status {status}"
    return {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: {reason}",
    }


def _record(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": now(), "type": kind, "record": record})
