"""Looks up in SageMaker where the data of a trained model lie."""

from dataclasses import dataclass
from typing import Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from model_artifacts.pins import APPROVED
from model_artifacts.sources import Source


@dataclass(frozen=True, kw_only=True)
class Found:
    """What SageMaker says of a source.

    Attributes:
        artifact_uri: S3 URI of `model.tar.gz`; None for a package that names no data of its own.
        code_uri: S3 URI of the code that a package's container fetches when it starts.
        etag: The data's ETag when a package was registered, if the package has it.
        image: The container image that the job or package names.
        job_arn: The training job.
        tuning_job_arn: The tuning job whose best job that is.
        package_arn: The model package.
        package_status: Its approval status.
    """

    artifact_uri: str | None
    code_uri: str | None = None
    etag: str | None = None
    image: str | None = None
    job_arn: str | None = None
    tuning_job_arn: str | None = None
    package_arn: str | None = None
    package_status: str | None = None


def look_up(source: Source, sagemaker: Any, *, allow_unapproved: bool = False) -> Found:
    """Find the artifact of a source.

    Args:
        source: A job, a package or an S3 URI.
        sagemaker: A boto3 client of SageMaker.
        allow_unapproved: Whether a package may be in another state than `Approved`.

    Returns:
        The artifact and its lineage.

    Raises:
        CommandError: It does not exist, is not finished, is not approved, or left no artifact.
    """
    with aws_errors(str(source)):
        match source.kind:
            case "s3":
                return Found(artifact_uri=source.name)
            case "training-job":
                return _training_job(source.name, sagemaker)
            case "tuning-job":
                return _tuning_job(source.name, sagemaker)
            case "model-package":
                return _model_package(source, sagemaker, allow_unapproved)


def _training_job(name: str, sagemaker: Any) -> Found:
    job = sagemaker.describe_training_job(TrainingJobName=name)
    status = job["TrainingJobStatus"]
    if status != "Completed":
        reason = f": {job['FailureReason']}" if job.get("FailureReason") else ""
        raise CommandError(f"the training job {name} is {status}, not Completed{reason}")
    uri = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if not uri:
        raise CommandError(f"the training job {name} left no model artifact")
    if job.get("OutputDataConfig", {}).get("CompressionType") == "NONE":
        raise CommandError(
            f"the training job {name} left its model uncompressed: train with "
            "OutputDataConfig.CompressionType GZIP, or pack the model and give its s3:// URI"
        )
    return Found(
        artifact_uri=uri,
        image=job.get("AlgorithmSpecification", {}).get("TrainingImage"),
        job_arn=job["TrainingJobArn"],
    )


def _tuning_job(name: str, sagemaker: Any) -> Found:
    tuning = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    status = tuning["HyperParameterTuningJobStatus"]
    if status != "Completed":
        raise CommandError(f"the tuning job {name} is {status}, not Completed")
    best = tuning.get("BestTrainingJob", {}).get("TrainingJobName")
    if not best:
        raise CommandError(f"the tuning job {name} has no best training job: all of them failed")
    found = _training_job(best, sagemaker)
    return Found(
        artifact_uri=found.artifact_uri,
        image=found.image,
        job_arn=found.job_arn,
        tuning_job_arn=tuning["HyperParameterTuningJobArn"],
    )


def _model_package(source: Source, sagemaker: Any, allow_unapproved: bool) -> Found:
    package = sagemaker.describe_model_package(ModelPackageName=_package_name(source, sagemaker))
    arn = package["ModelPackageArn"]
    status = package["ModelPackageStatus"]
    if status != "Completed":
        raise CommandError(f"the model package {arn} is {status}, not Completed")
    # Packages outside of a group carry no approval: nobody approved them.
    approval = package.get("ModelApprovalStatus", "not subject to approval")
    if approval != APPROVED and not allow_unapproved:
        raise CommandError(
            f"the model package {arn} is {approval}, not {APPROVED}: approve it in the registry, "
            "or give --allow-unapproved"
        )
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise CommandError(
            f"the model package {arn} has {len(containers)} containers: expected one that serves "
            "an XGBoost model"
        )
    [container] = containers
    return Found(
        artifact_uri=_package_data(arn, container),
        code_uri=_package_code(container),
        etag=container.get("ModelDataETag"),
        image=container.get("Image"),
        package_arn=arn,
        package_status=approval,
    )


def _package_name(source: Source, sagemaker: Any) -> str:
    if source.arn is not None:
        return source.arn
    group, _, version = source.name.partition("/")
    if not version:
        return group
    # The API knows the version of a group by its ARN only.
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            if summary.get("ModelPackageVersion") == int(version):
                return str(summary["ModelPackageArn"])
    raise CommandError(f"the model package group {group} has no version {version}")


def _package_code(container: dict[str, Any]) -> str | None:
    # Where the SDK's `register` leaves the script of a model that it did not repack.
    directory = str(container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", ""))
    return directory if directory.startswith("s3://") else None


def _package_data(arn: str, container: dict[str, Any]) -> str | None:
    if uri := container.get("ModelDataUrl"):
        return str(uri)
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return None
    if source.get("CompressionType") != "Gzip" or source.get("S3DataType") != "S3Object":
        raise CommandError(
            f"the model package {arn} has uncompressed model data: register one whose data are a "
            "model.tar.gz"
        )
    return str(source["S3Uri"])
