"""`inference review` and `inference rules`: what a change does, before it is deployed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inference_ops.options import AsJson

if TYPE_CHECKING:
    from inference_ops.review.review import Review

REVIEW_EXIT_CODES = (
    "Exit codes: 0 no finding of severity error, 1 such findings, 2 wrong usage or an input that "
    "cannot be read, 3 Node, its differ or the CDK CLI is missing."
)

# Paragraphs in one line each: the terminal decides where they break.
_REVIEW = (
    "Tell what a change of a stack does in SageMaker's terms, and what is wrong with it.\n\n"
    "BASE and HEAD are cloud assemblies (the directory that cdk synth writes), CloudFormation "
    "templates in JSON or YAML, either of them as committed in git (REVISION:PATH), or revisions, "
    "whose apps are synthesized in a checkout of their own. Nothing is asked of AWS, unless BASE "
    "is the word `deployed`: what CloudFormation has now of the stacks of HEAD, an assembly.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference review main HEAD --link build/model -c stage=prod\n"
    "  inference review deployed cdk.out --format markdown\n"
    "  inference review origin/main:template.yaml template.yaml --quota ml.m5.large=4\n"
    "  inference review live.yaml next.yaml --parameter Stage=prod\n"
    "  inference review old.json new.json --format html --output review.html\n"
    "  inference review deployed cdk.out --format html --output s3://reports/review.html\n"
    "  inference review old.json new.json --format sarif --only-new"
)
_RULES = (
    "List the rules that a review applies.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference rules\n"
    "  inference rules --markdown > docs/rules.md"
)

Format = Literal["terminal", "markdown", "sarif", "json", "html"]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    app.command("review", help=_REVIEW, epilog=REVIEW_EXIT_CODES)(review)
    app.command("rules", help=_RULES)(rules)


def review(
    base: Annotated[str, typer.Argument(metavar="BASE", help="What is deployed now.")],
    head: Annotated[str, typer.Argument(metavar="HEAD", help="What would be deployed.")],
    *,
    output_format: Annotated[Format, typer.Option("--format", help="How it is told.")] = "terminal",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|S3-URI", help="A file or S3 object to write instead of the terminal."
        ),
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE=NUMBER",
            help="How many instances of a type the account may have for endpoints.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="For the cost, where the stacks go if the assembly does not say so."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A parameter of the templates, instead of its default. May be repeated.",
        ),
    ] = None,
    base_parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Likewise for BASE alone, where the stack has another value now.",
        ),
    ] = None,
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave findings out that BASE has as well.")
    ] = False,
    link: Annotated[
        list[Path] | None,
        typer.Option(
            help="A path that git ignores and the synth of a revision needs, such as the model."
        ),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context",
            "-c",
            metavar="KEY=VALUE",
            help="For the synth of a revision, as `cdk synth` takes it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference review`."""
    from inference_ops.console import Console

    chosen: Format = "json" if as_json else output_format
    console = Console(as_json=chosen == "json")
    with console.errors():
        from inference_ops.cost.arguments import parameters_of
        from inference_ops.review.deployed import DEPLOYED, deployed
        from inference_ops.review.parameters import Parameters
        from inference_ops.review.review import review as review_of
        from inference_ops.review.sources import Sources

        quotas = _quotas(quota or [])
        parameters = Parameters(both=parameters_of(parameter), base=parameters_of(base_parameter))
        with Sources(link or [], context or []) as sources:
            after = sources.read(head)
            found = review_of(
                deployed(after) if base == DEPLOYED else sources.read(base),
                after,
                quotas=quotas,
                parameters=parameters,
                region=region,
                only_new=only_new,
            )
            _show(found, chosen, output)
    raise typer.Exit(1 if found.errors else 0)


def _quotas(given: list[str]) -> dict[str, int]:
    from inference_ops.errors import CommandError, Exit

    quotas = {}
    for entry in given:
        name, _, number = entry.partition("=")
        if not name or not number.isdigit():
            raise CommandError(
                f"--quota is a type and a number, such as ml.m5.large=4, not {entry!r}", Exit.USAGE
            )
        quotas[name] = int(number)
    return quotas


def _show(found: "Review", chosen: Format, output: str | None) -> None:
    if output is not None:
        from inference_ops.review.report import write

        write(_text(found, chosen), output, chosen)
    elif chosen == "terminal":
        from rich.console import Console as RichConsole

        from inference_ops.review.terminal import show

        show(found, RichConsole(highlight=False))
    else:
        text = _text(found, chosen)
        print(text, end="" if text.endswith("\n") else "\n")


def _text(found: "Review", chosen: Format) -> str:
    import json

    if chosen == "terminal":
        from io import StringIO

        from rich.console import Console as RichConsole

        from inference_ops.review.terminal import show

        show(found, RichConsole(file=(text := StringIO()), width=100, highlight=False))
        return text.getvalue()
    if chosen == "markdown":
        from inference_ops.review.markdown import markdown

        return markdown(found)
    if chosen == "html":
        from inference_ops.review.page import page

        return page(found)
    if chosen == "sarif":
        from inference_ops.review.sarif import sarif

        return json.dumps(sarif(found), indent=2)
    from inference_ops.review.as_json import as_json

    return json.dumps(as_json(found), indent=2)


def rules(
    *,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="As the page of the documentation.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run `inference rules`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.review.catalogue import catalogue, catalogue_page

        if as_markdown:
            print(catalogue_page(), end="")
            return
        listed = catalogue()
        if as_json:
            console.result("rules", {"rules": listed})
            return
        columns = ("name", "severity", "applies to", "source")
        rows = [[entry[column] for column in columns] for entry in listed]
        console.table(f"{len(listed)} rules", columns, rows)
