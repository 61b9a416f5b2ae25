"""A model waits for its role's policy."""

from collections.abc import Iterator

from inference_rules.hosting import MODEL
from inference_rules.policies import ROLE, attached_policies
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        role = template.find(ROLE, model.get("ExecutionRoleArn"))
        if role is None:
            continue
        there = template.waits_for(model.logical_id)
        for policy in attached_policies(template, role):
            if policy.logical_id not in there:
                yield Fault(
                    resource=model.logical_id,
                    path="DependsOn",
                    detail=f"it does not wait for {policy.logical_id}, which gives its role "
                    f"{role.logical_id} its permissions",
                )


MODEL_BEFORE_POLICY = Rule(
    name="ModelBeforePolicy",
    severity="warning",
    description="A model that is made before the policy of its role makes the first deployment "
    "fail now and then: SageMaker cannot read the artifact yet.",
    fix="let the Model depend on the policy",
    source="https://github.com/aws/aws-cdk/issues/10064",
    check=_check,
)
