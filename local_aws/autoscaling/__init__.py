"""Application Auto Scaling of the local AWS: policies and schedules that change what they scale.

Scheduled actions run in real time, at any speed of the local AWS. ``POST
/_local-aws/scheduled-actions/<resource id>/<name>`` runs one at once, e.g.
``/_local-aws/scheduled-actions/endpoint/churn/variant/AllTraffic/evening``.
"""

from local_aws.autoscaling import backend, responses
from local_aws.autoscaling.scaler import Scaler
from local_aws.autoscaling.schedules import Clock
from local_aws.cloud import Cloud
from local_aws.cloudwatch.actions import register_action
from local_aws.events.trigger import TriggerMiddleware
from local_aws.subsystem import Subsystem, WsgiApp


class AutoScaling(Subsystem):
    """Scales what SageMaker serves by the alarms of policies, by bounds and by schedules."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._scaler = Scaler(cloud)
        self._clock = Clock(self._scaler.on_schedule)

    def install(self) -> None:
        """Replace moto's backend and answer alarms."""
        backend.install(self.cloud, self._scaler.on_bounds)
        responses.install()
        register_action("autoscaling", self._scaler.on_alarm)

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Offer the call that runs a scheduled action."""
        path = r"/_local-aws/scheduled-actions/(.+)/([^/]+)"
        return TriggerMiddleware(app, path, self._clock.trigger)

    def start(self) -> None:
        """Begin to look after targets and schedules."""
        self._scaler.start()
        self._clock.start()

    def stop(self) -> None:
        """Scale no more."""
        self._clock.stop()
        self._scaler.stop()
