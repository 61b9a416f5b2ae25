"""The pages that nginx and gunicorn answer by themselves, for what the application never sees."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from local_aws.sagemaker.container.wire import Head

# nginx's own words, where they are not those of the standard.
_NGINX_PHRASES = {
    405: "Not Allowed",
    414: "Request-URI Too Large",
    504: "Gateway Time-out",
    505: "HTTP Version Not Supported",
}


def nginx_page(status: int, detail: str | None = None) -> tuple[Head, bytes]:
    """The page that nginx answers for an error.

    Args:
        status: the HTTP status.
        detail: what it says more about a bad request.
    """
    title = f"{status} {_NGINX_PHRASES.get(status, HTTPStatus(status).phrase)}"
    more = "" if detail is None else f"<center>{detail}</center>\r\n"
    head = title if detail is None else f"{status} {detail}"
    body = (
        f"<html>\r\n<head><title>{head}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n{more}<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return _html(status), body.encode()


def gunicorn_page(status: int, message: str = "") -> tuple[Head, bytes]:
    """The page that gunicorn answers for a request that it refuses or an exception.

    Args:
        status: the HTTP status.
        message: what it says about it: nothing about an exception.
    """
    title = HTTPStatus(status).phrase
    body = (
        f"<html>\n  <head>\n    <title>{title}</title>\n  </head>\n  <body>\n"
        f"    <h1><p>{title}</p></h1>\n    {escape(message)}\n  </body>\n</html>\n"
    )
    return _html(status), body.encode()


def _html(status: int) -> Head:
    return {"status": status, "headers": [("Content-Type", "text/html")]}
