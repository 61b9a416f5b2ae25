"""Roles have none of the policies that allow a whole service, or everything."""

import json
from collections.abc import Iterator

from inference_rules.policies import ROLE
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, listed


def _check(template: Template) -> Iterator[Fault]:
    for role in template.of_type(ROLE):
        for index, arn in enumerate(listed(role.get("ManagedPolicyArns"))):
            # What is not known of an ARN is its partition: its end is literal.
            text = json.dumps(arn)
            if "FullAccess" in text or "policy/AdministratorAccess" in text:
                policy = text.strip('"').rpartition("/")[2]
                path = f"Properties/ManagedPolicyArns/{index}"
                yield Fault(resource=role.logical_id, path=path, detail=f"has {policy}")


ROLE_FULL_ACCESS = Rule(
    name="RoleFullAccess",
    severity="error",
    description="A role has no policy that allows a whole service, such as SageMakerFullAccess.",
    fix="grant the statements that are needed to a ServiceRole",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    check=_check,
)
