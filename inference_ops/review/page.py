"""A review as one HTML page, which needs nothing else."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from inference_ops.review.changes import Change
from inference_ops.review.findings import Finding
from inference_ops.review.picture import picture
from inference_ops.review.review import Review
from inference_ops.review.sections import SIGNS, by_rule, resource_lines, summary, tables, where

_STYLE = Path(__file__).with_name("page.css")
_LEGEND = "+ added, ~ updated in place, ± replaced, - deleted; a line leads to what is used."


def page(review: Review) -> str:
    """Write a review as a page.

    Args:
        review: The review.
    """
    title = f"{review.base} → {review.head}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(summary(review))}</p>',
        *(["<h2>Findings</h2>"] if review.open else []),
        *map(_group, by_rule(review)),
        *map(_stack, review.changes),
        _changes(review),
    ]
    for table in tables(review):
        rows = [(_KINDS.get(row[0], ""), row) for row in table.rows]
        parts.append(f"<h2>{escape(table.title)}</h2>{_table(table.columns, rows)}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


_KINDS = {"+": "add", "-": "delete", "~": "update"}


def _group(group: Sequence[Finding]) -> str:
    rule = group[0]
    return (
        f'<div class="finding {rule.severity}">'
        f'<p><span class="tag">{rule.severity}</span> <strong>{escape(rule.rule)}</strong></p>'
        f"<ul>{''.join(map(_place, group))}</ul>"
        f'<p class="soft">{escape(rule.description)} '
        f'(<a href="{escape(rule.source)}">source</a>)</p>'
        f"<p>→ {escape(rule.fix)}</p></div>"
    )


def _place(finding: Finding) -> str:
    before = "" if finding.new else ' <span class="soft">(was there before)</span>'
    return f"<li><strong>{escape(where(finding))}</strong>: {escape(finding.detail)}{before}</li>"


def _stack(change: Change) -> str:
    sides = [
        f'<section><h3>{name}</h3><div class="groups">{drawn}</div></section>'
        for name, drawn in (
            ("Before", picture(change, after=False)),
            ("After", picture(change, after=True)),
        )
    ]
    return (
        f"<h2>{escape(change.stack or 'The stack')}</h2>"
        f'<p class="soft">{_LEGEND}</p><div class="stacks">{"".join(sides)}</div>'
    )


def _changes(review: Review) -> str:
    lines = resource_lines(review)
    if not lines:
        return ""
    several = len({line.stack for line in lines}) > 1
    rows = [
        (
            line.action.replace(" ", "-"),
            (
                SIGNS[line.action],
                f"{line.stack}: {line.title}" if several else line.title,
                line.kind,
                "\n".join(line.says),
            ),
        )
        for line in lines
    ]
    return f"<h2>What changes</h2>{_table(('', 'resource', 'type', 'what'), rows)}"


def _table(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f'<tr class="{kind}">'
        + "".join(
            f'<td data-label="{escape(column)}">{escape(cell)}</td>'
            for column, cell in zip(columns, cells, strict=True)
        )
        + "</tr>"
        for kind, cells in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
