"""What the scores of the model mean: the one module to edit for a model of your own.

`Rule` is made once per worker from the environment, and asked once per request. Anything that
turns scores into answers belongs here: thresholds, class labels, calibration. It sees no transport:
neither formats nor HTTP.

Environment:
    INFERENCE_OUTPUT: `probability` (default) returns what the model predicts; `class` returns
        classes: for one score per row 1 above the threshold and 0 otherwise, for several scores per
        row the index of the highest.
    INFERENCE_THRESHOLD: The threshold, between 0 and 1; 0.5 by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

OUTPUTS = ("probability", "class")


@dataclass(frozen=True)
class Rule:
    """Turns scores into answers.

    Attributes:
        output: `probability` or `class`.
        threshold: The score above which a row belongs to class 1.
    """

    output: str = "probability"
    threshold: float = 0.5

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Rule":
        """Read the rule from environment variables.

        Args:
            environment: Such as `os.environ`.

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
        text = environment.get("INFERENCE_THRESHOLD", str(cls.threshold))
        try:
            threshold = float(text)
        except ValueError:
            threshold = -1.0
        if not 0 <= threshold <= 1:
            raise ValueError(f"INFERENCE_THRESHOLD must be a number from 0 to 1, not {text!r}")
        return cls(output=output, threshold=threshold)

    def apply(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Turn the scores of a request into its answers.

        Args:
            scores: What `Booster.predict` returned: one score per row, or several in a second
                dimension.

        Returns:
            As many answers as there are scores: numbers, in one dimension or two.
        """
        if self.output == "probability":
            return scores
        if scores.ndim == 1:
            return (scores > self.threshold).astype(np.int64)
        classes: npt.NDArray[np.int64] = scores.argmax(axis=1)
        return classes
