"""The fast frame reader and writer under every socket.

Tornado reads a frame in three to five steps of its loop, and makes a future and a task for every
message that it writes. Most of what a chat client sends is one whole, masked text frame after the
other, and what it is sent is the same bytes that many others are sent. So the reader here is called
by the event loop, asks the kernel once, and takes all whole frames of what comes without a step of
a coroutine. Everything else (fragments, control frames, oversized or unmasked ones) is left to
Tornado's own reader, from the same buffer; so is what comes behind a frame whose handler has begun
something, until that is done. And the writer gives finished frames to the kernel directly.

Both lean on Tornado's internals, so its minor version is pinned, and the tests run the same vectors
through Tornado's reader and through this one.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from struct import Struct
from typing import Any

from tornado.concurrent import future_set_result_unless_cancelled
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.util import _websocket_mask
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

# What a handler has begun, if anything: the frames behind wait for it.
Handled = asyncio.Future[None] | None

TEXT = 0x81  # FIN and opcode 1
BINARY = 0x82  # FIN and opcode 2
PING = b"\x89\x00"

_MASKED = 0x80
_SHORT = 126  # payloads below this have their length in the second byte
_CHUNK = 65536
_ERROR = socket.SOL_SOCKET, socket.SO_ERROR

# What stands before a payload, by the three forms of its length.
_SMALL, _MEDIUM, _LARGE = Struct(">BB").pack, Struct(">BBH").pack, Struct(">BBQ").pack

# Reading goes on for this many frames, some 2 ms of work, before others have a turn.
MAX_FRAMES_AT_ONCE = 200

# What Tornado reads, such as a ping, takes about as long as so many of the others.
TORNADOS_COST = 10


def text_frame(payload: bytes, kind: int = TEXT) -> bytes:
    """A whole text frame, as a server sends it."""
    size = len(payload)
    if size < _SHORT:
        return _SMALL(kind, size) + payload
    if size < 1 << 16:
        return _MEDIUM(kind, 126, size) + payload
    return _LARGE(kind, 127, size) + payload


def binary_frame(payload: bytes) -> bytes:
    """A whole binary frame, as a server sends it."""
    return text_frame(payload, BINARY)


def end_of_frame(data: bytes, place: int) -> int:
    """Where the frame ends that reaches over a place in finished frames; there, if none does."""
    end = 0
    while end < place:
        size, end = data[end + 1], end + 2
        if size == _SHORT:
            size, end = int.from_bytes(data[end : end + 2]), end + 2
        elif size > _SHORT:
            size, end = int.from_bytes(data[end : end + 8]), end + 8
        end += size
    return end


class _Queue(list[Any]):
    """A short queue; an empty one of the library's is 760 bytes, and a stream has two."""

    __slots__ = ()

    def popleft(self) -> Any:
        return self.pop(0)


