"""Which tests share a process when several run at once."""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a directory of unit tests together, whose fixtures synthesize once; else a file."""
    for item in items:
        path = item.path.relative_to(TESTS)
        group = path if path.parts[0] == "local" else path.parent
        item.add_marker(pytest.mark.xdist_group(str(group)))
