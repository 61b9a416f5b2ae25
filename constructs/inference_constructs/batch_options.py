"""`TransformOptions`: how a batch transform job reads, splits, sends, joins and writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from aws_cdk import Duration, Size, Token

from inference_constructs.faults import refuse
from inference_constructs.functions.batch_checks.transform_job import (
    MAX_PAYLOAD_MB,
    SERVER_TIMEOUT,
    SERVER_TIMEOUT_MARGIN,
    Job,
    as_tags,
    job_faults,
)
from inference_constructs.instance_types import find_instance_type, transform_fault


class BatchStrategy(StrEnum):
    """How many records of a file go into one request."""

    MULTI_RECORD = "MultiRecord"
    SINGLE_RECORD = "SingleRecord"


class SplitType(StrEnum):
    """Where a file may be cut into records; not at all sends it whole."""

    NONE = "None"
    LINE = "Line"
    RECORD_IO = "RecordIO"
    TF_RECORD = "TFRecord"


class AssembleType(StrEnum):
    """What is put between the answers to the requests of a file."""

    NONE = "None"
    LINE = "Line"


class CompressionType(StrEnum):
    """How the input is compressed; the service unpacks it."""

    NONE = "None"
    GZIP = "Gzip"


class JoinSource(StrEnum):
    """What is put beside each prediction."""

    NONE = "None"
    INPUT = "Input"


@dataclass(frozen=True, kw_only=True)
class TransformOptions:
    """The options of a batch transform job, refused at synth where the service would refuse them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html

    An execution may choose each of them for itself but for the attempts. The same rules judge it
    then.

    Attributes:
        instance_type: what the model runs on.
        instance_count: how many of them; a file is worked on by one.
        strategy: how many records go into one request.
        max_payload: the largest request, whole mebibytes.
        max_concurrent_transforms: requests under way at once on an instance. By default as many as
            it has vCPUs, which is how many workers the container starts, and no more than the
            service takes with this payload; the service's own default is 1.
        content_type: the input's media type, which the handler gets.
        compression: how the input is compressed.
        split: where a file may be cut.
        accept: the media type that the handler is asked for.
        assemble: what stands between the answers.
        input_filter: the part of each record that the model gets, as JSONPath. It selects columns:
            it cannot skip a header.
        output_filter: the part of each result that is kept.
        join: what is put beside each prediction.
        invocation_timeout: how long one request may take, up to an hour.
        invocation_retries: how often a failed request is sent again, up to three times.
        timeout: how long one attempt at the job may take before it is stopped.
        attempts: how often the job is started when capacity, a quota or the API's rate stands in
            its way.
        environment: further variables of the container; of the 16 that a job takes one is set here,
            the server's timeout, which is above the invocation's.
        tags: of the job.
    """

    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    strategy: BatchStrategy = BatchStrategy.MULTI_RECORD
    max_payload: Size = field(default_factory=lambda: Size.mebibytes(6))
    max_concurrent_transforms: int | None = None
    content_type: str = "text/csv"
    compression: CompressionType = CompressionType.NONE
    split: SplitType = SplitType.LINE
    accept: str = "text/csv"
    assemble: AssembleType = AssembleType.LINE
    input_filter: str = "$"
    output_filter: str = "$"
    join: JoinSource = JoinSource.NONE
    invocation_timeout: Duration = field(default_factory=lambda: Duration.minutes(10))
    invocation_retries: int = 3
    timeout: Duration = field(default_factory=lambda: Duration.hours(12))
    attempts: int = 4
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses what no job can run with.

        Raises:
            ValueError: names all that is wrong, with the reasons.
        """
        refuse("transform options", self._faults())

    def job(self, *, key_arn: str) -> Job:
        """The job as CreateTransformJob takes it, without its name, its model and its places.

        Args:
            key_arn: the key that encrypts the output and the instances' volumes.
        """
        seconds = self.invocation_timeout.to_seconds()
        resources: Job = {"InstanceType": self.instance_type, "InstanceCount": self.instance_count}
        known = find_instance_type(self.instance_type)
        # Local disks are encrypted by their hardware, and the service refuses a key for them.
        if known is not None and not known.local_storage:
            resources["VolumeKmsKeyId"] = key_arn
        return {
            "BatchStrategy": str(self.strategy),
            "MaxPayloadInMB": self._payload_mb(),
            "MaxConcurrentTransforms": self._concurrency(),
            "ModelClientConfig": {
                "InvocationsTimeoutInSeconds": seconds,
                "InvocationsMaxRetries": self.invocation_retries,
            },
            "Environment": {
                SERVER_TIMEOUT: str(seconds + SERVER_TIMEOUT_MARGIN),
                **self.environment,
            },
            "TransformInput": {
                "CompressionType": str(self.compression),
                "ContentType": self.content_type,
                "SplitType": str(self.split),
            },
            "TransformOutput": {
                "Accept": self.accept,
                "AssembleWith": str(self.assemble),
                "KmsKeyId": key_arn,
            },
            "TransformResources": resources,
            "DataProcessing": {
                "InputFilter": self.input_filter,
                "OutputFilter": self.output_filter,
                "JoinSource": str(self.join),
            },
            "Tags": as_tags(self.tags),
        }

    def _concurrency(self) -> int:
        if self.max_concurrent_transforms is not None:
            return self.max_concurrent_transforms
        known = find_instance_type(self.instance_type)
        vcpus = 1 if known is None else known.vcpus
        return max(1, min(vcpus, MAX_PAYLOAD_MB // max(1, self._payload_mb())))

    def _payload_mb(self) -> int:
        return int(self.max_payload.to_mebibytes())

    def _faults(self) -> list[str]:
        faults = []
        if not Token.is_unresolved(self.instance_type):
            fault = transform_fault(self.instance_type)
            if fault is not None:
                faults.append(fault)
        elif self.max_concurrent_transforms is None:
            faults.append(
                "max_concurrent_transforms must be given where the instance type, and so the "
                "number of its vCPUs, is known at deployment only"
            )
        if not 1 <= self.attempts <= 10:
            faults.append(f"attempts must be from 1 to 10, not {self.attempts}")
        invocation, whole = self.invocation_timeout.to_seconds(), self.timeout.to_seconds()
        if whole <= invocation:
            faults.append(
                f"timeout ({whole} s) must be longer than invocation_timeout ({invocation} s)"
            )
        return [*faults, *job_faults(self.job(key_arn=""))]
