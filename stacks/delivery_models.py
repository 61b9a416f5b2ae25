"""The models of AWS that the stages of a pipeline serve, as its first build gets them."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.pinned_artifact import PinnedArtifact
from stacks.artifact import model_artifact
from stacks.delivery_permissions import Permissions
from stacks.model_settings import ModelSettings
from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class PinnedModels:
    """What makes the archives anew that are not committed.

    Attributes:
        commands: for a shell, each once.
        permissions: what they read.
    """

    commands: Sequence[str]
    permissions: Permissions


def pinned_models(scope: Construct, stages: Sequence[Settings]) -> PinnedModels:
    """Finds the models that `inference resolve` packed for the stages.

    Args:
        scope: the stack of the pipeline.
        stages: the settings of the stages.

    Raises:
        ArtifactError: a model is not pinned.
    """
    commands: dict[str, None] = {}
    objects: dict[str, None] = {}
    keys: dict[str, None] = {}
    for stage in stages:
        named: list[tuple[str | None, ModelSettings]] = [(None, stage.model), *stage.models.items()]
        for name, model in named:
            artifact = model_artifact(stage, name)
            if not isinstance(artifact, PinnedArtifact):
                continue
            if (restoring := artifact.restoring(scope)) is None:
                continue
            commands[restoring.command] = None
            objects |= dict.fromkeys(restoring.object_arns)
            if model.artifact_key_arn is not None:
                keys[model.artifact_key_arn] = None
    return PinnedModels(
        commands=list(commands),
        permissions=Permissions(
            statements=[
                iam.PolicyStatement(actions=actions, resources=list(resources))
                for actions, resources in (
                    (["s3:GetObject", "s3:GetObjectVersion"], objects),
                    (["kms:Decrypt"], keys),
                )
                if resources
            ],
            reasons={},
        ),
    )
