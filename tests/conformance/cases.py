"""The requests that both servers get, by what is special about them."""

from __future__ import annotations

from wire import invoke, send

CSV, JSON = "text/csv", "application/json"
MEGABYTE = 1 << 20

_CONTENT_TYPES = [
    *(CSV, JSON, "text/csv; charset=utf-8", "text/csv;charset=latin-1", "text/csv;", "text/csv "),
    *("TEXT/CSV", "Application/JSON", "application/x-npy", "text/libsvm", "text/x-libsvm"),
    *("application/jsonlines", "application/x-parquet", "application/octet-stream", "text/plain"),
    *("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"),
    *("csv", "nonsense", "é/ü", ""),
]
_ACCEPTS = [
    *(CSV, JSON, "*/*", "", "*", "text/*", "*/*;q=0.1", "TEXT/CSV", "application/jsonlines"),
    "text/csv;q=0.5, application/json",
]
_HANDLERS = ("input", "predict", "output")
_RAISED = ("ValueError", "MemoryError", "RecursionError", "abort", "exit")
_RETURNED = [
    *("pair", "pair of bytes", "pair with parameters", "pair without type", "pair without body"),
    *("pair with an unknown type", "pair of list", "pair of number", "pair of array"),
    *("single", "triple", "text", "empty text", "bytes", "bytearray", "None", "number", "float"),
    *("dict", "list", "array", "generator"),
    *(f"response {status}" for status in (204, 299, 302, 304, 400, 404, 503)),
    *("response without type", "response with headers", "response of parts", "response of flask"),
    *("response that breaks", "response that is too short"),
]
_METHODS = [
    *("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"),
    *("BREW", "get", "G@T"),
]
_PATHS = [
    *("/", "/PING", "/ping/", "/ping/more", "/pingpong", "/invocations/", "/invocations/x"),
    *("/ping?x", "/invocations?a=b&c=%20", "/ping#x", "/models", "/models/"),
    *("//ping", "/./ping", "/a/../ping", "/..", "/../ping", "/%70ing", "/ping%20", "/%", "/%00"),
    *("http://127.0.0.1/ping", "*", "ping", "/é", "/ping/é", f"/{'a' * 5000}"),
    *(f"/ping?{'a' * 5000}", f"/ping?{'a' * 9000}"),
]
_GET = "GET /ping HTTP/1.1\r\nHost: a\r\n"
_POST = "POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"

