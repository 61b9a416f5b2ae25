"""Whether the stack, its environment and the names in it let a deployment begin."""

from collections.abc import Iterator

from inference_ops.cost.fleets import config_of
from inference_ops.cost.model import Resource
from inference_ops.operation.stack import OwningStack
from inference_ops.preflight.account import Account, asking
from inference_ops.preflight.finding import Finding, finding_of, findings_of
from inference_ops.preflight.subject import CONFIG, ENDPOINT, MODEL, Subject
from inference_ops.templates import Bootstrap

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_UNDONE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
_STUCK = {
    "CREATE_FAILED": "delete it with `cdk destroy`, or roll it back with `cdk rollback`",
    "DELETE_FAILED": "delete it anew, or leave out what cannot be deleted",
    "IMPORT_ROLLBACK_FAILED": "continue its rollback with `cdk rollback`",
    "UPDATE_FAILED": "roll it back with `cdk rollback`",
    "UPDATE_ROLLBACK_FAILED": "continue its rollback with `cdk rollback`",
}
# The state is such for a while, and then another.
_UNDER_WAY = "_IN_PROGRESS"
_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
_NAMED = {
    ENDPOINT: ("endpoint", "EndpointName", "describe_endpoint", "sagemaker:DescribeEndpoint"),
    CONFIG: (
        "endpoint config",
        "EndpointConfigName",
        "describe_endpoint_config",
        "sagemaker:DescribeEndpointConfig",
    ),
    MODEL: ("model", "ModelName", "describe_model", "sagemaker:DescribeModel"),
}


def check_stack(subject: Subject) -> Iterator[Finding]:
    """Looks at the stack's state, the bootstrap version and the names of SageMaker's resources.

    Args:
        subject: what is deployed.
    """
    yield finding_of("stack", lambda: _state(subject))
    bootstrap = subject.template.bootstrap
    if bootstrap is not None:
        yield finding_of("bootstrap version", lambda: _bootstrap(subject.account, bootstrap))
    yield from findings_of("names", lambda: _names(subject))
    yield from _unseen(subject)


def _unseen(subject: Subject) -> Iterator[Finding]:
    """What of the deployment no check can look into."""
    for resource in subject.model:
        if resource.type == "AWS::CloudFormation::Stack":
            found = "a nested stack: its template is not looked at"
        elif resource.type == ENDPOINT and config_of(subject.model, resource) is None:
            found = "its config is not in the template: what it needs is not known"
        else:
            continue
        yield Finding(subject=resource.logical_id, passed=None, found=found)
    if subject.model.loops:
        found = "what Fn::ForEach makes is not looked at"
        yield Finding(subject="loops", passed=None, found=found)


def _state(subject: Subject) -> Finding:
    name = subject.stack_name
    if name is None:
        found = "nobody says which stack the template is for: give --stack"
        return Finding(subject="stack", passed=None, found=found)
    status = subject.live.status
    if status is None:
        return Finding(subject="stack", passed=True, found=f"{name} is new")
    found = f"{name} is {status}"
    if status in _UNDONE and subject.template.stack_name is not None:
        found = f"{found}: `cdk deploy` deletes it and makes it anew"
        return Finding(subject="stack", passed=True, found=found)
    if status in _UNDONE:
        advice = f"delete it: aws cloudformation delete-stack --stack-name {name}"
        return Finding(subject="stack", passed=False, found=found, advice=advice)
    if status.endswith(_UNDER_WAY):
        advice = "wait until it is at rest"
        return Finding(subject="stack", passed=False, found=found, advice=advice)
    stuck = _STUCK.get(status)
    return Finding(subject="stack", passed=stuck is None, found=found, advice=stuck)


def _bootstrap(account: Account, needed: Bootstrap) -> Finding:
    from botocore.exceptions import ClientError

    advice = f"cdk bootstrap aws://{account.number}/{account.region}"
    with asking("ssm:GetParameter", needed.parameter):
        try:
            found = account.session.client("ssm").get_parameter(Name=needed.parameter)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return Finding(
                subject="bootstrap version",
                passed=False,
                found=f"{account.region} has no {needed.parameter}: needs {needed.version}",
                advice=advice,
            )
    version = found["Parameter"]["Value"]
    passed = version.isdecimal() and int(version) >= needed.version
    return Finding(
        subject="bootstrap version",
        passed=passed,
        found=f"{version}, needs {needed.version}",
        advice=None if passed else advice,
    )


def _names(subject: Subject) -> Iterator[Finding]:
    for resource in subject.model:
        if resource.type not in _NAMED:
            continue
        kind, prop, operation, action = _NAMED[resource.type]
        name = subject.name_of(resource, prop)
        if name is None:
            continue
        if subject.owns(resource, name):
            yield from _at_rest(subject.account, resource, name)
        else:
            arn = subject.account.arn(operation, action, **{prop: name})
            free = Finding(subject=f"{kind} {name}", passed=True, found="the name is free")
            yield free if arn is None else _taken(subject.account, kind, name, arn)


def _at_rest(account: Account, resource: Resource, name: str) -> Iterator[Finding]:
    if resource.type != ENDPOINT:
        return
    subject = f"endpoint {name}"
    live = account.endpoint(name)
    if live is None:
        yield Finding(
            subject=subject,
            passed=False,
            found="the stack has it, and it does not exist: somebody deleted it",
            advice="take it out of the template, deploy, and put it back",
        )
    elif live.status in _BUSY:
        advice = "wait until it is InService"
        yield Finding(subject=subject, passed=False, found=f"is {live.status}", advice=advice)
    else:
        yield Finding(subject=subject, passed=True, found=f"is {live.status}")


def _taken(account: Account, kind: str, name: str, arn: str) -> Finding:
    with asking("cloudformation:DescribeStackResources", f"the stack of {name}"):
        owner = OwningStack.of(account.session, arn)
    whose = "no stack" if owner is None else f"stack {owner.name}"
    advice = "take another name"
    if owner is None:
        advice = f"{advice}, or delete it" + (
            f": inference cleanup {name}" if kind == "endpoint" else ""
        )
    return Finding(
        subject=f"{kind} {name}",
        passed=False,
        found=f"exists already and belongs to {whose}",
        advice=advice,
    )
