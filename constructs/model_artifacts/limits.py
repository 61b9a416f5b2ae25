"""What SageMaker's hosting takes, as far as it can be checked before a deployment."""

GIB = 1024**3

DEFAULT_VOLUME_BYTES = 30 * GIB
"""Storage of a hosting instance without local disks, unless the variant sets `VolumeSizeInGB`.

See "Host instance storage volumes" in the SageMaker AI developer guide.
"""

MAXIMUM_VOLUME_BYTES = 512 * GIB
"""The largest `VolumeSizeInGB` that `CreateEndpointConfig` takes."""

SERVERLESS_DISK_BYTES = 5 * GIB
"""Ephemeral disk of a serverless endpoint, whatever its memory."""
