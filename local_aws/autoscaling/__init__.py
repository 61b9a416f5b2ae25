"""Application Auto Scaling of the local AWS: policies that change what they scale."""

from local_aws.autoscaling import backend, responses
from local_aws.autoscaling.scaler import Scaler
from local_aws.cloud import Cloud
from local_aws.cloudwatch.actions import register_action
from local_aws.subsystem import Subsystem


class AutoScaling(Subsystem):
    """Scales variants of endpoints by the alarms of their policies."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._scaler = Scaler(cloud)

    def install(self) -> None:
        """Replace moto's backend and answer alarms."""
        backend.install(self.cloud, self._scaler.on_bounds)
        responses.install()
        register_action("autoscaling", self._scaler.on_alarm)

    def start(self) -> None:
        """Begin to look after targets."""
        self._scaler.start()

    def stop(self) -> None:
        """Scale no more."""
        self._scaler.stop()
