"""`inference deployments` and `inference rollback`: what an endpoint had, and the way back."""

from typing import Annotated

import typer

from inference_ops.console import on_aws
from inference_ops.options import EXIT_CODES, AsJson, EndpointName, ProfileName, RegionName

# Paragraphs in one line each: the terminal decides where they break.
_DEPLOYMENTS = "Show and prune the deployments that are retained of an endpoint."
_LIST = (
    "List the live deployment of an endpoint and those that are retained, the most recent "
    "first.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference deployments list churn\n"
    "  inference deployments list churn --region eu-west-1 --json"
)
_PRUNE = (
    "Delete the configs and models that are retained beyond a number.\n\n"
    "Nothing is deleted without --yes. Neither the live config, nor the one that the stack "
    "deployed, nor a model that a config which stays names is ever deleted.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference deployments prune churn --keep 1\n"
    "  inference deployments prune churn --keep 0 --yes"
)
_ROLLBACK = (
    "Take an endpoint back to a deployment that is retained.\n\n"
    "First it is looked whether config, models, roles and artifacts still exist. The update goes "
    "about as the last deployment did: the same guardrails, with alarms on the fleet that comes "
    "back, and the same instance counts retained. Afterwards the endpoint differs from its stack; "
    "how is told at the end. The next deployment of changed code goes on from there.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference rollback churn --dry-run\n"
    "  inference rollback churn\n"
    "  inference rollback churn --to churn-EndpointConfig-1A2B3C --all-at-once"
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    deployments = typer.Typer(
        name="deployments", help=_DEPLOYMENTS, epilog=EXIT_CODES, no_args_is_help=True
    )
    deployments.command("list", help=_LIST, epilog=EXIT_CODES)(list_deployments)
    deployments.command("prune", help=_PRUNE, epilog=EXIT_CODES)(prune_deployments)
    app.add_typer(deployments)
    app.command("rollback", help=_ROLLBACK, epilog=EXIT_CODES)(roll_back)


def list_deployments(
    endpoint: EndpointName,
    *,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference deployments list`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.deployments import Deployments

        found = Deployments(console.session, endpoint)
        listed = found.all()
        if as_json:
            record = found.record()
            console.result(
                endpoint,
                {
                    "endpoint": endpoint,
                    "keep": 0 if record is None else record.deployed.keep,
                    "deployments": [deployment.to_json() for deployment in listed],
                },
            )
            return
        rows = [
            [
                deployment.state,
                deployment.config,
                f"{deployment.created:%Y-%m-%d %H:%M}",
                "; ".join(str(variant) for variant in deployment.variants),
                ", ".join(f"{what} is gone" for what in deployment.missing),
            ]
            for deployment in listed
        ]
        columns = ["state", "config", "created", "variants", ""]
        console.table(f"deployments of {endpoint}", columns, rows)


def prune_deployments(
    endpoint: EndpointName,
    *,
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="How many stay. By default as many as the stack says."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete; without, it is only told what would go.")
    ] = False,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference deployments prune`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.deployments import Deployments

        gone = Deployments(console.session, endpoint).prune(keep, delete=yes)
        if as_json:
            console.result(endpoint, {"endpoint": endpoint, "deleted": yes, "configs": gone})
            return
        what = "deleted" if yes else "would be deleted with --yes"
        console.table(f"{len(gone)} of {endpoint} {what}", ["config"], [[name] for name in gone])


def roll_back(
    endpoint: EndpointName,
    *,
    to: Annotated[
        str | None,
        typer.Option(help="The config to go to. By default the one that was live last."),
    ] = None,
    all_at_once: Annotated[
        bool,
        typer.Option("--all-at-once", help="Move everything in one step, and watch no alarm."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look whether it would work.")
    ] = False,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference rollback`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.rollback import Options, Rollback

        session = console.session
        options = Options(to=to, all_at_once=all_at_once, dry_run=dry_run)
        done = Rollback(session, endpoint, console).run(options)
        if as_json:
            console.result(endpoint, done)
            return
        title = f"{endpoint} {'would go' if dry_run else 'went'} back to {done['to']}"
        shown = {"from": done["from"], "variants": "; ".join(done["variants"])}
        console.result(title, shown | {"the stack's config": done["stack_config"]})
        if done["drift"]:
            rows = [
                [entry["variant"], entry["property"], str(entry["stack"]), str(entry["endpoint"])]
                for entry in done["drift"]
            ]
            columns = ["variant", "property", "the stack's", "the endpoint's"]
            console.table("differs from its stack", columns, rows)
