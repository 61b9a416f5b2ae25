"""Whether the images of a template's models are there to be pulled."""

import json
import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from inference_ops.cost.capacity import mapping, mappings
from inference_ops.cost.model import Resource
from inference_ops.preflight.account import Account, asking
from inference_ops.preflight.finding import Finding, NotKnownError, finding_of
from inference_ops.preflight.subject import MODEL, Subject
from model_artifacts.images import DATA

_IMAGE = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@\s]+)(?::(?P<tag>[^@\s]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)

# An image may have any of these; ECR tells of those only that are asked for.
_MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


def containers_of(model: Resource) -> list[Any]:
    """The containers of a model.

    Args:
        model: of the template.
    """
    primary = mapping(model.properties.get("PrimaryContainer"))
    return [*([primary] if primary else []), *mappings(model.properties.get("Containers"))]


def check_images(subject: Subject) -> Iterator[Finding]:
    """Asks the registry of each image for it, as whoever pulls it does.

    Args:
        subject: what is deployed.
    """
    images = {
        subject.text(container["Image"])
        for model in subject.model.of_type(MODEL)
        for container in containers_of(model)
        if container.get("Image") is not None
    }
    for image in sorted(images):
        name = f"image {image.rpartition('/')[2]}"
        yield finding_of(name, partial(_image, subject.account, name, image))


def _image(account: Account, name: str, image: str) -> Finding:
    found = _IMAGE.fullmatch(image)
    if "${" in image:
        return Finding(subject=name, passed=None, found="only a deployment tells it")
    if found is None:
        return Finding(subject=name, passed=None, found=f"{image} is no image of ECR's to ask for")
    if found["region"] != account.region:
        return Finding(
            subject=name,
            passed=False,
            found=f"{image} is in {found['region']}, and the model in {account.region}",
            advice="take the image of the same region",
        )
    try:
        there = _in_registry(account, found)
    except NotKnownError as error:
        # AWS's own registries may refuse strangers; what it publishes where, its SDK knows.
        source = _published(found)
        if source is None:
            raise
        told = f"{found['registry']} publishes it here, says {source}; not asked: {error}"
        return Finding(subject=name, passed=True, found=told)
    return Finding(
        subject=name,
        passed=there,
        found=f"in registry {found['registry']}" if there else f"{image} does not exist",
        advice=None if there else "push it, or name a tag that exists",
    )


def _in_registry(account: Account, image: re.Match[str]) -> bool:
    from botocore.exceptions import ClientError

    wanted = (
        {"imageDigest": image["digest"]}
        if image["digest"]
        else {"imageTag": image["tag"] or "latest"}
    )
    with asking("ecr:BatchGetImage", image[0]):
        try:
            answer = account.session.client("ecr").batch_get_image(
                registryId=image["registry"],
                repositoryName=image["repository"],
                imageIds=[wanted],
                acceptedMediaTypes=_MANIFESTS,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "RepositoryNotFoundException":
                raise
            return False
    return bool(answer["images"])


def _published(image: re.Match[str]) -> str | None:
    """The source that says that AWS publishes an image in its region."""
    registry = _registries().get((image["repository"], image["tag"] or "", image["region"]))
    return str(_table()["source"]) if registry == image["registry"] else None


@cache
def _registries() -> dict[tuple[str, str, str], str]:
    """The registry's account by repository, tag and region."""
    table = _table()
    return {
        (entry["repository"], entry["tag"], region): registry
        for versions in table["frameworks"].values()
        for entry in versions.values()
        for region, registry in table["registries"][entry["registries"]].items()
    }


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(DATA.read_text())
    return table
