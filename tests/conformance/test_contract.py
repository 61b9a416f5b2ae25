"""The local AWS's container answers every request as the image's serving stack does."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from cases import CASES, CSV, DIFFERENCES
from wire import TIMEOUT, exchange, invoke, receive, send

if TYPE_CHECKING:
    from conftest import Pair


@pytest.mark.parametrize("name", CASES)
def test_both_answer_alike(telling: Pair, name: str) -> None:
    """Status, content type, the headers of handler and framework, and the body agree."""
    real, local = telling.exchange(CASES[name])
    assert local == real


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_is_listed_as_different_still_is(telling: Pair, name: str) -> None:
    """A difference that is gone has to leave the list in the documentation as well."""
    real, local = telling.exchange(DIFFERENCES[name])
    assert local != real


@pytest.mark.parametrize(
    ("content_type", "kind", "received"),
    [
        (CSV, "str", CSV),
        ("application/json", "str", "application/json"),
        (None, "str", "application/json"),
        ("text/csv; charset=utf-8", "bytes", "text/csv; charset=utf-8"),
        ("TEXT/CSV", "bytes", "TEXT/CSV"),
        ("application/x-npy", "bytes", "application/x-npy"),
    ],
)
def test_the_image_gives_text_for_exactly_two_types(
    telling: Pair, content_type: str | None, kind: str, received: str
) -> None:
    """What the project's handler has to expect, measured on the image's own library."""
    told = json.loads(exchange(telling.real.port, invoke("1,2", content_type)).body)
    assert [told[0], told[3]] == [kind, received]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (invoke("predict ValueError", CSV), 500),
        (invoke("output abort", CSV), 500),
        (invoke("return None", CSV), 500),
        (invoke("return response 400", CSV), 400),
        (send("GET", "/execution-parameters"), 404),
        (send("GET", "/invocations"), 405),
        (invoke(b"1" * (6 << 20), CSV), 200),
    ],
)
def test_the_image_answers_with_these_statuses(telling: Pair, request_: bytes, status: int) -> None:
    """What the documentation says of the image holds on its serving stack."""
    assert exchange(telling.real.port, request_).status == status


def test_one_connection_serves_many_requests_also_those_sent_at_once(telling: Pair) -> None:
    """Keep-alive and pipelining, with bodies in chunks and without bodies in between."""
    chunked = (
        b"POST /invocations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\n1,2\r\n0\r\n\r\n"
    )
    requests = [invoke("1", CSV), send("GET", "/ping"), chunked, invoke("return None", CSV)]
    answers = []
    for port in (telling.real.port, telling.local.port):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            alone = []
            for request in requests:
                connection.sendall(request)
                alone.append(receive(connection))
            connection.sendall(b"".join(requests[:2]))
            together = connection.makefile("rb")
            heads = []
            for _ in range(2):
                heads.append(together.readline())
                length = 0
                while (line := together.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                together.read(length)
            answers.append((alone, heads))
    assert answers[0] == answers[1]
    assert [answer.status for answer in answers[0][0]] == [200, 200, 200, 500]


@pytest.mark.parametrize(("header", "again"), [("Connection: close", False), ("X-A: 1", True)])
def test_a_connection_ends_when_the_client_wants_it(
    telling: Pair, header: str, again: bool
) -> None:
    """`Connection: close` ends it; otherwise the next request is answered on it."""
    for port in (telling.real.port, telling.local.port):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(send("GET", "/ping", header))
            assert receive(connection).status == 200
            if again:
                connection.sendall(send("GET", "/ping"))
                assert receive(connection).status == 200
            else:
                assert connection.recv(1) == b""


def test_a_client_that_asks_first_is_told_to_go_on(telling: Pair) -> None:
    """`Expect: 100-continue`, as curl sends it with large bodies."""
    head, _, _ = send(
        "POST", "/invocations", "Expect: 100-continue", "Content-Type: text/csv", body="1,2"
    ).partition(b"\r\n\r\n")
    answers = []
    for port in (telling.real.port, telling.local.port):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(head + b"\r\n\r\n")
            assert connection.recv(len(b"HTTP/1.1 100 Continue\r\n\r\n")).startswith(
                b"HTTP/1.1 100 "
            )
            connection.sendall(b"1,2")
            answers.append(receive(connection))
    assert answers[0].status == 200
    assert answers[0] == answers[1]


def test_a_client_that_leaves_within_its_body_harms_nobody(telling: Pair) -> None:
    """The next request is answered."""
    for port in (telling.real.port, telling.local.port):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(send("POST", "/invocations", "Content-Length: 1000") + b"1,2")
        assert exchange(port, invoke("1", CSV)).status == 200
