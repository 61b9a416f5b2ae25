"""Batch transform of the local AWS: jobs really read, predict and write.

An object is cut into records (`split`), records into requests (`batching`) that go to real model
processes (`runner`), answers are joined with their records (`join`) and written.
"""

from local_aws.cloud import Cloud
from local_aws.subsystem import Subsystem
from local_aws.transform.api import TransformApi


class Transform(Subsystem):
    """Transform jobs on moto's SageMaker."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._api = TransformApi(cloud)

    def install(self) -> None:
        """Replace moto's operations."""
        self._api.install()

    def stop(self) -> None:
        """Stop the jobs that run, and their model processes."""
        self._api.stop()
