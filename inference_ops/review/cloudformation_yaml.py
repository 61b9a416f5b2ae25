"""Templates as text: JSON, or YAML with CloudFormation's short tags."""

import json
from collections.abc import Mapping
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Dates stay text, as the versions of policies need it."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = node.value
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in _Loader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Mapping[str, Any]:
    """Parse a template.

    Args:
        text: JSON or YAML.

    Returns:
        The template.

    Raises:
        ValueError: It is no template; the message says why.
    """
    try:
        # JSON is YAML, but its own parser is a hundred times faster.
        body = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(body, Mapping) or not isinstance(body.get("Resources"), Mapping):
        raise ValueError("it is no CloudFormation template: expected a mapping named Resources")
    return body
