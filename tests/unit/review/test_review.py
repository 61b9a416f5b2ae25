"""`inference review`: what it says of a change, in each format, and how it ends."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inference_ops.review.catalogue import catalogue_page
from tests.unit.review.conftest import Command
from tests.unit.review.edits import HERE, edited, healthy

ROOT = Path(__file__).parents[3]

MODEL_DATA = "Resources/Model/Properties/PrimaryContainer/ModelDataUrl"
NEW_MODEL = {"at": MODEL_DATA, "value": "s3://models/churn/2/model.tar.gz"}
BIGGER = {
    "at": "Resources/Config/Properties/ProductionVariants/0/InstanceType",
    "value": "ml.m5.xlarge",
}
MILLISECONDS = {"at": "Resources/Latency/Properties/Threshold", "value": 500}
ACKNOWLEDGED = {
    "at": "Resources/Latency/Metadata",
    "value": {"inference": {"acknowledge": {"AlarmUnits": "it is a drill"}}},
}
WITHDRAWN = {
    "at": "Resources/Released",
    "value": {
        "Type": "Custom::ReleasedScalableTargets",
        "Properties": {"ServiceToken": "arn", "EndpointName": {"Fn::Sub": "churn-${Stage}"}},
    },
}

Write = Callable[..., str]


def test_a_new_model_is_told_in_the_terms_of_sagemaker(template: Write, inference: Command) -> None:
    """Model, config and endpoint: what is replaced and why, and how the endpoint gets there."""
    result = inference(
        "review", template("a", "realtime"), template("b", "realtime", NEW_MODEL, BIGGER), "--json"
    )
    (stack,) = json.loads(result.stdout)["stacks"]
    told = {entry["logical_id"]: (entry["action"], entry["says"]) for entry in stack["resources"]}
    moves = "variant Blue: model changes, instance type ml.m5.large → ml.m5.xlarge"
    assert told["Model"] == (
        "replace",
        ["artifact is read from another place", "replaced, because of PrimaryContainer"],
    )
    assert told["Config"] == (
        "replace",
        [moves, "variant Green: model changes", "replaced, because of ProductionVariants"],
    )
    assert told["Endpoint"] == (
        "update",
        [
            "moves to a new config, canary 25 %, 300 s of bake",
            moves,
            "variant Green: model changes",
        ],
    )
    assert told["RollbackAlarm"] == ("update", ["Dimensions: of the new Config"])
    assert set(told) == {"Model", "Config", "Endpoint", "RollbackAlarm"}


@pytest.mark.parametrize(
    ("edits", "code"),
    [([], 0), ([NEW_MODEL], 0), ([MILLISECONDS], 1), ([MILLISECONDS, ACKNOWLEDGED], 0)],
    ids=["nothing", "a model", "an error", "an acknowledged error"],
)
def test_the_exit_code_tells_whether_there_is_an_error(
    template: Write, inference: Command, edits: list[dict[str, Any]], code: int
) -> None:
    """A pipeline goes by it."""
    result = inference("review", template("a", "realtime"), template("b", "realtime", *edits))
    assert result.exit_code == code


def test_a_finding_that_was_there_before_can_be_left_out(
    template: Write, inference: Command
) -> None:
    """A pull request answers for what it changes."""
    base, head = (
        template("a", "realtime", MILLISECONDS),
        template("b", "realtime", MILLISECONDS, NEW_MODEL),
    )
    result = inference("review", base, head)
    assert result.exit_code == 1
    assert "was there before" in result.stdout
    assert inference("review", base, head, "--only-new").exit_code == 0


def test_our_owner_of_scaling_lets_a_type_change(template: Write, inference: Command) -> None:
    """It withdraws the target before the update; CloudFormation's own target is in the way."""
    base = template("a", "realtime")
    plain = inference("review", base, template("b", "realtime", BIGGER), "--json")
    owned = inference("review", base, template("c", "realtime", BIGGER, WITHDRAWN), "--json")
    rules = [
        {finding["rule"] for finding in json.loads(result.stdout)["findings"]}
        for result in (plain, owned)
    ]
    assert "ScaledInstanceType" in rules[0]
    assert "ScaledInstanceType" not in rules[1]


def test_the_quota_is_compared_with_both_fleets(template: Write, inference: Command) -> None:
    """Blue has up to 8 and Green 2 instances, before and after: 20."""
    pair = template("a", "realtime"), template("b", "realtime", NEW_MODEL)
    assert inference("review", *pair, "--quota", "ml.m5.large=20").exit_code == 0
    short = inference("review", *pair, "--quota", "ml.m5.large=19")
    assert short.exit_code == 1
    assert "old and new fleet are up to 20 x ml.m5.large, the quota is 19" in short.stdout


