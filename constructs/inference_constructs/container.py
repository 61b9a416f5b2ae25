"""What a container has to be told to run our handler, and where its image is."""

import re
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CfnMapping, Stack, Token
from constructs import Construct

from inference_constructs.arns import place_of
from model_artifacts.code_tree import collect_code
from model_artifacts.errors import ArtifactError
from model_artifacts.images import Image

CODE_IN_CONTAINER = "/opt/ml/model/code"

_XGBOOST_WHEEL = re.compile(r"(?:.*/)?xgboost(?:_cpu)?-(\d+(?:\.\d+)+)[^-/]*-[^/]+\.whl")


def handler_environment(
    scope: Construct, entry_point: str, submit_directory: str
) -> dict[str, str]:
    """The variables without which the framework containers do not find, or start, a handler.

    Args:
        scope: where the container is defined.
        entry_point: the file with the handlers.
        submit_directory: where the code is: a directory in the container, or an S3 URI.
    """
    return {
        "SAGEMAKER_PROGRAM": entry_point,
        "SAGEMAKER_SUBMIT_DIRECTORY": submit_directory,
        # A number: the container casts it to an integer, and a name such as INFO stops the start.
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
        "SAGEMAKER_REGION": Stack.of(scope).region,
        # The container runs `pip install .` on the code at each start. Only with this (0 means
        # "no isolation") does pip build with what is in the image instead of asking PyPI.
        "PIP_NO_BUILD_ISOLATION": "0",
    }


def image_uri(scope: Construct, image: Image) -> str:
    """The image's URI in the stack's region.

    A stack that does not know its region gets a mapping of all the regions that have the image.

    Args:
        scope: where the container is defined.
        image: the image.
    """
    stack = Stack.of(scope)
    region = place_of(stack).region
    if not Token.is_unresolved(region):
        return image.uri(region)
    mapping_id = (
        f"{image.framework.capitalize()}Registry{re.sub('[^A-Za-z0-9]', '', image.version)}"
    )
    mapping = stack.node.try_find_child(mapping_id)
    if not isinstance(mapping, CfnMapping):
        rows = {
            region: {"account": account, "domain": image.domains[region]}
            for region, account in sorted(image.registries.items())
        }
        mapping = CfnMapping(stack, mapping_id, mapping=rows)
    account, domain = (mapping.find_in_map(region, key) for key in ("account", "domain"))
    return f"{account}.dkr.ecr.{region}.{domain}/{image.repository}:{image.tag}"


def xgboost_version(image: Image, code: Path | None) -> str:
    """The version of XGBoost that will load the model.

    Args:
        image: the image.
        code: the directory that may bring wheels.

    Raises:
        ArtifactError: the image holds no XGBoost, and the code brings none.
    """
    if image.framework == "xgboost":
        return image.version
    names = [] if code is None else collect_code(code)
    for name in names:
        if match := _XGBOOST_WHEEL.fullmatch(name):
            return match[1]
    raise ArtifactError(
        f"the image {image.repository}:{image.tag} holds no XGBoost: put its wheel beside the "
        "entry point, with a requirements.txt that installs it (--no-index, --find-links)"
    )


def network_need(code: Path | None) -> str | None:
    """Says why the container would need a network to start.

    `pip` runs at each start if the code has a `requirements.txt`. It stays off the network if the
    file says so (`--no-index`) and each requirement has a wheel in a `--find-links` directory.

    Args:
        code: the code directory, if there is one.

    Returns:
        The reason, or None if it starts without a network.
    """
    if code is None:
        return None
    files = collect_code(code)
    if "requirements.txt" not in files:
        return None
    options, requirements = _read_requirements(files["requirements.txt"])
    if not requirements:
        return None
    bundled = _bundled_projects(files, options)
    missing = sorted({name for name in requirements if name not in bundled})
    if missing:
        return (
            f"requirements.txt of {code} asks for {', '.join(missing)}, for which no wheel is "
            "bundled: add the wheels in a directory named by --find-links"
        )
    if "--no-index" not in options:
        return f"requirements.txt of {code} has its wheels bundled, but lacks --no-index: add it"
    return None


def _read_requirements(path: Path) -> tuple[Mapping[str, list[str]], list[str]]:
    options: dict[str, list[str]] = {}
    requirements = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if text.startswith("-"):
            name, _, value = text.replace("=", " ", 1).partition(" ")
            options.setdefault("--find-links" if name == "-f" else name, []).append(value.strip())
        elif text:
            requirements.append(_project(re.split(r"[\s\[<>=!~;@]", text, maxsplit=1)[0]))
    return options, requirements


def _bundled_projects(
    files: Mapping[str, Path], options: Mapping[str, list[str]]
) -> frozenset[str]:
    directories = {
        value.removeprefix("./").rstrip("/") for value in options.get("--find-links", [])
    }
    wheels = (Path(name) for name in files if name.endswith(".whl"))
    return frozenset(
        _project(wheel.name.split("-")[0])
        for wheel in wheels
        if wheel.parent.as_posix() in directories
    )


def _project(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
