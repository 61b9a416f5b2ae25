"""What the demo prints: numbered steps with their time, and lines below them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

_console = Console(highlight=False, soft_wrap=True)


class Tour:
    """Counts the steps and tells how long each took."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print the heading of the next step and, when it is over, its duration in seconds."""
        self._done += 1
        _console.print(f"\n[bold cyan]\\[{self._done}/{self._steps}] {title}[/]")
        start = time.monotonic()
        yield
        _console.print(f"      [green]done[/] in {time.monotonic() - start:.1f} s")


def say(line: str) -> None:
    """Print one line below the current step."""
    _console.print(f"      {line}", markup=False)


def dim(line: str) -> None:
    """Print one line of another program's output."""
    _console.print(f"      │ {line}", markup=False, style="dim")


def fail(message: str) -> None:
    """Print why the demo ends early."""
    _console.print(f"\n[bold red]demo failed:[/] {message}")
