"""Lambda of the local AWS: functions run, each in a process of its own."""

from __future__ import annotations

from local_aws.cloud import Cloud
from local_aws.subsystem import Subsystem


class Functions(Subsystem):
    """Puts functions that run in the place of moto's."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        # Imported here and not above: moto reads the environment, which the server sets first.
        from local_aws.functions.invoker import Invoker

        self._invoker = Invoker(cloud)

    def install(self) -> None:
        """Replace moto's function class, and the operations that invoke."""
        from moto.awslambda import models
        from moto.awslambda.responses import LambdaResponse

        from local_aws.functions import notifications
        from local_aws.functions.api import BackendOperations, Operations
        from local_aws.functions.function import LiveFunction

        LiveFunction.invoker = self._invoker
        for place, replacements in (
            (models, {"LambdaFunction": LiveFunction}),
            (models.LambdaBackend, vars(BackendOperations)),
            (LambdaResponse, vars(Operations)),
        ):
            for name, member in replacements.items():
                if not name.startswith("__"):
                    setattr(place, name, member)
        notifications.install()

    def stop(self) -> None:
        """End all functions."""
        self._invoker.stop()
