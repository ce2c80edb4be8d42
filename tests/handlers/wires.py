"""Two ends of a wire: a protocol of ours or of Tornado's, and a client that writes frames."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream
from tornado.util import _websocket_mask
from tornado.websocket import (
    WebSocketProtocol13,
    _WebSocketParams,
)

from handlers.frames import FastProtocol, protocol_of
from tests.chat.engine import turns

MAX_MESSAGE = 70_000
MAX_WAITING = 1 << 20
MASK = b"\x01\x80\xfe\x37"
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    flags: int = FIN,
    mask: bytes | None = MASK,
    form: int = 0,
    size: int | None = None,
) -> bytes:
    """A frame; `form` is how many bytes the length takes at least, `size` what it says."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if size is None else size
    masked = 0 if mask is None else 0x80
    head = bytes([flags | opcode])
    if size > 0xFFFF or form == 8:
        head += bytes([masked | 127]) + struct.pack("!Q", size)
    elif size > 125 or form == 2:
        head += bytes([masked | 126]) + struct.pack("!H", size)
    else:
        head += bytes([masked | size])
    return head + (data if mask is None else mask + _websocket_mask(mask, data))


def text(payload: str | bytes, **more: Any) -> bytes:
    return frame(TEXT, payload, **more)


def part(opcode: int, payload: str | bytes, **more: Any) -> bytes:
    """A frame that is not the last of its message."""
    return frame(opcode, payload, flags=0, **more)


@dataclass
class Heard:
    """Everything that a protocol made of what it was sent."""

    said: list[tuple[str, object]] = field(default_factory=list)
    closed: list[tuple[int | None, str | None]] = field(default_factory=list)
    errors: list[type] = field(default_factory=list)
    answer: bytes = b""
    client_terminated: bool = False
    server_terminated: bool = False

    @property
    def kinds(self) -> str:
        closes = "c" if self.answer[-4:-2] == b"\x88\x02" or self.answer[-2:] == b"\x88\0" else ""
        return "".join(kind for kind, _ in self.said) + closes


class Listener:
    """A handler that keeps what it is told."""

    def __init__(self) -> None:
        self.heard = Heard()

    def on_message(self, message: str | bytes) -> Any:
        self.heard.said.append(("m", message))

    def on_ping(self, data: bytes) -> None:
        self.heard.said.append(("i", data))

    def on_pong(self, data: bytes) -> None:
        self.heard.said.append(("o", data))

    def on_ws_connection_close(self, code: int | None, reason: str | None) -> None:
        self.heard.closed.append((code, reason))

    def log_exception(self, kind: type, *_: object) -> None:
        self.heard.errors.append(kind)


Maker = Callable[[Any], WebSocketProtocol13]


def tornados(handler: Any) -> WebSocketProtocol13:
    params = _WebSocketParams(max_message_size=MAX_MESSAGE, compression_options=None)
    return WebSocketProtocol13(handler, False, params)


def fast(handler: Any) -> FastProtocol:
    return protocol_of(handler, max_message=MAX_MESSAGE, max_waiting=MAX_WAITING)


def fast_on_any(handler: Any) -> FastProtocol:
    """Ours, on a stream that Tornado alone can read and write, such as one of TLS."""
    return fast(handler)


class AnyStream(IOStream):
    """A stream of which nothing more is known."""


OURS = [fast, fast_on_any]
ALL = [tornados, *OURS]


@asynccontextmanager
async def joined(
    make: Maker, handler: Any
) -> AsyncIterator[tuple[Any, socket.socket, asyncio.Task[None]]]:
    """A protocol that reads one end of a pair of sockets; the other end is the client's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    kind = AnyStream if make is fast_on_any else IOStream
    with closing(theirs), closing(kind(ours)) as stream:
        protocol = make(handler)
        protocol.stream = stream
        reading = asyncio.ensure_future(protocol._receive_frame_loop())
        try:
            yield protocol, theirs, reading
        finally:
            stream.close()
            await asyncio.gather(reading, return_exceptions=True)
            if protocol._waiting is not None:
                IOLoop.current().remove_timeout(protocol._waiting)


async def send(client: socket.socket, data: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # the other end may have had enough
        await asyncio.get_running_loop().sock_sendall(client, data)


async def run(make: Maker, *chunks: bytes) -> Heard:
    """Send chunks, one after the other, and end; and say what was heard and answered."""
    listener = Listener()
    async with joined(make, listener) as (protocol, client, reading):
        for chunk in chunks:
            await send(client, chunk)
            await turns()
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        [error] = await asyncio.gather(reading, return_exceptions=True)
        heard = listener.heard
        if error is not None:
            heard.errors.append(type(error))
        heard.client_terminated = protocol.client_terminated
        heard.server_terminated = protocol.server_terminated
        protocol.stream.close()
        with suppress(ConnectionResetError):
            while data := client.recv(1 << 16):
                heard.answer += data
        return heard


async def received(client: socket.socket, size: int) -> bytes:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        more = await loop.sock_recv(client, 1 << 20)
        assert more, "the other end was closed"
        data += more
    return data
