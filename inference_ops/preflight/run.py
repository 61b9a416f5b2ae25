"""All checks before a deployment, in the order in which AWS would come upon them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from inference_ops.errors import CommandError, Exit
from inference_ops.preflight.account import Account
from inference_ops.preflight.artifacts import check_artifacts
from inference_ops.preflight.finding import Finding
from inference_ops.preflight.images import check_images
from inference_ops.preflight.quotas import check_quotas
from inference_ops.preflight.stacks import check_stack
from inference_ops.preflight.subject import Subject
from inference_ops.templates import Template
from model_artifacts.pins import PinnedObject
from sagemaker_prices import PriceTable

if TYPE_CHECKING:
    import boto3


def chosen(
    templates: Sequence[Template], stacks: Sequence[str]
) -> list[tuple[Template, str | None]]:
    """The templates that are looked at, each with the stack that it is for.

    Args:
        templates: a template by itself, or those of an assembly.
        stacks: the names that the user gave.

    Raises:
        CommandError: there is no such stack, or a template by itself has several names.
    """
    if all(template.stack_name is None for template in templates):
        if len(stacks) > 1:
            raise CommandError("a template is for one stack: give --stack once", Exit.USAGE)
        return [(template, next(iter(stacks), None)) for template in templates]
    found: list[tuple[Template, str | None]] = [
        (template, template.stack_name)
        for template in templates
        if template.stack_name is not None
        and (not stacks or {template.name, template.stack_name} & set(stacks))
    ]
    if not found:
        names = ", ".join(
            template.name for template in templates if template.stack_name is not None
        )
        raise CommandError(f"--stack must name one of {names}", Exit.USAGE)
    return found


def region_of(templates: Sequence[Template], given: str | None) -> str | None:
    """The region that the templates go to; None where the environment tells.

    Args:
        templates: those that are looked at.
        given: the region that the user gave.

    Raises:
        CommandError: they go to several, or to another than the one given.
    """
    regions = sorted({template.region for template in templates if template.region is not None})
    if given is not None and regions and regions != [given]:
        raise CommandError(
            f"the assembly goes to {', '.join(regions)}, not to {given}: choose with --stack",
            Exit.USAGE,
        )
    if len(regions) > 1:
        raise CommandError(
            f"the stacks go to several regions, {', '.join(regions)}: choose with --stack",
            Exit.USAGE,
        )
    return given or next(iter(regions), None)


def run_checks(
    session: "boto3.Session",
    templates: Sequence[tuple[Template, str | None]],
    *,
    parameters: Mapping[str, str],
    pins: Mapping[str, PinnedObject],
    prices: PriceTable,
    progress: Callable[[str], None],
) -> Iterator[tuple[str, list[Finding]]]:
    """Looks at everything.

    Args:
        session: of the account and region that is deployed to.
        templates: what is deployed, each with the name of its stack.
        parameters: values that count instead of those of the stacks.
        pins: what `inference resolve` has pinned, by URI.
        prices: what AWS sells where.
        progress: is told what is looked at.

    Yields:
        The findings of each stack under its name, and those that all have in common.

    Raises:
        CommandError: AWS does not answer.
    """
    account = Account(session)
    subjects = [
        Subject(template, account, stack_name=name, parameters=parameters)
        for template, name in templates
    ]
    for subject in subjects:
        name = subject.stack_name or subject.template.name
        progress(f"looking at {name}")
        yield (
            name,
            [
                *check_stack(subject),
                *check_images(subject),
                *check_artifacts(subject, pins),
            ],
        )
    progress("looking at the quotas")
    yield f"quotas in {account.region}", list(check_quotas(account, subjects, prices))
