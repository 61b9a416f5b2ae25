"""Writes `instance_types.json`: SageMaker's instance types, with what EC2 says of their hardware.

The names are the service's own enumerations, as botocore has them; the hardware is EC2's
`DescribeInstanceTypes`, as moto ships it. After an update of botocore run
`python -m inference_constructs.instance_types_update`.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from inference_constructs.instance_types import DATA

# What moto's copy of EC2's table lacks: (vCPUs, local storage), from
# https://aws.amazon.com/ec2/instance-types/
_UNLISTED = {
    "p2.xlarge": (4, False),
    "p2.8xlarge": (32, False),
    "p2.16xlarge": (64, False),
    "p3.2xlarge": (8, False),
    "p3.8xlarge": (32, False),
    "p3.16xlarge": (64, False),
    "dl1.24xlarge": (96, True),
    "p6e-gb200.36xlarge": (144, True),
}


def read_table() -> dict[str, dict[str, Any]]:
    """Builds the content of `instance_types.json` from the installed botocore and moto.

    Returns:
        By instance type: its vCPUs, whether it has local storage, and whether batch transform
        offers it. All the types are offered for hosting.
    """
    import botocore.session
    import moto

    model = botocore.session.get_session().get_service_model("sagemaker")
    hosting = model.shape_for("ProductionVariantInstanceType").enum
    transform = set(model.shape_for("TransformInstanceType").enum)
    packed = Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz"
    hardware = json.loads(gzip.decompress(packed.read_bytes()))
    table = {}
    for name in sorted(hosting):
        size = name.removeprefix("ml.")
        if size in _UNLISTED:
            vcpus, local_storage = _UNLISTED[size]
        else:
            vcpus = hardware[size]["VCpuInfo"]["DefaultVCpus"]
            local_storage = hardware[size]["InstanceStorageSupported"]
        table[name] = {
            "vcpus": vcpus,
            "local_storage": local_storage,
            "transform": name in transform,
        }
    return table


def render() -> str:
    """Builds the file's text: one instance type per line."""
    lines = (f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in read_table().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    DATA.write_text(render())
    print(f"wrote {DATA}")
