"""`inference cleanup`: what an endpoint or a stack left, and its end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from inference_ops.console import on_aws
from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName

if TYPE_CHECKING:
    import boto3

    from inference_ops.console import Console
    from inference_ops.operation.cleanup import Leftover
    from inference_ops.operation.stack_cleanup import Kept

# Paragraphs in one line each: the terminal decides where they break.
_CLEANUP = (
    "Delete what an endpoint that belongs to no stack left or would leave, or what a stack left, "
    "and verify it.\n\n"
    "Nothing is deleted without --yes. Of an endpoint are found itself, its config and models "
    "where nobody else uses them, inference components, scalable targets, alarms, log groups and, "
    "with --data, what it captured. For an endpoint that is gone name its config, if that is still "
    "there.\n\n"
    "Of a stack is found what it retained and what that caused, by CloudFormation's list and by "
    "tags; buckets, tables and keys are deleted with --data only. What belongs to a stack that "
    "exists is never deleted. Exits with 1 where something is left after the deletion.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference cleanup notebook-endpoint\n"
    "  inference cleanup notebook-endpoint --config notebook-config --data --yes\n"
    "  inference cleanup --stack churn-dev\n"
    "  inference cleanup --stack churn-dev --data --yes"
)


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program.

    Args:
        app: the program.
    """
    app.command("cleanup", help=_CLEANUP, epilog=EXIT_CODES)(clean_up)


def clean_up(
    endpoint: Annotated[
        str | None, typer.Argument(metavar="ENDPOINT", help="The endpoint's name.")
    ] = None,
    *,
    stack: Annotated[
        str | None, typer.Option("--stack", help="A stack instead, by its name or ARN.")
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option("--config", help="A config that it served; may be given more than once."),
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data", help="What cannot be made again, too: captured data, buckets, tables, keys."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete; without, it is only told what would go.")
    ] = False,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference cleanup`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.errors import CommandError, Exit

        if (endpoint is None) == (stack is None):
            raise CommandError("name an endpoint, or a stack with --stack", Exit.USAGE)
        if stack is not None and config:
            raise CommandError("--config is for an endpoint: leave it out", Exit.USAGE)
        if stack is not None:
            _clean_up_stack(console, console.session, stack, data=data, yes=yes, as_json=as_json)
            return
        _clean_up_endpoint(
            console,
            console.session,
            str(endpoint),
            configs=tuple(config or ()),
            data=data,
            yes=yes,
            as_json=as_json,
        )


def _clean_up_endpoint(
    console: "Console",
    session: "boto3.Session",
    endpoint: str,
    *,
    configs: tuple[str, ...],
    data: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from inference_ops.operation.cleanup import Cleanup

    cleanup = Cleanup(session, endpoint, configs=configs, data=data)
    cleanup.refuse_deployed()
    found = cleanup.find()
    left = found
    if yes:
        cleanup.delete(found, console.progress)
        left = cleanup.find()
    if as_json:
        values = {"endpoint": endpoint, "deleted": yes}
        lists = {"found": found, "left": left}
        console.result(
            endpoint,
            values | {name: [one.to_json() for one in each] for name, each in lists.items()},
        )
    else:
        _show_leftovers(console, endpoint, found, yes=yes)
    if yes:
        _refuse_left(left, as_json=as_json)


def _clean_up_stack(
    console: "Console",
    session: "boto3.Session",
    stack: str,
    *,
    data: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from inference_ops.operation.stack_cleanup import StackCleanup

    cleanup = StackCleanup(session, stack)
    console.progress(f"looking for what {cleanup.history.name} left")
    found = left = cleanup.find()
    cleanup.refuse_live(found)
    wanted = [*found.leftovers, *(found.data if data else ())]
    if yes:
        cleanup.delete(wanted, console.progress)
        console.progress("looking again")
        left = cleanup.find()
    still = [*left.leftovers, *(left.data if data else ())]
    if as_json:
        lists = {"found": wanted, "data": found.data, "kept": found.kept, "left": still}
        console.result(
            stack,
            {"stack": cleanup.history.name, "status": cleanup.history.status, "deleted": yes}
            | {name: [one.to_json() for one in each] for name, each in lists.items()},
        )
    else:
        _show_leftovers(console, cleanup.history.name, wanted, yes=yes)
        if found.data and not data:
            rows = [[one.kind, one.name] for one in found.data]
            console.table("data, deleted with --data only", ["kind", "name"], rows)
        if found.kept:
            rows = [[one.kind, one.name, one.why] for one in found.kept]
            console.table("stays", ["kind", "name", "why"], rows)
    if yes:
        _refuse_left([*still, *(one for one in left.kept if one.left)], as_json=as_json)


def _refuse_left(left: "Sequence[Leftover | Kept]", *, as_json: bool) -> None:
    """End with 1 where a deletion left something; what it is, the JSON object has told already."""
    from inference_ops.errors import CommandError, Exit

    if left and as_json:
        raise SystemExit(int(Exit.REFUSED))
    if left:
        names = ", ".join(f"{one.kind} {one.name}" for one in left)
        raise CommandError(f"still there after the deletion: {names}")


def _show_leftovers(console: "Console", name: str, found: "list[Leftover]", *, yes: bool) -> None:
    if not found:
        print(f"nothing of {name}")
        return
    title = f"{len(found)} of {name} {'deleted' if yes else 'would be deleted with --yes'}"
    console.table(title, ["kind", "name"], [[leftover.kind, leftover.name] for leftover in found])
