"""Which types of bodies are read, and by what."""

from collections.abc import Callable

from inference_binary import parse_arrow, parse_libsvm, parse_npy, parse_parquet
from inference_csv import read_csv
from inference_errors import UNSUPPORTED_MEDIA_TYPE, RequestError
from inference_json import read_json, read_jsonlines
from inference_table import Records, Rows, Table

ParsePlain = Callable[[str | bytes, str], Rows | None]

_CHARSETS = {"utf-8", "utf8", "us-ascii", "ascii"}
_EMPTY = "the body is empty: expected at least one row"
_BINARY: dict[str, Callable[[bytes], Table]] = {
    "application/x-npy": parse_npy,
    "application/vnd.apache.parquet": parse_parquet,
    "application/x-parquet": parse_parquet,
    "application/vnd.apache.arrow.stream": parse_arrow,
}
_ALIASES = {
    "application/jsonl": "application/jsonlines",
    "application/x-jsonlines": "application/jsonlines",
    "application/x-ndjson": "application/jsonlines",
    "text/x-libsvm": "text/libsvm",
}
TYPES = ("text/csv", "application/json", "application/jsonlines", "text/libsvm", *_BINARY)


def parse(body: str | bytes, content_type: str | None, parse_plain: ParsePlain) -> Table | Records:
    """Read a request body.

    Args:
        body: As the container hands it over: `str` for exactly `text/csv` and `application/json`,
            bytes for any other spelling or type.
        content_type: The header, with its parameters. None or empty counts as JSON, as
            in the image.
        parse_plain: The fast parser of plain tables, see `Engine.parse`.

    Returns:
        A table if the body is plain, else records.

    Raises:
        RequestError: With 415 for a type that is not read, with 400 for a body that is not of its
            type.
    """
    media_type = _media_type(content_type)
    if media_type in _BINARY:
        data = body.encode("latin-1", "replace") if isinstance(body, str) else body
        if not data:
            raise RequestError(_EMPTY)
        return _BINARY[media_type](data)
    if not body or body.isspace():
        raise RequestError(_EMPTY)
    if media_type == "text/libsvm":
        return parse_libsvm(body)
    rows = parse_plain(body, media_type)
    if rows is not None:
        return Table(rows=rows)
    return _records(body, media_type)


def _records(body: str | bytes, media_type: str) -> Records:
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.removeprefix("\ufeff")
    if media_type == "text/csv":
        return Records(records=read_csv(text), markable=True)
    if media_type == "application/jsonlines":
        return Records(records=read_jsonlines(text), markable=True)
    # Where a body is not valid, there is U+FFFD now: the container decodes some itself.
    if "\ufffd" in text:
        raise RequestError("the body is not valid UTF-8")
    return Records(records=read_json(text))


def _media_type(content_type: str | None) -> str:
    if content_type in ("text/csv", "application/json"):
        return content_type
    media_type, _, parameters = (content_type or "application/json").partition(";")
    media_type = media_type.strip().lower()
    media_type = _ALIASES.get(media_type, media_type)
    if media_type not in TYPES:
        raise RequestError(
            f"unsupported content type: expected one of {', '.join(TYPES)}",
            UNSUPPORTED_MEDIA_TYPE,
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _CHARSETS:
            raise RequestError("unsupported charset: expected utf-8", UNSUPPORTED_MEDIA_TYPE)
    return media_type
