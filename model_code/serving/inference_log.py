"""Log lines as JSON, each with the model's version: CloudWatch Logs Insights reads their fields."""

import json
import logging
import os
import sys


class StructuredLog:
    """Writes log lines to the standard output of the worker, where the container collects them.

    Args:
        logger: The logger underneath.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._version: str | None = None

    def set_version(self, version: str) -> None:
        """Set the model's version that all further lines carry."""
        self._version = version

    def info(self, message: str, **fields: object) -> None:
        """Write what happened as it should."""
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Write what somebody may want to look at."""
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Write what failed."""
        self._write(logging.ERROR, message, fields)

    def _write(self, level: int, message: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            line = {
                "level": logging.getLevelName(level),
                "message": message,
                "model_version": self._version,
                **fields,
            }
            self._logger.log(level, "%s", json.dumps(line))


class _Stdout(logging.StreamHandler):  # type: ignore[type-arg]
    """Looks the stream up for each line: servers replace it after this module was imported."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def make_logger(name: str) -> StructuredLog:
    """Make the log of a module.

    Args:
        name: Name of the logger.

    Returns:
        A log at the level of SAGEMAKER_CONTAINER_LOG_LEVEL, which is a number; INFO by default.
    """
    logger = logging.getLogger(name)
    logger.setLevel(int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", str(logging.INFO))))
    logger.handlers = [_Stdout()]
    # The server's own handlers would write each line once more.
    logger.propagate = False
    return StructuredLog(logger)
