"""What the image decodes and encodes by itself, where the user's module does not."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import xgboost

from local_aws.sagemaker.container.settings import CSV, JSON, NPY

LIBSVM = "text/libsvm"
X_LIBSVM = "text/x-libsvm"


class UnsupportedFormatError(Exception):
    """A content type or an accept that the defaults do not know."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework. Please implement "
            "input_fn to to deserialize the request data or an output_fn to serialize the response."
        )


def decode(content: str | bytes, content_type: str) -> xgboost.DMatrix:
    """The request's body as XGBoost takes it.

    Raises:
        UnsupportedFormatError: neither CSV nor LIBSVM.
    """
    media_type = content_type.partition(";")[0].strip()
    text = content.decode() if isinstance(content, bytes) else content
    if media_type == CSV:
        return csv_matrix(text)
    if media_type in {LIBSVM, X_LIBSVM}:
        return libsvm_matrix(text)
    raise UnsupportedFormatError(media_type)


def csv_matrix(text: str) -> xgboost.DMatrix:
    """CSV without a header; an empty field is a missing value."""
    delimiter = csv.Sniffer().sniff(text.partition("\n")[0][:512]).delimiter
    if delimiter.isalnum():
        delimiter = ","
    rows = [[field or "nan" for field in line.split(delimiter)] for line in text.split("\n")]
    return xgboost.DMatrix(np.array(rows).astype(float))


def libsvm_matrix(text: str) -> xgboost.DMatrix:
    """Lines of ``label index:value ...``; indices from 0 or 1; what is not named is 0."""
    rows = [
        {
            int(index): float(value)
            for index, colon, value in (token.partition(":") for token in line.split())
            if colon
        }
        for line in text.strip().split("\n")
    ]
    indices = [index for row in rows for index in row]
    if not indices:
        return xgboost.DMatrix(np.empty((0, 0)))
    offset = 1 if min(indices) >= 1 else 0
    dense = np.zeros((len(rows), max(indices) - offset + 1))
    for number, row in enumerate(rows):
        for index, value in row.items():
            dense[number, index - offset] = value
    return xgboost.DMatrix(dense)


def encode(prediction: Any, accept: str) -> str | bytes:
    """A prediction as JSON, CSV or NPY.

    Raises:
        UnsupportedFormatError: none of these.
    """
    if accept == JSON:
        return json.dumps(prediction, default=lambda array: array.tolist())
    if accept == CSV:
        array = np.array(prediction)
        rows = array.reshape(-1, 1) if array.ndim == 1 else array
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()
    if accept == NPY:
        buffer = io.BytesIO()
        np.save(buffer, prediction)
        return buffer.getvalue()
    raise UnsupportedFormatError(accept)
