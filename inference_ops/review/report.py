"""Where the report of a review goes."""

from pathlib import Path
from typing import Final

from inference_ops.errors import CommandError, Exit

_S3: Final = "s3://"
_TYPES: Final = {
    "html": "text/html",
    "json": "application/json",
    "markdown": "text/markdown",
    "sarif": "application/sarif+json",
    "terminal": "text/plain",
}


def write(text: str, place: str, form: str) -> None:
    """Writes a report.

    Args:
        text: the report.
        place: a file, or s3://BUCKET/KEY.
        form: the report's format, which tells a browser what the object is.

    Raises:
        CommandError: it cannot be written there.
    """
    if not place.startswith(_S3):
        try:
            Path(place).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"--output {place}: {error.strerror}", Exit.USAGE) from None
        return
    from inference_ops.aws import aws_errors, make_session

    bucket, _, key = place.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise CommandError(f"--output must be a file or s3://BUCKET/KEY, not {place}", Exit.USAGE)
    with aws_errors(place):
        make_session(None, None).client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=text.encode(),
            ContentType=f"{_TYPES[form]}; charset=utf-8",
        )
