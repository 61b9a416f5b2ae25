"""Writes `images.json`: the images that serve models, from sagemaker-core's table of image URIs.

Run `python -m model_artifacts.images_update` after an update of sagemaker-core.
"""

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from model_artifacts.files import atomic_write
from model_artifacts.images import DATA

_FRAMEWORKS = ("xgboost", "pytorch")
# Images before these hold a Python that no handler of today runs on.
_OLDEST = {"xgboost": (1, 0), "pytorch": (2, 0)}
_CPU_INSTANCE = "ml.m5.large"
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.(?P<domain>[^/]+)/(?P<repository>[^:]+):(?P<tag>.+)"
)


def read_table() -> dict[str, Any]:
    """Build the content of `images.json` from the installed sagemaker-core.

    Returns:
        Per framework and version: repository, tag of the CPU image, and which of `registries` (maps
        of regions to accounts) it has; `domains` by region; the release it was read from.
    """
    from sagemaker.core import image_uris

    registries: list[dict[str, str]] = []
    domains: dict[str, str] = {}
    frameworks: dict[str, dict[str, Any]] = {}
    for framework in _FRAMEWORKS:
        table = image_uris.config_for_framework(framework)["inference"]["versions"]
        versions = frameworks.setdefault(framework, {})
        for version, entry in table.items():
            if "-" not in version and framework == "xgboost":
                continue  # The algorithm `xgboost:1` of 2017: another repository, no script mode.
            if _major_minor(version) < _OLDEST[framework]:
                continue
            accounts = dict(sorted(entry["registries"].items()))
            # Each URI costs some ten milliseconds: ask for one per version, and one per region.
            for region in [next(iter(accounts)), *(accounts.keys() - domains.keys())]:
                uri = _retrieve(framework, version, region)
                if (uri["account"], uri["region"]) != (accounts[region], region):
                    raise SystemExit(f"unexpected image URI of {framework} {version}: {uri[0]}")
                domains[region] = uri["domain"]
                versions[version] = {"repository": uri["repository"], "tag": uri["tag"]}
            if accounts not in registries:
                registries.append(accounts)
            versions[version]["registries"] = registries.index(accounts)
    return {
        "source": f"sagemaker-core {importlib.metadata.version('sagemaker-core')}",
        "frameworks": frameworks,
        "registries": registries,
        "domains": dict(sorted(domains.items())),
    }


def _retrieve(framework: str, version: str, region: str) -> re.Match[str]:
    from sagemaker.core import image_uris

    uri = image_uris.retrieve(
        framework,
        region,
        version=version,
        image_scope="inference",
        instance_type=_CPU_INSTANCE,
    )
    match = _URI.fullmatch(uri)
    if match is None:
        raise SystemExit(f"unexpected image URI of {framework} {version}: {uri}")
    return match


def _major_minor(version: str) -> tuple[int, int]:
    major, minor = re.split(r"[.-]", version)[:2]
    return int(major), int(minor)


def main(destination: Path = DATA) -> None:
    """Write the file."""
    with atomic_write(destination) as file:
        file.write((json.dumps(read_table(), indent=2) + "\n").encode())
    print(f"wrote {destination}")


if __name__ == "__main__":
    main()
