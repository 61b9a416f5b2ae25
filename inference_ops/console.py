"""How a command talks: progress and errors on stderr, its result on stdout."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from inference_ops.errors import CommandError, Exit

if TYPE_CHECKING:
    import boto3

# What a shell tells of a program that SIGPIPE ended.
_BROKEN_PIPE = 128 + 13


class Console:
    """The output of one command.

    Args:
        as_json: Whether the result, or the error, is one JSON object on stdout, with nothing else.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def progress(self, message: str) -> None:
        """Tell what is being done."""
        if not self._as_json:
            print(f"· {message}", file=sys.stderr, flush=True)

    def result(self, title: str, values: Mapping[str, object]) -> None:
        """Show the result.

        Args:
            title: A line above the values, for people.
            values: What was found or made; None is left out.
        """
        shown = {key: value for key, value in values.items() if value is not None}
        if self._as_json:
            print(json.dumps(shown, indent=2))
            return
        # Whole lines, however narrow the terminal is: ARNs and URIs are copied from here.
        print(title)
        width = max(map(len, shown), default=0)
        for key, value in shown.items():
            print(f"  {key.replace('_', ' '):<{width}}  {value}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows; with `--json`, `result` shows the same as values.

        Args:
            title: A line above the rows.
            columns: The headings.
            rows: The cells, one for each column.
        """
        print(title)
        widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            print(f"  {'  '.join(cells)}".rstrip())

    def error(self, message: str, code: Exit) -> None:
        """Show why the command failed."""
        if self._as_json:
            print(json.dumps({"error": {"code": int(code), "message": message}}))
        else:
            print(f"error: {message}", file=sys.stderr)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what goes wrong within the block into a message and an exit code.

        Raises:
            SystemExit: With the exit code. INFERENCE_DEBUG=1 lets the exception through instead.
        """
        from model_artifacts import ArtifactError

        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody reads on, as after `| head`; what is still buffered goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(_BROKEN_PIPE) from None
        except CommandError as error:
            self._end(str(error), error.code)
        except ArtifactError as error:
            self._end(str(error), Exit.REFUSED)
        except KeyboardInterrupt:
            self._end("interrupted", Exit.INTERRUPTED)
        except OSError as error:
            self._end(str(error), Exit.REFUSED)
        except Exception as error:
            if os.environ.get("INFERENCE_DEBUG"):
                raise
            kind = type(error).__name__
            self._end(f"{kind}: {error}; INFERENCE_DEBUG=1 shows where", Exit.INTERNAL)

    def _end(self, message: str, code: Exit) -> None:
        self.error(message, code)
        raise SystemExit(int(code))


class AwsConsole(Console):
    """The output of a command that asks AWS, and the session in which it does.

    Args:
        region: As given, or None for that of the environment or the profile.
        profile: A profile of the AWS configuration.
        as_json: See `Console`.
    """

    def __init__(self, region: str | None, profile: str | None, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self._where = region, profile

    @cached_property
    def session(self) -> "boto3.Session":
        """The session, opened where it is first asked for: wrong usage is told before."""
        from inference_ops.aws import make_session

        return make_session(*self._where)


@contextmanager
def on_aws(region: str | None, profile: str | None, *, as_json: bool) -> Iterator[AwsConsole]:
    """Begin a command that asks AWS, and end it with a message and an exit code if it fails.

    Args:
        region: As given, or None for that of the environment or the profile.
        profile: A profile of the AWS configuration.
        as_json: See `Console`.
    """
    console = AwsConsole(region, profile, as_json=as_json)
    with console.errors():
        yield console
