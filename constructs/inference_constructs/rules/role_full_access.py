"""Roles have none of the policies that allow a whole service, or everything."""

import json
from collections.abc import Iterator

from inference_constructs.rules.rule import Properties, Rule


def _check(properties: Properties) -> Iterator[str]:
    for index, arn in enumerate(properties.get("ManagedPolicyArns", [])):
        # The ARN may be put together by Fn::Join or Fn::Sub: its end is literal in each.
        text = json.dumps(arn)
        if "FullAccess" in text or "policy/AdministratorAccess" in text:
            yield f"ManagedPolicyArns/{index}"


ROLE_FULL_ACCESS = Rule(
    name="RoleFullAccess",
    description="A role has no policy that allows a whole service, such as SageMakerFullAccess.",
    fix="grant the statements that are needed to a ServiceRole",
    resource_type="AWS::IAM::Role",
    check=_check,
)