class FastProtocol(WebSocketProtocol13):
    """Tornado's protocol with a shorter way for what is common."""

    # Tornado's own are 30, the most that Python keeps without a table of 1.6 KB for each object.
    __slots__ = ("_buffer", "_max_waiting", "_ready", "_soon", "_taken")

    def __init__(
        self, handler: WebSocketHandler, params: _WebSocketParams, *, max_waiting: int
    ) -> None:
        super().__init__(handler, False, params)
        self._buffer = bytearray()
        self._soon: list[bytes] = []
        self._max_waiting = max_waiting
        self._taken = 0
        # The socket, while what is written may go straight to it: five hundred who hear a message
        # are five hundred writes, and each look at another object is one more miss of the caches.
        self._ready: socket.socket | None = None

    def write_frames(self, data: bytes, *, bounded: bool = True) -> bool:
        """Write finished frames, or keep them until the socket takes them.

        What must be whole, however much it is, is not `bounded`. False when they are more than may
        wait: then nothing of them is kept but the rest of a frame that is half gone, and the socket
        is done for, because whoever reads behind it would miss something.
        """
        ready = self._ready
        if ready is None:
            return self._write_behind(data, bounded=bounded)
        try:
            sent = ready.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:  # also of a stream that is closed already
            # The stream keeps it; and a traceback would keep whoever is telling something, and all
            # that they have in hand.
            self.stream.close(exc_info=error.with_traceback(None))
            return True
        return sent == len(data) or self._keep(data, sent, bounded=bounded)

    def _write_behind(self, data: bytes, *, bounded: bool) -> bool:
        """Write behind what waits, if anything does."""
        if self._soon:
            data = b"".join((*self._soon, data))
            self._soon.clear()
        stream = self.stream
        if stream.closed() or self.server_terminated:
            return True
        if type(stream) is not IOStream:
            return self._write_slowly(stream, data, bounded=bounded)
        if stream._write_buffer:
            return self._keep(data, 0, bounded=bounded)
        self._ready = stream.socket
        return self.write_frames(data, bounded=bounded)

    def _keep(self, data: bytes, sent: int, *, bounded: bool) -> bool:
        stream = self.stream
        waiting = len(stream._write_buffer) + len(data) - sent
        is_kept = not bounded or waiting <= self._max_waiting
        # Without the rest of its frame, the close frame, which says why, would be taken for it.
        rest = data[sent:] if is_kept else data[sent : end_of_frame(data, sent)]
        if rest:
            self._ready = None
            stream._write_buffer.append(rest)
            stream._total_write_index += len(rest)
            stream._add_io_state(stream.io_loop.WRITE)
        return is_kept

    def _write_frame(
        self, fin: bool, opcode: int, data: bytes, flags: int = 0
    ) -> asyncio.Future[None]:
        self._ready = None
        return super()._write_frame(fin, opcode, data, flags)

    def write_soon(self, data: bytes, refused: Callable[[], None]) -> None:
        """Write finished frames together with what else comes in this turn of the loop.

        The kernel takes some 6 µs for a write, however short: who sends four messages at once hears
        of all of them in one. `refused` is called when they are more than may wait.
        """
        self._soon.append(data)
        self._ready = None
        if len(self._soon) == 1:
            asyncio.get_running_loop().call_soon(self._write_gathered, refused)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close, behind what was to be written soon."""
        if self._soon:
            self.write_frames(b"")
        super().close(code, reason)

    def _write_gathered(self, refused: Callable[[], None]) -> None:
        if self._soon and not self.write_frames(b""):
            refused()

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet."""
        return 0 if self.stream.closed() else len(self.stream._write_buffer)

    @property
    def has_taken(self) -> bool:
        """Whether the socket is open, and has taken all that was or is to be written."""
        return not (self._soon or self.stream._write_buffer or self.stream.closed())

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once the socket has taken what was written; never, if it is closed."""
        if self._soon:
            # Behind what writes it, and that may find it too much.
            asyncio.get_running_loop().call_soon(self._once_taken, call)
        else:
            self._once_taken(call)

    def _once_taken(self, call: Callable[[], None]) -> None:
        stream = self.stream
        if stream.closed() or self.server_terminated:
            return
        if not stream._write_buffer:
            call()
            return
        # As one that writes and waits: the stream tells how far it has come, or that it ended.
        taken = asyncio.get_running_loop().create_future()
        stream._write_futures.append((stream._total_write_index, taken))
        taken.add_done_callback(lambda _: None if taken.exception() else call())

    def _write_slowly(self, stream: IOStream | SSLIOStream, data: bytes, *, bounded: bool) -> bool:
        if bounded and self.waiting + len(data) > self._max_waiting:
            return False
        with suppress(StreamClosedError):  # the reader hears of it, and closes
            stream.write(data)
        return True

    async def _receive_frame_loop(self) -> None:
        self._lighten()
        try:
            while not self.client_terminated:
                handled = None
                if self._needs_more():
                    handled = await self._more()
                elif self._place(self._buffer, 0) is not None:
                    handled = self._take(b"")
                else:
                    await self._receive_frame()
                    self._taken += TORNADOS_COST
                if handled is not None:
                    await handled
                elif self._taken >= MAX_FRAMES_AT_ONCE:
                    self._taken = 0
                    await asyncio.sleep(0)
        except StreamClosedError:
            self._abort()
        finally:
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    def _lighten(self) -> None:
        """Let an idle stream hold 1.3 KiB less."""
        if type(self.stream) is IOStream and not self.stream.closed():
            stream: Any = self.stream
            stream._write_futures = _Queue(stream._write_futures)
            stream._write_buffer._buffers = _Queue(stream._write_buffer._buffers)

    async def _read_bytes(self, n: int) -> bytes:
        """Give Tornado's reader what it asks for, from what was read already."""
        while len(self._buffer) < n:
            self._buffer += await self.stream.read_bytes(_CHUNK, partial=True)
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        return data

    def _more(self) -> Awaitable[Handled]:
        """Take what comes, up to what must be waited for, or is not taken here."""
        stream = self.stream
        if type(stream) is not IOStream or stream._read_buffer_size:
            return self._more_by_tornado()
        stream._check_closed()
        reading: asyncio.Future[Handled] = stream._start_read()
        # Tornado thinks that it reads, and so looks after the socket; but who is called is not it.
        stream._add_io_state(stream.io_loop.READ)
        asyncio.get_running_loop().add_reader(stream.socket.fileno(), self._readable)
        return reading

    async def _more_by_tornado(self) -> Handled:
        return self._take(await self.stream.read_bytes(_CHUNK, partial=True))

    def _readable(self) -> None:
        """Take what has come, straight from the kernel."""
        stream = self.stream
        reading = stream._read_future
        if reading is None or stream._read_bytes is not None:
            # Nobody reads now, or Tornado does.
            stream._handle_events(stream.socket, stream.io_loop.READ)
            return
        try:
            data = stream.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            stream.close(exc_info=error)
            return
        if not data:
            stream.close()
            return
        # Whatever a handler does to the socket meanwhile, what it has begun is waited for first.
        stream._read_future, self._taken = None, 0
        handled = self._take(data)
        # An abort behind what has come is told once, with it, by uvloop. To ask takes 0.3 µs.
        if not stream.closed() and stream.socket.getsockopt(*_ERROR):
            stream.close()
        if handled is None and self._needs_more() and not stream.closed():
            stream._read_future = reading
        else:
            future_set_result_unless_cancelled(reading, handled)

    def _take(self, data: bytes) -> Handled:
        """Take the whole text frames at the head of the buffer, with what has come behind it.

        No more than for one turn, and none behind one that is to be waited for.
        """
        if self._buffer:
            self._buffer += data
            if self._needs_more():
                return None
            data = bytes(self._buffer)
            self._buffer.clear()
        end, size, handled = 0, len(data), None
        while self._taken < MAX_FRAMES_AT_ONCE and handled is None and not self.client_terminated:
            place = self._place(data, end)
            if place is None or not end < place[1] <= size:
                break
            start, end = place
            self._taken += 1
            handled = self._hear(_websocket_mask(data[start - 4 : start], data[start:end]))
        if end < size:
            self._buffer += data[end:]
        return handled

    def _hear(self, payload: bytes) -> Handled:
        """Hand a text to the handler, as Tornado does, but by two calls less."""
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._abort()
            return None
        try:
            work = self.handler.on_message(text)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - as Tornado does
            self.handler.log_exception(*sys.exc_info())
            self._abort()
            return None
        return None if work is None else self._run_callback(lambda: work)

    def _needs_more(self) -> bool:
        """Tell whether the buffer may come to begin with a frame that is taken here."""
        if not self._buffer:
            return True
        place = self._place(self._buffer, 0)
        return place is not None and not 0 < place[1] <= len(self._buffer)

    def _place(self, data: bytes | bytearray, at: int) -> tuple[int, int] | None:
        """Begin and end of the payload of the text frame at a place; (0, 0) until they are known.

        None where there is no such frame: it is for Tornado.
        """
        if self._fragmented_message_buffer is not None or self._decompressor is not None:
            return None
        if len(data) - at < 2:
            return (0, 0) if len(data) == at or data[at] == TEXT else None
        if data[at] != TEXT:
            return None
        size, start = data[at + 1] - _MASKED, at + 6
        if size >= _SHORT:
            start += 2 if size == _SHORT else 8
            if len(data) < start - 4:
                return 0, 0
            size = int.from_bytes(data[at + 2 : start - 4])
        if not 0 <= size <= self.params.max_message_size:
            return None
        return start, start + size


def protocol_of(
    handler: WebSocketHandler,
    *,
    max_message: int,
    max_waiting: int,
    kind: type[FastProtocol] = FastProtocol,
) -> FastProtocol:
    """The protocol of a handler; pings are sent by one sweep over all sockets, not by each."""
    options: dict[str, Any] = {"ping_interval": None, "ping_timeout": None}
    params = _WebSocketParams(max_message_size=max_message, compression_options=None, **options)
    return kind(handler, params, max_waiting=max_waiting)
