"""Local NVMe disks take no KMS key."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, variants
from inference_rules.instance_types import instance_types
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        if config.get("KmsKeyId") is None:
            continue
        for variant in variants(config):
            row = instance_types().get(variant.instance_type or "")
            if row is not None and row["local_storage"]:
                yield Fault(
                    resource=config.logical_id,
                    path=f"{variant.path}/InstanceType",
                    detail=f"{variant.instance_type} has local NVMe storage, and KmsKeyId is set",
                )


KMS_ON_NVME = Rule(
    name="KmsOnNvme",
    severity="error",
    description="Instance types with local NVMe storage encrypt it in hardware: SageMaker refuses "
    "a config that gives them a KmsKeyId.",
    fix="leave KmsKeyId out, or use a type without local storage",
    source="https://github.com/aws/sagemaker-python-sdk/issues/3677",
    check=_check,
)
