"""What Step Functions asks of a state machine's role before it runs anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from local_aws.permissions import roles as permissions
from local_aws.permissions import stored
from local_aws.permissions.sessions import trusts_service

SERVICE = "states.amazonaws.com"
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
# The rules by which Step Functions hears that a job has ended, by the task's resource:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
_MANAGED_RULES = {
    "sagemaker:createTransformJob.sync": "StepFunctionsGetEventsForSageMakerTransformJobsRule",
    "sagemaker:createTrainingJob.sync": "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    "sagemaker:createProcessingJob.sync": "StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    "sagemaker:createHyperParameterTuningJob.sync": (
        "StepFunctionsGetEventsForSageMakerTuningJobsRule"
    ),
    "states:startExecution.sync": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
    "states:startExecution.sync:2": "StepFunctionsGetEventsForStepFunctionsExecutionRule",
}
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")


class AccessDeniedException(ServiceException):
    """The role may not do what the state machine needs."""

    code = "AccessDeniedException"


class KmsAccessDeniedException(ServiceException):
    """The role may not use the key of the state machine's data."""

    code = "KmsAccessDeniedException"


def check_definition(
    *, role_arn: str, definition: str, logging: Mapping[str, Any] | None, state_machine_arn: str
) -> None:
    """Refuse a state machine whose role cannot do the service's own part of the work.

    Args:
        role_arn: its role.
        definition: in Amazon States Language, already parsed once.
        logging: its logging configuration.
        state_machine_arn: its own ARN.

    Raises:
        AccessDeniedException: as CreateStateMachine words it.
    """
    if not trusts_service(role_arn, SERVICE, source_arn=state_machine_arn):
        raise AccessDeniedException(
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            "authorized to assume the provided role."
        )
    region, account = state_machine_arn.split(":")[3:5]
    for rule in sorted(_rules(definition)):
        arn = f"arn:aws:events:{region}:{account}:rule/{rule}"
        if not all(role_may(role_arn, action, arn) for action in _RULE_ACTIONS):
            raise AccessDeniedException(f"'{role_arn}' is not authorized to create managed-rule.")
    if logging and logging.get("level", "OFF") != "OFF":
        for action in _LOG_DELIVERY:
            if not role_may(role_arn, action, "*"):
                raise AccessDeniedException(
                    "The state machine IAM Role is not authorized to access the Log Destination"
                )


def check_key(*, role_arn: str, encryption: Mapping[str, Any], state_machine_arn: str) -> None:
    """Refuse an execution whose data the role cannot encrypt.

    Raises:
        KmsAccessDeniedException: the role's or the key's policy does not let it.
    """
    key_id = encryption.get("kmsKeyId")
    if encryption.get("type") != "CUSTOMER_MANAGED_KMS_KEY" or not key_id:
        return
    region, account = state_machine_arn.split(":")[3:5]
    key = stored.find_key(key_id, account=account, region=region)
    context = {
        "kms:encryptioncontext:aws:states:statemachinearn": (state_machine_arn,),
        "kms:viaservice": (f"states.{region}.amazonaws.com",),
    }
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        if key is None or not role_may(role_arn, action, key.arn, context):
            raise KmsAccessDeniedException(
                f"User: {role_arn} is not authorized to perform: {action} on resource: {key_id}"
            )


def role_may(
    role_arn: str,
    action: str,
    resource: str,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> bool:
    """Whether Step Functions may do ``action`` to ``resource`` with the role."""
    return permissions.role_may(role_arn, action, resource, service=SERVICE, context=context)


def _rules(definition: str) -> set[str]:
    prefix = ":states:::"
    found = {
        _MANAGED_RULES.get(resource.partition(prefix)[2])
        for resource in _resources(json.loads(definition))
    }
    return {rule for rule in found if rule is not None}


def _resources(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("Resource"), str):
            yield node["Resource"]
        for value in node.values():
            yield from _resources(value)
    elif isinstance(node, list):
        for value in node:
            yield from _resources(value)
