"""Permissions of the local AWS."""

from local_aws.subsystem import Subsystem


class Permissions(Subsystem):
    """Not built yet."""
