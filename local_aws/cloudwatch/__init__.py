"""CloudWatch of the local AWS."""

from local_aws.subsystem import Subsystem


class CloudWatch(Subsystem):
    """Not built yet."""
