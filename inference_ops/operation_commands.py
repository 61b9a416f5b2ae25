"""`inference status`, `invoke`, `logs`, `verify`: an endpoint after its deployment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inference_ops.console import on_aws
from inference_ops.options import EXIT_CODES, AsJson, EndpointName, ProfileName, RegionName

if TYPE_CHECKING:
    from inference_ops.operation.verification import Check

# Paragraphs in one line each: the terminal decides where they break.
_STATUS = (
    "Show what an endpoint is doing: fleet, weights, the deployment under way, scaling, alarms.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference status churn\n"
    "  inference status churn --json --region eu-west-1"
)
_INVOKE = (
    "Ask an endpoint, and print its answer on stdout.\n\n"
    "The body comes from a file or from standard input; its type from the file's name, unless it "
    "is given. With --record request and answer are kept for `inference verify --golden`.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference invoke churn --file rows.csv\n"
    "  head -1 rows.csv | inference invoke churn --accept application/json\n"
    "  inference invoke churn --file rows.csv --variant challenger\n"
    "  inference invoke churn --file rows.csv --record golden.json"
)
_LOGS = (
    "Print what the containers of an endpoint, or of a transform job, have logged.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference logs churn --since 2h\n"
    "  inference logs churn --filter ERROR --follow\n"
    "  inference logs --job churn-batch-3f1c0a --since 1d"
)
_VERIFY = (
    "Check after a deployment that the endpoint is what was deployed, and works.\n\n"
    "The stack is at rest and was not rolled back; the live config is the one that the stack "
    "deployed; every instance is there; what the stack scales is registered; each variant gives "
    "the answer of the golden file; no alarm is raised. Exits with 1 where one of them fails.\n\n"
    "\b\n"
    "Examples:\n"
    "  inference verify churn --golden golden.json\n"
    "  inference verify churn --config churn-EndpointConfig-1A2B3C --json"
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the program.

    Args:
        app: the program.
    """
    for name, text, command in (
        ("status", _STATUS, show_status),
        ("invoke", _INVOKE, invoke),
        ("logs", _LOGS, show_logs),
        ("verify", _VERIFY, verify),
    ):
        app.command(name, help=text, epilog=EXIT_CODES)(command)


