"""``python -m local_aws serve --port PORT --state DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local_aws.cloud import Cloud
from local_aws.memory import give_back
from local_aws.server import LocalAws, StateDirectoryError


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and serve; the exit code is 0 after a clean stop, 2 for bad usage."""
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="AWS on one machine, on loopback only, for the real CDK CLI and boto3.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="bring it up; prints one line when ready; stops on SIGTERM and Ctrl-C",
        epilog="Talk to it with AWS_ENDPOINT_URL=http://localhost:PORT, any credentials and the "
        "region us-east-1.",
    )
    serve.add_argument("--port", type=int, default=4599, help="TCP port (default: %(default)s)")
    serve.add_argument(
        "--state",
        type=Path,
        default=Path(".local-aws"),
        help="directory for everything it writes (default: %(default)s)",
    )
    serve.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="how many times faster than on AWS waits and alarm periods pass (default: 1)",
    )
    serve.add_argument(
        "--endpoint-rollback",
        choices=("failed", "silent"),
        default="failed",
        help="what CloudFormation makes of an endpoint that SageMaker rolled back: a failed update "
        "of the stack, or an update like any other (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    if not 0 < arguments.port < 65536:
        parser.error(f"--port must be from 1 to 65535, got {arguments.port}")
    if not 1 <= arguments.speed <= 1000:
        parser.error(f"--speed must be from 1 to 1000, got {arguments.speed:g}")
    give_back()
    cloud = Cloud(
        port=arguments.port,
        state=arguments.state.resolve(),
        speed=arguments.speed,
        silent_rollbacks=arguments.endpoint_rollback == "silent",
    )
    try:
        LocalAws(cloud).run()
    except (OSError, StateDirectoryError) as error:
        print(f"local_aws: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
