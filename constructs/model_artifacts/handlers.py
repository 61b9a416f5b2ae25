"""Refuses code that the container could not import, or that lacks a handler it would call."""

import ast
import difflib
import json
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from model_artifacts.code_tree import collect_code
from model_artifacts.errors import ArtifactError
from model_artifacts.packing import code_digest

# Positional arguments that the container passes, see the sagemaker-containers `Transformer`.
_ARGUMENTS = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2, "transform_fn": 4}
_REQUIRED = "model_fn"
_REPLACED_BY_TRANSFORM = ("input_fn", "predict_fn", "output_fn")
_IMPORT_SECONDS = 120
_CHILD = Path(__file__).with_name("handler_child.py")


def check_handlers(code: Path, entry_point: str = "inference.py") -> None:
    """Make sure that the container can import an entry point and finds its handlers.

    As in the container, `model_fn` is required; the image has defaults for `input_fn`, `predict_fn`
    and `output_fn`; a `transform_fn` stands in for these three and excludes them. The source is
    read first; then it is imported in a process of its own, with the installed packages of this
    interpreter, and the arguments of each handler are compared with what it will be given.

    Args:
        code: The directory that becomes `code/` of the artifact.
        entry_point: The file in it that holds the handlers.

    Raises:
        ArtifactError: The entry point is missing or does not import, or a handler is missing,
            misspelt, not callable or of the wrong arity.
    """
    name = Path(entry_point)
    if name.suffix != ".py" or name.name != entry_point or not name.stem.isidentifier():
        raise ArtifactError(
            f"the entry point {entry_point!r} must be a Python file directly in the code "
            "directory, such as inference.py"
        )
    if entry_point not in collect_code(code):
        raise ArtifactError(
            f"the entry point {entry_point} is missing in {code}: add it or name another"
        )
    _check_source(code / entry_point)
    fault = _import_fault(code.resolve(), name.stem, code_digest(code))
    if fault is not None:
        raise ArtifactError(f"the entry point {code / entry_point} {fault}")


def _check_source(path: Path) -> None:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ArtifactError(
            f"the entry point {path} is not valid Python: {message}{line}"
        ) from None
    names = _top_level_names(tree)
    if "*" in names:
        return
    faults = []
    if _REQUIRED not in names:
        faults.append(
            f"{_REQUIRED} is missing: define {_REQUIRED}(model_dir), which loads the model"
        )
    for handler in sorted(_ARGUMENTS.keys() - names - {_REQUIRED}):
        # A misspelt optional handler would be replaced by the image's default without a word.
        similar = difflib.get_close_matches(handler, names - _ARGUMENTS.keys(), n=1, cutoff=0.8)
        if similar and similar[0] not in _ARGUMENTS:
            faults.append(f"{similar[0]} looks like a misspelt {handler}: rename it")
    if faults:
        raise ArtifactError(f"the entry point {path} lacks handlers: {'; '.join(faults)}")


def _top_level_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for statement in _statements(tree.body):
        match statement:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {t.id for t in targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    return names


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    found = []
    for statement in body:
        found.append(statement)
        for field in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                found += _statements(getattr(statement, field, []))
        if isinstance(statement, ast.Try):
            for handler in statement.handlers:
                found += _statements(handler.body)
    return found


# Two stacks of one app pack the same code: it need not be imported twice. The digest is in the key
# because the answer changes with the code.
@lru_cache(maxsize=32)
def _import_fault(code: Path, module: str, _digest: str) -> str | None:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SAGEMAKER_"))
    }
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-I", "-B", str(_CHILD), str(code), module, str(report)]
        try:
            done = subprocess.run(
                [*command, json.dumps(_ARGUMENTS)],
                cwd=scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_IMPORT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"does not import: it took more than {_IMPORT_SECONDS} s"
        if not report.exists():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            return f"does not import: it ended Python ({last})"
        found = json.loads(report.read_text())
    if found["error"] is not None:
        return f"does not import: {found['error']}"
    return _fault_of(found["handlers"])


def _fault_of(handlers: dict[str, str | None]) -> str | None:
    if _REQUIRED not in handlers:
        return f"has no {_REQUIRED} after its import"
    if "transform_fn" in handlers and (
        both := [h for h in _REPLACED_BY_TRANSFORM if h in handlers]
    ):
        return (
            f"defines transform_fn and {', '.join(both)}: the image refuses both together, keep one"
        )
    faults = [fault for fault in handlers.values() if fault is not None]
    return "; ".join(faults) or None
