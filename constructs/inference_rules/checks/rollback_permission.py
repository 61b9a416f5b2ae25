"""SageMaker may read the alarms that take an update back."""

from collections.abc import Iterator

from inference_rules.hosting import MODEL, Endpoint, endpoints
from inference_rules.policies import ROLE, allowed, attached_policies, documents, statements
from inference_rules.rule import Fault, Rule
from inference_rules.template import Resource, Template

_ACTION = "cloudwatch:DescribeAlarms"


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        alarms = ("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
        if not endpoint.resource.get(*alarms):
            continue
        for role in _roles(template, endpoint):
            # What a policy outside of the template allows is not known.
            if role.get("ManagedPolicyArns") or _may(template, role):
                continue
            yield Fault(
                resource=role.logical_id,
                path="Properties/Policies",
                detail=f"it may not {_ACTION}, which the updates of "
                f"{endpoint.resource.logical_id} need",
            )


def _roles(template: Template, endpoint: Endpoint) -> list[Resource]:
    found: dict[str, Resource] = {}
    for variant in endpoint.variants:
        model = template.find(MODEL, variant.get("ModelName"))
        role = None if model is None else template.find(ROLE, model.get("ExecutionRoleArn"))
        if role is not None:
            found[role.logical_id] = role
    return list(found.values())


def _may(template: Template, role: Resource) -> bool:
    return any(
        allowed(statement, _ACTION)
        for resource in (role, *attached_policies(template, role))
        for _, document in documents(resource)
        for statement in statements(document)
    )


ROLLBACK_PERMISSION = Rule(
    name="RollbackPermission",
    severity="error",
    description="An update with rollback alarms needs cloudwatch:DescribeAlarms in the model's "
    "execution role; without it the update fails.",
    fix="allow cloudwatch:DescribeAlarms on the rollback alarms",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",
    check=_check,
)
