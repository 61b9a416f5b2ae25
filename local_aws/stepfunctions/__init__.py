"""StepFunctions of the local AWS."""

from local_aws.subsystem import Subsystem


class StepFunctions(Subsystem):
    """Not built yet."""
