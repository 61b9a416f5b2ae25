"""EventBridge and EventBridge Scheduler of the local AWS: rules and schedules reach their targets.

Schedules run in real time, at any speed of the local AWS. ``POST
/_local-aws/schedules/<group>/<name>`` fires one at once.
"""

from local_aws.cloud import Cloud
from local_aws.events import rules, schedules, storage
from local_aws.events.delivery import Courier
from local_aws.events.schedules import Clock
from local_aws.events.trigger import TriggerMiddleware
from local_aws.subsystem import Subsystem, WsgiApp


class Events(Subsystem):
    """Rules' targets and schedules, made real."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._courier = Courier(cloud)
        self._clock = Clock(self._courier)

    def install(self) -> None:
        """Let moto's rules deliver here."""
        rules.install(self._courier)
        schedules.install()
        storage.install()

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Offer the call that fires a schedule."""
        return TriggerMiddleware(app, r"/_local-aws/schedules/([^/]+)/([^/]+)", self._clock.trigger)

    def start(self) -> None:
        """Start the clock."""
        self._clock.start()

    def stop(self) -> None:
        """Fire and deliver nothing more."""
        self._clock.stop()
        self._courier.stop()
