"""AutoScaling of the local AWS."""

from local_aws.subsystem import Subsystem


class AutoScaling(Subsystem):
    """Not built yet."""
