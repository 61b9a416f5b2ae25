"""SageMaker as a part of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from local_aws.subsystem import Subsystem, WsgiApp

if TYPE_CHECKING:
    from local_aws.sagemaker.backend import LiveSageMakerBackend
    from local_aws.sagemaker.endpoint import Endpoint
    from local_aws.sagemaker.supervisor import Supervisor


class SageMaker(Subsystem):
    """Puts the live backend into moto and answers invocations."""

    _supervisor: Supervisor | None = None

    def install(self) -> None:
        """Replace moto's backend and its operations."""
        from moto.sagemaker import urls
        from moto.sagemaker.models import sagemaker_backends

        from local_aws.sagemaker.api import LiveSageMakerResponse
        from local_aws.sagemaker.backend import LiveSageMakerBackend

        LiveSageMakerBackend.cloud = self.cloud
        sagemaker_backends.backend = LiveSageMakerBackend
        urls.url_paths["{0}/$"] = LiveSageMakerResponse.dispatch

    def wrap(self, app: WsgiApp) -> WsgiApp:
        """Answer InvokeEndpoint."""
        from local_aws.sagemaker.capacity import CapacityMiddleware
        from local_aws.sagemaker.runtime import RuntimeMiddleware

        return RuntimeMiddleware(CapacityMiddleware(app))

    def start(self) -> None:
        """Watch over the instances."""
        from local_aws.sagemaker.supervisor import Supervisor

        self._supervisor = Supervisor(self.cloud, _endpoints)
        self._supervisor.start()

    def stop(self) -> None:
        """End every instance."""
        from local_aws.sagemaker.instances import stop_all

        if self._supervisor is not None:
            self._supervisor.stop()
        for endpoint in _endpoints():
            endpoint.close()
        stop_all()


def _endpoints() -> Iterator[Endpoint]:
    """All endpoints of all accounts and regions."""
    from moto.sagemaker.models import sagemaker_backends

    for regions in list(sagemaker_backends.values()):
        for backend in list(regions.values()):
            yield from list(cast("LiveSageMakerBackend", backend).hosting.endpoints.values())
