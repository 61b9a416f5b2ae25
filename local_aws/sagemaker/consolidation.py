"""The scale-in strategy CONSOLIDATION: copies move together until instances are free.

See https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantManagedInstanceScalingScaleInPolicy.html
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from local_aws.sagemaker.hosts import Host, Hosts, Seat
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.variant_fleet import DRAIN

logger = logging.getLogger(__name__)


class _Fleet(Protocol):
    """What moves copies."""

    name: str
    hosts: Hosts

    def start_copies(self, seats: Sequence[Seat]) -> None: ...

    def end(self, seats: Sequence[Seat], *, drain: float = 0.0) -> None: ...


def consolidate(fleet: _Fleet) -> None:
    """Free the instances with the fewest copies, where the others have room for all of them.

    An instance that is free is given back as any other that is idle.
    """
    hosts = fleet.hosts
    surplus = max(0, len(hosts) - hosts.scaling.minimum)
    by_copies = sorted((host for host in hosts if host.seats), key=lambda host: len(host.seats))
    for host in by_copies[: min(surplus, hosts.scaling.step)]:
        try:
            _clear(fleet, host)
        except ModelInstanceError as error:
            logger.info("variant %s stays as it is: %s", fleet.name, error)
            return


def _clear(fleet: _Fleet, host: Host) -> None:
    """Start an instance's copies elsewhere, then end them here; all or none."""
    moved: list[Seat] = []
    leaving = list(host.seats)
    try:
        for seat in leaving:
            moved.append(fleet.hosts.move(seat))
        fleet.start_copies(moved)
    except ModelInstanceError:
        fleet.end(moved)
        raise
    fleet.end(leaving, drain=DRAIN)