BODIES = {
    "an empty body": invoke("", CSV),
    "an empty body without type": invoke(""),
    "no length": send("POST", "/invocations", "Content-Type: text/csv"),
    "invalid UTF-8": invoke(b"\xff\xfe1,2\xc3", CSV),
    "invalid UTF-8 as bytes": invoke(b"\xff\xfe1,2\xc3", "text/csv; charset=utf-8"),
    "a byte order mark": invoke(b"\xef\xbb\xbf1,2", CSV),
    "a NUL": invoke(b"1\x002", CSV),
    "all line ends": invoke("1\r\n2\r3\n", CSV),
    "6 MB": invoke(b"1,2\n" * (6 * MEGABYTE // 4), CSV),
    "6 MB and a byte": invoke(b"1,2\n" * (6 * MEGABYTE // 4) + b"1", "application/x-npy"),
    "20 MB": invoke(b"1,2\n" * (20 * MEGABYTE // 4), CSV),
}
HEADERS = {
    "no content type": invoke(),
    "ContentType": send("POST", "/invocations", "ContentType: text/csv", body="1"),
    "ContentType beside Content-Type": send(
        "POST", "/invocations", "ContentType: text/csv", f"Content-Type: {JSON}", body="1"
    ),
    "two content types": send(
        "POST", "/invocations", "Content-Type: text/csv", f"Content-Type: {JSON}", body="1"
    ),
    "two accepts": send("POST", "/invocations", f"Accept: {CSV}", f"Accept: {JSON}", body="1"),
    "names in lower case": send("POST", "/invocations", "content-type: text/csv", body="1"),
    "spaces around values": send("POST", "/invocations", "Content-Type: \t text/csv  ", body="1"),
    "an underscore in a name": send("POST", "/invocations", "Content_Type: text/csv", body="1"),
    "custom attributes": send(
        "POST", "/invocations", "X-Amzn-SageMaker-Custom-Attributes: a=1, b=é", body="1"
    ),
    "a content encoding": send("POST", "/invocations", "Content-Encoding: gzip", body="1"),
    "a line without a colon": f"{_GET}nonsense\r\n\r\n".encode(),
    "a space before the colon": f"{_GET}X-A : 1\r\n\r\n".encode(),
    "a folded line": f"{_GET}X-A: 1\r\n 2\r\n\r\n".encode(),
    "a NUL in a value": f"{_GET}X-A: 1\x002\r\n\r\n".encode(),
    "8 kB in one": send("POST", "/invocations", f"X-Long: {'a' * 8100}", body="1"),
    "9 kB in one": send("POST", "/invocations", f"X-Long: {'a' * 9000}", body="1"),
    "96 of them": send("POST", "/invocations", *(f"X-{n}: {n}" for n in range(96)), body="1"),
    "97 of them": send("POST", "/invocations", *(f"X-{n}: {n}" for n in range(97)), body="1"),
}
FRAMING = {
    "HTTP/1.0": send("POST", "/invocations", body="1").replace(b"/1.1", b"/1.0"),
    "HTTP/1.0 without Host": b"GET /ping HTTP/1.0\r\n\r\n",
    "no Host": b"GET /ping HTTP/1.1\r\n\r\n",
    "two Hosts": f"{_GET}Host: b\r\n\r\n".encode(),
    "an invalid Host": b"GET /ping HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "HTTP/1.2": b"GET /ping HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET /ping HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /ping\r\n",
    "not HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "bare line feeds": b"GET /ping HTTP/1.1\nHost: a\n\n",
    "empty lines first": f"\r\n\r\n{_GET}\r\n".encode(),
    "a length that is no number": f"{_POST}Content-Length: x\r\n\r\n".encode(),
    "a negative length": f"{_POST}Content-Length: -1\r\n\r\n".encode(),
    "the same length twice": f"{_POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n1".encode(),
    "a length and chunks": (
        f"{_POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n"
    ).encode(),
    "chunks": (
        f"{_POST}Transfer-Encoding: chunked\r\n\r\n2\r\n1,\r\nA;x=y\r\n0123456789\r\n"
        "0\r\nX-A: trailer\r\n\r\n"
    ).encode(),
    "chunks in capitals": (
        f"{_POST}Transfer-Encoding: CHUNKED\r\n\r\n1\r\n1\r\n0\r\n\r\n"
    ).encode(),
    "broken chunks": f"{_POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
    "another transfer encoding": f"{_POST}Transfer-Encoding: gzip\r\n\r\n".encode(),
}
CASES: dict[str, bytes] = {
    **{f"content type {kind!r}": invoke(content_type=kind) for kind in _CONTENT_TYPES},
    **{f"accept {kind!r}": invoke(accept=kind) for kind in _ACCEPTS},
    **{f"body: {name}": request for name, request in BODIES.items()},
    **{f"headers: {name}": request for name, request in HEADERS.items()},
    **{f"framing: {name}": request for name, request in FRAMING.items()},
    **{
        f"{handler}_fn: {what}": invoke(f"{handler} {what}", CSV)
        for handler in _HANDLERS
        for what in _RAISED
    },
    **{f"returned: {what}": invoke(f"return {what}", CSV) for what in _RETURNED},
    **{
        f"{method} {path}": send(method, path, body="")
        for method in _METHODS
        for path in ("/ping", "/invocations", "/execution-parameters", "/elsewhere")
    },
    **{f"GET {path:.40}, {len(path)} long": send("GET", path) for path in _PATHS},
    **{
        f"POST {path:.40}, {len(path)} long": invoke("1", CSV).replace(
            b"/invocations", path.encode("latin-1"), 1
        )
        for path in _PATHS
    },
}

# Each stands in docs/local-aws.md.
DIFFERENCES: dict[str, bytes] = {
    "framing: HTTP/0.9": CASES.pop("framing: HTTP/0.9"),
    # nginx goes by its table of names of files.
    "GET /models.json": send("GET", "/models.json"),
    "GET /x.html": send("GET", "/x.html"),
}
