"""Memory and concurrency of a serverless variant are what SageMaker offers."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, Variant, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number

_MEMORY = tuple(range(1024, 6144 + 1, 1024))
_MOST = 200


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        for variant in variants(config):
            for name, detail in _faults(variant):
                yield Fault(
                    resource=config.logical_id,
                    path=f"{variant.path}/ServerlessConfig/{name}",
                    detail=detail,
                )


def _faults(variant: Variant) -> Iterator[tuple[str, str]]:
    memory = number(variant.get("ServerlessConfig", "MemorySizeInMB"))
    most = number(variant.get("ServerlessConfig", "MaxConcurrency"))
    kept = number(variant.get("ServerlessConfig", "ProvisionedConcurrency"))
    if memory is not None and memory not in _MEMORY:
        yield "MemorySizeInMB", f"{memory:g} MB is none of {', '.join(map(str, _MEMORY))}"
    if most is not None and not 1 <= most <= _MOST:
        yield "MaxConcurrency", f"{most:g} is not within 1 to {_MOST}"
    if kept is not None and most is not None and kept > most:
        yield "ProvisionedConcurrency", f"{kept:g} is over MaxConcurrency, {most:g}"


SERVERLESS_SIZE = Rule(
    name="ServerlessSize",
    severity="error",
    description="Serverless memory is 1 to 6 GB in whole ones, the concurrency 1 to 200, and the "
    "provisioned concurrency at most that.",
    fix="use one of these values",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html",
    check=_check,
)
