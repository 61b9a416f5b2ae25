"""Transform of the local AWS."""

from local_aws.subsystem import Subsystem


class Transform(Subsystem):
    """Not built yet."""
