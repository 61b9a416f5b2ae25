"""Reads and writes the record of an endpoint's deployments, and deletes what is let go.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteEndpointConfig.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from .record import Record, is_record

# SageMaker tells what is missing by this code, except for endpoints and tags of what is gone.
_MISSING = ("Could not find", "does not exist")


class History:
    """The deployments of one endpoint.

    Args:
        sagemaker: a boto3 client.
        endpoint_name: the endpoint.
    """

    def __init__(self, sagemaker: Any, endpoint_name: str) -> None:
        self._sagemaker = sagemaker
        self._endpoint_name = endpoint_name

    def endpoint(self) -> dict[str, Any] | None:
        """What DescribeEndpoint says; None while there is no endpoint."""
        return self._found("describe_endpoint", EndpointName=self._endpoint_name)

    def read(self, deployed: str | None = None) -> Record | None:
        """The record, of what still exists.

        Args:
            deployed: the config that the stack deployed last, where that is known: its tags tell
                what the endpoint's do not.
        """
        endpoint = self.endpoint()
        told = [
            record
            for arn in (endpoint and endpoint["EndpointArn"], deployed and self._arn_of(deployed))
            if arn and (record := Record.from_tags(self._tags(arn))) is not None
        ]
        if not told:
            return None
        # An endpoint that was closed meanwhile comes back with the tags that it had.
        told.sort(key=lambda record: record.deployed.config != deployed)
        record = told[0]
        live = record.live if endpoint is None else str(endpoint["EndpointConfigName"])
        known = [config for found in told for config in (found.live, *found.previous)]
        previous = [config for config in dict.fromkeys(known) if config != live]
        return replace(
            record,
            live=live,
            previous=tuple(config for config in previous if self._arn_of(config) is not None),
        )

    def write(self, record: Record) -> None:
        """Puts the record where it is read. Every other tag stays as it is."""
        for arn in self._places(record):
            self._retag(arn, record.to_tags())

    def forget(self, record: Record) -> None:
        """Takes the record away again."""
        for arn in self._places(record):
            self._retag(arn, {})

    def delete(self, configs: Iterable[str], *, kept: Iterable[str]) -> None:
        """Deletes configs, and the models that no other config names.

        A config goes after its models: what is left after a failure can be found through it.

        Args:
            configs: names of configs; it is no failure if one is gone.
            kept: names of configs whose models stay.
        """
        needed = {model for config in kept for model in self.models_of(config)}
        for config in configs:
            for model in self.models_of(config):
                # Looked at first: permission to delete asks for a tag, which what is gone lacks.
                if model not in needed and self._found("describe_model", ModelName=model):
                    self._found("delete_model", ModelName=model)
            if self._arn_of(config) is not None:
                self._found("delete_endpoint_config", EndpointConfigName=config)

    def models_of(self, config: str) -> list[str]:
        """The models that a config names; none if it is gone."""
        found = self._found("describe_endpoint_config", EndpointConfigName=config) or {}
        return list(dict.fromkeys(_models(found)))

    def _places(self, record: Record) -> Iterator[str]:
        """The endpoint, the config that the stack deployed, and the one that it had before.

        The latter is asked when CloudFormation deletes its deployment.
        """
        endpoint = self.endpoint()
        if endpoint is not None:
            yield endpoint["EndpointArn"]
        stack_configs = [found.config for found in (record.deployed, record.superseded) if found]
        for config in dict.fromkeys(stack_configs):
            arn = self._arn_of(config)
            if arn is not None:
                yield arn

    def _arn_of(self, config: str) -> str | None:
        found = self._found("describe_endpoint_config", EndpointConfigName=config)
        return None if found is None else str(found["EndpointConfigArn"])

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def _retag(self, arn: str, wanted: dict[str, str]) -> None:
        found = self._tags(arn)
        if stale := [key for key in found if is_record(key) and key not in wanted]:
            self._sagemaker.delete_tags(ResourceArn=arn, TagKeys=stale)
        new = [
            {"Key": key, "Value": value} for key, value in wanted.items() if found.get(key) != value
        ]
        if new:
            self._sagemaker.add_tags(ResourceArn=arn, Tags=new)

    def _found(self, operation: str, **parameters: str) -> dict[str, Any] | None:
        """What an operation answers; None if what it names does not exist."""
        try:
            found: dict[str, Any] = getattr(self._sagemaker, operation)(**parameters)
        except self._sagemaker.exceptions.ClientError as error:
            if any(words in str(error) for words in _MISSING):
                return None
            raise
        return found


def _models(config: dict[str, Any]) -> Iterator[str]:
    for variants in ("ProductionVariants", "ShadowProductionVariants"):
        for variant in config.get(variants) or ():
            if "ModelName" in variant:
                yield variant["ModelName"]
