"""Code goes out only if the container can import it and finds its handlers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model_artifacts import ArtifactError
from model_artifacts.handlers import check_handlers

_FOUR = """
def model_fn(model_dir): ...
def input_fn(body, content_type): ...
def predict_fn(data, model): ...
def output_fn(prediction, accept): ...
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a code directory with the given entry point."""

    def write(source: str) -> Path:
        code = tmp_path / "serving"
        code.mkdir(exist_ok=True)
        (code / "inference.py").write_text(source)
        return code

    return write


@pytest.mark.parametrize(
    "source",
    [
        _FOUR,
        "def model_fn(model_dir): ...\n",
        "def model_fn(model_dir, context=None): ...\n",
        "model_fn = lambda model_dir: None\n",
        "def model_fn(model_dir): ...\ndef transform_fn(model, body, content_type, accept): ...\n",
        "try:\n    import nothing_like_this\nexcept ImportError:\n    def model_fn(d): ...\n",
        "from helper import *\n",
        "from helper import load as model_fn\n",
        "import sys\nprint('noise')\nprint('more', file=sys.stderr)\n" + _FOUR,
    ],
)
def test_what_the_container_can_call_passes(write: Write, source: str) -> None:
    """All four handlers, or those for which the image has no default."""
    code = write(source)
    (code / "helper.py").write_text("def model_fn(d): ...\ndef load(d): ...\n")

    check_handlers(code)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "def predict_fn(data, model): ...\n",
            r"model_fn is missing: define model_fn\(model_dir\)",
        ),
        ("class Model:\n    def model_fn(self, d): ...\n", "model_fn is missing"),
        (_FOUR.replace("input_fn", "inputs_fn"), "inputs_fn looks like a misspelt input_fn"),
        (_FOUR.replace("output_fn", "ouput_fn"), "ouput_fn looks like a misspelt output_fn"),
        ("def model_fn(\n", r"is not valid Python: .*\(line 1\)"),
        ("import no_such_package\n" + _FOUR, "No module named 'no_such_package'"),
        ("from helper import *\n", "has no model_fn after its import"),
        ("model_fn = 1\n", "has a model_fn that is not a function"),
        ("async def model_fn(d): ...\n", "async model_fn"),
        ("def model_fn(): ...\n", r"has model_fn\(\), and the container calls it with 1 argument"),
        (
            "def model_fn(d): ...\ndef predict_fn(data): ...\n",
            r"has predict_fn\(data\), and the container calls it with 2 arguments",
        ),
        (
            _FOUR + "def transform_fn(model, body, content_type, accept): ...\n",
            "defines transform_fn and input_fn, predict_fn, output_fn",
        ),
        (_FOUR + "raise RuntimeError('first\\nlast line')\n", "does not import: last line$"),
        (_FOUR + "raise SystemExit(3)\n", "does not import: SystemExit: 3"),
        (_FOUR + "import os\nos._exit(7)\n", r"it ended Python \(exit code 7\)"),
    ],
)
def test_what_the_container_would_stumble_over_is_refused(
    write: Write, source: str, reason: str
) -> None:
    """The last line of the reason, never a traceback."""
    code = write(source)
    (code / "helper.py").write_text("")

    with pytest.raises(ArtifactError, match=reason) as raised:
        check_handlers(code)

    assert "Traceback" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["inference.txt", "code/inference.py", "in-ference.py", "../x.py"])
def test_an_entry_point_is_a_module_of_the_code_directory(write: Write, name: str) -> None:
    """SAGEMAKER_PROGRAM names a file directly in it."""
    with pytest.raises(ArtifactError, match="must be a Python file directly in the code directory"):
        check_handlers(write(_FOUR), name)


def test_a_missing_entry_point_is_refused(write: Write) -> None:
    """The error names the file and the directory."""
    with pytest.raises(ArtifactError, match=r"the entry point serve\.py is missing in .*serving"):
        check_handlers(write(_FOUR), "serve.py")


def test_a_check_leaves_nothing_behind(write: Write) -> None:
    """No compiled files in the user's directory."""
    code = write("import helper\n" + _FOUR)
    (code / "helper.py").write_text("")
    check_handlers(code)

    assert sorted(path.name for path in code.iterdir()) == ["helper.py", "inference.py"]


def test_changed_code_is_imported_anew(write: Write) -> None:
    """The answer of an earlier check holds for the same bytes only."""
    code = write("import helper\n" + _FOUR)
    (code / "helper.py").write_text("")
    check_handlers(code)
    (code / "helper.py").write_text("1 / 0\n")

    with pytest.raises(ArtifactError, match="ZeroDivisionError: division by zero"):
        check_handlers(code)


def test_the_handlers_of_this_project_pass() -> None:
    """The code directory that the examples deploy."""
    check_handlers(Path(__file__).parents[3] / "model_code" / "serving")
