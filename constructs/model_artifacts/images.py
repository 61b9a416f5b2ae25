"""URIs of the images that serve models, from sagemaker-core's table.

The table is `images.json` beside this module, so that a synth needs neither the SageMaker SDK nor a
call to AWS. `python -m model_artifacts.images_update` writes it anew.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from model_artifacts.errors import ArtifactError

DATA = Path(__file__).with_name("images.json")
DEFAULT_XGBOOST_VERSION = "3.2-0"
DEFAULT_PYTORCH_VERSION = "2.6.0"

Framework = Literal["xgboost", "pytorch"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A framework's CPU image for inference, in every region where it is published.

    Attributes:
        framework: `xgboost` or `pytorch`.
        version: The version as the SageMaker SDK takes it.
        repository: Name of the ECR repository.
        tag: Tag within it.
        registries: The registry's account by region.
        domains: The domain of AWS's hosts by region, such as `amazonaws.com`.
    """

    framework: Framework
    version: str
    repository: str
    tag: str
    registries: Mapping[str, str]
    domains: Mapping[str, str]

    def uri(self, region: str) -> str:
        """Compose the image's URI in a region.

        Args:
            region: A region's name; a token has no entry, use `registries` for a mapping then.

        Returns:
            The URI with its tag.

        Raises:
            ArtifactError: The image is not published there.
        """
        if region not in self.registries:
            raise ArtifactError(
                f"the image {self.repository}:{self.tag} is not published in {region!r}: use "
                f"one of {', '.join(self.registries)}"
            )
        host = f"{self.registries[region]}.dkr.ecr.{region}.{self.domains[region]}"
        return f"{host}/{self.repository}:{self.tag}"


def find_image(framework: Framework, version: str) -> Image:
    """Look an image up in the table.

    Args:
        framework: `xgboost` or `pytorch`.
        version: Such as `3.2-0` or `2.6.0`.

    Returns:
        The image.

    Raises:
        ArtifactError: The table has no such version.
    """
    table = _table()
    versions = table["frameworks"][framework]
    if version not in versions:
        raise ArtifactError(
            f"there is no {framework} image {version!r}: expected one of {', '.join(versions)}"
        )
    entry = versions[version]
    registries = table["registries"][entry["registries"]]
    return Image(
        framework=framework,
        version=version,
        repository=entry["repository"],
        tag=entry["tag"],
        registries=MappingProxyType(registries),
        domains=MappingProxyType({region: table["domains"][region] for region in registries}),
    )


def xgboost_image(region: str, version: str = DEFAULT_XGBOOST_VERSION) -> str:
    """Compose the URI of the XGBoost framework image in a region."""
    return find_image("xgboost", version).uri(region)


def pytorch_image(region: str, version: str = DEFAULT_PYTORCH_VERSION) -> str:
    """Compose the URI of the PyTorch inference image (CPU) in a region.

    It holds no XGBoost: the code directory has to bring wheels of it.
    """
    return find_image("pytorch", version).uri(region)


def image_version(image: str | None) -> str | None:
    """Read the version of an XGBoost framework image off its URI.

    Args:
        image: The URI.

    Returns:
        Such as `3.2-0`; None for any other image.
    """
    match = re.search(r"/sagemaker-xgboost:(\d+\.\d+-\d+)(?:-|$)", image or "")
    return match[1] if match else None


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(DATA.read_text())
    return table