def test_the_cost_is_told_with_its_range(template: Write, inference: Command) -> None:
    """A larger type for 4 to 8 instances; the difference is that of the two estimates."""
    pair = template("a", "realtime"), template("b", "realtime", BIGGER)
    result = inference("review", *pair, "--region", "us-east-1", "--json")
    (cost,) = json.loads(result.stdout)["cost_usd_per_month"]
    # USD per hour of hosting in us-east-1: $0.115 for ml.m5.large, $0.23 for ml.m5.xlarge.
    assert cost["difference"]["minimum"] == pytest.approx(4 * 730 * 0.115)
    assert cost["difference"]["maximum"] == pytest.approx(8 * 730 * 0.115)


@pytest.mark.parametrize(("after", "sign"), [(9, "+"), (7, "-")])
def test_a_sign_tells_whether_the_cost_rises(
    template: Write, inference: Command, after: int, sign: str
) -> None:
    """Only the most changes, by the maximum of the scaling."""
    place = "Resources/Target/Properties/MaxCapacity"
    pair = (
        template(str(name), "realtime", {"at": place, "value": most})
        for name, most in enumerate((8, after))
    )
    told = inference("review", *pair, "--region", "us-east-1").stdout
    assert re.search(rf"^  {re.escape(sign)}   the template", told, re.MULTILINE)


def test_markdown_shows_names_from_a_template_as_they_are(
    template: Write, inference: Command
) -> None:
    """A comment on a pull request renders no markup that a template brings along."""
    name = {
        "at": "Resources/Latency/Properties/Dimensions/1/Value",
        "value": "<img src=x>|[a](b)",
    }
    result = inference(
        "review",
        template("a", "realtime"),
        template("b", "realtime", name),
        "--format",
        "markdown",
    )
    assert "[AlarmDimensions](https://docs.aws.amazon.com/" in result.stdout
    assert "<img" not in result.stdout
    assert "&lt;img src=x&gt;\\|\\[a\\](b)" in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("| 🔴")]
    assert len(rows) == 1


