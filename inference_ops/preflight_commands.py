"""`inference preflight`: what the account has to say to a template before it is deployed."""

from pathlib import Path
from typing import Annotated

import typer

from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName
from inference_ops.preflight.finding import ACTIONS

# Paragraphs in one line each: the terminal decides where they break.
_PREFLIGHT = (
    "Look before a deployment whether the account lets it go through; nothing is changed.\n\n"
    "Looked at are the state of the stack, the bootstrap version, names that are taken, the images "
    "and the model data (there, and as pinned), and SageMaker's quotas: what the account uses now, "
    "what the template needs at its largest, and what an update needs beside the fleet that is "
    "there. TEMPLATE is anyone's template in JSON or YAML, or a cloud assembly (cdk.out). Exits "
    "with 1 where something failed; what is not known is told, and fails with --strict.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference preflight cdk.out --stack prod-realtime\n"
    "  inference preflight template.yaml --stack churn --parameter Stage=prod\n"
    "  inference preflight cdk.out --strict --json\n\n"
    f"It needs these permissions, and tells which one is missing: {', '.join(ACTIONS)}."
)


def add_to(app: typer.Typer) -> None:
    """Adds the command to the program.

    Args:
        app: the program.
    """
    app.command("preflight", help=_PREFLIGHT, epilog=EXIT_CODES)(preflight)


def preflight(
    template: Annotated[
        Path, typer.Argument(metavar="TEMPLATE", help="A template, or a cloud assembly.")
    ],
    *,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            help="Only this stack of the assembly; may be repeated. For a template by itself the "
            "stack that it is for.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter of the template. By default the stack's, else the template's own.",
        ),
    ] = None,
    context: Annotated[
        Path | None,
        typer.Option(
            help="The file that keeps the pins of `inference resolve`. By default "
            "cdk.context.json, where there is one."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where something is not known, too.")
    ] = False,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference preflight`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.aws import make_session
        from inference_ops.cost.arguments import parameters_of
        from inference_ops.cost.refresh import known_prices
        from inference_ops.errors import Exit
        from inference_ops.preflight.artifacts import read_pins
        from inference_ops.preflight.run import chosen, region_of, run_checks
        from inference_ops.templates import check_parameters, load_templates

        found = chosen(load_templates(template), stack or ())
        parameters = parameters_of(parameter)
        check_parameters(parameters, [each.content for each, _ in found])
        session = make_session(region_of([each for each, _ in found], region), profile)
        parts = list(
            run_checks(
                session,
                found,
                parameters=parameters,
                pins=read_pins(context),
                prices=known_prices(None, []),
                progress=console.progress,
            )
        )
        findings = [finding for _, each in parts for finding in each]
        failed = sum(finding.passed is False for finding in findings)
        unknown = sum(finding.passed is None for finding in findings)
        if as_json:
            counts = {"failed": failed, "unknown": unknown}
            told = {name: [finding.to_json() for finding in each] for name, each in parts}
            console.result("", {"passed": not failed, **counts, "findings": told})
        else:
            for name, each in parts:
                if not each:
                    continue
                rows = [[one.verdict, one.subject, one.found] for one in each]
                console.table(name, ["", "what", "found"], rows)
            for finding in findings:
                if finding.advice is not None and finding.passed is not True:
                    print(f"  {finding.subject}\n    → {finding.advice}")
            print(_summary(len(findings), failed, unknown))
        if failed or (strict and unknown):
            raise SystemExit(int(Exit.REFUSED))


def _summary(looked_at: int, failed: int, unknown: int) -> str:
    text = f"{failed} of {looked_at} checks failed" if failed else "nothing is in the way"
    return f"{text}, {unknown} not known" if unknown else text
