"""Options that the commands have in common."""

from typing import Annotated

import typer

EXIT_CODES = (
    "Exit codes: 0 done, 1 refused (the message says what to change), 2 wrong usage, 3 AWS or the "
    "package index out of reach, 130 interrupted."
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
RegionName = Annotated[str | None, typer.Option("--region", help="The AWS region.")]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="A profile of the AWS configuration.")
]
EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's name.")]
