"""CloudWatch of the local AWS: metrics that are quick to ask, and alarms that are evaluated."""

from local_aws.cloud import Cloud
from local_aws.cloudwatch import backend, responses
from local_aws.cloudwatch.watcher import Watcher
from local_aws.subsystem import Subsystem


class CloudWatch(Subsystem):
    """Keeps what services publish, evaluates alarms on it and executes their actions."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._watcher = Watcher(cloud)

    def install(self) -> None:
        """Replace moto's metric store and its alarms."""
        backend.install()
        responses.install()

    def start(self) -> None:
        """Begin to evaluate alarms."""
        self._watcher.start()

    def stop(self) -> None:
        """Evaluate no more."""
        self._watcher.stop()
