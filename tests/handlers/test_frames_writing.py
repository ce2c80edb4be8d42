"""The writer loses and mixes nothing, and writes what Tornado would."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import accumulate, pairwise
from weakref import ref

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketHandler,
    websocket_connect,
)

from handlers.frames import FastProtocol, end_of_frame, protocol_of, text_frame
from tests.chat.engine import turns
from tests.handlers.wires import (
    MAX_MESSAGE,
    MAX_WAITING,
    Listener,
    fast,
    joined,
    received,
    tornados,
)

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
async def test_a_text_frame_is_what_tornado_writes(size: int) -> None:
    async with joined(tornados, Listener()) as (protocol, client, _):
        protocol.write_message("x" * size)
        expected = await received(client, len(text_frame(b"x" * size)))
        assert text_frame(b"x" * size) == expected
        await turns()


async def test_frames_are_written_at_once_and_in_order() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        frames = [text_frame(f"{n}".encode()) for n in range(100)]
        for data in frames:
            assert protocol.write_frames(data)
        assert protocol.waiting == 0
        assert client.recv(1 << 16) == b"".join(frames)


async def test_frames_for_one_who_does_not_read_wait_in_order() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        frames, written = frames_of(3000), b""
        while protocol.waiting < MAX_WAITING // 2:
            data = next(frames)
            assert protocol.write_frames(data)
            written += data
        assert await received(client, len(written)) == written
        await turns()
        assert protocol.waiting == 0
        assert protocol.write_frames(text_frame(b"last"))
        assert client.recv(100) == text_frame(b"last")


@pytest.mark.parametrize("goes", [False, True])
async def test_what_was_written_is_taken_once_it_is_out(goes: bool) -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        taken: list[str] = []
        assert protocol.write_frames(text_frame(b"hello"))
        assert protocol.has_taken
        protocol.once_taken(lambda: taken.append("at once"))
        assert taken == ["at once"]
        frames, written = frames_of(3000), text_frame(b"hello")
        while protocol.waiting < MAX_WAITING // 2:
            written += (data := next(frames))
            assert protocol.write_frames(data)
        assert not protocol.has_taken
        protocol.once_taken(lambda: taken.append("behind"))
        await turns()
        assert taken == ["at once"]
        if goes:
            protocol.stream.close()
        else:
            await received(client, len(written))
        await turns()
        assert taken == (["at once"] if goes else ["at once", "behind"])
        if goes:
            protocol.once_taken(lambda: taken.append("never"))
            assert (protocol.has_taken, taken) == (False, ["at once"])


@pytest.mark.parametrize("goes", [False, True])
async def test_what_is_to_be_written_soon_is_taken_once_it_is_out(goes: bool) -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        taken: list[str] = []
        protocol.write_soon(text_frame(b"soon"), protocol.close)
        protocol.once_taken(lambda: taken.append("soon"))
        assert (protocol.has_taken, taken) == (False, [])
        if goes:
            protocol.stream.close()
        await turns()
        assert (protocol.has_taken, taken) == ((False, []) if goes else (True, ["soon"]))
        assert goes or client.recv(100) == text_frame(b"soon")


async def test_what_is_too_much_to_be_written_soon_is_not_taken() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        taken: list[str] = []
        data = text_frame(b"x" * 1000) * (3 * MAX_WAITING // 1000)
        protocol.write_soon(data, lambda: protocol.close(4008, "too slow"))
        protocol.once_taken(lambda: taken.append("soon"))
        await turns()
        written = b""
        while not written.endswith(b"too slow"):
            written += await received(client, 1)
        await turns()
        assert (len(written) < len(data), taken) == (True, [])


async def test_what_is_more_than_may_wait_is_not_kept() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        frames, written = frames_of(3000), b""
        while protocol.write_frames(data := next(frames)):
            written += data
        assert protocol.waiting <= MAX_WAITING < protocol.waiting + len(data)
        assert await received(client, len(written)) == written
        with pytest.raises(BlockingIOError):
            client.recv(1)


async def test_a_broken_socket_holds_nothing_of_who_wrote_to_it() -> None:
    class Said:
        """What one who writes has in hand."""

    def tell() -> "ref[Said]":
        said = Said()
        protocol.write_frames(text_frame(b"lost"))
        return ref(said)

    async with joined(fast, Listener()) as (protocol, client, _):
        protocol.write_frames(text_frame(b"heard"))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        told = tell()
        assert isinstance(protocol.stream.error, ConnectionError)
        assert told() is None


@pytest.mark.parametrize("size", [100, 3_000, 100_000])
async def test_a_frame_that_is_half_gone_is_finished_before_the_close_frame(size: int) -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        one = text_frame(b"x" * size)
        number = 3 * MAX_WAITING // len(one)
        assert not protocol.write_frames(one * number)
        protocol.close(4008, "too slow")
        written = bytearray()
        while not written.endswith(b"too slow"):
            written += await received(client, 1)
        frames, close = bytes(written[:-12]), bytes(written[-12:])
        assert close == b"\x88\x0a\x0f\xa8too slow"
        assert frames == one * (len(frames) // len(one))
        assert len(frames) < len(one) * number


@pytest.mark.parametrize("sizes", [(0, 125, 126, 65_535, 65_536, 1)])
def test_the_end_of_a_frame_is_found(sizes: tuple[int, ...]) -> None:
    frames = [text_frame(b"x" * size) for size in sizes]
    ends = list(accumulate(map(len, frames), initial=0))
    for begin, end in pairwise(ends):
        for place in (begin + 1, begin + 2, (begin + end + 1) // 2, end):
            assert end_of_frame(b"".join(frames), min(place, end)) == end
    assert end_of_frame(b"".join(frames), 0) == 0


async def test_what_must_be_whole_waits_however_much_it_is() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        data = text_frame(b"x" * 3 * MAX_WAITING)
        assert protocol.write_frames(data, bounded=False)
        assert protocol.waiting > MAX_WAITING
        assert not protocol.write_frames(b"")
        assert await received(client, len(data)) == data
        protocol.stream.close()
        assert protocol.waiting == 0


async def test_frames_and_tornados_own_do_not_mix() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        frames, written = frames_of(999), b""
        while protocol.waiting < 100_000:
            data = next(frames)
            protocol.write_frames(data)
            protocol.write_ping(b"ping")
            written += data + b"\x89\x04ping"
        assert await received(client, len(written)) == written


def frames_of(size: int) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield text_frame(f"{number:0{size}}".encode())


async def test_nothing_is_written_behind_a_close() -> None:
    async with joined(fast, Listener()) as (protocol, client, _):
        protocol.close(1000)
        assert protocol.write_frames(text_frame(b"late"))
        assert client.recv(100) == b"\x88\x02\x03\xe8"
        protocol.stream.close()
        assert protocol.write_frames(text_frame(b"later"))


async def test_a_reader_that_is_gone_ends_the_connection() -> None:
    listener = Listener()
    async with joined(fast, listener) as (protocol, client, reading):
        client.close()
        while not protocol.stream.closed():
            assert protocol.write_frames(text_frame(b"hello"))
            await asyncio.sleep(0)
        await reading
        assert listener.heard.closed == [(None, None)]


async def test_a_reader_that_goes_while_frames_wait_ends_the_connection() -> None:
    listener = Listener()
    async with joined(fast, listener) as (protocol, client, reading):
        frames = frames_of(3000)
        while not protocol.waiting:
            protocol.write_frames(next(frames))
        client.close()
        await reading
        assert protocol.stream.closed()
        assert listener.heard.closed == [(None, None)]


class Echo(WebSocketHandler):
    """A socket over the fast protocol that sends back what it hears."""

    def get_websocket_protocol(self) -> FastProtocol:
        return protocol_of(self, max_message=MAX_MESSAGE * 2, max_waiting=MAX_WAITING)

    def on_message(self, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        assert self.ws_connection.write_frames(text_frame(data))


@asynccontextmanager
async def echo() -> AsyncIterator[WebSocketClientConnection]:
    server = HTTPServer(Application([("/", Echo)]))
    sock, port = bind_unused_port()
    server.add_socket(sock)
    client = await websocket_connect(f"ws://127.0.0.1:{port}/")
    try:
        yield client
    finally:
        client.close()
        server.stop()
        await server.close_all_connections()


async def test_tornados_client_reads_what_is_written() -> None:
    async with echo() as client:
        for size in (0, 1, 125, 126, 127, 65535, 65536, 100_000):
            await client.write_message("é" * (size // 2) + "x" * (size % 2))
            answer = await client.read_message()
            assert answer == "é" * (size // 2) + "x" * (size % 2)


async def test_tornados_client_can_close() -> None:
    async with echo() as client:
        await client.write_message("1")
        assert await client.read_message() == "1"
        client.close(4000, "bye")
        assert await client.read_message() is None
        assert client.close_code == 4000
