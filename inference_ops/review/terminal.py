"""A review in the terminal."""

from functools import partial

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from inference_ops.review.review import Review
from inference_ops.review.sections import SIGNS, by_rule, resource_lines, summary, tables, where

_SEVERITY = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_ACTION = {
    "add": "green",
    "update": "yellow",
    "replace": "bold magenta",
    "may replace": "magenta",
    "delete": "bold red",
    "keep": "red",
}

_SIGN = {"+": "green", "-": "red", "~": "yellow"}


def show(review: Review, console: Console) -> None:
    """Print a review.

    Args:
        review: The review.
        console: Where to.
    """
    # Whole lines, however narrow the terminal is.
    say = partial(console.print, soft_wrap=True)
    say(f"[bold]{escape(review.base)} → {escape(review.head)}[/]")
    say(escape(summary(review)))
    for group in by_rule(review):
        rule = group[0]
        style = _SEVERITY[rule.severity]
        say()
        say(f"[{style}]{rule.severity:<8}[/] [bold]{rule.rule}[/]")
        for finding in group:
            before = "" if finding.new else "  [dim](was there before)[/]"
            say(f"  [bold]{escape(where(finding))}[/]: {escape(finding.detail)}{before}")
        say(f"  {escape(rule.description)}", style="dim")
        say(f"  → {escape(rule.fix)}")
        say(f"  {rule.source}", style="dim")
    stack = None
    for line in resource_lines(review):
        if line.stack != stack:
            stack = line.stack
            say()
            say(f"[bold]{escape(stack or 'What changes')}[/]")
        style = _ACTION[line.action]
        say(f"[{style}]{SIGNS[line.action]} {escape(line.title)}[/]  [dim]{escape(line.kind)}[/]")
        for text in line.says:
            say(f"    {escape(text)}")
    for table in tables(review):
        shown = RichTable(
            title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
        )
        for column in table.columns:
            shown.add_column(column, overflow="fold")
        for row in table.rows:
            shown.add_row(*map(escape, row), style=_SIGN.get(row[0]))
        say()
        console.print(shown)
