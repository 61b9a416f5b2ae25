"""What SageMaker remembers of models and endpoint configs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# moto keeps naive UTC times and compares them with those of its filters.
Tags = list[dict[str, str]]


def now() -> datetime:
    """The current time as moto keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(kw_only=True)
class ModelRecord:
    """A model: the request that made it."""

    model_name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    creation_time: datetime = field(default_factory=now)

    @property
    def execution_role_arn(self) -> str:
        """The role as which its containers run."""
        return str(self.request["ExecutionRoleArn"])

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """Its containers; mostly one."""
        return self.request.get("Containers") or [self.request["PrimaryContainer"]]

    def summary(self) -> dict[str, Any]:
        """As ListModels shows it."""
        return {
            "ModelName": self.model_name,
            "ModelArn": self.arn,
            "CreationTime": self.creation_time,
        }

    @property
    def response_object(self) -> dict[str, Any]:
        """As DescribeModel shows it."""
        shown = {
            **self.summary(),
            "ExecutionRoleArn": self.execution_role_arn,
            "EnableNetworkIsolation": self.request.get("EnableNetworkIsolation", False),
        }
        for name in ("VpcConfig", "InferenceExecutionConfig"):
            if self.request.get(name):
                shown[name] = self.request[name]
        if self.request.get("PrimaryContainer"):
            shown["PrimaryContainer"] = _container(self.request["PrimaryContainer"])
        if self.request.get("Containers"):
            shown["Containers"] = [_container(found) for found in self.request["Containers"]]
        return shown


def _container(definition: Mapping[str, Any]) -> dict[str, Any]:
    if "ModelPackageName" in definition:
        return dict(definition)
    return {"Mode": "SingleModel", **definition}


@dataclass(kw_only=True)
class EndpointConfigRecord:
    """An endpoint config: the request that made it."""

    endpoint_config_name: str
    arn: str
    request: Mapping[str, Any]
    tags: Tags
    creation_time: datetime = field(default_factory=now)

    @property
    def variants(self) -> list[dict[str, Any]]:
        """Its production variants, with the defaults filled in."""
        return _with_defaults(self.request["ProductionVariants"])

    @property
    def shadow_variants(self) -> list[dict[str, Any]]:
        """Its shadow variants, likewise; mostly none."""
        return _with_defaults(self.request.get("ShadowProductionVariants") or ())

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Its MetricsConfig; mostly nothing."""
        found: Mapping[str, Any] = self.request.get("MetricsConfig") or {}
        return found

    @property
    def serverless(self) -> bool:
        """Whether it is of a serverless endpoint."""
        return any("ServerlessConfig" in variant for variant in self.variants)

    def summary(self) -> dict[str, Any]:
        """As ListEndpointConfigs shows it."""
        return {
            "EndpointConfigName": self.endpoint_config_name,
            "EndpointConfigArn": self.arn,
            "CreationTime": self.creation_time,
        }

    @property
    def response_object(self) -> dict[str, Any]:
        """As DescribeEndpointConfig shows it."""
        shown = {key: value for key, value in self.request.items() if key != "Tags"}
        described = {
            "EnableNetworkIsolation": False,
            **shown,
            **self.summary(),
            "ProductionVariants": self.variants,
        }
        if self.shadow_variants:
            described["ShadowProductionVariants"] = self.shadow_variants
        return described


def _with_defaults(variants: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"InitialVariantWeight": 1.0, **variant} for variant in variants]
