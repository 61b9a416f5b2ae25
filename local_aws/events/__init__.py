"""Events of the local AWS."""

from local_aws.subsystem import Subsystem


class Events(Subsystem):
    """Not built yet."""
