"""What CreateTransformJob refuses before anything runs, in pairs with what passes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from local_aws.transform.validation import combination_faults

REQUEST: dict[str, Any] = {
    "TransformJobName": "nightly-2026-11-22",
    "ModelName": "model",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://in/data/"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {
        "S3OutputPath": "s3://out/results/",
        "Accept": "text/csv",
        "AssembleWith": "Line",
    },
    "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The request with members replaced; a double underscore goes one level down."""
    request = copy.deepcopy(REQUEST)
    for path, value in changes.items():
        *parents, name = path.split("__")
        target = request
        for parent in parents:
            target = target.setdefault(parent, {})
        target[name] = value
    return request


def test_a_plain_request_passes() -> None:
    """Nothing is wrong with the request that the others are made of."""
    assert combination_faults(REQUEST) == []


@pytest.mark.parametrize(
    ("refused", "message", "accepted"),
    [
        (
            {"MaxPayloadInMB": 100, "MaxConcurrentTransforms": 20},
            "cannot exceed 100 MB",
            {"MaxPayloadInMB": 5, "MaxConcurrentTransforms": 20},
        ),
        ({"MaxPayloadInMB": 101}, "cannot be greater than 100 MB", {"MaxPayloadInMB": 100}),
        (
            {"MaxConcurrentTransforms": 17},
            "got 17 \\* 6 = 102",
            {"MaxConcurrentTransforms": 16},
        ),
        (
            {"BatchStrategy": "SingleRecord", "TransformInput__SplitType": "None"},
            "needs SplitType",
            {"BatchStrategy": "SingleRecord", "TransformInput__SplitType": "Line"},
        ),
        (
            {"DataProcessing__JoinSource": "Input", "TransformOutput__AssembleWith": "None"},
            "both Line",
            {"DataProcessing__JoinSource": "Input"},
        ),
        (
            {"DataProcessing__JoinSource": "Input", "TransformOutput__Accept": "application/json"},
            "the same ContentType and Accept",
            {"DataProcessing__JoinSource": "Input", "TransformOutput__Accept": "text/csv"},
        ),
        (
            {"DataProcessing__InputFilter": "$[1:]", "TransformInput__SplitType": "None"},
            "needs SplitType Line",
            {"DataProcessing__InputFilter": "$[1:]"},
        ),
        (
            {"DataProcessing__InputFilter": "$[1:]", "TransformInput__ContentType": "text/plain"},
            "needs a ContentType of",
            {
                "DataProcessing__InputFilter": "$[1:]",
                "TransformInput__ContentType": "text/csv; charset=utf-8",
            },
        ),
        (
            {"DataProcessing__InputFilter": "$.features"},
            "indexes only",
            {
                "DataProcessing__InputFilter": "$.features",
                "TransformInput__ContentType": "application/jsonlines",
            },
        ),
        (
            {"DataProcessing__OutputFilter": "$[1:4]"},
            "inclusive",
            {"DataProcessing__OutputFilter": "$[1,2,3]"},
        ),
        (
            {"TransformInput__DataSource__S3DataSource__S3DataType": "AugmentedManifestFile"},
            "not supported for transform jobs",
            {"TransformInput__DataSource__S3DataSource__S3DataType": "ManifestFile"},
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    refused: dict[str, Any], message: str, accepted: dict[str, Any]
) -> None:
    """Each refusal stands beside the nearest request that passes."""
    faults = combination_faults(changed(**refused))
    assert len(faults) == 1
    with pytest.raises(ValueError, match=message):
        raise ValueError(faults[0])
    assert combination_faults(changed(**accepted)) == []
