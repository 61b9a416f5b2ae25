"""Where the two sides of a review come from: assemblies, template files, git revisions."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from inference_ops.archives import unpack
from inference_ops.errors import CommandError, Exit
from inference_ops.templates import load_templates

_REPORT = "validation-report.json"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One side of a review.

    Attributes:
        name: As it was given.
        templates: By stack.
        files: The template's file of each stack, as a reader would look it up.
        regions: Where each stack is deployed, if the assembly says so.
        stack_names: The name of each stack in CloudFormation, if the assembly says so.
        report: The assembly's validation report, if it has one.
    """

    name: str
    templates: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    regions: Mapping[str, str]
    stack_names: Mapping[str, str]
    report: Mapping[str, Any] | None


class Sources:
    """Reads sources; what they need on disk lasts as long as this is open.

    Args:
        links: Files that git ignores and a synth needs, such as a trained model.
        context: What `cdk synth` gets with `--context`, each as KEY=VALUE.
    """

    def __init__(self, links: Sequence[Path] = (), context: Sequence[str] = ()) -> None:
        self._links = links
        self._context = context
        self._open = ExitStack()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, given: str) -> Source:
        """Read a source.

        Args:
            given: An assembly's directory, a template's file, `REVISION:PATH` for either as
                committed, or a git revision, whose app is synthesized.

        Raises:
            CommandError: It is none of these, or cannot be read or synthesized.
        """
        path = Path(given)
        if path.is_dir():
            return _assembly(given, path)
        if path.is_file():
            return _template(given, path)
        revision, colon, within = given.partition(":")
        if _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode != 0:
            raise CommandError(
                f"{given} is neither a directory, a file nor a git revision: name a cloud "
                "assembly, a template, REVISION:PATH or a revision",
                Exit.USAGE,
            )
        if colon:
            return self._committed(given, revision, within)
        return self._synthesized(given, revision)

    def _directory(self) -> Path:
        return Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="review-")))

    def _committed(self, given: str, revision: str, within: str) -> Source:
        packed = _git("archive", "--format=tar", revision, "--", within)
        if packed.returncode != 0:
            raise CommandError(f"{within} is not committed in {revision}", Exit.USAGE)
        where = self._directory()
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            unpack(archive, where)
        path = where / within
        return _assembly(given, path) if path.is_dir() else _template(given, path)

    def _synthesized(self, given: str, revision: str) -> Source:
        root = Path(_git("rev-parse", "--show-toplevel").stdout.decode().strip())
        tree = self._directory() / "tree"
        made = _git("worktree", "add", "--detach", "--quiet", str(tree), revision)
        if made.returncode != 0:
            raise CommandError(
                f"{given} cannot be checked out: {_last_line(made.stderr)}", Exit.USAGE
            )
        self._open.callback(_git, "worktree", "remove", "--force", str(tree))
        app = tree / Path.cwd().resolve().relative_to(root)
        if not (app / "cdk.json").exists():
            raise CommandError(
                f"{given} has no cdk.json in {app.relative_to(tree)}, so there is no app to "
                "synthesize: name a template as REVISION:PATH",
                Exit.USAGE,
            )
        self._link(root, tree, app)
        out = self._directory()
        command = [_cdk(root), "synth", "--quiet", "--all", "--output", str(out)]
        command += [part for entry in self._context for part in ("--context", entry)]
        done = subprocess.run(command, cwd=app, env=_environment(root, tree), capture_output=True)
        if done.returncode != 0:
            said = _last_line(done.stderr, mark="error")
            raise CommandError(f"the app of {given} cannot be synthesized: {said}", Exit.USAGE)
        return _assembly(given, out)

    def _link(self, root: Path, tree: Path, app: Path) -> None:
        """Puts what git ignores into the checkout: what was asked for, and this environment."""
        wanted = {app / link: Path(link).resolve() for link in self._links}
        environment = Path(sys.prefix)
        if environment.is_relative_to(root):
            # An app may name its Python by a path within the project.
            wanted[tree / environment.relative_to(root)] = environment
        for target, existing in wanted.items():
            if not existing.exists():
                raise CommandError(f"--link {existing}: there is no such path", Exit.USAGE)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(existing)


def _environment(root: Path, tree: Path) -> dict[str, str]:
    """What is imported from the checkout is imported from the revision instead."""
    imported = (Path(entry).resolve() for entry in sys.path if entry)
    within = [
        str(tree / path.relative_to(root))
        for path in imported
        if path.is_relative_to(root) and not path.is_relative_to(sys.prefix)
    ]
    beside = str(Path(sys.prefix, "bin"))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(within)),
        "PATH": os.pathsep.join([beside, os.environ.get("PATH", "")]),
    }


def _cdk(root: Path) -> str:
    for place in (Path(sys.prefix, "bin"), root / "node_modules" / ".bin"):
        if (place / "cdk").exists():
            return str(place / "cdk")
    found = shutil.which("cdk")
    if found is None:
        raise CommandError(
            "the CDK CLI is not installed, and the synth of a revision needs it: npm install "
            "--save-dev aws-cdk",
            Exit.UNREACHABLE,
        )
    return found


def _assembly(given: str, directory: Path) -> Source:
    found = load_templates(directory)
    report = directory / _REPORT
    if not report.exists() and (directory.parent / "manifest.json").exists():
        # A stage's assembly within that of its app, which has the report of all.
        report = directory.parent / _REPORT
    return Source(
        name=given,
        templates={template.name: template.content for template in found},
        files={
            template.name: f"{given}/{template.path.relative_to(directory)}" for template in found
        },
        regions={
            template.name: template.region for template in found if template.region is not None
        },
        stack_names={
            template.name: template.stack_name
            for template in found
            if template.stack_name is not None
        },
        report=json.loads(report.read_text()) if report.exists() else None,
    )


def _template(given: str, path: Path) -> Source:
    (found,) = load_templates(path)
    return Source(
        name=given,
        templates={"": found.content},
        files={"": given},
        regions={},
        stack_names={},
        report=None,
    )


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["git", *arguments], capture_output=True)
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 1, b"", b"git is not installed")


def _last_line(said: bytes, mark: str = "") -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    marked = [line for line in lines if mark and mark in line.lower()]
    return (marked or lines or ["no message"])[-1]
