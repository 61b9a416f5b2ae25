"""The workflows of GitHub: what actionlint says, and what a fork's pull request may reach."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
LINTER = ROOT / "node_modules" / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def actionlint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Lints the workflows in a directory."""
    assert LINTER.exists(), f"{LINTER} is missing: run `make install`, which runs `npm ci`"
    return subprocess.run(
        [str(ROOT / ".venv" / "bin" / "node"), str(LINTER), "*.yml"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    return found


def test_actionlint_has_no_complaint(tmp_path: Path) -> None:
    """It checks keys, expressions, inputs of reusable workflows, and text that anyone may write."""
    told = actionlint(WORKFLOWS)
    assert told.returncode == 0, told.stdout
    text = (WORKFLOWS / "pull-request.yml").read_text()
    title = "${{ github.event.pull_request.title }}"
    (tmp_path / "bad.yml").write_text(text.replace("run: make test", f'run: echo "{title}"'))
    refused = actionlint(tmp_path)
    assert refused.returncode == 1
    assert "potentially untrusted" in refused.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_every_action_is_pinned_by_its_commit_and_names_its_version(file: Path) -> None:
    """A tag can be moved to other code; the comment tells people what it is."""
    for line in file.read_text().splitlines():
        used = re.search(r"uses: (\S+)(.*)$", line)
        if used is not None and not used[1].startswith("./"):
            assert PINNED.fullmatch(used[1]), line
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", used[2]), line


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_nothing_is_permitted_but_what_a_job_says(file: Path) -> None:
    """Each job has what it needs, and no secret is read anywhere."""
    text = file.read_text()
    assert yaml.safe_load(text)["permissions"] == {}
    assert all("permissions" in job for job in jobs(file).values())
    assert "secrets." not in text
    assert "pull_request_target" not in text


def test_what_runs_the_code_of_a_pull_request_may_write_nothing() -> None:
    """And what may write runs none of it, and not at all for a fork."""
    for job in jobs(WORKFLOWS / "pull-request.yml").values():
        checks_out = any("actions/checkout" in step.get("uses", "") for step in job["steps"])
        writes = {name for name, level in job["permissions"].items() if level == "write"}
        assert checks_out != bool(writes)
        assert writes <= {"pull-requests", "security-events"}
        if writes:
            assert "head.repo.full_name == github.repository" in job["if"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_no_checkout_leaves_its_token_behind(file: Path) -> None:
    """Scripts that run later could take it."""
    for job in jobs(file).values():
        for step in job.get("steps", ()):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_every_script_is_bash_and_names_what_exists(file: Path) -> None:
    """The targets of the Makefile, and the commands of the environment."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name, job in jobs(file).items():
        for step in job.get("steps", ()):
            script = step.get("run", "")
            checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
            assert checked.returncode == 0, f"{name}: {checked.stderr}"
            assert "${{" not in script, "values come as variables of the environment"
            for made in re.findall(r"^make (.+)$", script, re.MULTILINE):
                assert set(made.split()) <= set(targets)


def test_a_stage_is_deployed_under_the_role_that_its_stack_makes() -> None:
    """The names are what the workflow knows before anything is deployed."""
    text = (WORKFLOWS / "deploy-stage.yml").read_text()
    account = "arn:aws:iam::${{ vars.AWS_ACCOUNT_ID }}"
    assert re.findall(r"role-to-assume: (\S.*)", text) == [
        f"{account}:role/inference-${{{{ inputs.stage }}}}-github-{purpose}"
        for purpose in ("deploy", "verify")
    ]
    assert jobs(WORKFLOWS / "deploy-stage.yml")["deploy"]["environment"] == "${{ inputs.stage }}"


def test_production_comes_after_dev_and_one_deployment_at_a_time() -> None:
    """A second commit waits, and breaks nothing off."""
    found = jobs(WORKFLOWS / "deploy.yml")
    assert [found[name]["needs"] for name in ("dev", "prod")] == ["test", "dev"]
    workflow = yaml.safe_load((WORKFLOWS / "deploy.yml").read_text())
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
