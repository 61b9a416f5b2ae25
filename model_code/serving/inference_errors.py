"""Why a request gets no answer, and whose fault that is."""

BAD_REQUEST = 400
NOT_ACCEPTABLE = 406
UNSUPPORTED_MEDIA_TYPE = 415
INTERNAL_ERROR = 500


class ServingError(Exception):
    """A request gets no answer.

    The container turns every exception that leaves a handler into a 500 without a message. So the
    handlers return this error as their value, and `output_fn` answers with it.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RequestError(ServingError, ValueError):
    """The caller's fault: a change of the request helps, a retry does not.

    The message never quotes the request: it goes to the log, where personal data do not belong.
    """

    def __init__(self, message: str, status: int = BAD_REQUEST) -> None:
        super().__init__(message, status)


class RecordError(ValueError):
    """One record of a request cannot be read; the message says why, without its row."""


class ModelError(ServingError):
    """Our fault: the model or this code failed. The trace is in the log, never in the answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, INTERNAL_ERROR)
