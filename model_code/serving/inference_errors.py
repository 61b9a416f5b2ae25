"""Requests that are refused because of what the caller sent."""

BAD_REQUEST = 400
NOT_ACCEPTABLE = 406
UNSUPPORTED_MEDIA_TYPE = 415


class RequestError(ValueError):
    """The caller's request cannot be answered; a change of the request helps, a retry does not.

    The container turns every exception that leaves a handler into a 500 without a message. So
    `input_fn` and `predict_fn` return this error as their value, and `output_fn` answers with it.

    The message never quotes the request: it goes to the log, where personal data do not belong.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, message: str, status: int = BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status
