"""A model is not served by an older XGBoost than saved it."""

import re
from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_rules.containers import containers
from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Resource

# From this release on `base_score` is written in a way that older ones read as 0.5.
_OTHER_FORMAT = (3, 1)
_TAG = re.compile(r"/sagemaker-xgboost:(\d+)\.(\d+)-")


def _check(change: Change) -> Iterator[Fault]:
    for old, new in change.both(MODEL):
        before, after = _version(old), _version(new)
        if before is not None and after is not None and after < _OTHER_FORMAT <= before:
            yield Fault(
                resource=new.logical_id,
                path="Properties/PrimaryContainer/Image",
                detail=f"XGBoost {before[0]}.{before[1]} becomes {after[0]}.{after[1]}",
            )


def _version(model: Resource) -> tuple[int, int] | None:
    for _, container in containers(model):
        match = _TAG.search(str(container.get("Image")))
        if match is not None:
            return int(match[1]), int(match[2])
    return None


XGBOOST_DOWNGRADE = Rule(
    name="XgboostDowngrade",
    severity="error",
    description="XGBoost 3.1 and later save a model so that 3.0 and earlier load it without an "
    "error and predict wrongly.",
    fix="keep the newer image, or train the model with the older release",
    source="https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html",
    check=_check,
)
