"""A worker lives for weeks: what it takes in memory does not grow with the requests it answers."""

import subprocess
import sys
from pathlib import Path

import pytest

_SERVING = Path(__file__).parents[2] / "model_code" / "serving"
_SCRIPT = """
import sys
import inference

model = inference.model_fn(sys.argv[1])
row = "0.25,-1.5,3.0\\n"
requests = [
    (row, "text/csv", "text/csv"),
    ("[[0.25, -1.5, 3.0]]", "application/json", "application/json"),
    (row.encode() * 3, "text/csv; charset=utf-8", "application/jsonlines"),
    ('[1, null, 3]\\n', "application/jsonlines", "application/x-npy"),
    ("1,x,3\\n", "text/csv", "text/csv"),
    ("1 0:2 2:3\\n", "text/libsvm", "text/csv"),
    (row * 500, "text/csv", "text/csv"),
    (f"[{', '.join(['[0.25, -1.5, 3.0]'] * 500)}]", "application/json", "application/json"),
    (row, "text/html", "text/csv"),
    (row, "text/csv", "image/png"),
]
small = [request for request in requests if len(request[0]) < 1_000]
large = [request for request in requests if request not in small]

def resident():
    with open("/proc/self/status") as status:
        [line] = [line for line in status if line.startswith("VmRSS")]
    return int(line.split()[1])

def ask(count):
    for number in range(count):
        # One in five hundred is large, of each type in turn.
        body, content_type, accept = (
            small[number % len(small)] if number % 500 else large[number // 500 % len(large)]
        )
        data = inference.input_fn(body, content_type)
        inference.output_fn(inference.predict_fn(data, model), accept)

count = int(sys.argv[2])
ask(count // 10)
before = resident()
ask(count)
print(before, resident())
"""


def _growth(model: Path, requests: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, model, str(requests)],
        env={"PYTHONPATH": str(_SERVING), "SAGEMAKER_CONTAINER_LOG_LEVEL": "50"},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    return after - before


@pytest.mark.soak
def test_a_million_requests_leave_resident_memory_flat(small_model: Path) -> None:
    """Of all kinds, refused ones among them: less than 4 MiB, which is 4 bytes per request."""
    assert _growth(small_model, 1_000_000) < 4 * 1024


def test_ten_thousand_requests_leave_resident_memory_flat(small_model: Path) -> None:
    """A leak of a kilobyte per request would show."""
    assert _growth(small_model, 10_000) < 4 * 1024
