"""Resource types that the engine knows: every `Provider` in a module of this package."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from local_aws.cloudformation.provider import Provider

CUSTOM_PREFIX = "Custom::"


@cache
def providers() -> dict[str, Provider]:
    """Providers by CloudFormation type name."""
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = import_module(f"{__name__}.{module.name}")
        for value in vars(loaded).values():
            if (
                isinstance(value, type)
                and issubclass(value, Provider)
                and hasattr(value, "type_names")
            ):
                for type_name in value.type_names:
                    found[type_name] = value()
    return found


def provider_of(type_name: str) -> Provider | None:
    """The provider of a type, if any; ``Custom::*`` serves every custom resource."""
    if type_name.startswith(CUSTOM_PREFIX):
        return providers().get(type_name) or providers().get(f"{CUSTOM_PREFIX}*")
    return providers().get(type_name)
