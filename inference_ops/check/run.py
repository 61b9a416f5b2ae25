"""A check from its options to its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference_ops.aws import make_session
from inference_ops.check.artifact import (
    answer_locally,
    is_ensemble,
    known_rows,
    require_libraries,
)
from inference_ops.check.endpoint import answer_remotely
from inference_ops.check.requests import CheckRequest, golden_requests, hostile_requests
from inference_ops.check.verdict import Answer, fault_of
from inference_ops.console import Console
from inference_ops.errors import CommandError, Exit

TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".npy": "application/x-npy",
    ".libsvm": "text/libsvm",
    ".parquet": "application/x-parquet",
    ".arrow": "application/vnd.apache.arrow.stream",
}
"""The type of a request's file by the end of its name."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a check is about.

    Attributes:
        model_dir: Where the model file lies.
        code: The code that is packed with it.
        entry_point: The file in it that holds the handlers.
        libraries: Shared libraries that are packed beside it.
        files: Bodies of further requests.
        content_type: Their type, where it does not go by their names.
        accept: What they ask for.
        compare: Whether answers are compared with predictions.
        endpoint: The endpoint that answers, instead of the code.
        variant: Its variant that is to answer.
        region: Its region.
        profile: The profile of the AWS configuration.
    """

    model_dir: Path | None
    code: Path
    entry_point: str
    libraries: Sequence[Path] = ()
    files: Sequence[Path] = ()
    content_type: str | None = None
    accept: str | None = None
    compare: bool = True
    endpoint: str | None = None
    variant: str | None = None
    region: str | None = None
    profile: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A request, its answer, and what is wrong with that."""

    request: CheckRequest
    answer: Answer
    fault: str | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came out.

    Attributes:
        results: One for each request.
        about: What answered.
    """

    results: Sequence[Result]
    about: dict[str, object]

    @property
    def failed(self) -> int:
        """How many answers are wrong."""
        return sum(result.fault is not None for result in self.results)


def run_check(options: Options, console: Console) -> Report:
    """Ask the handlers or the endpoint, and judge.

    Args:
        options: What the check is about.
        console: Where progress is told.

    Raises:
        ArtifactError: The model or its code cannot be packed.
        CommandError: The code does not load the model, a file is missing, or AWS is out of reach.
    """
    requests = [*_standard(options), *(_given(path, options) for path in options.files)]
    where = "the handlers, packed and unpacked" if options.endpoint is None else options.endpoint
    console.progress(f"{len(requests)} requests to {where}")
    if options.endpoint is not None:
        session = make_session(options.region, options.profile)
        answers = list(answer_remotely(session, options.endpoint, requests, options.variant))
        about: dict[str, object] = {"endpoint": options.endpoint}
    else:
        assert options.model_dir is not None
        checked = answer_locally(
            options.model_dir, options.code, options.entry_point, options.libraries, requests
        )
        answers = list(checked.answers)
        about = {
            "artifact_sha256": checked.packed.sha256,
            "artifact_bytes": checked.packed.size,
            "load_seconds": round(checked.load_seconds, 3),
        }
    # Several models that answer as one: none of them predicts the answers alone.
    alone = options.model_dir is not None and not is_ensemble(options.model_dir)
    compare = options.compare and alone
    return Report(
        results=[
            Result(
                request=request,
                answer=answer,
                fault=fault_of(request, answer, compare=compare),
            )
            for request, answer in zip(requests, answers, strict=True)
        ],
        about=about | {"compared": compare},
    )


def _standard(options: Options) -> Sequence[CheckRequest]:
    """The requests that every model has to answer, or to refuse."""
    if options.model_dir is None:
        return list(hostile_requests(None))
    require_libraries()
    complete, some_missing = known_rows(options.model_dir)
    golden = golden_requests(complete, some_missing)
    if options.endpoint is not None:
        # What a request without a type gets on its way through the service is not documented.
        golden = (request for request in golden if request.content_type is not None)
    return [*golden, *hostile_requests(complete.rows.shape[1])]


def _given(path: Path, options: Options) -> CheckRequest:
    content_type = options.content_type or TYPES.get(path.suffix.lower())
    if content_type is None:
        raise CommandError(
            f"the type of {path} does not go by its name ({', '.join(TYPES)}): give --content-type",
            Exit.USAGE,
        )
    return CheckRequest(
        name=path.name,
        body=path.read_bytes(),
        content_type=content_type,
        accept=options.accept,
    )
