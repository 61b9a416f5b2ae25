"""`inference cost`: what a template costs, which way is the cheapest, and the prices."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from inference_ops.errors import Exit
from inference_ops.options import EXIT_CODES, AsJson, ProfileName, RegionName

# Paragraphs in one line each: the terminal decides where they break.
_COST = (
    "Tell what templates cost, from the least to the most.\n\n"
    "`inference cost TEMPLATE` is short for `inference cost estimate TEMPLATE`. Nothing but "
    "`refresh` needs a network or credentials.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference cost cdk.out\n"
    "  inference cost compare --requests-per-day 10000 --seconds-per-request 0.05\n"
    "  inference cost refresh --region eu-west-1"
)
_ESTIMATE = (
    "Tell what a template costs in a month: from the least, when nobody asks and everything is "
    "scaled down, to the most.\n\n"
    "TEMPLATE is a CloudFormation template in JSON or YAML, or a cloud assembly (cdk.out). Every "
    "price is told with its day and source; what has no price is told as unknown, and is not in "
    "the total. Also told: what one update of an endpoint takes beside its fleet, what a run of a "
    "transform job costs, and what a Savings Plan could be for.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference cost cdk.out\n"
    "  inference cost template.yaml --region us-east-1 --parameter Stage=prod\n"
    "  inference cost cdk.out --stack prod-realtime --predictions-per-day 50000\n"
    "  inference cost cdk.out --batch-minutes 20 --batches-per-day 1 --discount 0.2 --json"
)
_COMPARE = (
    "Compare endpoint, asynchronous endpoint, batch and serverless for a workload.\n\n"
    "Told are the cost of each in a month, the loads for which each is the cheapest, and what is "
    "assumed. Where a price is unknown the way is left out; --own-price gives one.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference cost compare --requests-per-day 10000 --seconds-per-request 0.05\n"
    "  inference cost compare --requests-per-day 2e6 --seconds-per-request 0.02 --workers 2 "
    "--peak 3 --instances 2 --picture break-even.png\n"
    "  inference cost compare --requests-per-day 500 --rows 1000 --seconds-per-request 1 "
    "--own-price transform=0.115 --own-price asynchronous=0.115"
)
_REFRESH = (
    "Read prices from AWS and keep them, with the day and where they come from.\n\n"
    "By default the public offer files are read, for which nobody needs credentials. With --api "
    "the Price List API is asked, which needs the permission pricing:GetProducts, and knows NAT "
    "gateways as well. The other commands then use these prices: the user's own without being "
    "told, others with --prices.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference cost refresh --region eu-west-1\n"
    "  inference cost refresh --region us-east-1 --region eu-west-1 --output prices.json\n"
    "  inference cost refresh --region us-east-1 --api --profile finance"
)

PriceFile = Annotated[
    Path | None,
    typer.Option(
        "--prices", help="Prices that `refresh --output` wrote. By default the user's own, if any."
    ),
]
OwnPrices = Annotated[
    list[str] | None,
    typer.Option(
        "--own-price",
        metavar="USAGE[/SIZE]=USD",
        help="A price that counts before all others: transform=0.115, hosting/ml.m5.xlarge=0.2. "
        "May be repeated.",
    ),
]


class _EstimateByDefault(TyperGroup):
    """A group whose first argument may be a template instead of a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the command in where it is left out."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["estimate", *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    cost = typer.Typer(
        name="cost", cls=_EstimateByDefault, help=_COST, epilog=EXIT_CODES, no_args_is_help=True
    )
    cost.command("estimate", help=_ESTIMATE, epilog=EXIT_CODES)(estimate_template)
    cost.command("compare", help=_COMPARE, epilog=EXIT_CODES)(compare_ways)
    cost.command("refresh", help=_REFRESH, epilog=EXIT_CODES)(refresh_prices)
    app.add_typer(cost)


