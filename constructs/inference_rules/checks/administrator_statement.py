"""No statement allows everything."""

from collections.abc import Iterator

from inference_rules.policies import ATTACHED, ROLE, allowed, documents, statements
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, listed

# No statement for endpoints allows this, unless it allows everything of IAM.
_WITNESS = "iam:CreateUser"


def _check(template: Template) -> Iterator[Fault]:
    for resource in template.of_type(ROLE, *ATTACHED):
        for path, document in documents(resource):
            for index, statement in enumerate(statements(document)):
                if allowed(statement, _WITNESS) and "*" in listed(statement.get("Resource")):
                    yield Fault(
                        resource=resource.logical_id,
                        path=f"{path}/Statement/{index}",
                        detail="it allows everything, IAM included, on every resource",
                    )


ADMINISTRATOR_STATEMENT = Rule(
    name="AdministratorStatement",
    severity="error",
    description="A role that may do everything with IAM may give itself everything else.",
    fix="name the actions and resources that are needed",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    check=_check,
)
