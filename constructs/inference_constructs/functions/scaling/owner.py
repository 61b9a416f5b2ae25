"""What the owner of an endpoint's scaling does; each step may be done again at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from .live import Endpoint, EndpointMissing, Patience
from .target import Definition, Target

_NAMESPACE = "sagemaker"
# What is left of the time when waiting ends: enough to tell CloudFormation why.
_LEAST_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The services that it works with."""

    scaling: Any
    alarms: Any
    sagemaker: Any
    parameters: Any

    @classmethod
    def new(cls) -> Clients:
        """Clients that are patient with throttling, of which a busy account has much."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 10})
        return cls(
            scaling=boto3.client("application-autoscaling", config=config),
            alarms=boto3.client("cloudwatch", config=config),
            sagemaker=boto3.client("sagemaker", config=config),
            parameters=boto3.client("ssm", config=config),
        )


class Owner:
    """Owns the scalable targets of one endpoint.

    What was applied last is remembered in a parameter. The resource that writes it comes after the
    endpoint, and CloudFormation takes it back with everything else, so it is what the code wants as
    long as the endpoint is what the code wants.

    Args:
        endpoint_name: the endpoint.
        stack_name: the stack, which the names of all that is written here begin with: so much the
            role may still delete when the endpoint has left the code.
        clients: the services.
        patience: how long it may take.
    """

    def __init__(
        self, endpoint_name: str, stack_name: str, clients: Clients, patience: Patience
    ) -> None:
        self.endpoint_name = endpoint_name
        self._own = f"{stack_name}/{endpoint_name}"
        self._clients = clients
        self._patience = patience

    @classmethod
    def of(cls, endpoint_name: str, *, seconds: float) -> Owner:
        """The owner within a Lambda function.

        Args:
            endpoint_name: the endpoint.
            seconds: how much time there is.
        """
        stack_name = os.environ["STACK_NAME"]
        return cls(endpoint_name, stack_name, Clients.new(), Patience(seconds - _LEAST_SECONDS))

    def release(self, shapes: Mapping[str, str]) -> None:
        """Withdraws targets that SageMaker would refuse to let go or to change.

        It ends when nothing is under way at the endpoint, or the update would be refused for that.

        Args:
            shapes: instance types by resource id, as they will be.
        """
        endpoint = self._endpoint()
        for target in self._registered():
            if endpoint.shapes.get(target.resource_id) != shapes.get(target.resource_id):
                target.withdraw()
        self._endpoint()

    def apply(self, definitions: list[Definition]) -> None:
        """Has the endpoint scaled like this from now on; without the endpoint, when it is back.

        Args:
            definitions: the targets with their policies, schedules and alarms.
        """
        before = self._remembered()
        self._clients.parameters.put_parameter(
            Name=self._parameter_name,
            Description=f"What scales the endpoint {self.endpoint_name}.",
            Value=json.dumps(definitions, separators=(",", ":")),
            Type="String",
            Tier="Intelligent-Tiering",
            Overwrite=True,
        )
        self._bring_about(definitions, before or ())

    def settle(self) -> None:
        """Has the endpoint scaled as it was applied last, if it was."""
        definitions = self._remembered()
        if definitions is not None:
            self._bring_about(definitions, ())

    def reopen(self) -> None:
        """Has an endpoint that was away scaled again.

        Raises:
            EndpointMissing: it is not in service.
        """
        if not self._endpoint().in_service:
            raise EndpointMissing(f"the endpoint {self.endpoint_name} is not in service")
        self.settle()

    def withdraw(self) -> None:
        """Takes all away: targets with their policies and schedules, and alarms."""
        for target in self._registered(self._remembered() or ()):
            target.withdraw()
        self._delete_alarms(kept=frozenset())

    def forget(self) -> None:
        """Forgets what was applied."""
        parameters = self._clients.parameters
        with suppress(parameters.exceptions.ParameterNotFound):
            parameters.delete_parameter(Name=self._parameter_name)

    def scaled_resources(self) -> list[str]:
        """The ids of what is registered now."""
        return [target.resource_id for target in self._registered(self._remembered() or ())]

    @property
    def _parameter_name(self) -> str:
        return f"/inference/scaling/{self._own}"

    def _remembered(self) -> list[Definition] | None:
        parameters = self._clients.parameters
        try:
            found = parameters.get_parameter(Name=self._parameter_name)
        except parameters.exceptions.ParameterNotFound:
            return None
        definitions: list[Definition] = json.loads(found["Parameter"]["Value"])
        return definitions

    def _endpoint(self) -> Endpoint:
        return Endpoint.settled(self._clients.sagemaker, self.endpoint_name, self._patience)

    def _bring_about(self, definitions: list[Definition], before: Iterable[Definition]) -> None:
        """Withdraws what is not wanted, and registers what is wanted and there to be scaled.

        A variant of another instance type than the code's is on its way to it, or back: registered
        now, it would get no further.
        """
        endpoint = self._endpoint()
        ready = {
            found["ResourceId"]: found
            for found in definitions
            if endpoint.shape_of(found["ResourceId"]) == found["InstanceType"]
        }
        for target in self._registered([*before, *definitions]):
            wanted = ready.get(target.resource_id)
            if wanted is None or wanted["ScalableDimension"] != target.dimension:
                target.withdraw()
        alarms = []
        for definition in ready.values():
            Target.of(definition, self._clients).bring_about(definition)
            alarms += [alarm["AlarmName"] for alarm in definition.get("Alarms", ())]
        self._delete_alarms(kept=frozenset(alarms))

    def _registered(self, definitions: Iterable[Definition] = ()) -> list[Target]:
        """All targets of the endpoint, by whomever, and of the components that are its own."""
        own = {definition["ResourceId"] for definition in definitions}
        prefix = f"endpoint/{self.endpoint_name}/variant/"
        pages = self._clients.scaling.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace=_NAMESPACE
        )
        return [
            Target.of(target, self._clients)
            for page in pages
            for target in page["ScalableTargets"]
            if target["ResourceId"] in own or target["ResourceId"].startswith(prefix)
        ]

    def _delete_alarms(self, *, kept: frozenset[str]) -> None:
        pages = self._clients.alarms.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"StepScaling-{self._own}/"
        )
        names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
        for name in names:
            if name not in kept:
                self._clients.alarms.delete_alarms(AlarmNames=[name])
