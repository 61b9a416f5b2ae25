"""What an answer is worth."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_ops.check.requests import CSV, JSON, CheckRequest


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for a request.

    Attributes:
        status: The HTTP status; 500 where a handler raised.
        content_type: The answer's type.
        body: The answer.
        milliseconds: How long it took.
        error: What a handler raised.
    """

    status: int
    content_type: str | None
    body: bytes
    milliseconds: float
    error: str | None = None


def fault_of(request: CheckRequest, answer: Answer, *, compare: bool) -> str | None:
    """What is wrong with an answer; None if nothing is.

    Args:
        request: The request.
        answer: Its answer.
        compare: Whether the answers are what the model predicts; otherwise only their number
            counts.
    """
    if answer.status != request.status:
        told = answer.body.decode(errors="replace") if answer.error is None else answer.error
        return f"expected {request.status}: {told}"
    if b"Traceback (most recent call last)" in answer.body:
        return "the answer holds a stack trace"
    if request.status >= 400:
        return None if answer.body.strip() else "the answer does not say what is wrong"
    if request.scores is None:
        return None
    return _fault_of_scores(request, answer, request.scores, compare=compare)


def _fault_of_scores(
    request: CheckRequest, answer: Answer, scores: npt.NDArray[Any], *, compare: bool
) -> str | None:
    media_type = (answer.content_type or "").partition(";")[0].strip().lower()
    if request.accept in {CSV, JSON} and media_type != request.accept:
        return f"the answer is {media_type or 'of no type'}, not {request.accept}"
    if media_type == CSV and not answer.body.endswith(b"\n"):
        return "the last line has no end: batch transform would join it to the next"
    try:
        answers = _numbers(answer.body, media_type)
    except ValueError:
        return f"the answer is not {media_type} of numbers"
    if len(answers) != len(scores):
        return f"{len(answers)} answers for {len(scores)} rows"
    return _difference(answers, scores) if compare else None


def _difference(answers: npt.NDArray[Any], scores: npt.NDArray[Any]) -> str | None:
    if answers.shape != scores.shape:
        return f"answers of shape {answers.shape}, predictions of shape {scores.shape}"
    different = np.flatnonzero((answers != scores).reshape(len(scores), -1).any(axis=1))
    if not len(different):
        return None
    first = different[0]
    return (
        f"{len(different)} of {len(scores)} rows differ; row {first + 1} is {answers[first]}, and "
        f"the model predicts {scores[first]}"
    )


def _numbers(body: bytes, media_type: str) -> npt.NDArray[np.float32]:
    if media_type == JSON:
        return np.array(json.loads(body), dtype=np.float32)
    lines = [line.split(",") for line in body.decode().splitlines()]
    values = np.array(lines, dtype=np.float32)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def shown(text: str, width: int) -> str:
    """The beginning of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
