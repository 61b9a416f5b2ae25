"""SageMaker of the local AWS."""

from local_aws.subsystem import Subsystem


class SageMaker(Subsystem):
    """Not built yet."""
