"""Predictions through libxgboost's C API: no DMatrix, and nothing made anew for each request.

`Booster.predict` needs a DMatrix, which costs more than a prediction of a few rows. The C API reads
the rows where they are; and the proxy that it would make for each call is kept. The scores are the
same bits, see docs/decisions/0004-parser-and-predictor.md.
"""

import ctypes
import json
import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from xgboost.core import _LIB, _check_call

from inference_table import Rows

Scores = npt.NDArray[np.float32]

_CONFIG = json.dumps(
    {
        "type": 0,
        "iteration_begin": 0,
        "iteration_end": 0,
        "missing": math.nan,
        "strict_shape": False,
    }
).encode()
# Through a handle of our own: argument types set on a shared one would be everybody's.
_C = ctypes.CDLL(_LIB._name)


class Predictor(Protocol):
    """Gives scores that are bit for bit those of `Booster.predict`."""

    def predict(self, rows: Rows) -> Scores:
        """Predict.

        Args:
            rows: C-contiguous, NaN where a value is missing, as wide as the model.

        Returns:
            One score per row, or several in a second dimension.
        """


def make_predictor(booster: xgb.Booster, threads: int) -> Predictor:
    """Choose how to ask a model.

    Args:
        booster: The model.
        threads: That one prediction may use.

    Returns:
        The C API for numeric trees, and a DMatrix for what it does not take.
    """
    learner = json.loads(booster.save_config())["learner"]
    trees = learner["gradient_booster"]["name"] in ("gbtree", "dart")
    single = int(learner["learner_model_param"]["num_target"]) <= 1
    categorical = "c" in (booster.feature_types or [])
    if trees and single and not categorical:
        return DensePredictor(booster)
    return MatrixPredictor(booster, threads)


class MatrixPredictor:
    """Asks by way of a DMatrix: whatever XGBoost predicts.

    Args:
        booster: The model.
        threads: That one prediction may use.
    """

    def __init__(self, booster: xgb.Booster, threads: int) -> None:
        self._booster = booster
        self._threads = threads

    def predict(self, rows: Rows, **options: Any) -> Scores:
        """See `Predictor.predict`; options are those of `Booster.predict`."""
        data = xgb.DMatrix(
            rows,
            missing=np.nan,
            # A model with names refuses rows without; columns are told by their position here.
            feature_names=self._booster.feature_names,
            feature_types=self._booster.feature_types,
            enable_categorical=True,
            nthread=self._threads,
        )
        scores: Scores = self._booster.predict(data, **options)
        return scores


class _Call:
    """What one call needs besides its rows, kept for the next one."""

    def __init__(self) -> None:
        self.proxy = ctypes.c_void_p()
        _check_call(_LIB.XGProxyDMatrixCreate(ctypes.byref(self.proxy)))
        self.shape = ctypes.POINTER(ctypes.c_uint64)()
        self.dimensions = ctypes.c_uint64()
        self.scores = ctypes.c_void_p()
        self.out = (
            ctypes.byref(self.shape),
            ctypes.byref(self.dimensions),
            ctypes.byref(self.scores),
        )

    def __del__(self) -> None:
        _LIB.XGDMatrixFree(self.proxy)


class DensePredictor:
    """Asks through `XGBoosterPredictFromDense`.

    Args:
        booster: The model: `gbtree` or `dart`, with numeric features.
    """

    def __init__(self, booster: xgb.Booster) -> None:
        self._booster = booster  # owns the handle
        self._handle = booster.handle
        # A call takes one and puts it back: threads and greenlets never share one.
        self._idle: list[_Call] = []

    def predict(self, rows: Rows) -> Scores:
        """See `Predictor.predict`."""
        if not (rows.flags.c_contiguous and rows.dtype == np.float32):
            # The C API ignores strides.
            rows = np.ascontiguousarray(rows, np.float32)
        interface = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}' % (
            rows.ctypes.data,
            *rows.shape,
        )
        try:
            call = self._idle.pop()
        except IndexError:
            call = _Call()
        status = _C.XGBoosterPredictFromDense(
            self._handle, interface, _CONFIG, call.proxy, *call.out
        )
        if status != 0:
            _check_call(status)
        # The buffer belongs to the thread's next prediction: the bytes are copied.
        shape = call.shape[: call.dimensions.value]
        scores: Scores = np.frombuffer(
            ctypes.string_at(call.scores, 4 * math.prod(shape)), np.float32
        )
        self._idle.append(call)
        return scores if len(shape) == 1 else scores.reshape(shape)
