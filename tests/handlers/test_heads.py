"""Heads that are read at once: never otherwise than Tornado reads them."""

import random
from typing import Any

import pytest
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError

from handlers.heads import usual_head
from tests.handlers.conftest import Hubbub

USUAL = (
    b"GET /ws?a=b HTTP/1.1\r\nHost: localhost:5000\r\nUpgrade: websocket\r\n"
    b"X-Lower-case: a\r\nAccept: text/html, */*;q=0.8\r\nX: y\r\n\r\n"
)


def by_tornado(data: bytes) -> tuple[str, HTTPHeaders]:
    read: Any = HTTP1Connection._parse_headers
    head: tuple[str, HTTPHeaders] = read(None, data)
    return head


def test_a_usual_head() -> None:
    head = usual_head(USUAL)
    assert head is not None
    assert head[0] == "GET /ws?a=b HTTP/1.1"
    assert dict(head[1]) == {
        "Host": "localhost:5000",
        "Upgrade": "websocket",
        "X-Lower-Case": "a",
        "Accept": "text/html, */*;q=0.8",
        "X": "y",
    }
    assert head[1].get_list("accept") == ["text/html, */*;q=0.8"]
    assert (head[0], list(head[1].get_all())) == (
        by_tornado(USUAL)[0],
        list(by_tornado(USUAL)[1].get_all()),
    )


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"Host: a\r\nHost: b\r\n",
        b"Host: a\r\nhost: b\r\n",
        b"Host : a\r\n",
        b"Host:a\r\n",
        b"Host:  a\r\n",
        b"Host: a \r\n",
        b"Host: \r\n",
        b"Host:\r\n",
        b"Host: a\r\n b\r\n",
        b"Host: a\n",
        b"Host: a\nUpgrade: b\r\n",
        b"Host: a\rb\r\n",
        b"Host: a\x00\r\n",
        b"Host: \xe9\r\n",
        b"Host: a\tb\r\n",
        b"H\xf6st: a\r\n",
        b"no colon\r\n",
        b": a\r\n",
        b"X_y: a\r\n",
        b"\r\nHost: a\r\n",
    ],
)
def test_what_is_unusual_is_for_tornado(lines: bytes) -> None:
    assert usual_head(b"GET / HTTP/1.1\r\n" + lines + b"\r\n") is None


@pytest.mark.parametrize("start", [b"\r\n", b"\n", b"GET / HTTP/1.1\nX: y\r\n"])
def test_first_lines_that_are_unusual_are_for_tornado(start: bytes) -> None:
    assert usual_head(start + USUAL) is None


def test_random_heads_are_read_as_tornado_reads_them() -> None:
    luck = random.Random(7)
    pieces = [b": ", b":", b" ", b"\t", b"\r\n", b"\n", b"\r", b"Host", b"x-a", b"a", b"\x00", b","]
    usual = 0
    for _ in range(20_000):
        if luck.random() < 0.5:
            data = bytearray(USUAL)
            for _ in range(luck.randrange(3)):
                at = luck.randrange(len(data) - 4)
                data[at : at + luck.randrange(2)] = luck.choice(pieces)
        else:
            data = bytearray(b"GET / HTTP/1.1\r\n")
            for _ in range(luck.randrange(12)):
                data += luck.choice(pieces)
            data += b"\r\n\r\n"
        head = usual_head(bytes(data))
        if head is None:
            continue
        usual += 1
        try:
            first, headers = by_tornado(bytes(data))
        except HTTPInputError as error:
            raise AssertionError(bytes(data)) from error
        assert (head[0], list(head[1].get_all())) == (first, list(headers.get_all()))
    assert usual > 1_000


@pytest.mark.gen_test
async def test_both_kinds_of_heads_are_answered(hub: Hubbub) -> None:
    for more in ({}, {"X_Odd": "a"}, {"X-Empty": ""}):
        assert (await hub.get("/health", headers=more)).status == 200