def test_sarif_is_valid_and_points_at_the_resource(template: Write, inference: Command) -> None:
    """Code scanning shows a finding beside the line of the template."""
    head = template("b", "realtime", MILLISECONDS)
    result = inference("review", template("a", "realtime"), head, "--format", "sarif")
    log = json.loads(result.stdout)
    schema = json.loads((HERE / "sarif-schema-2.1.0.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(log)
    (run,) = log["runs"]
    (found,) = run["results"]
    assert (found["ruleId"], found["level"], found["baselineState"]) == (
        "AlarmUnits",
        "error",
        "new",
    )
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == "AlarmUnits"
    place = found["locations"][0]["physicalLocation"]
    line = Path(head).read_text().splitlines()[place["region"]["startLine"] - 1]
    assert place["artifactLocation"]["uri"] == head
    assert line.strip() == '"Latency": {'


def test_an_acknowledged_finding_is_suppressed_in_sarif(
    template: Write, inference: Command
) -> None:
    """With the reason that was given."""
    head = template("b", "realtime", MILLISECONDS, ACKNOWLEDGED)
    result = inference("review", template("a", "realtime"), head, "--format", "sarif")
    (found,) = json.loads(result.stdout)["runs"][0]["results"]
    assert found["suppressions"] == [{"kind": "external", "justification": "it is a drill"}]


def test_the_page_needs_nothing_else(template: Write, inference: Command, tmp_path: Path) -> None:
    """No script, no picture, no font and no style from elsewhere; names are escaped."""
    name = {"at": "Resources/Latency/Properties/Dimensions/1/Value", "value": "<b>bold</b>"}
    file = tmp_path / "review.html"
    head = template("b", "realtime", NEW_MODEL, name)
    result = inference(
        "review", template("a", "realtime"), head, "--format", "html", "--output", file
    )
    text = file.read_text()
    assert result.exit_code == 1
    assert "<b>bold" not in text
    for loading in ("<script", "<link", "<img", "src=", "url(", "@import"):
        assert loading not in text


def assembly(directory: Path, body: dict[str, Any], violations: list[str]) -> str:
    """A cloud assembly of one stack, with what cdk-nag found at its model."""
    directory.mkdir()
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {"templateFile": "churn.template.json"},
        "displayName": "churn",
    }
    (directory / "manifest.json").write_text(json.dumps({"artifacts": {"churn": artifact}}))
    (directory / "churn.template.json").write_text(json.dumps(body))
    found = [
        {"ruleName": rule, "violatingConstructs": [{"constructPath": "churn/Model"}]}
        for rule in violations
    ]
    kept = {
        "ruleName": "AlarmUnits",
        "reason": "it is a drill",
        "violatingConstructs": [{"constructPath": "churn/Latency"}],
    }
    reports = [
        {"pluginName": "AwsSolutions", "violations": found, "suppressedViolations": []},
        {"pluginName": "InferenceChecks", "violations": [], "suppressedViolations": [kept]},
    ]
    (directory / "validation-report.json").write_text(json.dumps({"pluginReports": reports}))
    return str(directory)


def test_assemblies_bring_their_acknowledgements_region_and_reports(
    tmp_path: Path, inference: Command
) -> None:
    """What an app acknowledges at synth is acknowledged in its review."""
    path = {"at": "Resources/Latency/Metadata", "value": {"aws:cdk:path": "churn/Latency"}}
    body = edited(healthy("realtime"), [MILLISECONDS, path])
    base = assembly(tmp_path / "base", body, ["AwsSolutions-IAM5", "AwsSolutions-L1"])
    head = assembly(tmp_path / "head", body, ["AwsSolutions-IAM5", "AwsSolutions-SNS3"])
    result = inference("review", base, head, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    (finding,) = found["findings"]
    assert (finding["rule"], finding["acknowledged"]) == ("AlarmUnits", "it is a drill")
    assert [entry["rule"] for entry in found["nag"]["added"]] == ["AwsSolutions-SNS3"]
    assert [entry["rule"] for entry in found["nag"]["removed"]] == ["AwsSolutions-L1"]
    assert found["cost_usd_per_month"][0]["region"] == "us-east-1"


def test_a_wider_role_and_an_opened_group_are_shown_as_tables(
    template: Write, inference: Command
) -> None:
    """A reviewer sees who may do more, and who may connect."""
    wider = {
        "at": "Resources/RolePolicy/Properties/PolicyDocument/Statement/0/Action",
        "value": ["s3:GetObject", "s3:PutObject"],
    }
    one = inference("review", template("a", "realtime"), template("b", "realtime", wider))
    assert "Permissions" in one.stdout
    assert "s3:PutObject" in one.stdout
    assert "warning  WiderPermissions" in one.stdout
    peer = {
        "at": "Resources/Group/Properties/SecurityGroupIngress/0/CidrIp",
        "value": "0.0.0.0/0",
    }
    other = inference("review", template("c", "batch"), template("d", "batch", peer))
    assert "Everyone (IPv4)" in other.stdout
    assert "10.0.0.0/8" in other.stdout


SAMPLES = {
    # It names what is replaced, gives its role three whole services, and scales at 6 a minute.
    "activity-detection": {
        ("RoleFullAccess", "SageMakerExecutionRole"),
        ("FixedConfigName", "Model"),
        ("FixedConfigName", "EndpointConfig"),
        ("ModelNetworkIsolation", "Model"),
        ("ScaledCountRetained", "Endpoint"),
        ("InvocationsPerMinute", "AutoScalingTargetSagemaker"),
    },
    "safe-deployment": {
        ("ModelNetworkIsolation", "Model"),
        ("ScaledCountRetained", "Endpoint"),
    },
    "secure-mlops": {("ModelNetworkIsolation", "SageMakerModel")},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_template_of_others_is_reviewed_as_a_person_would(name: str, inference: Command) -> None:
    """See `samples/README.md` for where they come from."""
    path = HERE / "samples" / f"{name}.yaml"
    result = inference("review", path, path, "--region", "us-east-1", "--json")
    found = json.loads(result.stdout)
    assert {(entry["rule"], entry["resource"]) for entry in found["findings"]} == SAMPLES[name]
    assert found["stacks"][0]["resources"] == []


def test_a_change_of_a_template_of_others_fails_as_aws_would(
    tmp_path: Path, inference: Command
) -> None:
    """Another default of the instance type: a fixed name is taken, and scaling is in the way."""
    text = (HERE / "samples" / "activity-detection.yaml").read_text()
    other = tmp_path / "other.yaml"
    other.write_text(text.replace('Default: "ml.g4dn.2xlarge"', 'Default: "ml.g4dn.xlarge"'))
    result = inference("review", HERE / "samples" / "activity-detection.yaml", other, "--json")
    found = {entry["rule"] for entry in json.loads(result.stdout)["findings"] if entry["new"]}
    assert found == {"FixedNameReplaced", "ScaledInstanceType"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not: a template", "is no CloudFormation template"),
        ("{", "is neither JSON nor YAML"),
        (None, "is neither a directory, a file nor a git revision"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(
    template: Write, inference: Command, tmp_path: Path, content: str | None, reason: str
) -> None:
    """In one line, with what was expected."""
    file = tmp_path / "x.yaml"
    if content is not None:
        file.write_text(content)
    result = inference("review", template("a", "realtime"), file)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_quota_is_a_type_and_a_number(template: Write, inference: Command) -> None:
    """Anything else is wrong usage."""
    same = template("a", "realtime")
    result = inference("review", same, same, "--quota", "ml.m5.large")
    assert result.exit_code == 2
    assert "such as ml.m5.large=4, not 'ml.m5.large'" in result.stderr


def test_without_the_differ_it_is_told_how_to_install_it(
    template: Write, inference: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One clear line; the script runs where no `node_modules` is above it."""
    script = tmp_path / "differ.cjs"
    script.write_text((ROOT / "inference_ops" / "review" / "differ.cjs").read_text())
    monkeypatch.setattr("inference_ops.review.differ._SCRIPT", script)
    monkeypatch.chdir(tmp_path)
    same = template("a", "realtime")
    result = inference("review", same, same)
    assert result.exit_code == 3
    assert "npm install --save-dev @aws-cdk/cloudformation-diff" in result.stderr


def test_without_node_it_is_told_how_to_install_it(
    template: Write, inference: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One clear line."""
    monkeypatch.delenv("JSII_NODE", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    same = template("a", "realtime")
    result = inference("review", same, same)
    assert result.exit_code == 3
    assert "Node is not installed" in result.stderr


def git(where: Path, *arguments: str) -> None:
    """Runs git as somebody."""
    someone = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *someone, *arguments], cwd=where, check=True, capture_output=True)


STACK = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://unknown-account/unknown-region",
    "properties": {"templateFile": "s.template.json"},
}
MANIFEST = {"version": "36.0.0", "artifacts": {"s": STACK}}

APP = f"""
import json, os, pathlib
import shape
out = pathlib.Path(os.environ["CDK_OUTDIR"])
(out / "manifest.json").write_text(json.dumps({MANIFEST}))
topic = {{"Type": "AWS::SNS::Topic", "Properties": {{"DisplayName": shape.NAME}}}}
(out / "s.template.json").write_text(json.dumps({{"Resources": {{"Topic": topic}}}}))
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with an app and a template, each committed twice."""
    where = tmp_path / "repository"
    where.mkdir()
    git(where, "init", "--quiet", "--initial-branch", "main")
    (where / "cdk.json").write_text(json.dumps({"app": "python app.py"}))
    (where / "app.py").write_text(APP)
    for name in ("first", "second"):
        (where / "shape.py").write_text(f"NAME = {name!r}\n")
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}
        (where / "t.json").write_text(json.dumps({"Resources": {"Topic": topic}}))
        (where / "out").mkdir(exist_ok=True)
        (where / "out" / "manifest.json").write_text(json.dumps(MANIFEST))
        (where / "out" / "s.template.json").write_text((where / "t.json").read_text())
        git(where, "add", ".")
        git(where, "commit", "--quiet", "--message", name)
    monkeypatch.chdir(where)
    return where


@pytest.mark.parametrize(
    "pair",
    [
        ("HEAD~1:t.json", "HEAD:t.json"),
        ("HEAD~1:t.json", "t.json"),
        ("HEAD~1:out", "out"),
        ("HEAD~1", "HEAD"),
    ],
)
def test_revisions_of_git_are_compared_and_leave_no_checkout_behind(
    pair: tuple[str, str], repository: Path, inference: Command
) -> None:
    """As committed, or as their app synthesizes with the CDK CLI."""
    result = inference("review", *pair, "--json")
    assert result.exit_code == 0, result.stderr
    (stack,) = json.loads(result.stdout)["stacks"]
    (topic,) = stack["resources"]
    assert [(part["old"], part["new"]) for part in topic["properties"]] == [("first", "second")]
    listed = subprocess.run(
        ["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert len(listed.stdout.splitlines()) == 1


def test_a_revision_that_cannot_be_synthesized_says_why(
    repository: Path, inference: Command
) -> None:
    """The last line that the app left."""
    (repository / "app.py").write_text("raise SystemExit('error: there is no model')")
    git(repository, "commit", "--all", "--quiet", "--message", "broken")
    result = inference("review", "t.json", "HEAD")
    assert result.exit_code == 2
    assert "the app of HEAD cannot be synthesized" in result.stderr


def test_the_rules_are_listed(inference: Command) -> None:
    """All of them, each with its severity and source."""
    listed = json.loads(inference("rules", "--json").stdout)["rules"]
    assert len(listed) >= 30
    assert "ScaledInstanceType" in inference("rules").stdout


def test_the_page_of_the_rules_is_current() -> None:
    """`inference rules --markdown > docs/rules.md` writes it anew."""
    assert (ROOT / "docs" / "rules.md").read_text() == catalogue_page()
