"""What is deployed now, as the base of a review."""

import json
from collections.abc import Mapping
from typing import Any, Final

from inference_ops.aws import aws_errors, make_session
from inference_ops.errors import CommandError, Exit
from inference_ops.review.sources import Source
from inference_ops.templates import parse_template

DEPLOYED: Final = "deployed"


def deployed(head: Source) -> Source:
    """Reads the templates that CloudFormation has of the stacks of an assembly.

    A stack that is not there yet is left out: all of it is new then. Region and account are those
    of the assembly and of the credentials.

    Args:
        head: the assembly that would be deployed.

    Raises:
        CommandError: it is no assembly, or AWS does not answer.
    """
    if not head.stack_names:
        raise CommandError(
            f"{head.name} is a single template, which does not say what its stack is called: "
            f"compare an assembly, the directory that cdk synth writes, with what is {DEPLOYED}",
            Exit.USAGE,
        )
    found = {
        name: template
        for name, stack_name in head.stack_names.items()
        if (template := _live(stack_name, head.regions.get(name))) is not None
    }
    return Source(
        name=DEPLOYED,
        templates=found,
        files={name: head.stack_names[name] for name in found},
        regions={},
        stack_names=head.stack_names,
        report=None,
    )


def _live(stack_name: str, region: str | None) -> Mapping[str, Any] | None:
    """The template of a stack as it was deployed; None if there is no such stack."""
    from botocore.exceptions import ClientError

    api = make_session(region, None).client("cloudformation")
    with aws_errors(f"stack {stack_name}"):
        try:
            body = api.get_template(StackName=stack_name)["TemplateBody"]
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] == "ValidationError" and "does not exist" in said["Message"]:
                return None
            raise
    text = body if isinstance(body, str) else json.dumps(body)
    return parse_template(text, origin=f"the template of stack {stack_name}")
