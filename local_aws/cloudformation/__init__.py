"""CloudFormation of the local AWS."""

from local_aws.subsystem import Subsystem


class CloudFormation(Subsystem):
    """Not built yet."""
