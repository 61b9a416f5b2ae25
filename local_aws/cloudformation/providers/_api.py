"""From CloudFormation's properties to an API's parameters, guided by botocore's service models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import Shape

from local_aws.cloud import Cloud
from local_aws.cloudformation.provider import Context, Properties, ResourceError


def client(context: Context, service: str) -> Any:
    """The service's client; one per local AWS, since making one costs more than most calls."""
    return _client(context.cloud, service)


@cache
def _client(cloud: Cloud, service: str) -> Any:
    return cloud.client(service)


def parameters(
    api: Any, operation: str, properties: Properties, *, without: Sequence[str] = ()
) -> dict[str, Any]:
    """``properties`` as the parameters of ``operation``: its spelling of names, its types.

    CloudFormation gives numbers and booleans as strings where a template does, and policies as
    objects where an API takes JSON text.

    Args:
        api: a boto3 client.
        operation: the client's method.
        properties: a resource's properties.
        without: properties that the caller handles itself.

    Raises:
        ResourceError: the API has no such parameter. AWS's schema does, so nothing is wrong with
            the template: the local AWS cannot do what it asks for.
    """
    shape = api.meta.service_model.operation_model(
        api.meta.method_to_api_mapping[operation]
    ).input_shape
    kept = {name: value for name, value in properties.items() if name not in without}
    converted: dict[str, Any] = _converted(shape, kept, path="")
    return converted


def _converted(shape: Shape, value: Any, path: str) -> Any:  # noqa: PLR0911
    match shape.type_name:
        case "structure":
            members = {name.casefold(): name for name in shape.members}
            found = {}
            for name, part in value.items():
                inner = f"{path}/{name}"
                member = members.get(name.casefold())
                if member is None:
                    raise ResourceError(f"property {inner} is not supported by the local AWS")
                found[member] = _converted(shape.members[member], part, inner)
            return found
        case "list":
            parts = value if isinstance(value, list) else [value]
            return [_converted(shape.member, part, path) for part in parts]
        case "map":
            return {key: _converted(shape.value, part, path) for key, part in value.items()}
        case "string":
            return text(value)
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return is_true(value)
        case _:
            return value


def text(value: Any) -> str:
    """A property where an API takes a string: JSON of an object, ``true`` and not ``True``."""
    return value if isinstance(value, str) else json.dumps(value)


def is_true(value: Any) -> bool:
    """A boolean property, which a template may give as a string."""
    return value is True or str(value).lower() == "true"


def tags(context: Context, properties: Properties) -> dict[str, str]:
    """The resource's own tags over the stack's."""
    own = properties.get("Tags") or {}
    if isinstance(own, list):
        own = {tag["Key"]: tag["Value"] for tag in own}
    return {**context.stack_tags, **{key: text(value) for key, value in own.items()}}


def tag_list(context: Context, properties: Properties) -> list[dict[str, str]]:
    """`tags` as most APIs take them."""
    return as_list(tags(context, properties))


def as_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most APIs take them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def retag(
    context: Context,
    old: Properties,
    new: Properties,
    *,
    put: Callable[[dict[str, str]], Any],
    remove: Callable[[list[str]], Any],
) -> None:
    """Change the tags that the template changes, with the fewest calls.

    CloudFormation's handlers compare the tags of the previous template with those of the new one,
    not with the resource's: a tag that someone else put on it stays.

    Args:
        context: the resource that is being updated.
        old: its properties before.
        new: its properties from now on.
        put: adds tags or gives them another value.
        remove: removes tags by their keys.
    """
    before, after = tags(context, old), tags(context, new)
    if stale := [key for key in before if key not in after]:
        remove(stale)
    if differing := {key: value for key, value in after.items() if before.get(key) != value}:
        put(differing)


def changed(old: Properties, new: Properties, *names: str) -> bool:
    """Whether one of these properties differs; of all but ``Tags`` when none is named."""
    considered = names or tuple({*old, *new} - {"Tags"})
    return any(old.get(name) != new.get(name) for name in considered)


def name_of(
    context: Context, properties: Properties, key: str, *, max_length: int = 64, lower: bool = False
) -> str:
    """The name that the template gives, or a generated one."""
    name = properties.get(key)
    return context.generated_name(max_length, lower=lower) if name is None else str(name)


def already_exists(context: Context, identifier: str) -> ResourceError:
    """The refusal where an API would overwrite, in CloudFormation's words."""
    return ResourceError(
        f"Resource of type '{context.type_name}' with identifier '{identifier}' already exists."
    )


@contextmanager
def gone_is_fine(*codes: str, saying: str = "") -> Iterator[None]:
    """Let the error pass by which a service says that what is to be deleted does not exist.

    Args:
        codes: error codes.
        saying: a pattern for the error's message, where a code stands for other faults as well.
    """
    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        said = re.search(saying, found.get("Message", ""), re.IGNORECASE)
        if found["Code"] not in codes or not said:
            raise
