"""A review as Markdown, for a comment on a pull request."""

from collections.abc import Iterable, Sequence

from inference_ops.review.review import Review
from inference_ops.review.sections import SIGNS, resource_lines, summary, tables, where

_SYMBOL = {"error": "🔴", "warning": "🟡", "note": "🔵"}


def markdown(review: Review) -> str:
    """Write a review as Markdown.

    Args:
        review: The review.
    """
    parts = [f"### Review of {_code(review.head)} against {_code(review.base)}", summary(review)]
    if review.open:
        rows = [
            (
                f"{_SYMBOL[finding.severity]} {finding.severity}",
                f"[{finding.rule}]({finding.source})",
                _code(where(finding)),
                f"{_text(finding.detail)}{'' if finding.new else ' *(was there before)*'}"
                f"<br>→ {_text(finding.fix)}",
            )
            for finding in review.open
        ]
        parts.append(_table(("severity", "rule", "resource", "finding"), rows))
    lines = resource_lines(review)
    if lines:
        several = len({line.stack for line in lines}) > 1
        changed = [
            (
                SIGNS[line.action],
                _code(f"{line.stack}: {line.title}" if several else line.title),
                line.kind,
                "<br>".join(map(_text, line.says)),
            )
            for line in lines
        ]
        table = _table(("", "resource", "type", "what"), changed)
        parts.append(_details(f"What changes: {len(lines)} resources", table))
    for section in tables(review):
        rows_of_section = [
            (row[0], *(_code(cell) if cell else "" for cell in row[1:])) for row in section.rows
        ]
        table = _table(section.columns, rows_of_section)
        parts.append(_details(f"{section.title}: {len(section.rows)} rows", table))
    return "\n\n".join(parts) + "\n"


def _details(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Text that Markdown shows as it is: names come from templates that anyone may write."""
    escaped = _html(text)
    for character in "\\`*_[]|#":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped.replace("\n", "<br>")


def _code(text: str) -> str:
    lines = _html(text).replace("|", "&#124;").split("\n")
    return "<br>".join(f"<code>{line}</code>" for line in lines)


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
