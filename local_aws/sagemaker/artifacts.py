"""Model artifacts: where a container's model comes from, fetched as its execution role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud, Credentials
from local_aws.permissions.sessions import assume
from local_aws.sagemaker.archive import ArchiveError, extract

SERVICE = "sagemaker.amazonaws.com"


class ArtifactError(Exception):
    """The artifact cannot be had; the message is AWS's FailureReason."""


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container of a model, with what a model package adds to it.

    Attributes:
        image: the image's URI.
        environment: the container's variables.
        data_url: S3 URI of the artifact; None for a container without one.
        compressed: the artifact is a ``tar.gz`` archive; otherwise it is everything below the URI.
    """

    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    data_url: str | None = None
    compressed: bool = True


def container_of(cloud: Cloud, model: Mapping[str, Any]) -> ContainerSpec:
    """The first container of a model as DescribeModel answers it."""
    definition = model.get("PrimaryContainer") or model["Containers"][0]
    environment = definition.get("Environment", {})
    package_name = definition.get("ModelPackageName")
    if package_name is not None:
        package = cloud.client("sagemaker").describe_model_package(ModelPackageName=package_name)
        definition = package["InferenceSpecification"]["Containers"][0]
        environment = {**definition.get("Environment", {}), **environment}
    source = definition.get("ModelDataSource", {}).get("S3DataSource")
    if source is not None:
        return ContainerSpec(
            image=definition["Image"],
            environment=environment,
            data_url=source["S3Uri"],
            compressed=source.get("CompressionType") == "Gzip",
        )
    return ContainerSpec(
        image=definition["Image"],
        environment=environment,
        data_url=definition.get("ModelDataUrl"),
    )


def check_access(cloud: Cloud, role_arn: str, url: str) -> bool:
    """Whether the role exists, SageMaker may assume it, and it may read what lies at ``url``."""
    bucket, key = _split(url)
    try:
        session = assume(role_arn, service=SERVICE, session_name="SageMaker")
        client = cloud.client("s3", session)
        if key.endswith("/"):
            return bool(client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"])
        client.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def fetch(cloud: Cloud, session: Credentials, spec: ContainerSpec, destination: Path) -> None:
    """Download a container's artifact and unpack it, as the role whose session it is.

    Raises:
        ArtifactError: it is not there, may not be read or is not a ``tar.gz`` archive.
    """
    destination.mkdir(parents=True, exist_ok=True)
    if spec.data_url is None:
        return
    bucket, key = _split(spec.data_url)
    client = cloud.client("s3", session)
    try:
        if spec.compressed:
            extract(client.get_object(Bucket=bucket, Key=key)["Body"], destination)
        else:
            _copy_prefix(client, bucket, key, destination)
    except ClientError as error:
        raise ArtifactError(
            f'Failed to download model data for container "container_1" from URL: '
            f'"{spec.data_url}". Please ensure that there is an object located at the URL and that '
            f"the role passed to CreateModel has permissions to download the object."
        ) from error
    except ArchiveError as error:
        raise ArtifactError(
            f'Failed to extract model data archive for container "container_1" from URL: '
            f'"{spec.data_url}". Please ensure that the object located at the URL is a valid '
            f"tar.gz archive."
        ) from error


def _copy_prefix(client: Any, bucket: str, prefix: str, destination: Path) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for found in page.get("Contents", []):
            name = found["Key"].removeprefix(prefix).lstrip("/") or Path(prefix).name
            path = destination / name
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, found["Key"], str(path))


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path.lstrip("/")
