"""`TransformOptions`: how a batch transform job reads, splits, sends, joins and writes."""

from dataclasses import dataclass, field
from enum import StrEnum

from aws_cdk import Duration, Size, Token

from inference_constructs.faults import refuse
from inference_constructs.functions.batch_checks.transform_job import (
    MAX_PAYLOAD_MB,
    Job,
    job_faults,
)
from inference_constructs.instance_types import find_instance_type, transform_fault

# How much longer than SageMaker the model's server waits for the handler: SageMaker's own timeout
# has to come first, or a slow mini-batch fails as an error of the container, which is not retried.
_SERVER_TIMEOUT_MARGIN = 60
_MAX_INSTANCES = 100


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


class JoinSource(StrEnum):
    """What is put beside each prediction."""

    NONE = "None"
    INPUT = "Input"


@dataclass(frozen=True, kw_only=True)
class TransformOptions:
    """The options of a batch transform job, refused at synth where the service would refuse them.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html

    An execution may choose for itself what depends on its data: content type, accept, split,
    assemble, strategy, join, filters, payload and concurrency. The same rules judge it then.

    Attributes:
        instance_type: what the model runs on.
        instance_count: how many of them; a file is worked on by one.
        strategy: how many records go into one request.
        max_payload: the largest request, whole mebibytes.
        max_concurrent_transforms: requests under way at once on an instance. By default as many as
            it has vCPUs, which is how many workers the container starts, and no more than the
            service takes with this payload; the service's own default is 1.
        content_type: the input's media type, which the handler gets.
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
    """

    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    strategy: BatchStrategy = BatchStrategy.MULTI_RECORD
    max_payload: Size = field(default_factory=lambda: Size.mebibytes(6))
    max_concurrent_transforms: int | None = None
    content_type: str = "text/csv"
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
                "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(seconds + _SERVER_TIMEOUT_MARGIN)
            },
            "TransformInput": {"ContentType": self.content_type, "SplitType": str(self.split)},
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
        for name, low, high in (
            ("instance_count", 1, _MAX_INSTANCES),
            ("invocation_retries", 0, 3),
            ("attempts", 1, 10),
        ):
            value = getattr(self, name)
            if not Token.is_unresolved(value) and not low <= value <= high:
                faults.append(f"{name} must be from {low} to {high}, not {value}")
        invocation, whole = self.invocation_timeout.to_seconds(), self.timeout.to_seconds()
        if not 1 <= invocation <= 3600:
            faults.append(f"invocation_timeout must be from 1 to 3600 seconds, not {invocation}")
        if whole <= invocation:
            faults.append(
                f"timeout ({whole} s) must be longer than invocation_timeout ({invocation} s)"
            )
        return [*faults, *job_faults(self.job(key_arn=""))]
