"""The fast reader does what Tornado's does, byte for byte, however it comes."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import uvloop
from tornado.iostream import IOStream

from handlers.frames import text_frame
from tests.chat.engine import turns, until
from tests.handlers.wires import (
    ALL,
    BINARY,
    CLOSE,
    FIN,
    MAX_MESSAGE,
    MAX_WAITING,
    MORE,
    OURS,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    AnyStream,
    Heard,
    Listener,
    Maker,
    fast,
    fast_on_any,
    frame,
    joined,
    part,
    received,
    run,
    send,
    text,
    tornados,
)

pytestmark = pytest.mark.gen_test(timeout=60)


# What may be sent, and what is heard of it: messages (m), pings (i), pongs (o), the close (c).
VECTORS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "one text": (text("hello"), "m"),
    "an empty text": (text(""), "m"),
    "several texts": (text("a") + text("") + text("ü🙂") + text("d"), "mmmm"),
    "a zero mask": (text("plain", mask=bytes(4)), "m"),
    "other masks": (text("one", mask=b"abcd") + text("two", mask=b"\xff\0\xff\0"), "mm"),
    "no mask": (text("one") + text("two", mask=None) + text("three"), "mmm"),
    "binary": (frame(BINARY, b"\0\xff") + text("a") + frame(BINARY), "mmm"),
    "a length of two bytes": (text("x" * 126) + text("y"), "mm"),
    "a length of two bytes that is not needed": (text("x", form=2) + text("y"), "mm"),
    "a length of eight bytes that is not needed": (text("x", form=8) + text("y"), "mm"),
    "a length of eight bytes for two": (text("x" * 200, form=8) + text("y"), "mm"),
    "no length in eight bytes": (text("", form=8) + text("", form=2) + text("y"), "mmm"),
    "fragments": (part(TEXT, "a") + part(MORE, "b") + frame(MORE, "c") + text("d"), "mm"),
    "empty fragments": (part(TEXT, "") + part(MORE, "") + frame(MORE, "") + text("d"), "mm"),
    "binary fragments": (part(BINARY, b"\xff") + frame(MORE, b"\xfe") + text("d"), "mm"),
    "a letter in two fragments": (part(TEXT, b"\xc3") + frame(MORE, b"\xbc") + text("d"), "mm"),
    "control frames between fragments": (
        part(TEXT, "a") + frame(PING, "p") + part(MORE, "b") + frame(PONG) + frame(MORE, "c"),
        "iom",
    ),
    "a close between fragments": (part(TEXT, "a") + frame(CLOSE, b"\x03\xe8"), "c"),
    "a ping": (frame(PING) + text("a") + frame(PING, "x" * 125), "imi"),
    "a ping without mask": (frame(PING, "a", mask=None) + text("b"), "im"),
    "a pong": (frame(PONG, "a") + text("b"), "om"),
    "a close": (text("a") + frame(CLOSE) + text("b"), "mc"),
    "a close with a code": (frame(CLOSE, b"\x03\xe9") + text("b"), "c"),
    "a close with a reason": (frame(CLOSE, b"\x03\xe9" + b"bye") + text("b"), "c"),
    "a close with half a code": (frame(CLOSE, b"\x03") + text("b"), "c"),
    "a close with a code of one's own": (frame(CLOSE, b"\x0f\xa0"), "c"),
    "a close with a broken reason": (frame(CLOSE, b"\x03\xe8\xff") + text("b"), ""),
    "broken UTF-8": (text("a") + text(b"\xff") + text("b"), "m"),
    "half a letter": (text(b"\xc3") + text("b"), ""),
    "a surrogate": (text(b"\xed\xa0\x80") + text("b"), ""),
    "broken UTF-8 in fragments": (part(TEXT, b"\xff") + frame(MORE, "a") + text("b"), ""),
    "reserved bit 1": (text("a") + text("b", flags=FIN | RSV1) + text("c"), "m"),
    "reserved bit 2": (text("b", flags=FIN | RSV2), ""),
    "reserved bit 3": (text("b", flags=FIN | RSV3), ""),
    "reserved bits of a ping": (frame(PING, flags=FIN | RSV1) + text("c"), ""),
    "unknown data": (text("a") + frame(3, "b") + text("c"), "m"),
    "more unknown data": (frame(7, "b") + text("c"), ""),
    "unknown data in fragments": (part(3, "b") + frame(MORE, "c") + text("d"), ""),
    "unknown control": (text("a") + frame(11, "b") + text("c"), "m"),
    "more unknown control": (frame(15) + text("c"), ""),
    "a ping that is too long": (frame(PING, "x" * 126) + text("c"), ""),
    "a ping of two bytes' length": (frame(PING, "x", form=2) + text("c"), ""),
    "a close that is too long": (frame(CLOSE, b"\x03\xe8" + b"x" * 124), ""),
    "a fragmented ping": (part(PING, "x") + text("c"), ""),
    "a continuation of nothing": (text("a") + frame(MORE, "b") + text("c"), "m"),
    "a fragment of nothing": (part(MORE, "b") + text("c"), ""),
    "a text within fragments": (part(TEXT, "a") + text("b") + frame(MORE, "c"), ""),
    "a start within fragments": (part(TEXT, "a") + part(TEXT, "b") + frame(MORE, "c"), ""),
    "a binary within fragments": (part(TEXT, "a") + frame(BINARY, "b"), ""),
    "half a frame": (text("a") + text("bcd")[:-1], "m"),
    "half a head": (text("a") + text("bcd")[:1], "m"),
    "half a mask": (text("a") + text("bcd")[:4], "m"),
    "half a length": (text("a") + text("x" * 200)[:3], "m"),
    "half a long length": (text("a") + text("x", form=8)[:7], "m"),
    "what is too large": (text("a") + text("", size=MAX_MESSAGE + 1) + text("b"), "m"),
    "what is far too large": (text("", size=(1 << 64) - 1) + text("b"), ""),
    "fragments that are too large": (
        part(TEXT, "a" * 20) + frame(MORE, "", size=MAX_MESSAGE - 19) + text("b"),
        "",
    ),
    "binary that is too large": (frame(BINARY, "", size=MAX_MESSAGE + 1) + text("b"), ""),
    "garbage": (b"GET / HTTP/1.1\r\n\r\n", ""),
}

LARGE: dict[str, tuple[bytes, str]] = {
    "the most in two bytes": (text("x" * 65535) + text("y"), "mm"),
    "the least in eight bytes": (text("x" * 65536) + text("y"), "mm"),
    "as large as may be": (text("x" * MAX_MESSAGE) + text("y"), "mm"),
    "many": (b"".join(text(f"{n}") for n in range(3000)), "m" * 3000),
    "many pings": (b"".join(frame(PING, f"{n}") for n in range(50)) + text("y"), "i" * 50 + "m"),
}


@pytest.mark.parametrize("name", VECTORS)
async def test_all_readers_hear_the_same_however_it_is_cut(name: str) -> None:
    data, kinds = VECTORS[name]
    whole = await run(tornados, data)
    assert whole.kinds == kinds
    for make in OURS:
        for cut in range(len(data)):
            assert await run(make, data[:cut], data[cut:]) == whole, cut
    for cut in range(1, min(40, len(data))):
        assert await run(tornados, data[:cut], data[cut:]) == whole, cut


@pytest.mark.parametrize("name", VECTORS)
async def test_all_readers_hear_the_same_byte_by_byte(name: str) -> None:
    data, _ = VECTORS[name]
    whole = await run(tornados, data)
    for make in OURS:
        assert await run(make, *(data[at : at + 1] for at in range(len(data)))) == whole


@pytest.mark.parametrize("make", OURS)
@pytest.mark.parametrize("name", LARGE)
async def test_all_readers_hear_the_same_of_much(name: str, make: Maker) -> None:
    data, kinds = LARGE[name]
    whole = await run(tornados, data)
    assert whole.kinds == kinds
    for cut in (0, 1, 2, 3, 5, 9, 10, 13, 14, 15, len(data) // 2, 65536, len(data) - 9):
        assert await run(make, data[:cut], data[cut:]) == whole, cut


@pytest.mark.parametrize("make", OURS)
async def test_all_that_clients_may_send_in_one_chunk(make: Maker) -> None:
    harmless = list(VECTORS.values())[: list(VECTORS).index("a close")]
    harmless = [(data, kinds) for data, kinds in harmless if "c" not in kinds]
    data = b"".join(data for data, _ in harmless)
    whole = await run(tornados, data)
    assert whole.kinds == "".join(kinds for _, kinds in harmless)
    for cut in range(0, len(data), 17):
        assert await run(make, data[:cut], data[cut:]) == whole, cut


class Slow(Listener):
    """A handler that takes its time over each message."""

    def __init__(self) -> None:
        super().__init__()
        self.next = asyncio.Event()

    async def on_message(self, message: str | bytes) -> None:
        super().on_message(message)
        await self.next.wait()
        self.next.clear()


@pytest.mark.parametrize("make", ALL)
async def test_messages_wait_for_the_one_before(make: Maker) -> None:
    slow = Slow()
    async with joined(make, slow) as (_, client, reading):
        await send(client, text("1") + text("2") + frame(PING) + text("3"))
        for heard in (["1"], ["1", "2"], ["1", "2", b"", "3"]):
            await until(lambda heard=heard: len(slow.heard.said) >= len(heard))
            await turns(20)
            assert [what for _, what in slow.heard.said] == heard
            slow.next.set()
        client.shutdown(socket.SHUT_WR)
        await reading


@pytest.mark.parametrize("make", OURS)
async def test_who_sends_faster_than_it_is_read_has_to_wait(make: Maker) -> None:
    slow = Slow()
    async with joined(make, slow) as (protocol, client, reading):
        sending = asyncio.ensure_future(send(client, text("x" * 1000) * 5000))
        await turns(300)
        assert not sending.done()
        assert len(protocol._buffer) <= 1 << 17
        assert len(slow.heard.said) == 1
        sending.cancel()
        reading.cancel()


@pytest.mark.parametrize("make", ALL)
async def test_what_was_begun_is_finished_before_the_end(make: Maker) -> None:
    """Whoever hangs up while a message is being handled, the client, the server or both."""
    slow = Slow()
    async with joined(make, slow) as (protocol, client, reading):
        await send(client, text("1"))
        await until(lambda: slow.heard.said)
        protocol.stream.close()
        client.close()
        await turns(20)
        assert not slow.heard.closed
        slow.next.set()
        await reading
        assert slow.heard.closed == [(None, None)]


LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("listener", [Listener, Slow])
@pytest.mark.parametrize("make", ALL)
def test_a_connection_that_is_aborted_behind_a_frame_ends(
    make: Maker, listener: type[Listener], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def abort() -> Heard:
        handler = listener()
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            ours, _ = server.accept()
        protocol: Any = make(handler)
        with closing((AnyStream if make is fast_on_any else IOStream)(ours)) as protocol.stream:
            reading = asyncio.ensure_future(protocol._receive_frame_loop())
            await turns(5)
            client.sendall(text("last") + text("!")[:3])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await until(lambda: handler.heard.said)
            await turns(20)
            if isinstance(handler, Slow):
                handler.next.set()
            await asyncio.wait_for(reading, 5)
        return handler.heard

    with asyncio.Runner(loop_factory=loop) as runner:
        heard = runner.run(abort())
    assert heard == Heard([("m", "last")], [(None, None)])


@pytest.mark.parametrize("make", OURS)
async def test_a_handler_that_hangs_up_is_waited_for(make: Maker) -> None:
    class Leaving(Slow):
        def on_message(self, message: str | bytes) -> Any:
            protocol.stream.close()
            return super().on_message(message)

    leaving = Leaving()
    async with joined(make, leaving) as (protocol, client, reading):
        await send(client, text("1"))
        await until(lambda: leaving.heard.said)
        await turns(20)
        assert not leaving.heard.closed
        leaving.next.set()
        await reading
        assert leaving.heard.closed == [(None, None)]


@pytest.mark.parametrize("make", OURS)
async def test_a_reader_that_is_cancelled_ends_the_connection(make: Maker) -> None:
    listener = Listener()
    async with joined(make, listener) as (_, client, reading):
        await send(client, text("1"))
        await until(lambda: listener.heard.said)
        await send(client, text("2"))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert listener.heard.closed == [(None, None)]


@pytest.mark.parametrize("make", OURS)
async def test_whoever_does_not_read_is_read(make: Maker) -> None:
    listener = Listener()
    async with joined(make, listener) as (protocol, client, _):
        written = text_frame(b"x" * (MAX_WAITING - 99))
        assert protocol.write_frames(written)
        for number in range(3):
            assert protocol.waiting
            await send(client, text(f"{number}") + frame(PONG))
            await until(lambda number=number: len(listener.heard.said) == 2 * number + 2)
        assert await received(client, len(written)) == written
        await until(lambda: not protocol.waiting)
        await send(client, text("last"))
        await until(lambda: ("m", "last") in listener.heard.said)


async def test_what_is_common_is_not_read_by_tornado() -> None:
    slow = Slow()
    async with joined(fast, slow) as (protocol, client, _):
        # Each of these is for Tornado, or makes what comes behind it wait.
        await send(client, frame(PING) + text("1"))
        await until(lambda: len(slow.heard.said) == 2)
        slow.next.set()
        await send(client, part(TEXT, "2") + frame(MORE))
        await until(lambda: len(slow.heard.said) == 3)
        await send(client, text("3"))
        await turns(20)
        slow.next.set()
        await until(lambda: len(slow.heard.said) == 4)
        slow.next.set()
        await turns(20)
        protocol.stream.read_bytes = None
        for number in (4, 5):
            await send(client, text(f"{number}"))
            await until(lambda number=number: len(slow.heard.said) == number + 1)
            slow.next.set()
            await turns(20)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
@pytest.mark.parametrize("make", ALL)
async def test_a_handler_that_fails_ends_the_connection(
    make: Maker, error: type[BaseException]
) -> None:
    class Failing(Listener):
        def on_message(self, message: str | bytes) -> None:
            raise error("a bug")

    failing = Failing()
    async with joined(make, failing) as (protocol, client, reading):
        await send(client, text("1") + text("2"))
        await reading
        assert (failing.heard.errors, protocol.stream.closed()) == ([error], True)
        assert failing.heard.closed == [(None, None)]


@pytest.mark.parametrize("make", ALL)
async def test_what_comes_after_our_close_is_read_until_theirs(make: Maker) -> None:
    listener = Listener()
    async with joined(make, listener) as (protocol, client, reading):
        protocol.close(4001, "enough")
        await send(client, text("1") + frame(CLOSE, b"\x0f\xa1") + text("2"))
        await reading
        assert listener.heard.said == [("m", "1")]
        assert listener.heard.closed == [(4001, None)]
        assert protocol.stream.closed()


@pytest.mark.parametrize("make", OURS)
async def test_much_at_once_gives_others_a_turn(make: Maker) -> None:
    listener = Listener()
    async with joined(make, listener) as (_, client, reading):
        await send(client, text("x") * 5000)
        counts = set()
        while len(listener.heard.said) < 5000:
            await asyncio.sleep(0)
            counts.add(len(listener.heard.said))
        assert len(counts) >= 10
        client.shutdown(socket.SHUT_WR)
        await reading
