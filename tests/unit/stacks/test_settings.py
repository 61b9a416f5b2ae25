"""Settings files: what they may hold, and what is said about what they may not."""

import json
from pathlib import Path

import pytest
import yaml

from stacks.settings import CONFIG, SCHEMA, Settings, render_schema
from stacks.settings_file import SettingsError, known_stages, load_settings

DEV = (CONFIG / "dev.yaml").read_text()


def edited(directory: Path, old: str, new: str) -> Path:
    """A copy of `dev.yaml` with one edit."""
    assert old in DEV
    (directory / "dev.yaml").write_text(DEV.replace(old, new, 1))
    return directory


@pytest.mark.parametrize("stage", known_stages())
def test_the_file_of_each_stage_is_good(stage: str) -> None:
    """These are the files that are deployed from."""
    assert load_settings(stage).stage == stage


def test_the_stages_are_dev_and_prod() -> None:
    """A file is a stage."""
    assert known_stages() == ["dev", "prod"]


def test_the_schema_is_current() -> None:
    """`python -m stacks.settings` writes it anew."""
    assert SCHEMA.read_text() == render_schema()


def test_editors_find_the_schema() -> None:
    """The first line of each file names it."""
    for stage in known_stages():
        first = (CONFIG / f"{stage}.yaml").read_text().splitlines()[0]
        assert first == f"# yaml-language-server: $schema={SCHEMA.name}"


def test_every_key_is_explained_in_the_schema() -> None:
    """The explanation is what an editor shows."""
    schema = json.loads(SCHEMA.read_text())
    sections = {"Settings": schema, **schema["$defs"]}
    unexplained = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, value in section.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert unexplained == []


def test_a_directory_without_stages_is_told_as_such(tmp_path: Path) -> None:
    """There is none to choose from, so the message names the file to write."""
    with pytest.raises(SettingsError, match=f"{tmp_path.name}/ holds no stage: add .*dev.yaml"):
        load_settings("dev", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("region:", "regoin:", "unknown key regoin (did you mean region?)"),
        ("region:", "regoin:", "region is missing: add it"),
        (
            "instance_type:",
            "instance_typ:",
            "unknown key endpoint.variants.AllTraffic.instance_typ (did you mean instance_type?)",
        ),
        ("max_capacity", "maximum", "endpoint.variants.AllTraffic.scaling.max_capacity is missing"),
        (
            "ml.m5.large",
            "ml.m5.lage",
            "endpoint.variants.AllTraffic.instance_type: instance type 'ml.m5.lage' is not offered "
            "for hosting: use one of its types, such as ml.m5.large",
        ),
        (
            "ml.m5.large",
            "ml.t2.medium",
            "endpoint.variants.AllTraffic: instance type ml.t2.medium is burstable and cannot be "
            "autoscaled",
        ),
        (
            "min_capacity: 1",
            "min_capacity: 4",
            "endpoint.variants.AllTraffic.scaling: scaling: min_capacity (4) must not be greater "
            "than max_capacity (3): lower the one or raise the other",
        ),
        (
            "      scaling:",
            "      weight: -1\n      scaling:",
            "endpoint.variants.AllTraffic.weight: input should be greater than or equal to 0, "
            "not -1",
        ),
        (
            "      scaling:",
            "      weight: .nan\n      scaling:",
            "endpoint.variants.AllTraffic.weight: input should be a finite number, not nan",
        ),
        (
            "      scaling:",
            "      initial_instance_count: 9\n      scaling:",
            "initial_instance_count (9) must be within the scaling's bounds, 1 to 3",
        ),
        ("min_capacity: 1", "min_capacity: one", "should be a valid integer"),
        ("stage: dev", "stage: 3", "tags.stage: must be text, not 3: put it in quotes"),
        ("region: us-east-1", "region: Virginia", "region: must look like"),
        ("region:", "account: 123456789012\nregion:", "account: must be text, not 123456789012"),
        ("region:", "account: '12'\nregion:", "account: must look like"),
        (
            "region:",
            "region: eu-west-1\nregion:",
            "line 4: key 'region' stands here twice: keep one",
        ),
        (
            "directory: build/model",
            "source: trainingjob/x",
            "model.source: unknown source of a model 'trainingjob/x'",
        ),
        (
            "directory: build/model",
            "directory: build/model\n  source: training-job/x",
            "model: give either directory or source",
        ),
        (
            "directory: build/model",
            "source: training-job/x\n  accelerated: true",
            "model: accelerated needs directory and code: the accelerator is packed with both",
        ),
        (
            "directory: build/model",
            "directory: build/model\n  accelerated: true\n  code: null",
            "model: accelerated needs directory and code",
        ),
        (
            "directory: build/model",
            "directory: build/model\n  image: {version: 9.9-9}",
            "model.image: there is no xgboost image '9.9-9'",
        ),
        (
            "region:",
            "production: true\nregion:",
            "endpoint.variants.AllTraffic must have at least 2 instances in production, not 1",
        ),
        (
            "endpoint:",
            "batch: {instance_type: ml.t2.medium}\nendpoint:",
            "batch.instance_type: instance type 'ml.t2.medium' is not offered for batch transform",
        ),
        (
            "endpoint:",
            "network: {subnets: {subnet-1: us-east-1a}, security_groups: [sg-1]}\nendpoint:",
            "network.subnets: dictionary should have at least 2 items",
        ),
        ("model:", "model: [", "expected ',' or ']'"),
    ],
)
def test_a_fault_is_told_with_file_key_and_fix(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """The message is all that whoever edits the file gets."""
    directory = edited(tmp_path, old, new)
    with pytest.raises(SettingsError) as caught:
        load_settings("dev", directory)
    message = str(caught.value)
    assert told in message
    assert all(line.startswith(f"{tmp_path.name}/dev.yaml") for line in message.splitlines())


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    """One edit, one synth."""
    directory = edited(tmp_path, "region: us-east-1", "regon: x\nprefx: y")
    with pytest.raises(SettingsError) as caught:
        load_settings("dev", directory)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("stage", ["prd", "Dev", ""])
def test_an_unknown_stage_is_told_which_there_are(stage: str) -> None:
    """Most of them are misspelt."""
    with pytest.raises(SettingsError, match=r"unknown stage .*use one of dev, prod"):
        load_settings(stage)


@pytest.mark.parametrize("content", [b"", b"- a\n", b"text"])
def test_a_file_without_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file is not a stage."""
    (tmp_path / "dev.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"dev\.yaml: must hold keys and values"):
        load_settings("dev", tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Editors of other times save it so."""
    (tmp_path / "dev.yaml").write_bytes(b"prefix: \xe9t\xe9\n")
    with pytest.raises(SettingsError, match=r"dev\.yaml: is not UTF-8"):
        load_settings("dev", tmp_path)


def test_settings_without_a_default_are_few() -> None:
    """A first stage should be quick to write."""
    least = yaml.safe_load(
        "region: eu-west-1\n"
        "model: {directory: m}\n"
        "endpoint: {variants: {A: {instance_type: ml.m5.large}}}\n"
    )
    settings = Settings.of_stage("mine", least)
    assert settings.file == "config/mine.yaml"
    assert not settings.production
