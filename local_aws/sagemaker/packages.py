"""The operations on model packages that moto lacks."""

from __future__ import annotations

from local_aws.sagemaker.backend import LiveSageMakerBackend
from local_aws.sagemaker.errors import ValidationException, missing


def delete_model_package(backend: LiveSageMakerBackend, name: str) -> None:
    """DeleteModelPackage, by name or ARN.

    Raises:
        ValidationException: it does not exist.
    """
    package = backend.describe_model_package(name)
    del backend.model_packages[package.arn]
    mapping = backend.model_package_name_mapping
    for key in [key for key, arn in mapping.items() if arn == package.arn]:
        del mapping[key]


def delete_model_package_group(backend: LiveSageMakerBackend, name: str) -> None:
    """DeleteModelPackageGroup.

    Raises:
        ValidationException: it does not exist, or is not empty.
    """
    arn = group_arn(backend, name)
    group = arn.rsplit("/", 1)[-1]
    if any(
        package.model_package_group_name == group for package in backend.model_packages.values()
    ):
        raise ValidationException(
            f'Cannot delete model package group "{arn}": it still contains model packages.'
        )
    del backend.model_package_groups[group]
    backend.group_policies.pop(arn, None)


def group_arn(backend: LiveSageMakerBackend, name: str) -> str:
    """The ARN of a group, by its name or ARN.

    Raises:
        ValidationException: it does not exist.
    """
    group = name.rsplit("/", 1)[-1]
    arn = backend.hosting.arn("model-package-group", group)
    if group not in backend.model_package_groups:
        raise missing("model package group", arn)
    return arn


def group_policy(backend: LiveSageMakerBackend, name: str) -> str:
    """GetModelPackageGroupPolicy.

    Raises:
        ValidationException: the group does not exist, or has no policy.
    """
    arn = group_arn(backend, name)
    if arn not in backend.group_policies:
        raise ValidationException(f'Cannot find resource policy for "{arn}".')
    return backend.group_policies[arn]
