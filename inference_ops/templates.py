"""Reads CloudFormation templates: a JSON or YAML file, or all of a cloud assembly."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from inference_ops.errors import CommandError, Exit

_MANIFEST: Final = "manifest.json"
# The CDK writes it into every template, for its own use.
_OF_BOOTSTRAP: Final = "BootstrapVersion"
_UNKNOWN_REGION: Final = "unknown-region"
# The C loader is ten times as fast, where PyYAML was built with it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """What a stack needs of its environment's bootstrap stack.

    Attributes:
        version: the least one.
        parameter: the SSM parameter that tells the one that is there.
    """

    version: int
    parameter: str


@dataclass(frozen=True, kw_only=True)
class Template:
    """One template.

    Attributes:
        name: of the stack, or of the file without its ending.
        path: the file.
        content: what is in it; short tags such as `!Ref` are written out as `{"Ref": …}`.
        region: where the assembly says that it goes; None if it does not say.
        stack_name: the stack's name in CloudFormation, if an assembly says so.
        bootstrap: what the stack needs of its environment, if an assembly says so.
    """

    name: str
    path: Path
    content: Mapping[str, Any]
    region: str | None = None
    stack_name: str | None = None
    bootstrap: Bootstrap | None = None

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources by their logical ids, without loops: `Fn::ForEach` is no resource."""
        found = self.content["Resources"].items()
        return {name: resource for name, resource in found if isinstance(resource, dict)}


def load_templates(path: Path) -> list[Template]:
    """Reads the templates at a path.

    Args:
        path: a template file, or a cloud assembly: the directory that `cdk synth` writes.

    Returns:
        The one template, or those of all stacks of the assembly, stages and nested stacks included,
        by name.

    Raises:
        CommandError: there is nothing at the path, or it is no template.
    """
    if path.is_dir():
        if not (path / _MANIFEST).is_file():
            raise CommandError(
                f"{path} must be a template or a cloud assembly, and has no {_MANIFEST}: give a "
                "file in it, or the directory that `cdk synth` wrote",
                Exit.USAGE,
            )
        return sorted(_assembly(path), key=lambda template: template.name)
    return [Template(name=path.stem.removesuffix(".template"), path=path, content=_read(path))]


def check_parameters(names: Iterable[str], templates: Sequence[Mapping[str, Any]]) -> None:
    """Refuses what is a parameter of no template: it would count for nothing, without a word.

    Args:
        names: what is given.
        templates: the templates' contents.

    Raises:
        CommandError: a name is none of theirs.
    """
    there = {name for content in templates for name in content.get("Parameters") or ()}
    for name in sorted(set(names) - there):
        known = ", ".join(sorted(there - {_OF_BOOTSTRAP})) or "none at all"
        raise CommandError(
            f"--parameter {name} is a parameter of no template; there are {known}", Exit.USAGE
        )


def parse_template(text: str, *, origin: str) -> dict[str, Any]:
    """Parses a template.

    Args:
        text: JSON or YAML.
        origin: where it comes from, for the message.

    Returns:
        Its content, with short tags written out.

    Raises:
        CommandError: it is neither, or it has no resources.
    """
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        # YAML in braces is no JSON, and rare enough to be tried last.
        try:
            content = _yaml(text)
        except (ValueError, yaml.YAMLError):
            reason = " ".join(str(error).split())
            raise CommandError(f"{origin} is neither JSON nor YAML: {reason}", Exit.USAGE) from None
    resources = content.get("Resources") if isinstance(content, dict) else None
    if not isinstance(resources, dict) or not all(
        isinstance(resource, dict) and isinstance(resource.get("Type"), str)
        for name, resource in resources.items()
        if not str(name).startswith("Fn::ForEach")
    ):
        raise CommandError(
            f"{origin} is no CloudFormation template: Resources, each with its Type, are missing",
            Exit.USAGE,
        )
    return dict(content)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{path} is no text file", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", Exit.USAGE) from None
    return parse_template(text, origin=str(path))


def _assembly(directory: Path) -> Iterator[Template]:
    """The stacks of an assembly, and of the assemblies of stages within it."""
    try:
        artifacts = json.loads((directory / _MANIFEST).read_text()).get("artifacts", {})
    except (ValueError, AttributeError):
        raise CommandError(f"{directory / _MANIFEST} is no manifest", Exit.USAGE) from None
    for name, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _assembly(directory / properties["directoryName"])
        elif artifact.get("type") == "aws:cloudformation:stack":
            region = str(artifact.get("environment", "")).rpartition("/")[-1]
            yield from _stack(
                artifact.get("displayName", name),
                directory / properties["templateFile"],
                None if region in {"", _UNKNOWN_REGION} else region,
                # An assembly leaves it out where it is the artifact's.
                properties.get("stackName", name),
                _bootstrap(properties),
            )


def _stack(
    name: str,
    path: Path,
    region: str | None,
    stack_name: str | None = None,
    bootstrap: Bootstrap | None = None,
) -> Iterator[Template]:
    """A stack, and the nested stacks whose templates lie beside its own."""
    template = Template(
        name=name,
        path=path,
        content=_read(path),
        region=region,
        stack_name=stack_name,
        bootstrap=bootstrap,
    )
    yield template
    for logical_id, resource in template.resources.items():
        asset = resource.get("Metadata", {}).get("aws:asset:path")
        if resource.get("Type") == "AWS::CloudFormation::Stack" and asset is not None:
            nested = path.parent / str(asset)
            if nested.is_file():
                yield from _stack(f"{name}/{logical_id}", nested, region)


def _bootstrap(properties: Mapping[str, Any]) -> Bootstrap | None:
    version = properties.get("requiresBootstrapStackVersion")
    parameter = properties.get("bootstrapStackVersionSsmParameter")
    if version is None or parameter is None:
        return None
    return Bootstrap(version=int(version), parameter=str(parameter))


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML as CloudFormation has it: with its tags, and without dates."""


def _tag(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)
# A version such as 2010-09-09 is a text to CloudFormation.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)
