"""No security group is opened to everyone."""

import re
from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for row in change.security_groups:
        opened = (row["sign"], row["direction"]) == ("+", "in")
        if opened and row["peer"].startswith("Everyone"):
            match = re.search(r"\$\{(\w+)", row["group"])
            yield Fault(
                resource=match[1] if match else row["group"],
                path="Properties/SecurityGroupIngress",
                detail=f"{row['protocol']} from {row['peer']}",
            )


OPEN_INGRESS = Rule(
    name="OpenIngress",
    severity="error",
    description="Nothing that hosts a model takes connections from the internet: callers go "
    "through SageMaker's API.",
    fix="name the security group or the addresses that may connect",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-best-practices.html",
    check=_check,
)
