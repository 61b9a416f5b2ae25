"""A handler in the artifact is found by two variables together."""

from collections.abc import Iterator

from inference_rules.containers import containers
from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, dig

_NAMES = ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY")


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        for path, container in containers(model):
            if "/sagemaker-xgboost:" not in str(dig(container, "Image")):
                continue
            given = [name for name in _NAMES if dig(container, "Environment", name) is not None]
            if len(given) == 1:
                missing = next(name for name in _NAMES if name not in given)
                yield Fault(
                    resource=model.logical_id,
                    path=f"{path}/Environment",
                    detail=f"{given[0]} without {missing}",
                )


PROGRAM_WITHOUT_CODE = Rule(
    name="ProgramWithoutCode",
    severity="error",
    description="The XGBoost container finds a handler by SAGEMAKER_PROGRAM and "
    "SAGEMAKER_SUBMIT_DIRECTORY together; with one of them every request fails.",
    fix="set both: inference.py and /opt/ml/model/code for code within the artifact",
    source="https://github.com/aws/sagemaker-xgboost-container",
    check=_check,
)
