"""Functions of the local AWS."""

from local_aws.subsystem import Subsystem


class Functions(Subsystem):
    """Not built yet."""
