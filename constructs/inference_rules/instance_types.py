"""What the rules have to know of instance types."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# The constructs' own table is read as a file: importing the constructs would start jsii.
_TABLE = Path(__file__).parents[1] / "inference_constructs" / "instance_types.json"


@cache
def instance_types() -> Mapping[str, Mapping[str, Any]]:
    """By name: `vcpus`, `local_storage` and `transform`, for each type that hosting offers."""
    table: dict[str, dict[str, Any]] = json.loads(_TABLE.read_text())
    return table