def show_status(
    endpoint: EndpointName,
    *,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference status`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.operation.endpoint import LiveEndpoint
        from inference_ops.operation.status import status_of

        found = status_of(LiveEndpoint(console.session, endpoint))
        if as_json:
            console.result(endpoint, found)
            return
        deployment = found["deployment"]
        shown = {key: found[key] for key in ("status", "failure", "config", "created", "changed")}
        if deployment is not None:
            shown["on the way"] = f"{deployment['config']} {', '.join(deployment['stages'])}"
        console.result(endpoint, shown)
        console.table(
            "variants",
            ["name", "model", "instances", "type", "weight", ""],
            [
                [
                    variant["name"],
                    variant["model"] or "components",
                    _of(variant["instances"], variant["desired_instances"]),
                    variant["instance_type"] or "serverless",
                    "" if variant["weight"] is None else f"{variant['weight']:g}",
                    "shadow" if variant["shadow"] else "",
                ]
                for variant in found["variants"]
            ],
        )
        if found["scaling"]:
            console.table(
                "scaling",
                ["resource", "from", "to", "policies", ""],
                [
                    [
                        target["resource"],
                        str(target["minimum"]),
                        str(target["maximum"]),
                        ", ".join(target["policies"]),
                        ", ".join(target["suspended"]),
                    ]
                    for target in found["scaling"]
                ],
            )
        if found["alarms"]:
            rows = [[alarm["state"], alarm["name"]] for alarm in found["alarms"]]
            console.table("alarms", ["state", "name"], rows)


def invoke(
    endpoint: EndpointName,
    *,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The body. By default standard input."),
    ] = None,
    content_type: Annotated[
        str | None,
        typer.Option(help="The body's type. By default as the file's name tells, else text/csv."),
    ] = None,
    accept: Annotated[str | None, typer.Option(help="The type that the answer is to have.")] = None,
    variant: Annotated[str | None, typer.Option(help="Ask this variant.")] = None,
    component: Annotated[str | None, typer.Option(help="Ask this inference component.")] = None,
    custom_attributes: Annotated[
        str | None, typer.Option(help="A header that the handler gets as it is.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Keep request and answer in this file, for `inference verify`."),
    ] = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference invoke`."""
    with on_aws(region, profile, as_json=as_json) as console:
        import sys

        from inference_ops.operation.invocation import (
            Golden,
            Invocations,
            Request,
            content_type_of,
            read_body,
        )

        request = Request(
            body=read_body(file),
            content_type=content_type_of(file) if content_type is None else content_type,
            accept=accept,
            variant=variant,
            component=component,
            custom_attributes=custom_attributes,
        )
        answer = Invocations(console.session, endpoint).ask(request)
        if record is not None:
            expected = answer.body.decode("utf-8", "strict")
            Golden(request=request, expected=expected).write(record)
        if as_json:
            console.result(
                endpoint,
                {
                    "body": answer.body.decode("utf-8", "replace"),
                    "content_type": answer.content_type,
                    "variant": answer.variant,
                    "custom_attributes": answer.custom_attributes,
                    "milliseconds": round(answer.milliseconds, 1),
                },
            )
            return
        told = [answer.variant, f"{answer.milliseconds:.0f} ms", answer.custom_attributes]
        console.progress(", ".join(part for part in told if part))
        if record is not None:
            console.progress(f"request and answer are in {record}")
        sys.stdout.buffer.write(answer.body)
        if sys.stdout.isatty() and not answer.body.endswith(b"\n"):
            print()
        sys.stdout.flush()


def show_logs(
    endpoint: Annotated[
        str | None, typer.Argument(metavar="[ENDPOINT]", help="The endpoint's name.")
    ] = None,
    *,
    job: Annotated[str | None, typer.Option(help="A transform job instead.")] = None,
    since: Annotated[str, typer.Option(help="How far back: 90s, 15m, 2h, 3d.")] = "1h",
    pattern: Annotated[
        str | None, typer.Option("--filter", help="A filter pattern of CloudWatch Logs.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on printing what comes, until Ctrl-C.")
    ] = False,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference logs`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from datetime import UTC, datetime

        from inference_ops.errors import CommandError, Exit
        from inference_ops.operation.endpoint import LiveEndpoint
        from inference_ops.operation.logs import TRANSFORM_JOBS, Logs, ago

        if (endpoint is None) == (job is None):
            raise CommandError("name an endpoint, or a transform job with --job", Exit.USAGE)
        if follow and as_json:
            raise CommandError("--follow has no end: leave out --json", Exit.USAGE)
        start = datetime.now(UTC) - ago(since)
        session = console.session
        if job is not None:
            logs = Logs(session, [TRANSFORM_JOBS], streams=f"{job}/")
        else:
            logs = Logs(session, LiveEndpoint(session, str(endpoint)).log_groups)
        if as_json:
            lines = [
                {"at": line.at.isoformat(), "stream": line.stream, "text": line.text}
                for line in logs.since(start, pattern)
            ]
            console.result("", {"lines": lines})
            return
        found = logs.follow(start, pattern) if follow else logs.since(start, pattern)
        for line in found:
            print(f"{line.at:%Y-%m-%d %H:%M:%S}  {line.stream}  {line.text}", flush=True)


def verify(
    endpoint: EndpointName,
    *,
    golden: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A request and its answer, as `inference invoke --record` keeps them.",
        ),
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="The config that has to be live. By default the stack's.")
    ] = None,
    region: RegionName = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run `inference verify`."""
    with on_aws(region, profile, as_json=as_json) as console:
        from inference_ops.errors import Exit
        from inference_ops.operation.invocation import Golden
        from inference_ops.operation.verification import Verification

        checks = Verification(
            console.session,
            endpoint,
            golden=None if golden is None else Golden.read(golden),
            config=config,
        ).run()
        failed = [check for check in checks if check.passed is False]
        if as_json:
            console.result(endpoint, {"passed": not failed, "checks": [_json(c) for c in checks]})
        else:
            words = {True: "ok", False: "FAILED", None: "not known"}
            rows = [[words[check.passed], check.subject, check.found] for check in checks]
            console.table(f"{endpoint}: {_verdict(checks)}", ["", "what", "found"], rows)
        if failed:
            raise SystemExit(int(Exit.REFUSED))


def _of(now: int | None, wanted: int | None) -> str:
    if now is None:
        return ""
    return str(now) if now == wanted else f"{now} of {wanted}"


def _verdict(checks: "list[Check]") -> str:
    failed = sum(check.passed is False for check in checks)
    unknown = sum(check.passed is None for check in checks)
    text = f"{failed} of {len(checks)} checks failed" if failed else "all well"
    return f"{text}, {unknown} not known" if unknown else text


def _json(check: "Check") -> dict[str, Any]:
    return {"subject": check.subject, "passed": check.passed, "found": check.found}
