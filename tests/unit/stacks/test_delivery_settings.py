"""The settings of the delivery: what they may hold, and what is said about what they may not."""

from pathlib import Path

import pytest
import yaml

from stacks.application import new_app
from stacks.delivery_app import define_delivery
from stacks.delivery_settings import SCHEMA, DeliverySettings, load_delivery, render_schema
from stacks.settings import CONFIG
from stacks.settings_file import SettingsError

DELIVERY = (CONFIG / "delivery.yaml").read_text()


def test_the_schema_of_the_delivery_is_current() -> None:
    """`python -m stacks.delivery_settings` writes it anew, and the file names it."""
    assert SCHEMA.read_text() == render_schema()
    assert DELIVERY.splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA.name}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("repository: OWNER/NAME", "repository: NAME", r"repository: must look like"),
        ("  connection_arn:", "  conection_arn:", r"pipeline.conection_arn \(did you mean conn"),
        ("provider_stages: [dev]", "provider_stages: [dve]", r"must be among stages \(dev, prod\)"),
        ("github:", "stages: [dev, dev]\ngithub:", r"must name each stage once, not dev, dev"),
        ("golden: config", "golden: config\ngolden: config", r"key 'golden' stands here twice"),
    ],
)
def test_a_fault_in_the_settings_of_the_delivery_is_told(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """With the file and the key, like those of stages."""
    assert old in DELIVERY
    (tmp_path / "delivery.yaml").write_text(DELIVERY.replace(old, new, 1))
    with pytest.raises(SettingsError, match=rf"{tmp_path.name}/delivery\.yaml(: |, ).*{told}"):
        load_delivery(tmp_path)


def test_a_stage_in_another_account_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Its steps could not look into it."""
    values = {**yaml.safe_load(DELIVERY), "account": "111122223333"}
    settings = DeliverySettings.model_validate(values)
    with pytest.raises(SettingsError, match=r"dev.yaml: account must be the pipeline's, 111"):
        define_delivery(new_app(tmp_path), settings)


def test_without_its_section_there_is_no_pipeline(tmp_path: Path) -> None:
    """Nor roles for GitHub without theirs."""
    values = {**yaml.safe_load(DELIVERY), "pipeline": None, "github": None}
    app = new_app(tmp_path)
    define_delivery(app, DeliverySettings.model_validate(values))
    assert [child.node.id for child in app.node.children if "inference" in child.node.id] == []
