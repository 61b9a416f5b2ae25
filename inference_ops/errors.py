"""What goes wrong in a command, and the exit code that tells it."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command.

    Attributes:
        DONE: It did what it was asked for.
        REFUSED: The model, its code or its source cannot be deployed as it is.
        USAGE: The command line is wrong.
        UNREACHABLE: AWS or the package index could not be asked, or did not let us in.
        INTERNAL: A fault of this program.
        INTERRUPTED: Ctrl-C.
    """

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERNAL = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; the message says what to change.

    Attributes:
        code: The exit code.
    """

    def __init__(self, message: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.code = code


class AccessDeniedError(CommandError):
    """AWS does not let the caller do something.

    Args:
        what: What was looked up.
        told: AWS's own sentence.
    """

    def __init__(self, what: str, told: str) -> None:
        super().__init__(f"{what}: access denied: {told}", Exit.UNREACHABLE)
        self.told = told
