"""The instances that inference components are placed on, and who is placed where."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.component_spec import ComponentSpec, needs_of, packs
from local_aws.sagemaker.hardware import Resources, resources_of
from local_aws.sagemaker.instances import ModelInstance, ModelInstanceError
from local_aws.sagemaker.places import Places

_NO_ROOM = (
    "There is not enough hardware resources on the instances for this endpoint to create a copy of "
    "the inference component. Please update resource requirements for this inference component, "
    "remove existing inference components, or increase the number of instances for this endpoint."
)


@dataclass(eq=False)
class Host:
    """One instance. It is a share of this machine; its copies are the processes.

    Attributes:
        name: its instance id.
        instance_type: its type.
        seats: taken by copies.
        idle_since: when the last copy left, on the monotonic clock.
    """

    name: str
    instance_type: str
    seats: list[Seat] = field(default_factory=list)
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def free(self) -> Resources:
        """What no copy has taken."""
        left = resources_of(self.instance_type)
        for seat in self.seats:
            left = left.minus(seat.needs)
        return left


@dataclass(eq=False)
class Seat:
    """The place of one copy; the copy runs as soon as it has an instance.

    Attributes:
        component: the component's name.
        spec: what it runs.
        host: where it is.
        needs: what is taken of the host.
        instance: its process; None while it is starting.
    """

    component: str
    spec: ComponentSpec
    host: Host
    needs: Resources
    instance: ModelInstance | None = None

    @property
    def specification(self) -> Mapping[str, Any]:
        """What runs on this type of instance."""
        found = self.spec.on(self.host.instance_type)
        if found is None:
            raise KeyError(self.host.instance_type)
        return found


@dataclass(frozen=True, kw_only=True)
class HostScaling:
    """ManagedInstanceScaling.

    Attributes:
        enabled: instances come and go with the copies.
        minimum: instances that stay.
        maximum: instances that there may be.
        consolidates: copies are moved together to set instances free.
        step: instances that one consolidation may set free.
        cooldown: seconds from the last change to a consolidation.
    """

    enabled: bool = False
    minimum: int = 1
    maximum: int = 0
    consolidates: bool = False
    step: int = 1
    cooldown: float = 1200.0

    @classmethod
    def of(cls, variant: Mapping[str, Any]) -> HostScaling:
        """From a production variant."""
        given = variant.get("ManagedInstanceScaling") or {}
        policy = given.get("ScaleInPolicy") or {}
        initial = variant.get("InitialInstanceCount", 1)
        return cls(
            enabled=given.get("Status") == "ENABLED",
            minimum=given.get("MinInstanceCount", initial),
            maximum=given.get("MaxInstanceCount", initial),
            consolidates=policy.get("Strategy") == "CONSOLIDATION",
            step=policy.get("MaximumStepSize", 1),
            cooldown=60.0 * policy.get("CooldownInMinutes", 20),
        )


class Hosts:
    """All instances of one variant; safe to use from every thread."""

    def __init__(self, cloud: Cloud, variant: Mapping[str, Any]) -> None:
        self.scaling = HostScaling.of(variant)
        self._places = Places(cloud, variant)
        self._hosts: list[Host] = []
        self._lock = threading.Lock()
        # Held while an instance is had: there is one decision at a time about another one.
        self._growing = threading.Lock()
        self._changed_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[Host]:
        return iter(list(self._hosts))

    def shown(self) -> list[dict[str, Any]]:
        """The pools, with their counts, as DescribeEndpoint shows them."""
        return self._places.shown()

    @property
    def quiet_for(self) -> float:
        """Seconds since a copy was placed or left."""
        return time.monotonic() - self._changed_at

    def seats(self, component: str | None = None) -> list[Seat]:
        """The seats of one component, or of all."""
        with self._lock:
            return [
                seat
                for host in self._hosts
                for seat in host.seats
                if component in {None, seat.component}
            ]

    def add(self, count: int) -> None:
        """Have ``count`` more instances.

        Raises:
            ModelInstanceError: there is no capacity for one.
        """
        for _ in range(count):
            name = f"i-{secrets.token_hex(8)}0"
            place = self._places.take(name)
            with self._lock:
                self._hosts.append(Host(name, place.instance_type))

    def remove(self, hosts: Sequence[Host]) -> None:
        """Give instances back; those with copies stay."""
        with self._lock:
            leaving = [host for host in hosts if host in self._hosts and not host.seats]
            self._hosts = [host for host in self._hosts if host not in leaving]
        for host in leaving:
            self._places.give_back(host.name)

    def take(self, component: str, spec: ComponentSpec) -> Seat:
        """A seat for one copy; a new instance is had for it if managed scaling may.

        Raises:
            ModelInstanceError: there is no room.
        """
        with self._growing:
            seat = self._seat(component, spec)
            if seat is None and self.scaling.enabled and len(self) < self.scaling.maximum:
                self.add(1)
                seat = self._seat(component, spec)
                if seat is None:
                    # Not even a whole instance has room for it.
                    self.remove(self._hosts[-1:])
        if seat is None:
            raise ModelInstanceError(_NO_ROOM)
        return seat

    def move(self, seat: Seat) -> Seat:
        """A second seat for a copy, on another instance that has copies already.

        Raises:
            ModelInstanceError: there is no room.
        """
        empty = [host for host in self if not host.seats]
        found = self._seat(seat.component, seat.spec, but=[seat.host, *empty])
        if found is None:
            raise ModelInstanceError(_NO_ROOM)
        return found

    def touch(self) -> None:
        """Let the time since the last change begin anew."""
        self._changed_at = time.monotonic()

    def leave(self, seat: Seat) -> None:
        """The copy has ended, or was never started."""
        with self._lock:
            if seat in seat.host.seats:
                seat.host.seats.remove(seat)
                seat.host.idle_since = self._changed_at = time.monotonic()

    def idle(self, seconds: float) -> list[Host]:
        """Instances above the minimum that have had no copy for so long."""
        before = time.monotonic() - seconds
        with self._lock:
            idle = [host for host in self._hosts if not host.seats and host.idle_since < before]
            return idle[: max(0, len(self) - self.scaling.minimum)]

    def _seat(self, component: str, spec: ComponentSpec, but: Sequence[Host] = ()) -> Seat | None:
        with self._lock:
            seat = self._chosen(component, spec, but)
            if seat is not None:
                seat.host.seats.append(seat)
                self.touch()
            return seat

    def _chosen(self, component: str, spec: ComponentSpec, but: Sequence[Host]) -> Seat | None:
        choices = []
        for host in self._hosts:
            specification = spec.on(host.instance_type)
            if specification is None or host in but:
                continue
            needs = needs_of(specification)
            if host.free.fits(needs):
                choices.append((host, needs, packs(specification)))
        if not choices:
            return None
        # Packed: where the least is left. Spread: where the fewest copies of this component are.
        host, needs, _ = min(
            choices,
            key=lambda choice: (
                choice[0].free
                if choice[2]
                else (sum(seat.component == component for seat in choice[0].seats),)
            ),
        )
        return Seat(component, spec, host, needs)
