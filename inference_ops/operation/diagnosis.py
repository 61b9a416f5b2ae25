"""Why an endpoint does not start, why its predictions fail, why a batch failed; what to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from inference_ops.operation.endpoint import LiveEndpoint
from inference_ops.operation.logs import TRANSFORM_JOBS, Line, Logs
from inference_ops.operation.metrics import read_metrics

if TYPE_CHECKING:
    import boto3

_CODE = "/opt/ml/model/code"
_RECENT = timedelta(hours=1)
_LOUD = re.compile(r"Traceback|Error|ERROR|CRITICAL|Exception")
_ACCESS_LOG = re.compile(r'"(GET|POST|HEAD) /')
# What the containers say, and what it means; the first that fits is told.
_SAID = (
    (
        re.compile(r"No module named '?(inference|[\w.]+)"),
        "the container does not find {0!r}: set SAGEMAKER_PROGRAM to the file below code/ and "
        "SAGEMAKER_SUBMIT_DIRECTORY to /opt/ml/model/code, and bundle what it imports",
    ),
    (
        re.compile(r"(No matching distribution|Could not find a version)"),
        "pip finds no package: a container without a network needs bundled wheels, and "
        "PIP_NO_BUILD_ISOLATION=0",
    ),
    (
        re.compile(r"(MemoryError|Out of memory|Cannot allocate)"),
        "the instance has too little memory: take a larger type, fewer workers "
        "(SAGEMAKER_MODEL_SERVER_WORKERS), or smaller batches",
    ),
    (
        re.compile(r"(XGBoostError|failed to load|Unknown file format|input stream corrupted)"),
        "XGBoost cannot read the model: save it as UBJ or JSON by a release that is not newer than "
        "the image's, or convert it with `inference convert`",
    ),
    (
        re.compile(r"(WORKER TIMEOUT|worker timeout|upstream timed out)"),
        "a request took longer than the server waits: raise SAGEMAKER_MODEL_SERVER_TIMEOUT, or "
        "send fewer records at once",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong, or may be.

    Attributes:
        what: what was found.
        do: what to do about it; empty where it is only told.
    """

    what: str
    do: str = ""