def estimate_template(
    template: Annotated[
        Path, typer.Argument(metavar="TEMPLATE", help="A template, or a cloud assembly.")
    ],
    *,
    stack: Annotated[
        list[str] | None,
        typer.Option("--stack", help="Only this stack of the assembly. May be repeated."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter of the template, instead of its default. May be repeated.",
        ),
    ] = None,
    predictions_per_day: Annotated[
        float | None,
        typer.Option(min=0.001, help="The load, for the cost of 1,000 predictions."),
    ] = None,
    batch_minutes: Annotated[
        float | None,
        typer.Option(min=0, help="How long the instances of a transform job are there."),
    ] = None,
    batches_per_day: Annotated[
        float | None, typer.Option(min=0, help="How often the batch workflow runs.")
    ] = None,
    start_minutes: Annotated[
        float,
        typer.Option(min=0, help="How long instances are paid for before they serve."),
    ] = 0,
    discount: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="What a Savings Plan takes off: 0.2 for 20 %."),
    ] = None,
    prices: PriceFile = None,
    own_price: OwnPrices = None,
    region: RegionName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference cost estimate`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.cost.arguments import own_prices, parameters_of, region_of
        from inference_ops.cost.refresh import known_prices
        from inference_ops.cost.report import Questions, Report, money
        from inference_ops.errors import CommandError
        from inference_ops.templates import check_parameters, load_templates

        questions = Questions(
            discount=discount,
            predictions_per_day=predictions_per_day,
            batch_minutes=batch_minutes,
            batches_per_day=batches_per_day,
            start_minutes=start_minutes,
        )
        found = load_templates(template)
        chosen = [each for each in found if not stack or each.name in stack]
        if not chosen:
            names = ", ".join(each.name for each in found) or "no stack at all"
            raise CommandError(f"--stack must name one of {names}", Exit.USAGE)
        parameters = parameters_of(parameter)
        check_parameters(parameters, [each.content for each in chosen])
        reports = []
        for each in chosen:
            where = region_of(region or each.region)
            table = known_prices(prices, own_prices(own_price, where))
            reports.append(
                Report.of(
                    each.name,
                    each.content,
                    region=where,
                    prices=table,
                    parameters=parameters,
                    questions=questions,
                )
            )
        least = sum(report.estimate.minimum for report in reports)
        most = sum(report.estimate.maximum for report in reports)
        if as_json:
            total = {"minimum": least, "maximum": most}
            stacks = [report.to_json() for report in reports]
            console.result("", {"usd_per_month": total, "stacks": stacks})
            return
        for report in reports:
            report.show(console)
            print()
        if len(reports) > 1:
            print(f"all {len(reports)} stacks: {money(least, most)} USD a month")


def compare_ways(
    *,
    requests_per_day: Annotated[float, typer.Option(help="Requests on an average day.")],
    seconds_per_request: Annotated[
        float, typer.Option(help="How long a worker is busy with a request.")
    ],
    rows: Annotated[int, typer.Option(help="Predictions in a request.")] = 1,
    batch_seconds: Annotated[
        float | None,
        typer.Option(help="Likewise with as many rows in a batch. By default as long."),
    ] = None,
    serverless_seconds: Annotated[
        float | None, typer.Option(help="Likewise on serverless. By default as long.")
    ] = None,
    instance_type: Annotated[
        str, typer.Option(help="Of the endpoints and of the transform jobs.")
    ] = "ml.m5.large",
    memory: Annotated[int, typer.Option(help="GB of the serverless endpoint, 1 to 6.")] = 3,
    workers: Annotated[
        int, typer.Option(help="Requests that an instance works on at once, such as its vCPUs.")
    ] = 1,
    peak: Annotated[
        float, typer.Option(help="How much busier the busiest time is than the average.")
    ] = 1,
    instances: Annotated[int, typer.Option(help="The fewest instances of the endpoint.")] = 1,
    runs_per_day: Annotated[
        float, typer.Option(help="Batches a day, and bursts of asynchronous requests.")
    ] = 1,
    start_minutes: Annotated[
        float,
        typer.Option(help="For which instances are paid before a batch or burst is worked on."),
    ] = 5,
    idle_minutes: Annotated[
        float, typer.Option(help="For which asynchronous instances stay after a burst.")
    ] = 10,
    kb_in: Annotated[float, typer.Option(help="KB of a request.")] = 0,
    kb_out: Annotated[float, typer.Option(help="KB of its answer.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the costs and break-evens: .png or .svg.")
    ] = None,
    prices: PriceFile = None,
    own_price: OwnPrices = None,
    region: RegionName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference cost compare`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from inference_ops.cost.arguments import own_prices, region_of
        from inference_ops.cost.comparison import show_comparison
        from inference_ops.cost.refresh import known_prices
        from inference_ops.cost.workload import Workload
        from inference_ops.errors import CommandError

        where = region_of(region)
        try:
            workload = Workload(
                requests_per_day=requests_per_day,
                seconds_per_request=seconds_per_request,
                rows=rows,
                batch_seconds=batch_seconds,
                serverless_seconds=serverless_seconds,
                instance_type=instance_type,
                memory=memory,
                workers=workers,
                peak=peak,
                instances=instances,
                runs_per_day=runs_per_day,
                start_minutes=start_minutes,
                idle_minutes=idle_minutes,
                kb_in=kb_in,
                kb_out=kb_out,
            )
        except ValueError as error:
            raise CommandError(str(error), Exit.USAGE) from None
        own = own_prices(own_price, where, instance_type=instance_type, memory=memory)
        table = known_prices(prices, own)
        if picture is not None:
            from inference_ops.cost.picture import draw

            draw(picture, workload, region=where, prices=table)
        show_comparison(console, workload, region=where, prices=table, as_json=as_json)
        if picture is not None:
            console.progress(f"drawn into {picture}")


