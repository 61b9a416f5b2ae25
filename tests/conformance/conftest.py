"""The image's serving stack and the local AWS's container, side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from serving_pair import Server, local_container, missing, real_stack  # noqa: E402
from wire import Answered, exchange  # noqa: E402


@dataclass(frozen=True)
class Pair:
    """The same artifact behind both servers."""

    real: Server
    local: Server

    def exchange(self, request: bytes) -> tuple[Answered, Answered]:
        """What both answer: the image's stack, and the local AWS's container."""
        return exchange(self.real.port, request), exchange(self.local.port, request)


Start = Callable[..., Pair]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Starts both servers with an artifact, and ends them."""
    lacking = missing()
    if lacking is not None and os.environ.get("CI") == "true":
        pytest.fail(lacking)
    if lacking is not None:
        pytest.skip(lacking)
    with ExitStack() as running, ThreadPoolExecutor() as threads:

        def begin(artifact: Path, *, ping: bool = True, **environment: str) -> Pair:
            started = [
                threads.submit(running.enter_context, make(artifact, ping=ping, **environment))
                for make in (real_stack, local_container)
            ]
            real, local = (future.result() for future in started)
            return Pair(real, local)

        yield begin


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes an unpacked artifact of a handler's source."""

    def make(source: str) -> Path:
        directory = tmp_path_factory.mktemp("artifact")
        (directory / "code").mkdir()
        (directory / "code" / "inference.py").write_text(source)
        return directory

    return make


@pytest.fixture(scope="module")
def telling(start: Start, artifact: Callable[[str], Path]) -> Pair:
    """Servers whose handler tells what it was given, or does what the body names."""
    return start(artifact((HERE / "handlers" / "telling.py").read_text()))
