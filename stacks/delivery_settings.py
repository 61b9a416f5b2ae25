"""Settings of the delivery, read from `config/delivery.yaml`: who deploys the stages, and how.

`python -m stacks.delivery_settings` writes `config/delivery-schema.json`, as `stacks.settings` does
for the stages.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from stacks.section import PolicyArn, Section
from stacks.settings import CONFIG, LogRetentionDays, Settings
from stacks.settings_file import DELIVERY, SettingsError, load_settings, read_file

SCHEMA = CONFIG / "delivery-schema.json"

_ConnectionArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}"
        r":connection/[0-9a-f-]+$"
    ),
]


class PipelineSettings(Section):
    """A pipeline of AWS CodePipeline that follows a branch."""

    connection_arn: _ConnectionArn
    """The connection to the repository's host, made and authorized once in the console."""
    branch: Annotated[str, Field(pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """What is deployed: each of its commits."""
    notify_emails: list[Annotated[str, Field(pattern=r"^\S+@\S+$")]] = []
    """Who hears of a stage that waits for an approval; each address has to confirm."""
    log_retention_days: LogRetentionDays = 90
    """How long the logs of builds are kept."""


class GitHubSettings(Section):
    """Roles that the workflows of the GitHub repository assume; no key is kept there."""

    provider_stages: list[str] = []
    """Stages whose stack makes GitHub's OIDC provider. An account has one: name one stage of it."""


class DeliverySettings(Section):
    """How the stages are deployed from a repository."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """The region of the pipeline, which is that of its stages."""
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    """The account of the pipeline and of its stages, in quotes. null: the credentials'."""
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """OWNER/NAME, as its host writes it."""
    stages: Annotated[list[str], Field(min_length=1)] = ["dev", "prod"]
    """In this order. Before one with `production: true` there is a review and an approval."""
    golden: str | None = None
    """A request and its answer (`inference invoke --record`) for each stage. null: none is sent."""
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = "inference"
    """How the names of the stacks begin."""
    tags: dict[str, str] = {}
    """On every resource that takes tags."""
    permissions_boundary_arn: PolicyArn | None = None
    """The boundary of every role."""
    bootstrap_qualifier: Annotated[str, Field(pattern=r"^[a-zA-Z0-9]{1,10}$")] | None = None
    """The qualifier that the account was bootstrapped with. null: the CDK's own."""
    pipeline: PipelineSettings | None = None
    """null: no pipeline."""
    github: GitHubSettings | None = None
    """null: no roles for GitHub."""

    @model_validator(mode="after")
    def _stages_are_named_once(self) -> Self:
        if len(set(self.stages)) < len(self.stages):
            raise ValueError(f"stages must name each stage once, not {', '.join(self.stages)}")
        unknown = set(() if self.github is None else self.github.provider_stages) - {*self.stages}
        if unknown:
            raise ValueError(
                f"github.provider_stages must be among stages ({', '.join(self.stages)}), not "
                f"{', '.join(sorted(unknown))}"
            )
        return self


def load_delivery(directory: Path = CONFIG) -> DeliverySettings:
    """Reads the settings of the delivery.

    Args:
        directory: where the file is.

    Raises:
        SettingsError: the file is missing or wrong.
    """
    path = directory / f"{DELIVERY}.yaml"
    return read_file(path, DeliverySettings, DeliverySettings.model_validate)


def stages_of(delivery: DeliverySettings, directory: Path = CONFIG) -> list[Settings]:
    """Reads the settings of the stages that are delivered.

    Args:
        delivery: names them.
        directory: where their files are.

    Raises:
        SettingsError: there is no such stage, or its file is wrong.
    """
    return [load_settings(stage, directory) for stage in delivery.stages]


def refuse_elsewhere(delivery: DeliverySettings, stages: Sequence[Settings]) -> None:
    """Refuses stages that a pipeline of this account and region cannot look after.

    Args:
        delivery: says where the pipeline is.
        stages: what it deploys.

    Raises:
        SettingsError: a stage is in another account or region.
    """
    for stage in stages:
        for key in ("region", "account"):
            wanted, found = getattr(delivery, key), getattr(stage, key)
            if wanted != found:
                raise SettingsError(
                    f"{stage.file}: {key} must be the pipeline's, {wanted or 'null'} as in "
                    f"config/{DELIVERY}.yaml, not {found or 'null'}: deploy a pipeline there, or "
                    "this stage with the GitHub workflow"
                )


def render_schema() -> str:
    """Builds the text of `config/delivery-schema.json`."""
    schema = DeliverySettings.model_json_schema()
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(render_schema())
    print(f"wrote {SCHEMA}")
