"""What the scores of the model mean: the one module to edit for a model of your own.

A `Rule` is made once per worker from the environment, and asked once per request. Anything that
turns scores into answers belongs here: calibration, thresholds, class labels. It sees no transport:
neither formats nor HTTP.

Environment:
    INFERENCE_OUTPUT: `probability` (default) returns what the model predicts; `class` returns
        classes: for one score per row 1 above the threshold and 0 otherwise, for several scores per
        row the index of the highest; `contributions` returns what each feature adds to the raw
        score (SHAP values), and the bias as the last. A request may ask otherwise, see
        `inference_request.py`.
    INFERENCE_THRESHOLD: The threshold, between 0 and 1; 0.5 by default.
    INFERENCE_LABELS: Names of the classes, in order and separated by commas, that `class` returns
        in place of numbers: `benign,malignant`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

OUTPUTS = ("probability", "class", "contributions")
# Their single score per row is the probability of class 1.
_BINARY = ("binary:logistic", "binary:hinge", "reg:logistic")


def calibrate(scores: Scores) -> Scores:
    """Correct the scores before anything else is made of them; by default they stay as they are.

    Args:
        scores: What `Booster.predict` returned: one score per row, or several in a second
            dimension.

    Returns:
        As many scores. They must depend on their own row alone: batches are cut anywhere.
    """
    return scores


@dataclass(frozen=True)
class Rule:
    """Turns scores into answers.

    Attributes:
        output: `probability`, `class` or `contributions`, for requests that do not say.
        threshold: The score above which a row belongs to class 1.
        labels: Names of the classes, or none.
        objective: What the model was trained for, in XGBoost's words.
        classes: How many classes the model tells apart, 0 if it does not.
    """

    output: str = "probability"
    threshold: float = 0.5
    labels: tuple[str, ...] = ()
    objective: str = "binary:logistic"
    classes: int = 2

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, objective: str, classes: int
    ) -> "Rule":
        """Read the rule from environment variables.

        Args:
            environment: Such as `os.environ`.
            objective: What the model was trained for.
            classes: How many classes it tells apart, see `count_classes`.

        Returns:
            The rule.

        Raises:
            ValueError: A variable has a value that it cannot have. The worker does not start then:
                better no endpoint than one that answers by another rule than the one asked for.
        """
        output = environment.get("INFERENCE_OUTPUT", cls.output)
        if output not in OUTPUTS:
            raise ValueError(
                f"INFERENCE_OUTPUT must be one of {', '.join(OUTPUTS)}, not {output!r}"
            )
        if output == "class" and not classes:
            raise ValueError(
                f"INFERENCE_OUTPUT must be probability for a model of {objective}, which tells no "
                "classes apart"
            )
        return cls(
            output=output,
            threshold=_threshold(environment.get("INFERENCE_THRESHOLD", str(cls.threshold))),
            labels=_labels(environment.get("INFERENCE_LABELS"), classes),
            objective=objective,
            classes=classes,
        )

    def apply(self, scores: Scores, output: str) -> npt.NDArray[Any]:
        """Turn the scores of a request into its answers.

        Args:
            scores: What `Booster.predict` returned.
            output: `probability` or `class`, the latter only for a model that has classes.

        Returns:
            As many answers as there are scores: numbers in one dimension or two, or labels.
        """
        scores = calibrate(scores)
        if output == "probability":
            return scores
        classes = self._classify(scores)
        return np.array(self.labels)[classes] if self.labels else classes

    def _classify(self, scores: Scores) -> npt.NDArray[np.int64]:
        if scores.ndim > 1:
            highest: npt.NDArray[np.int64] = scores.argmax(axis=1)
            return highest
        if self.objective == "multi:softmax":
            return scores.astype(np.int64)
        return (scores > self.threshold).astype(np.int64)


def count_classes(objective: str, num_class: int) -> int:
    """Tell how many classes a model tells apart.

    Args:
        objective: What the model was trained for.
        num_class: Its number of classes as XGBoost counts them: 0 for one score per row.

    Returns:
        The number of classes: 0 for a regression, a ranking, or raw scores.
    """
    return num_class or (2 if objective in _BINARY else 0)


def _threshold(text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise ValueError(f"INFERENCE_THRESHOLD must be a number from 0 to 1, not {text!r}")
    return threshold


def _labels(text: str | None, classes: int) -> tuple[str, ...]:
    if text is None:
        return ()
    labels = tuple(label.strip() for label in text.split(","))
    if len(set(labels)) != classes or len(labels) != classes:
        raise ValueError(f"INFERENCE_LABELS must be {classes} different names, not {text!r}")
    # `error` marks records of a batch that cannot be read.
    if not all(label and label.isprintable() and label != "error" for label in labels):
        raise ValueError(f"INFERENCE_LABELS must be printable names other than error, not {text!r}")
    return labels
