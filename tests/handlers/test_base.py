"""Bodies: which are taken, and what happens to the others."""

import asyncio

import pytest

from handlers.base import MAX_DISCARDED
from tests.handlers.conftest import PASSWORD, Hubbub, Starter

pytestmark = pytest.mark.gen_test(timeout=20)

LOGIN = "/api/auth/login"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"not json", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"username": "\xff", "password": "x"}', "invalid_json"),
        (b'{"username": "\\ud800", "password": "x"}', "invalid_json"),
        (b'{"username": NaN}', "invalid_json"),
        (b"[" * 60_000, "invalid_body"),
        (b'{"deep": ' + b"[" * 60_000, "invalid_json"),
        (b"null", "invalid_body"),
        (b"[]", "invalid_body"),
        (b'"text"', "invalid_body"),
        (b'{"username": 1, "password": "x"}', "invalid_body"),
        (b'{"username": "' + b"a" * 300 + b'", "password": "x"}', "invalid_body"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_makes_no_sense_is_a_400(hub: Hubbub, raw: bytes, code: str) -> None:
    answer = await hub.post(LOGIN, raw=raw)
    assert (answer.status, answer.code) == (400, code)


async def test_a_wrong_field_is_named(hub: Hubbub) -> None:
    answer = await hub.post(LOGIN, {"username": {"$ne": 1}, "password": "x"})
    assert answer.json["details"] == {"field": "username"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "json", ""])
async def test_a_body_that_is_not_called_json_is_a_415(hub: Hubbub, kind: str) -> None:
    answer = await hub.post(LOGIN, raw=b"{}", headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_json_may_name_its_charset_and_fields_we_do_not_know(hub: Hubbub) -> None:
    await hub.person("ann")
    answer = await hub.post(
        LOGIN,
        {"username": "ann", "password": PASSWORD, "__proto__": {"admin": True}, "more": [1]},
        headers={"Content-Type": "Application/JSON; charset=UTF-8"},
    )
    assert answer.status == 200


async def test_a_body_over_the_limit_is_a_413_and_one_at_it_is_not(start: Starter) -> None:
    hub = start(body_limit=1024)
    small = b'{"password": "x", "more": "' + b"a" * (1024 - 29) + b'"}'
    assert len(small) == 1024
    assert (await hub.post(LOGIN, raw=small)).code == "missing_field"
    answer = await hub.post(LOGIN, raw=small + b" ")
    assert (answer.status, answer.code) == (413, "body_too_large")


async def raw_exchange(port: int, *parts: bytes) -> bytes:
    """Send some bytes and read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "length", [str(MAX_DISCARDED + 1), "9" * 30, "9" * 5000], ids=["large", "30", "5000"]
)
async def test_a_body_that_says_it_is_enormous_is_refused_before_it_comes(
    hub: Hubbub, length: str
) -> None:
    head = (
        f"POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    answer = await raw_exchange(hub.port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_chunked_body_without_an_end_is_cut(hub: Hubbub) -> None:
    head = (
        f"POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(head.encode())
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    sent = 0
    try:
        while sent < 4 * MAX_DISCARDED:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)
    except ConnectionError:
        pass  # cut, as it should be
    assert sent < 4 * MAX_DISCARDED
    writer.close()
    assert (await hub.get("/health")).status == 200


async def test_a_client_that_leaves_in_the_middle_of_a_body_leaves_nothing(hub: Hubbub) -> None:
    head = f"POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(head)
    await writer.drain()
    assert (await hub.get("/health")).status == 200
    writer.close()
    await writer.wait_closed()
    assert await hub.services.running.drained(5) == 0
