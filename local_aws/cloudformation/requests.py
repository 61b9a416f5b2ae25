"""What a request to deploy asks for: template, parameters, tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

from botocore.exceptions import ClientError

from local_aws.cloudformation.environment import Environment
from local_aws.cloudformation.errors import InsufficientCapabilitiesError, ValidationError
from local_aws.cloudformation.graph import dependencies_of
from local_aws.cloudformation.parameters import resolve_parameters
from local_aws.cloudformation.providers import provider_of
from local_aws.cloudformation.stack import Configuration, Stack
from local_aws.cloudformation.template import Template, parse_template

IAM_TYPES = frozenset(
    {
        "AWS::IAM::AccessKey",
        "AWS::IAM::Group",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::IAM::UserToGroupAddition",
    }
)
IAM_NAMES = frozenset(
    {"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"}
)
Request = Mapping[str, Any]


def template_of(environment: Environment, request: Request, previous: Template | None) -> Template:
    """The template that a request gives as text, by URL, or by pointing to the stack's own.

    Raises:
        ValidationError: it is not valid, or uses types that are not known.
    """
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if request.get("UsePreviousTemplate") and previous is not None:
        if body or url:
            raise ValidationError(
                "You cannot specify both usePreviousTemplate and Template Body/Template URL."
            )
        return previous
    if url:
        body = _download(environment, url)
    if not body:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    template = parse_template(body)
    dependencies_of(template)
    unknown = sorted(
        {found.type for found in template.resources.values() if provider_of(found.type) is None}
    )
    if unknown:
        raise ValidationError(
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]"
        )
    return template


def configuration_of(
    environment: Environment, request: Request, stack: Stack | None
) -> Configuration:
    """What a request to create or update wants; what it leaves out stays as it is.

    Raises:
        ValidationError: the template, a parameter or a rule does not allow it.
    """
    before = stack.configuration if stack is not None else Configuration()
    template = template_of(environment, request, before.template if stack is not None else None)
    capabilities = tuple(request.get("Capabilities") or ())
    _check_capabilities(template, capabilities)
    tags = before.tags
    if request.get("Tags") is not None:
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    return Configuration(
        template=template,
        parameters=resolve_parameters(
            template,
            request.get("Parameters") or (),
            previous=before.parameters,
            read_ssm=environment.read_ssm,
        ),
        tags=tags,
        role_arn=request.get("RoleARN") or before.role_arn,
        capabilities=capabilities,
        notification_arns=tuple(
            before.notification_arns
            if request.get("NotificationARNs") is None
            else request["NotificationARNs"]
        ),
        rollback_configuration=request.get("RollbackConfiguration")
        or before.rollback_configuration,
    )


def _download(environment: Environment, url: str) -> str:
    """The object that a TemplateURL names, in path style or virtual-hosted style."""
    parsed = urlparse(url)
    host, path = parsed.hostname or "", unquote(parsed.path).lstrip("/")
    if host.endswith(".amazonaws.com") and not host.startswith(("s3.", "s3-")):
        bucket, key = host.split(".s3", 1)[0], path
    else:
        bucket, _, key = path.partition("/")
    try:
        answer = environment.cloud.client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise ValidationError(f"S3 error: {error.response['Error']['Message']}") from error
    return bytes(answer["Body"].read()).decode()


def _check_capabilities(template: Template, given: tuple[str, ...]) -> None:
    """IAM resources must be acknowledged, named ones expressly.

    Raises:
        InsufficientCapabilitiesError: they are not.
    """
    found = [body for body in template.resources.values() if body.type in IAM_TYPES]
    if not found:
        return
    named = any(name in body.properties for body in found for name in IAM_NAMES)
    needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
    if needed in given or "CAPABILITY_NAMED_IAM" in given:
        return
    raise InsufficientCapabilitiesError(f"Requires capabilities : [{needed}]")