class Diagnosis:
    """Looks for reasons.

    Args:
        session: where the endpoint or the job is.
    """

    def __init__(self, session: "boto3.Session") -> None:
        self._session = session
        self._sagemaker = session.client("sagemaker")

    def of_endpoint(self, name: str) -> list[Finding]:
        """Why an endpoint does not start or does not answer as it should.

        Args:
            name: the endpoint.

        Raises:
            CommandError: there is no such endpoint; its message names those that are alike.
        """
        endpoint = self._endpoint(name)
        findings = list(self._status(endpoint))
        for model in self._models(endpoint):
            findings += self._model(model)
        findings += self._traffic(endpoint)
        logs = Logs(self._session, endpoint.log_groups)
        # One that has just come into service need not have logged anything.
        quiet = endpoint.status == "InService"
        findings += self._logs(logs, "its containers", may_be_quiet=quiet)
        return findings

    def of_job(self, name: str) -> list[Finding]:
        """Why a transform job failed.

        Args:
            name: the job.

        Raises:
            CommandError: there is no such job.
        """
        with aws_errors(f"transform job {name}"):
            job = self._sagemaker.describe_transform_job(TransformJobName=name)
        findings = []
        status = job["TransformJobStatus"]
        if status == "Failed":
            findings.append(
                Finding(
                    what=f"it failed: {job.get('FailureReason', 'without a reason')}",
                    do="see the data log: it names the file, and says what the container answered",
                )
            )
        elif status != "Completed":
            findings.append(Finding(what=f"it is {status}"))
        findings += self._input(job)
        findings += self._model(job["ModelName"])
        logs = Logs(self._session, [TRANSFORM_JOBS], streams=f"{name}/")
        started = job.get("TransformStartTime", job["CreationTime"])
        findings += self._logs(logs, "the job's containers", since=started)
        return findings

    # ------------------------------------------------------------------ the endpoint

    def _endpoint(self, name: str) -> LiveEndpoint:
        endpoint = LiveEndpoint(self._session, name)
        try:
            assert endpoint.status
        except CommandError as error:
            if "does not exist" not in str(error):
                raise
            with aws_errors("the endpoints"):
                listed = self._sagemaker.list_endpoints(
                    NameContains=name.split("-", maxsplit=1)[0][:63]
                )
            alike = [each["EndpointName"] for each in listed["Endpoints"]]
            words = f"; there is {', '.join(alike[:5])}" if alike else ""
            raise CommandError(f"{error}{words}") from None
        return endpoint

    def _status(self, endpoint: LiveEndpoint) -> Iterator[Finding]:
        if endpoint.status != "InService":
            reason = endpoint.described.get("FailureReason")
            yield Finding(
                what=f"the endpoint is {endpoint.status}" + (f": {reason}" if reason else ""),
                do=_advice_on(reason or ""),
            )
        elif reason := endpoint.described.get("FailureReason"):
            yield Finding(
                what=f"its last update was taken back: {reason}",
                do="mend what the reason names and deploy again; the old config serves meanwhile",
            )
        if not endpoint.config:
            yield Finding(
                what=f"its config {endpoint.config_name} was deleted",
                do="deploy again: it serves on, but can be neither described nor rolled back to",
            )

    def _models(self, endpoint: LiveEndpoint) -> list[str]:
        found = [variant.get("ModelName") for variant in endpoint.configured]
        return [name for name in dict.fromkeys(found) if name is not None]

    def _traffic(self, endpoint: LiveEndpoint) -> Iterator[Finding]:
        for variant in read_metrics(self._session, endpoint, _RECENT):
            summary = variant.summary()
            asked = summary["invocations"] or 0
            for name, blame, do in (
                ("errors_4xx", "what callers send", "look at what the answers say: they name it"),
                ("errors_5xx", "the model", "look at the traces in the log, below"),
            ):
                count = summary[name] or 0
                if count:
                    yield Finding(
                        what=f"{count:.0f} of {asked:.0f} requests to {variant.variant} within the "
                        f"last hour got a {name[-3:].upper()} answer: {blame}",
                        do=do,
                    )

    # ------------------------------------------------------------------ models and their roles

    def _model(self, name: str) -> Iterator[Finding]:
        try:
            with aws_errors(f"model {name}"):
                model = self._sagemaker.describe_model(ModelName=name)
        except CommandError as error:
            yield Finding(what=str(error), do="deploy again: new instances cannot start")
            return
        role = model.get("ExecutionRoleArn", "").rpartition("/")[2]
        if role and not self._exists("iam", "get_role", RoleName=role):
            yield Finding(what=f"the role {role} of model {name} is gone", do="deploy again")
        containers = model.get("Containers") or [model.get("PrimaryContainer", {})]
        for container in containers:
            yield from self._container(name, container)

    def _container(self, model: str, container: Mapping[str, Any]) -> Iterator[Finding]:
        url = container.get("ModelDataUrl")
        if url is not None:
            bucket, _, key = url.removeprefix("s3://").partition("/")
            if not self._exists("s3", "head_object", Bucket=bucket, Key=key):
                yield Finding(
                    what=f"the artifact {url} of model {model} is gone or not to be seen from here",
                    do="put it back or deploy again: new instances cannot start",
                )
        environment = container.get("Environment", {})
        level = environment.get("SAGEMAKER_CONTAINER_LOG_LEVEL")
        if level is not None and not level.isdigit():
            yield Finding(
                what=f"SAGEMAKER_CONTAINER_LOG_LEVEL of model {model} is {level!r}",
                do="make it a number, such as 20: the container crashes on a word",
            )
        if "SAGEMAKER_PROGRAM" in environment and "SAGEMAKER_SUBMIT_DIRECTORY" not in environment:
            yield Finding(
                what=f"model {model} names a program, and not where it lies",
                do=f"set SAGEMAKER_SUBMIT_DIRECTORY to {_CODE}",
            )

    def _exists(self, service: str, operation: str, **name: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            getattr(self._session.client(service), operation)(**name)
        except ClientError as error:
            # Who may look at an endpoint need not be allowed to look at what it needs.
            return error.response["Error"]["Code"] not in {"404", "NoSuchEntity", "NoSuchBucket"}
        return True

    # ------------------------------------------------------------------ jobs

    def _input(self, job: Mapping[str, Any]) -> Iterator[Finding]:
        source = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        with aws_errors(source):
            listed = self._session.client("s3").list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=1
            )
        if not listed["KeyCount"]:
            yield Finding(what=f"there is nothing at {source}", do="check the input's prefix")

    # ------------------------------------------------------------------ logs

    def _logs(
        self,
        logs: Logs,
        whose: str,
        *,
        since: datetime | None = None,
        may_be_quiet: bool = False,
    ) -> Iterator[Finding]:
        try:
            lines = logs.since(datetime.now(UTC) - _RECENT if since is None else since)
        except CommandError as error:
            if not may_be_quiet:
                yield Finding(what=f"{whose} have logged nothing: {error}")
            return
        told: set[str] = set()
        for line in lines:
            advice = next(_advices(line), None)
            if advice is not None and advice not in told:
                told.add(advice)
                yield Finding(what=f"{line.stream} says: {_short(line.text)}", do=advice)
        loud = [
            line for line in lines if _LOUD.search(line.text) and not _ACCESS_LOG.search(line.text)
        ]
        if loud and not told:
            yield Finding(what=f"{loud[-1].stream} says: {_short(_said(lines, loud[-1]))}", do="")


def _said(lines: Sequence[Line], line: Line) -> str:
    """What a line says; a job's data log has the container's answer in those that follow it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html
    """
    if not line.stream.endswith("/data-log"):
        return line.text
    where, _, error = line.text.partition("]: ")[2].rpartition(": ClientError")
    later = [each.text for each in lines[lines.index(line) + 1 :] if each.stream == line.stream]
    parts = [text.partition(f"]: {where}:")[2].strip() for text in later if where and where in text]
    answer = " ".join(part for part in parts if part not in ("", "Message:"))
    return f"{where}: ClientError{error}: {answer}" if answer else line.text


def _advices(line: Line) -> Iterator[str]:
    for pattern, advice in _SAID:
        if found := pattern.search(line.text):
            yield advice.format(*found.groups())


def _advice_on(reason: str) -> str:
    lower = reason.lower()
    if "ping health check" in lower:
        return "the container does not start: its log, below, says why"
    if "capacity" in lower:
        return "try again later, or give fallback instance types"
    if "access" in lower or "role" in lower:
        return "let the execution role read the artifact, and SageMaker assume the role"
    return ""


def _short(text: str, most: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"
