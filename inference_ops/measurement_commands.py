"""`inference metrics`, `load` and `diagnose`: what an endpoint does, can do, and fails to do."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from inference_ops.console import on_aws
from inference_ops.options import EXIT_CODES, AsJson, EndpointName, ProfileName, RegionName

# Paragraphs in one line each: the terminal decides where they break.
_METRICS = (
    "Show what CloudWatch counted: requests, errors and latency of each variant.\n\n"
    "Counts are of the whole time; percentiles are the highest of any period, in milliseconds.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference metrics churn\n"
    "  inference metrics churn --since 1d --picture churn.png"
)
_LOAD = (
    "Measure how much one instance can take, and what target tracking should hold.\n\n"
    "More and more clients ask at once, each step for some seconds, until answers come too late, "
    "fail, or do not become more. The requests are real ones: they cost, count in metrics, and may "
    "raise alarms. It ends by itself; nothing is changed.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference load staging-churn --file row.csv\n"
    "  inference load staging-churn --file row.csv --clients 1,4,16 --seconds 30 --latency-ms 50"
)
_DIAGNOSE = (
    "Say why an endpoint does not start or answer, or a transform job failed, and what to do.\n\n"
    "Status, models, artifacts, roles, environment, errors of the last hour and logs are looked "
    "at. Exits with 1 where something was found.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference diagnose churn\n"
    "  inference diagnose --job churn-batch-3f1c0a"
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    for name, text, command in (
        ("metrics", _METRICS, show_metrics),
        ("load", _LOAD, measure_load),
        ("diagnose", _DIAGNOSE, diagnose),
    ):
        app.command(name, help=text, epilog=EXIT_CODES)(command)


def show_metrics(
    endpoint: EndpointName,
    *,
    since: Annotated[str, typer.Option(help="How far back: 15m, 2h, 3d.")] = "1h",
    picture: Annotated[
        Path | None, typer.Option(help="Draw them into this file, .png or .svg.")
    ] = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference metrics`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.operation.endpoint import LiveEndpoint
        from inference_ops.operation.logs import ago
        from inference_ops.operation.metrics import draw, read_metrics, sparkline

        session = console.session
        found = read_metrics(session, LiveEndpoint(session, endpoint), ago(since))
        if picture is not None:
            draw(found, endpoint, picture)
            console.progress(f"drawn into {picture}")
        if as_json:
            variants = [
                {
                    "variant": variant.variant,
                    "times": [at.isoformat() for at in variant.times],
                    "series": {name: list(values) for name, values in variant.values.items()},
                    "summary": variant.summary(),
                }
                for variant in found
            ]
            console.result(endpoint, {"endpoint": endpoint, "variants": variants})
            return
        names = list(found[0].values) if found else []
        console.table(
            f"{endpoint}, the last {since}",
            ["variant", *(name.replace("_", " ") for name in names)],
            [
                [
                    variant.variant,
                    *("" if value is None else f"{value:,.4g}" for value in summary.values()),
                ]
                for variant in found
                for summary in [variant.summary()]
            ],
        )
        for variant in found:
            for name in ("invocations", "latency_p99_ms"):
                print(f"  {variant.variant} {name.replace('_', ' ')}")
                print(f"  {sparkline(variant.values[name])}".rstrip())


def measure_load(
    endpoint: EndpointName,
    *,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The body. By default standard input."),
    ] = None,
    content_type: Annotated[str | None, typer.Option(help="The body's type.")] = None,
    variant: Annotated[str | None, typer.Option(help="Ask this variant only.")] = None,
    clients: Annotated[
        str, typer.Option(help="How many ask at once, step by step.")
    ] = "1,2,4,8,16",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long each step lasts.")] = 10,
    latency_ms: Annotated[
        float, typer.Option(min=1, help="From which 99th percentile on it is too slow.")
    ] = 1000,
    safety: Annotated[
        float, typer.Option(min=0.05, max=1, help="Which share of the capacity is to be used.")
    ] = 0.5,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference load`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from dataclasses import asdict

        from inference_ops.operation.invocation import Request, content_type_of, read_body
        from inference_ops.operation.load import Limits, LoadTest

        limits = Limits(clients=_clients(clients), seconds=seconds, latency_ms=latency_ms)
        request = Request(
            body=read_body(file),
            content_type=content_type_of(file) if content_type is None else content_type,
            variant=variant,
        )
        test = LoadTest(console.session, endpoint, request)
        capacity = test.run(
            limits,
            lambda step: console.progress(
                f"{step.clients} clients: {step.per_second:.0f} answers a second, p50 "
                f"{step.p50_ms:.0f} ms, p99 {step.p99_ms:.0f} ms, {step.errors} errors"
                + (f" ({step.reason})" if step.reason else "")
            ),
        )
        if capacity.best is None:
            _refuse_load(endpoint, capacity.steps[0].reason)
        values = {
            "instances": capacity.instances,
            "per_second_and_instance": capacity.per_instance(),
            "safety": safety,
            "target_per_minute": capacity.target_per_minute(safety),
        }
        if as_json:
            console.result(endpoint, values | {"steps": [asdict(step) for step in capacity.steps]})
            return
        best = capacity.best
        shown = {
            "best": f"{best.per_second:.0f} answers a second with {best.clients} clients",
            "p99": f"{best.p99_ms:.0f} ms",
            "instances": capacity.instances,
        }
        if (per_instance := capacity.per_instance()) is not None:
            shown["capacity of an instance"] = f"{per_instance:.0f} a second"
            shown["target for scaling"] = (
                f"{capacity.target_per_minute(safety)} invocations per instance and minute "
                f"({safety:g} of it)"
            )
        console.result(endpoint, shown)


def diagnose(
    endpoint: Annotated[
        str | None, typer.Argument(metavar="[ENDPOINT]", help="The endpoint's name.")
    ] = None,
    *,
    job: Annotated[str | None, typer.Option(help="A transform job instead.")] = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference diagnose`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from dataclasses import asdict

        from inference_ops.errors import CommandError, Exit
        from inference_ops.operation.diagnosis import Diagnosis

        if (endpoint is None) == (job is None):
            raise CommandError("name an endpoint, or a transform job with --job", Exit.USAGE)
        diagnosis = Diagnosis(console.session)
        subject = endpoint or str(job)
        found = diagnosis.of_job(subject) if job else diagnosis.of_endpoint(subject)
        if as_json:
            findings = [asdict(finding) for finding in found]
            console.result(subject, {"subject": subject, "findings": findings})
        elif not found:
            print(f"{subject}: nothing found")
        else:
            print(subject)
            for finding in found:
                print(f"  ✗ {finding.what}")
                if finding.do:
                    print(f"    → {finding.do}")
        if found:
            raise SystemExit(int(Exit.REFUSED))


def _clients(text: str) -> list[int]:
    from inference_ops.errors import CommandError, Exit

    parts = text.split(",")
    if not all(part.strip().isdigit() and 1 <= int(part) <= 64 for part in parts):
        raise CommandError(
            f"--clients takes numbers from 1 to 64 with commas between them, not {text!r}",
            Exit.USAGE,
        )
    return [int(part) for part in parts]


def _refuse_load(endpoint: str, reason: str | None) -> NoReturn:
    from inference_ops.errors import CommandError

    because = f": {reason}" if reason else ": the first step was slower than --latency-ms"
    raise CommandError(f"endpoint {endpoint} answers no load within the limits{because}")
