"""What a template says of an endpoint's updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_rules.hosting import Endpoint
from inference_rules.template import dig, number

BLUE_GREEN = ("DeploymentConfig", "BlueGreenUpdatePolicy")
ROLLING = ("DeploymentConfig", "RollingUpdatePolicy")
ROUTING = (*BLUE_GREEN, "TrafficRoutingConfiguration")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What moves in one step of a canary, a linear or a rolling update.

    Attributes:
        path: where it stands in the endpoint.
        name: the property.
        properties: its type and value.
    """

    path: str
    name: str
    properties: Mapping[str, Any]

    def instances(self, fleet: float) -> float | None:
        """Says how many instances of a fleet it is: whole ones, and one at least."""
        value = number(self.properties.get("Value"))
        if value is None:
            return None
        if self.properties.get("Type") == "CAPACITY_PERCENT":
            return max(1, fleet * value // 100)
        return value

    def __str__(self) -> str:
        percent = self.properties.get("Type") == "CAPACITY_PERCENT"
        return f"{self.properties.get('Value')}{' %' if percent else ' instances'}"


def traffic_step(endpoint: Endpoint) -> Step | None:
    """Finds the canary or the linear step of a blue/green update."""
    for name in ("CanarySize", "LinearStepSize"):
        given = endpoint.resource.get(*ROUTING, name)
        if isinstance(given, Mapping):
            return Step(path="/".join(("Properties", *ROUTING, name)), name=name, properties=given)
    return None


def bake_seconds(endpoint: Endpoint) -> float | None:
    """Says how long the alarms are watched after a step, if that is known."""
    config = endpoint.resource.get("DeploymentConfig")
    for path in (ROLLING[1:], ROUTING[1:]):
        wait = number(dig(config, *path, "WaitIntervalInSeconds"))
        if wait is not None:
            return wait
    if dig(config, *ROUTING[1:], "Type") == "ALL_AT_ONCE":
        return number(dig(config, *BLUE_GREEN[1:], "TerminationWaitInSeconds"))
    return None
