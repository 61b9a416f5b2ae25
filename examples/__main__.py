"""Prints how many lines of user code each example takes: `python -m examples`.

Blank lines, comments and imports do not count; everything else does, also the first line that says
what an example is.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_LINES = 25

_NOT_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
        tokenize.INDENT,
        tokenize.NEWLINE,
        tokenize.NL,
    }
)


def user_lines(path: Path) -> int:
    """Counts the lines of code of a file but for imports.

    Args:
        path: the file.
    """
    source = path.read_text(encoding="utf-8")
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in _NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - set(_import_lines(source)))


def _import_lines(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def main() -> None:
    """Prints the table."""
    for path in sorted(HERE.glob("*/app.py")):
        print(f"{user_lines(path):5}  {path.relative_to(HERE.parent)}")
    raw = HERE.parent / "benchmarks" / "raw_canary"
    lines = sum(user_lines(path) for path in raw.glob("*.py"))
    print(f"{lines:5}  {raw.relative_to(HERE.parent)}: the canary in level-1 constructs")


if __name__ == "__main__":
    main()
