"""A transform job: its state, and the thread that runs it."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud, Credentials
from local_aws.events.publish import publish_service_event
from local_aws.permissions.sessions import assume
from local_aws.sagemaker.instances import ModelInstance, ModelInstanceError
from local_aws.transform.datalog import LOG_GROUP, DataLog
from local_aws.transform.errors import TransformError
from local_aws.transform.faults import fail_if_asked, lose_outputs, mortal
from local_aws.transform.runner import Failures, Target, Worker
from local_aws.transform.settings import Settings, settings
from local_aws.transform.source import Source, bucket_and_key, sources
from local_aws.transform.utilization import Utilization

LOG = logging.getLogger(__name__)
FINAL = ("Completed", "Failed", "Stopped")
MAX_REASON = 1024
UNHEALTHY = (
    "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
# What describe returns of the request as it was given.
_ECHOED = (
    "ModelName",
    "MaxConcurrentTransforms",
    "ModelClientConfig",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "TransformInput",
    "TransformOutput",
    "DataCaptureConfig",
    "TransformResources",
    "DataProcessing",
    "ExperimentConfig",
)


class TransformJob:
    """One job; `run` is called once, in a thread of its own.

    Attributes:
        name: the job's name.
        arn: its ARN.
        request: the validated parameters of CreateTransformJob.
        tags: its tags, as the API lists them.
        status: one of InProgress, Completed, Failed, Stopping, Stopped.
    """

    def __init__(self, cloud: Cloud, arn: str, request: Mapping[str, Any], role_arn: str) -> None:
        self._cloud = cloud
        self._role_arn = role_arn
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._workers: list[Worker] = []
        self._instances: list[ModelInstance] = []
        self.name: str = request["TransformJobName"]
        self.arn = arn
        self.request = request
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.status = "InProgress"
        self.failure_reason: str | None = None
        self.created = self.modified = datetime.now(UTC)
        self.started: datetime | None = None
        self.ended: datetime | None = None

    # ------------------------------------------------------------------ what the API shows

    def describe(self) -> dict[str, Any]:
        """The response of DescribeTransformJob."""
        shown = {
            "TransformJobName": self.name,
            "TransformJobArn": self.arn,
            "TransformJobStatus": self.status,
            "FailureReason": self.failure_reason,
            "CreationTime": self.created,
            "TransformStartTime": self.started,
            "TransformEndTime": self.ended,
            **{name: self.request.get(name) for name in _ECHOED},
        }
        return {name: value for name, value in shown.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """The job's entry in ListTransformJobs."""
        shown = {
            "TransformJobName": self.name,
            "TransformJobArn": self.arn,
            "TransformJobStatus": self.status,
            "FailureReason": self.failure_reason,
            "CreationTime": self.created,
            "TransformEndTime": self.ended,
            "LastModifiedTime": self.modified,
        }
        return {name: value for name, value in shown.items() if value is not None}

    def stop(self) -> bool:
        """Ask the job to stop; False if it has ended already."""
        with self._lock:
            if self.status in FINAL:
                return False
            self._stopping.set()
            self._set("Stopping")
            workers, instances = list(self._workers), list(self._instances)
        for worker in workers:
            worker.stop()
        for instance in instances:
            instance.stop()
        return True

    def _set(self, status: str, reason: str | None = None) -> None:
        self.modified = datetime.now(UTC)
        if status in FINAL:
            self.ended = self.modified
        self.failure_reason = reason[:MAX_REASON] if reason else None
        self.status = status
        self._publish()

    def _publish(self) -> None:
        detail = {
            name: int(value.timestamp() * 1000) if isinstance(value, datetime) else value
            for name, value in self.describe().items()
        }
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self.tags}
        publish_service_event(
            source="aws.sagemaker",
            detail_type="SageMaker Transform Job State Change",
            resources=[self.arn],
            detail=detail,
        )

    # ------------------------------------------------------------------ running it

    @cached_property
    def session(self) -> Credentials:
        """The execution role's session: everything the job reads and writes is judged by it."""
        return assume(self._role_arn, service="sagemaker.amazonaws.com", session_name="SageMaker")

    def run(self) -> None:
        """Run the job to its end."""
        self._publish()
        try:
            reason = self._run()
        except ModelInstanceError as error:
            reason = UNHEALTHY if error.unhealthy else str(error)
        except (TransformError, ClientError) as error:
            reason = str(error)
        except Exception as error:
            LOG.exception("transform job %s", self.name)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        finally:
            for instance in self._instances:
                instance.stop()
        with self._lock:
            if self._stopping.is_set():
                self._set("Stopped")
            elif reason is None:
                self._set("Completed")
            else:
                self._set("Failed", reason)

    def _run(self) -> str | None:
        """The FailureReason; None if all went well."""
        log = DataLog(
            self._cloud.client("logs", self.session), f"{self.name}/{self._instance_id(0)}/data-log"
        )
        fail_if_asked(self.name)
        files = self._sources(log)
        self._start_instances(min(self._count, len(files)))
        if self._stopping.is_set():
            return None
        self.started = datetime.now(UTC)
        chosen = settings(self.request, self._instances[0].execution_parameters())
        log.write(str(chosen))
        failures = self._transform(files, chosen)
        for source, error in failures.found:
            log.write(str(error), subject=str(source))
        return failures.found[0][1].failure_reason if failures.found else None

    def _sources(self, log: DataLog) -> list[Source]:
        data_source = self.request["TransformInput"]["DataSource"]["S3DataSource"]
        try:
            found = sources(self._cloud.client("s3", self.session), data_source)
        except TransformError as error:
            log.write(str(error))
            raise TransformError(error.failure_reason) from error
        if not found:
            raise TransformError(f"ClientError: No objects found in {data_source['S3Uri']}")
        return found

    def _transform(self, files: list[Source], chosen: Settings) -> Failures:
        output = self.request["TransformOutput"]
        bucket, prefix = bucket_and_key(output["S3OutputPath"])
        key = output.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        target = Target(
            s3=self._cloud.client("s3", self.session),
            bucket=bucket,
            prefix=prefix.rstrip("/"),
            encryption=encryption,
        )
        scratch = self._cloud.directory("transform")
        waiting: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for source in files:
            waiting.put(source)
        failures = Failures()
        with self._lock:
            self._workers = [
                Worker(mortal(self.name, instance), chosen, target, scratch)
                for instance in self._instances
            ]
            if self._stopping.is_set():
                return failures
        hosts = {f"{self.name}/{self._instance_id(i)}": it for i, it in enumerate(self._instances)}
        cloudwatch = self._cloud.client("cloudwatch", self.session)
        with (
            Utilization(cloudwatch, hosts, speed=self._cloud.speed),
            ThreadPoolExecutor(len(self._workers)) as pool,
        ):
            for done in [pool.submit(worker.run, waiting, failures) for worker in self._workers]:
                done.result()
        written = {source.relative: target.key(source.relative) for source in files}
        lose_outputs(self.name, self._cloud.client("s3"), bucket, written)
        return failures

    @property
    def _count(self) -> int:
        return int(self.request["TransformResources"]["InstanceCount"])

    def _instance_id(self, index: int) -> str:
        digest = hashlib.sha256(f"{self.arn}/{index}".encode()).hexdigest()
        return f"i-{digest[:17]}"

    def _start_instances(self, count: int) -> None:
        """Start ``count`` instances at the same time; an instance without a file is not started."""
        with ThreadPoolExecutor(count) as pool:
            starting = [pool.submit(self._start_instance, index) for index in range(count)]
        errors = [done.exception() for done in starting]
        with self._lock:
            self._instances = [done.result() for done in starting if done.exception() is None]
        for error in errors:
            if error is not None:
                raise error

    def _start_instance(self, index: int) -> ModelInstance:
        stream = f"{self.name}/{self._instance_id(index)}"
        return ModelInstance.start(
            self._cloud,
            model_name=self.request["ModelName"],
            name=stream.replace("/", "-"),
            log_group=LOG_GROUP,
            log_stream=stream,
            environment=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        """What the service adds for batch, then what the request sets."""
        hints = {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": self.request.get("MaxPayloadInMB"),
            "SAGEMAKER_BATCH_STRATEGY": {
                "MultiRecord": "MULTI_RECORD",
                "SingleRecord": "SINGLE_RECORD",
            }.get(self.request.get("BatchStrategy") or ""),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": self.request.get("MaxConcurrentTransforms"),
        }
        given = {name: str(value) for name, value in hints.items() if value is not None}
        return given | dict(self.request.get("Environment") or {})
