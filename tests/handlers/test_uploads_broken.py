"""Uploads over connections that are not as they should be, and what is left of them: nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from handlers import receiving
from tests import pictures
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.forms import BOUNDARY, ZIP, File, form, part_of

pytestmark = pytest.mark.gen_test(timeout=20)


class Wire:
    """A connection on which a test writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))
        await self.writer.drain()

    async def answer(self) -> bytes:
        """The head of what comes back; nothing where the server hangs up."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return b""


@asynccontextmanager
async def wire(hub: Hubbub) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def head(person: Person, *lines: str, path: str = "/api/uploads") -> bytes:
    named = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {person.token}"]
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    return "\r\n".join([*named, kind, *lines, "", ""]).encode()


async def waited(hub: Hubbub) -> None:
    """Wait until an upload is under way and has left something on the disk."""
    await until(lambda: list((hub.folder() / "incoming").iterdir()))


async def test_an_upload_that_breaks_off_leaves_nothing(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    async with wire(hub) as line:
        part = part_of(File("x.zip", ZIP * 90))
        await line.send(head(ann, f"Content-Length: {len(part) + 100}"), part[:600_000])
        await waited(hub)
    assert await hub.is_clean()
    assert hub.kept_files() == set()


async def test_whoever_goes_before_the_answer_leaves_nothing(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await hub.resident("ann")
    body, _ = form(File("x.jpg", pictures.noise("JPEG", (900, 700))), File("x.zip", ZIP))
    working, gone = asyncio.Event(), asyncio.Event()
    worked_on, give_up = hub.core.uploads._worked_on, receiving.Arriving.give_up

    async def slow(work: Any) -> Any:
        working.set()
        await gone.wait()
        return await worked_on(work)

    def noted(files: receiving.Arriving) -> None:
        give_up(files)
        gone.set()

    monkeypatch.setattr(hub.core.uploads, "_worked_on", slow)
    monkeypatch.setattr(receiving.Arriving, "give_up", noted)
    async with wire(hub) as line:
        await line.send(head(ann, f"Content-Length: {len(body)}"), body)
        await working.wait()
        line.writer.transport.abort()
    await gone.wait()
    assert await hub.services.running.drained(10) == 0
    assert hub.kept_files() == set()
    assert (await hub.get("/api/uploads", ann.token)).json["uploads"] == []


async def test_an_upload_that_stands_still_is_cut_off(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "STALL_SECONDS", 0.2)
    ann = await hub.resident("ann")
    async with wire(hub) as line:
        await line.send(head(ann, "Content-Length: 100000"), part_of(File("x", ZIP))[:5000])
        assert await line.answer() == b""
    assert await hub.is_clean()


async def test_an_upload_has_a_time(start: Starter) -> None:
    hub = start(upload_timeout=1.0)
    ann = await hub.resident("ann")
    async with wire(hub) as line:
        await line.send(head(ann, "Content-Length: 100000"), part_of(File("x", ZIP))[:5000])
        await waited(hub)
        assert await line.answer() == b""
    assert await hub.is_clean()


@pytest.mark.parametrize("length", ["999999999999", "9" * 5000])
async def test_what_says_it_is_too_large_is_refused_before_it_comes(
    hub: Hubbub, length: str
) -> None:
    ann = await hub.resident("ann")
    async with wire(hub) as line:
        await line.send(head(ann, f"Content-Length: {length}"))
        answer = await line.answer()
        assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))
    assert await hub.is_clean()


async def test_what_turns_out_too_large_is_refused_as_soon_as_that_is_known(
    start: Starter,
) -> None:
    hub = start(upload_limit=100_000)
    ann = await hub.resident("ann")
    async with wire(hub) as line:
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        part = part_of(File("x.zip", b""))[:-2]
        first = f"{len(part):x}\r\n".encode() + part + b"\r\n"
        await line.send(head(ann, "Transfer-Encoding: chunked"), first, chunk * 16)
        answer = await line.answer()
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"Connection: close" in answer
    assert await hub.is_clean()


async def test_the_answer_to_a_refusal_comes_though_all_is_sent_first(start: Starter) -> None:
    hub = start(upload_limit=100_000, image_limit=90_000)
    ann = await hub.resident("ann")
    for size in (200_000, 6_000_000):
        answer = await hub.send_files(ann, File("x.zip", b"x" * size))
        assert (answer.status, answer.code) == (413, "upload_too_large")
    stale = await hub.send_files(Person("", "", "x.y.z"), File("x.zip", b"x" * 6_000_000))
    assert stale.status == 401
    assert (await hub.get("/api/uploads", ann.token)).json["uploads"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--",
        b"x" * 5000,
        f"--{BOUNDARY}".encode(),
        f"--{BOUNDARY}\r\n".encode() * 200,
        part_of(File("x", b"no end")),
        part_of(File("x", b"x")) + b"--another--",
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=".encode() + b"x" * 10_000,
    ],
)
async def test_forms_that_are_none(hub: Hubbub, body: bytes) -> None:
    ann = await hub.resident("ann")
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await hub.call("POST", "/api/uploads", raw=body, token=ann.token, headers=kind)
    assert (answer.status, answer.code) == (400, "invalid_multipart")
    assert await hub.is_clean()


async def test_nobody_has_more_than_a_few_uploads_under_way(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    lines: list[Any] = []
    for _ in range(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        lines.append(Wire(reader, writer))
        part = part_of(File("x", ZIP))[:2000]
        await lines[-1].send(head(ann, "Content-Length: 100000"), part)
    await until(lambda: hub.core.uploads.arrivals.total == 10)
    answer = await hub.send_files(ann, File("y", b"y"))
    assert (answer.status, answer.code) == (503, "too_many_uploads")
    await hub.uploads(bob, File("y", b"y"))
    for line in lines:
        line.writer.close()
    assert await hub.is_clean()
    await hub.uploads(ann, File("y", b"y"))


@pytest.mark.expects_errors
async def test_a_full_disk_is_a_fault_of_ours_and_leaves_nothing(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    ann = await hub.resident("ann")
    monkeypatch.setattr(hub.core.uploads.files, "keep", full)
    answer = await hub.send_files(ann, File("y", b"y"))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert await hub.is_clean()
    assert hub.kept_files() == set()
