"""Create, describe, stop and list transform jobs on moto's SageMaker."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.models import FakeTransformJob
from moto.sagemaker.responses import SageMakerResponse

from local_aws.cloud import Cloud
from local_aws.sagemaker.quota_checks import check_job
from local_aws.sagemaker.validation import validate
from local_aws.transform.job import TransformJob
from local_aws.transform.source import bucket_and_key
from local_aws.transform.validation import combination_faults

DEFAULT_RESULTS = 10


class TransformApi:
    """The four operations, as methods that moto's response class takes over."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._threads: list[threading.Thread] = []
        self._jobs: list[TransformJob] = []
        self._creating = threading.Lock()

    def install(self) -> None:
        """Replace moto's operations, which record a job as Completed and run nothing."""
        api = self

        def create_transform_job(response: Any) -> ActionResult:
            return ActionResult({"TransformJobArn": api.create(response)})

        def describe_transform_job(response: Any) -> ActionResult:
            return ActionResult(api.job(response).describe())

        def stop_transform_job(response: Any) -> EmptyResult:
            api.stop_job(response)
            return EmptyResult()

        def list_transform_jobs(response: Any) -> ActionResult:
            return ActionResult(api.listed(response))

        for operation in (
            create_transform_job,
            describe_transform_job,
            stop_transform_job,
            list_transform_jobs,
        ):
            setattr(SageMakerResponse, operation.__name__, operation)

    def stop(self) -> None:
        """Stop every job that runs, and wait for them."""
        for job in self._jobs:
            job.stop()
        for thread in self._threads:
            thread.join(timeout=5)

    # ------------------------------------------------------------------ operations

    def create(self, response: Any) -> str:
        """CreateTransformJob: refuse what the service refuses, then run it in the background."""
        backend, request = response.sagemaker_backend, _parameters(response)
        validate("CreateTransformJob", request)
        problems = combination_faults(request)
        if problems:
            raise ValidationError(message="; ".join(problems))
        name = request["TransformJobName"]
        arn = FakeTransformJob.arn_formatter(name, backend.account_id, backend.region_name)
        role_arn = self._execution_role(request["ModelName"])
        job = TransformJob(self._cloud, arn, request, role_arn)
        self._check_input(job, role_arn)
        with self._creating:
            if name in backend.transform_jobs:
                raise ResourceInUseException(
                    message="Job name must be unique within an AWS account and region, and a job "
                    f"with this name already exists ({arn})"
                )
            check_job(
                [one.request["TransformResources"] for one in self._jobs if not one.ended],
                request["TransformResources"],
            )
            backend.transform_jobs[name] = job
            self._jobs.append(job)
            thread = threading.Thread(target=job.run, name=f"transform-{name}", daemon=True)
            self._threads.append(thread)
        thread.start()
        return arn

    def job(self, response: Any) -> TransformJob:
        """The job that a request names.

        Raises:
            ValidationError: there is none.
        """
        name = response._get_param("TransformJobName")
        job: TransformJob | None = response.sagemaker_backend.transform_jobs.get(name)
        if job is None:
            raise ValidationError(message=f"Could not find requested job with name: {name}")
        return job

    def stop_job(self, response: Any) -> None:
        """StopTransformJob: the status is Stopping at once, and Stopped when all has ended."""
        job = self.job(response)
        if not job.stop():
            raise ValidationError(
                message="The request was rejected because the transform job is in status "
                f"{job.status}."
            )

    def listed(self, response: Any) -> dict[str, Any]:
        """ListTransformJobs: filtered, sorted, in pages."""
        request = _parameters(response)
        validate("ListTransformJobs", request)
        jobs = list(response.sagemaker_backend.transform_jobs.values())
        found = [job for job in jobs if _matches(job, request)]
        keys = {
            "Name": lambda job: job.name,
            "Status": lambda job: job.status,
            "CreationTime": lambda job: job.created,
        }
        found.sort(
            key=keys[request.get("SortBy") or "CreationTime"],
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        start = _start(request.get("NextToken"), len(found))
        end = start + int(request.get("MaxResults") or DEFAULT_RESULTS)
        page: dict[str, Any] = {
            "TransformJobSummaries": [job.summary() for job in found[start:end]]
        }
        if end < len(found):
            page["NextToken"] = str(end)
        return page

    # ------------------------------------------------------------------ checks that call AWS

    def _execution_role(self, model_name: str) -> str:
        try:
            model = self._cloud.client("sagemaker").describe_model(ModelName=model_name)
        except ClientError as error:
            raise ValidationError(message=error.response["Error"]["Message"]) from error
        role_arn: str = model["ExecutionRoleArn"]
        return role_arn

    def _check_input(self, job: TransformJob, role_arn: str) -> None:
        """The input must exist, and the role must be able to see it."""
        try:
            session = job.session
        except ClientError as error:
            raise ValidationError(
                message=f"Could not assume role {role_arn}. Please ensure that the role exists and "
                "allows principal 'sagemaker.amazonaws.com' to assume the role."
            ) from error
        uri = job.request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        bucket, key = bucket_and_key(uri)
        try:
            listing = self._cloud.client("s3", session).list_objects_v2(
                Bucket=bucket, Prefix=key, MaxKeys=1
            )
            found = listing["KeyCount"] > 0
        except ClientError:
            found = False
        if not found:
            region = job.arn.split(":")[3]
            raise ValidationError(
                message=f'No S3 objects found under S3 URL "{uri}" given in input data source. '
                f"Please ensure that the bucket exists in the selected region ({region}), that "
                f'objects exist under that S3 prefix, and that the role "{role_arn}" has '
                f'"s3:ListBucket" permissions on bucket "{bucket}".'
            )


def _parameters(response: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(response._get_params())
    return parameters


def _matches(job: TransformJob, request: Mapping[str, Any]) -> bool:
    status = request.get("StatusEquals")
    return (
        (request.get("NameContains") or "") in job.name
        and status in (None, job.status)
        and job.created > _time(request, "CreationTimeAfter", datetime.min)
        and job.created < _time(request, "CreationTimeBefore", datetime.max)
        and job.modified > _time(request, "LastModifiedTimeAfter", datetime.min)
        and job.modified < _time(request, "LastModifiedTimeBefore", datetime.max)
    )


def _time(request: Mapping[str, Any], name: str, default: datetime) -> datetime:
    value = request.get(name)
    if value is None:
        return default.replace(tzinfo=UTC)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def _start(token: str | None, count: int) -> int:
    if not token:
        return 0
    if not token.isdigit() or int(token) > count:
        raise ValidationError(message=f'Invalid pagination token because "{token}".')
    return int(token)
