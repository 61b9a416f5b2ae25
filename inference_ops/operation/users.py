"""Who uses an endpoint config or a model, beside what is about to be deleted."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.operation.cleanup import models_of
from inference_ops.operation.leftover_kinds import CONFIG

if TYPE_CHECKING:
    import boto3


class Users:
    """The endpoints and the configs of an account; each is looked up when it is asked for.

    Args:
        session: where they are.
        leaving: names of what is about to be deleted, which counts no more.
    """

    def __init__(self, session: "boto3.Session", leaving: set[str]) -> None:
        self._api = session.client("sagemaker")
        self._leaving = leaving

    def leave(self, name: str) -> None:
        """Counts something no more: it is about to be deleted as well.

        Args:
            name: its name.
        """
        self._leaving.add(name)

    def of(self, resource_type: str, name: str) -> str | None:
        """Who uses a config or a model; None where nobody does.

        Args:
            resource_type: of CloudFormation.
            name: the config's or the model's.
        """
        if resource_type == CONFIG:
            users, kind = self._served, "endpoint"
        else:
            users, kind = self._named, "endpoint config"
        using = next((each for each in users.get(name, ()) if each not in self._leaving), None)
        return None if using is None else f"{kind} {using}"

    @cached_property
    def _served(self) -> dict[str, list[str]]:
        """The endpoints by the config that they serve."""
        found: dict[str, list[str]] = {}
        for endpoint in self._all("list_endpoints", "Endpoints", "EndpointName"):
            with aws_errors(f"endpoint {endpoint}"):
                described = self._api.describe_endpoint(EndpointName=endpoint)
            found.setdefault(described.get("EndpointConfigName", ""), []).append(endpoint)
        return found

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        """The configs by the models that they name."""
        found: dict[str, list[str]] = {}
        for config in self._all("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"):
            with aws_errors(f"endpoint config {config}"):
                described = self._api.describe_endpoint_config(EndpointConfigName=config)
            for model in models_of(described):
                found.setdefault(model, []).append(config)
        return found

    def _all(self, operation: str, member: str, name: str) -> list[str]:
        with aws_errors(f"all {member}"):
            pages: Any = self._api.get_paginator(operation).paginate()
            return [each[name] for page in pages for each in page[member]]