def refresh_prices(
    *,
    region: Annotated[
        list[str], typer.Option("--region", help="A region whose prices are read. May be repeated.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="The file that keeps them. By default the user's own.")
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", help="Only this service's code. May be repeated."),
    ] = None,
    api: Annotated[bool, typer.Option("--api", help="Ask the API instead of the files.")] = False,
    files_url: Annotated[
        str | None, typer.Option(help="A server with a copy of the files, instead of AWS's.")
    ] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference cost refresh`."""
    from inference_ops.console import Console

    console = Console(as_json=as_json)
    with console.errors():
        from datetime import UTC, datetime

        from inference_ops.aws import make_session
        from inference_ops.cost.price_list import SERVICES
        from inference_ops.cost.refresh import (
            API_ONLY,
            PUBLIC_FILES,
            PublicFiles,
            QueryApi,
            default_file,
            refresh,
        )
        from inference_ops.errors import CommandError

        wrong = sorted(set(service or ()) - set(SERVICES))
        if wrong:
            known = ", ".join(SERVICES)
            raise CommandError(f"--service must be one of {known}, not {wrong[0]}", Exit.USAGE)
        if service and not api and set(service) <= API_ONLY:
            raise CommandError(f"{service[0]} needs --api: its files are too large", Exit.USAGE)
        file = default_file() if output is None else output
        found = refresh(
            QueryApi(make_session(region[0], profile))
            if api
            else PublicFiles(PUBLIC_FILES if files_url is None else files_url),
            file,
            services=[code for code in service or SERVICES if api or code not in API_ONLY],
            regions=region,
            today=datetime.now(UTC).date(),
            progress=console.progress,
        )
        result = {
            "file": str(file),
            "read": [
                {
                    "service": code,
                    "region": where,
                    "prices": len(each.prices),
                    "unread": list(each.unread),
                }
                for (code, where), each in found.items()
            ],
        }
        if as_json:
            console.result("", result)
            return
        rows = [
            [code, where, str(len(each.prices)), ", ".join(each.unread)]
            for (code, where), each in found.items()
        ]
        columns = ["service", "region", "prices", "could not be read"]
        console.table(f"prices are kept in {file}", columns, rows)
