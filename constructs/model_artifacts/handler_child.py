"""Imports an entry point and reports on its handlers; runs as a script, in a process of its own."""

import importlib
import inspect
import json
import sys
import traceback
from pathlib import Path


def report(code: str, module: str, arguments: dict[str, int]) -> dict[str, object]:
    """Import `module` with `code` first on the path.

    Args:
        code: Directory of the entry point.
        module: Name of its module.
        arguments: Handlers by name, with the number of positional arguments they are called with.

    Returns:
        `error`: the last line of what the import raised, or None; `handlers`: those that exist,
        each with what is wrong with it, or None.
    """
    sys.path.insert(0, code)
    try:
        loaded = importlib.import_module(module)
    except BaseException as error:
        lines = traceback.format_exception_only(error)[-1].strip().splitlines()
        return {"error": lines[-1] if lines else type(error).__name__, "handlers": {}}
    handlers = {
        name: _fault(name, getattr(loaded, name), count)
        for name, count in arguments.items()
        if hasattr(loaded, name)
    }
    return {"error": None, "handlers": handlers}


def _fault(name: str, handler: object, count: int) -> str | None:
    if not callable(handler):
        return f"has a {name} that is not a function"
    if inspect.iscoroutinefunction(handler):
        return f"has an async {name}: the container does not await it"
    try:
        signature = inspect.signature(handler)
        signature.bind(*[None] * count)
    except TypeError:
        return f"has {name}{signature}, and the container calls it with {count} arguments"
    return None


if __name__ == "__main__":
    _, code, module, destination, arguments = sys.argv
    Path(destination).write_text(json.dumps(report(code, module, json.loads(arguments))))
