"""The log level of a framework container is a number."""

from collections.abc import Iterator

from inference_rules.containers import containers
from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, dig, known

_VARIABLE = "SAGEMAKER_CONTAINER_LOG_LEVEL"


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        for path, container in containers(model):
            level = dig(container, "Environment", _VARIABLE)
            if known(level) and not level.isdigit():
                yield Fault(
                    resource=model.logical_id,
                    path=f"{path}/Environment/{_VARIABLE}",
                    detail=f"{level!r} is no number: the container does not start",
                )


CONTAINER_LOG_LEVEL = Rule(
    name="ContainerLogLevel",
    severity="error",
    description="SAGEMAKER_CONTAINER_LOG_LEVEL is one of Python's numeric levels: with a name the "
    "serving toolkit ends while it starts.",
    fix="use a number, such as 20 for INFO",
    source="https://github.com/aws/sagemaker-containers",
    check=_check,
)
