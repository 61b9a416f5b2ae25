"""The documentation points only at what exists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from inference_ops import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
CODE = re.compile(r"`{1,3}(?:console\n)?([^`]+)`{1,3}", re.DOTALL)


def _slug(heading: str) -> str:
    """A heading's anchor as GitHub makes it."""
    text = re.sub(r"[`*\[\]]|\([^)]*\)", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links name files of the project, anchors name headings of the page."""
    broken = []
    for target, anchor in LINK.findall(page.read_text()):
        file = (page.parent / target).resolve() if target else page
        if not file.exists():
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            if anchor not in map(_slug, headings):
                broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_named_exists(page: Path) -> None:
    """`make X` in code on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(CODE.findall(page.read_text()))
    named = set(re.findall(r"\bmake ([a-z]+)", code))
    assert named <= targets


def _code(text: str) -> Iterator[str]:
    """The lines of the blocks of a page, then its inline code; a continued line is one."""
    for block in FENCED.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for inline in INLINE.findall(FENCED.sub("", text)):
        yield " ".join(inline.split())


def _commands(text: str) -> Iterator[str]:
    """Each `inference …` within code, without the program's name and what a shell adds."""
    for line in _code(text):
        # Elsewhere in a line the word is part of an output, or of a path.
        if found := re.search(r"(?:^ *(?:\$ +)?|[|&;] *|bin/)inference( .*)?$", line):
            yield re.split(r" (?:[|&;<>#]|2>)|…", found[1] or "")[0].strip()


def _unknown(arguments: list[str]) -> str | None:
    """What of a command line the program does not have; None if it has all of it."""
    command: Any = typer.main.get_command(cli.app)
    while (commands := getattr(command, "commands", None)) and arguments:
        if arguments[0] in commands:
            command, arguments = commands[arguments[0]], arguments[1:]
        elif arguments[0].startswith("-"):
            break
        elif "estimate" in commands:
            # `inference cost TEMPLATE` is short for `inference cost estimate TEMPLATE`.
            command = commands["estimate"]
        else:
            return arguments[0]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    named = {word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)}
    missing = named - known - {"--help", "-h"}
    return " ".join(sorted(missing)) or None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_named_exists_with_its_options(page: Path) -> None:
    """`inference X --y` in code on a page is one of the program's, with an option of that name."""
    wrong = {
        command: unknown
        for command in _commands(page.read_text())
        if (unknown := _unknown(command.split())) is not None
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("review main HEAD --only-new", None),
        ("review main HEAD --only-old", "--only-old"),
        ("deployments prune churn --keep 1", None),
        ("deployments forget churn", "forget"),
        ("cost cdk.out --stack dev", None),
        ("cost cdk.out --stage dev", "--stage"),
        ("reviews", "reviews"),
    ],
)
def test_a_command_that_is_not_there_would_be_found(command: str, unknown: str | None) -> None:
    """The test before can fail."""
    assert _unknown(command.split()) == unknown
    page = f"text\n\n```console\n$ inference {command}\n```\n"
    assert [*_commands(page), *_commands(f"see `inference {command}`")] == [command] * 2


def test_help_lists_every_target() -> None:
    """`make` alone tells what can be made."""
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(re.findall(r"^  make (\w+)", told.stdout, re.MULTILINE))
