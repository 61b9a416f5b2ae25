"""Archives as CDK assets whose S3 keys keep the extension `.tar.gz`."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import FileAssetPackaging, Stack, Stage
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from inference_constructs.arns import object_arn
from model_artifacts.packing import PackedArtifact


@dataclass(frozen=True, kw_only=True)
class ArchiveAsset:
    """An archive that is uploaded with the stack.

    Attributes:
        url: its S3 URI.
        arn: the object's ARN.
        sha256: digest of its bytes.
        earlier_arns: with a wildcard, all archives that the stack ever uploads; None where they
            have no folder of their own.
    """

    url: str
    arn: str
    sha256: str
    earlier_arns: list[str] | None


def pack_asset(scope: Construct, name: str, pack: Callable[[Path], PackedArtifact]) -> ArchiveAsset:
    """Packs an archive into the cloud assembly and uploads it with the stack.

    Args:
        scope: a construct of the stack.
        name: how the CLI calls it while it uploads.
        pack: writes the archive to the path that it is given.
    """
    assembly = _assembly(scope)
    packed = pack(assembly / f"{scope.node.addr}.tar.gz")
    file = assembly / _file_name(packed.sha256)
    packed.path.replace(file)
    return _asset(scope, name, packed.sha256)


def copy_asset(scope: Construct, name: str, packed: PackedArtifact) -> ArchiveAsset:
    """Uploads an archive that was packed before with the stack.

    Args:
        scope: a construct of the stack.
        name: how the CLI calls it while it uploads.
        packed: the archive.
    """
    file = _assembly(scope) / _file_name(packed.sha256)
    if not file.exists():
        shutil.copyfile(packed.path, file)
    return _asset(scope, name, packed.sha256)


def _stage(scope: Construct) -> Stage:
    stage = Stage.of(scope)
    if stage is None:
        raise ValueError(f"{scope.node.path} must be within an App")
    return stage


def _assembly(scope: Construct) -> Path:
    """The directory of all assets, which is that of the app even within a stage of a pipeline."""
    return Path(_stage(scope).asset_outdir)


def _file_name(sha256: str) -> str:
    return f"asset.{sha256}.tar.gz"


def _asset(scope: Construct, name: str, sha256: str) -> ArchiveAsset:
    stack = Stack.of(scope)
    # A folder for each stack: a role can be let read what earlier deployments of its stack
    # uploaded, and nothing else in the bucket.
    folder = f"inference-models/{stack.stack_name}"
    try:
        # `s3_assets.Asset` keeps the last extension only, `.gz`. Here the key is `<hash><last
        # extension>`, so the hash carries the rest.
        location = stack.synthesizer.add_file_asset(
            source_hash=f"{folder}/{sha256}.tar",
            # As seen from the stack's own assembly: that of a stage lies within the app's.
            file_name=os.path.relpath(_assembly(scope) / _file_name(sha256), _stage(scope).outdir),
            packaging=FileAssetPackaging.FILE,
            display_name=name,
        )
    except RuntimeError as error:
        if "StackSynthesizerBoundStackFirst" not in str(error):
            raise
        # The stack was given a synthesizer, and jsii hands that one out instead of the copy that
        # the stack bound. Within jsii the copy is found, so the CDK's own asset works.
        path = _assembly(scope) / _file_name(sha256)
        asset = s3_assets.Asset(scope, f"Archive{name}", path=str(path), display_name=name)
        return ArchiveAsset(
            url=asset.s3_object_url,
            arn=asset.bucket.arn_for_objects(asset.s3_object_key),
            sha256=sha256,
            earlier_arns=None,
        )
    arn = object_arn(stack, location.bucket_name, location.object_key)
    url = f"s3://{location.bucket_name}/{location.object_key}"
    # Another synthesizer may hand out a key that is known at the deployment only.
    family_arn = arn.replace(f"{sha256}.tar.gz", "*")
    return ArchiveAsset(
        url=url,
        arn=arn,
        sha256=sha256,
        earlier_arns=None if family_arn == arn else [family_arn],
    )
