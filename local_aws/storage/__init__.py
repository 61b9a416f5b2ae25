"""S3 of the local AWS: large objects are read and put together in parts, never whole in memory."""

from local_aws.storage import objects
from local_aws.subsystem import Subsystem


class Storage(Subsystem):
    """Objects that are larger than memory has room for."""

    def install(self) -> None:
        """Let moto's objects be streamed."""
        objects.install()
