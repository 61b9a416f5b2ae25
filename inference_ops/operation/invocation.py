"""Asks an endpoint, and keeps requests with their answers as what it is to answer again."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError, Exit

if TYPE_CHECKING:
    import boto3

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
LARGEST_BODY = 6_291_456
CSV = "text/csv"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TYPES = {
    ".csv": CSV,
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".libsvm": "text/libsvm",
    ".npy": "application/x-npy",
    ".parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked.

    Attributes:
        body: the body.
        content_type: its type.
        accept: the type of the answer; None leaves it to the container.
        variant: the variant to ask; None leaves it to the weights.
        component: the inference component to ask, where the endpoint has some.
        custom_attributes: the header that reaches the handler as it is.
    """

    body: bytes
    content_type: str
    accept: str | None = None
    variant: str | None = None
    component: str | None = None
    custom_attributes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        body: the body.
        content_type: its type.
        variant: the variant that answered.
        custom_attributes: the header that the handler set.
        milliseconds: from the request to the whole answer, as seen from here.
    """

    body: bytes
    content_type: str
    variant: str | None
    custom_attributes: str | None
    milliseconds: float


class Invocations:
    """Asks one endpoint.

    Args:
        session: where it is.
        endpoint_name: its name.
    """

    def __init__(self, session: "boto3.Session", endpoint_name: str) -> None:
        from botocore.config import Config

        self._endpoint_name = endpoint_name
        # A retry would hide an error that callers see, and add to the time.
        self._api = session.client(
            "sagemaker-runtime",
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
        )

    def ask(self, request: Request) -> Answer:
        """Sends one request.

        Args:
            request: the request.

        Raises:
            CommandError: the endpoint refused it, failed, or cannot be reached.
        """
        given = {
            "Accept": request.accept,
            "TargetVariant": request.variant,
            "InferenceComponentName": request.component,
            "CustomAttributes": request.custom_attributes,
        }
        began = time.perf_counter()
        with aws_errors(f"endpoint {self._endpoint_name}"), _model_errors(self._endpoint_name):
            found = self._api.invoke_endpoint(
                EndpointName=self._endpoint_name,
                Body=request.body,
                ContentType=request.content_type,
                **{name: value for name, value in given.items() if value is not None},
            )
            body = found["Body"].read()
        return Answer(
            body=body,
            content_type=found.get("ContentType", ""),
            variant=found.get("InvokedProductionVariant"),
            custom_attributes=found.get("CustomAttributes"),
            milliseconds=(time.perf_counter() - began) * 1000,
        )


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A request and what the endpoint has to answer to it.

    Attributes:
        request: the request.
        expected: the answer's body, as text.
        tolerance: how far a number may be off, relative to the greater of it and 1.
    """

    request: Request
    expected: str
    tolerance: float = 1e-5

    @classmethod
    def read(cls, path: Path) -> "Golden":
        """Reads what `write` wrote.

        Args:
            path: the file.

        Raises:
            CommandError: it is no such file.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            given = {name: document.get(name) for name in ("accept", "custom_attributes")}
            return cls(
                request=Request(
                    body=document["body"].encode(), content_type=document["content_type"], **given
                ),
                expected=document["expected"],
                tolerance=float(document.get("tolerance", cls.tolerance)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CommandError(
                f"{path} is no golden file: expected a JSON object with body, content_type and "
                f"expected, as `inference invoke ENDPOINT --record FILE` writes it ({error!r})",
                Exit.USAGE,
            ) from None

    def write(self, path: Path) -> None:
        """Writes it for a later `read`.

        Args:
            path: the file.

        Raises:
            CommandError: the request or the answer is not text.
        """
        try:
            body = self.request.body.decode("utf-8")
        except UnicodeDecodeError:
            raise CommandError(
                "only text can be recorded: send CSV, JSON or JSON Lines", Exit.USAGE
            ) from None
        kept = {
            name: value
            for name, value in asdict(self.request).items()
            if name not in {"body", "variant", "component"} and value is not None
        }
        document = {**kept, "body": body, "expected": self.expected, "tolerance": self.tolerance}
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def fault_of(self, answer: Answer) -> str | None:
        """How an answer differs from what is expected; None if it does not.

        Numbers are compared as numbers, and everything between them letter by letter.

        Args:
            answer: the answer.
        """
        got = answer.body.decode("utf-8", "replace")
        texts, numbers = _split(got)
        wanted_texts, wanted_numbers = _split(self.expected)
        if texts != wanted_texts:
            return f"expected {_short(self.expected)}, got {_short(got)}"
        for place, (wanted, found) in enumerate(zip(wanted_numbers, numbers, strict=True), 1):
            if abs(wanted - found) > self.tolerance * max(1.0, abs(wanted)):
                return f"number {place} is {found:g}, expected {wanted:g} ± {self.tolerance:g}"
        return None

    def to(self, variant: str | None, component: str | None) -> Request:
        """The request to one variant or component.

        Args:
            variant: the variant; None leaves it to the weights.
            component: the inference component, if the endpoint has some.
        """
        return replace(self.request, variant=variant, component=component)


def content_type_of(path: Path | None) -> str:
    """The type of a file by its name's ending; CSV where that tells nothing.

    Args:
        path: the file; None for standard input.
    """
    return CSV if path is None else _TYPES.get(path.suffix.lower(), CSV)


def read_body(path: Path | None) -> bytes:
    """What to send.

    Args:
        path: a file; None for standard input.

    Raises:
        CommandError: there is nothing, or more than an endpoint takes.
    """
    body = sys.stdin.buffer.read() if path is None else path.read_bytes()
    where = "standard input" if path is None else str(path)
    if not body:
        raise CommandError(f"{where} is empty: expected at least one record", Exit.USAGE)
    if len(body) > LARGEST_BODY:
        raise CommandError(
            f"{where} has {len(body):,} bytes, and an endpoint takes {LARGEST_BODY:,}: send less "
            "at once, or run a batch",
            Exit.USAGE,
        )
    return body


def _split(text: str) -> tuple[list[str], list[float]]:
    """The text between the numbers, and the numbers."""
    numbers = [float(found) for found in _NUMBER.findall(text)]
    return [part.strip() for part in _NUMBER.split(text)], numbers


def _short(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}…")


@contextmanager
def _model_errors(endpoint_name: str) -> Iterator[None]:
    """Turn what the container answered into a message with its status and its words."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ModelError":
            raise
        status = error.response.get("OriginalStatusCode", "an error")
        said = _short(str(error.response.get("OriginalMessage", "")).strip(), 300)
        raise CommandError(
            f"the model of endpoint {endpoint_name} answered {status}: {said}; `inference logs "
            f"{endpoint_name}` shows more"
        ) from None
