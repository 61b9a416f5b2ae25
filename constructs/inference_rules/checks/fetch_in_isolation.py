"""Code is not fetched by a container that has no network."""

from collections.abc import Iterator

from inference_rules.containers import containers
from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, dig, truth

_VARIABLE = "SAGEMAKER_SUBMIT_DIRECTORY"


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        if not truth(model.get("EnableNetworkIsolation")):
            continue
        for path, container in containers(model):
            where = str(dig(container, "Environment", _VARIABLE))
            if where.startswith("s3://"):
                yield Fault(
                    resource=model.logical_id,
                    path=f"{path}/Environment/{_VARIABLE}",
                    detail=f"{where} cannot be fetched under network isolation",
                )


FETCH_IN_ISOLATION = Rule(
    name="FetchInIsolation",
    severity="error",
    description="Code that SAGEMAKER_SUBMIT_DIRECTORY names on S3 is fetched when the container "
    "starts, which network isolation prevents: the endpoint fails.",
    fix="pack the code into the artifact: /opt/ml/model/code",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html",
    check=_check,
)
