"""The fast frame reader and writer under every socket.

Tornado reads a frame in three to five steps of its loop, and makes a future and a task for every
message that it writes. Most of what a chat client sends is one whole, masked text frame after the
other, and what it is sent is the same bytes that many others are sent. So the reader here takes all
whole frames of a chunk at once and hands everything else (fragments, control frames, oversized or
unmasked ones) to Tornado's own reader, from the same buffer; and the writer gives finished frames
to the kernel directly.

Both lean on Tornado's internals, so its minor version is pinned, and the tests run the same vectors
through Tornado's reader and through this one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Any

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.util import _websocket_mask
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams

TEXT = 0x81  # FIN and opcode 1
BINARY = 0x82  # FIN and opcode 2
PING = b"\x89\x00"

_MASKED = 0x80
_SHORT = 126  # payloads below this have their length in the second byte
_CHUNK = 65536

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


class FastProtocol(WebSocketProtocol13):
    """Tornado's protocol with a shorter way for what is common."""

    # Tornado's own are 30, the most that Python keeps without a table of 1.6 KB for each object.
    __slots__ = ("_buffer", "_max_waiting", "_soon")

    def __init__(
        self, handler: WebSocketHandler, params: _WebSocketParams, *, max_waiting: int
    ) -> None:
        super().__init__(handler, False, params)
        self._buffer = bytearray()
        self._soon: list[bytes] = []
        self._max_waiting = max_waiting

    def write_frames(self, data: bytes, *, bounded: bool = True) -> bool:
        """Write finished frames, or keep them until the socket takes them.

        What must be whole, however much it is, is not `bounded`. False when they are more than may
        wait: then nothing of them is kept but the rest of a frame that is half gone, and the socket
        is done for, because whoever reads behind it would miss something.
        """
        if self._soon:
            data = b"".join((*self._soon, data))
            self._soon.clear()
        stream = self.stream
        if stream.closed() or self.server_terminated:
            return True
        if type(stream) is not IOStream:
            return self._write_slowly(stream, data, bounded=bounded)
        sent = 0
        if not stream._write_buffer:
            try:
                sent = stream.socket.send(data)
            except BlockingIOError:
                pass
            except OSError as error:
                stream.close(exc_info=error)
                return True
            if sent == len(data):
                return True
        if bounded and len(stream._write_buffer) + len(data) - sent > self._max_waiting:
            # Or the close frame, which says why, would be taken for a part of it.
            self._keep(data[sent : end_of_frame(data, sent)])
            return False
        self._keep(data[sent:])
        return True

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        stream = self.stream
        stream._write_buffer.append(data)
        stream._total_write_index += len(data)
        stream._add_io_state(stream.io_loop.WRITE)

    def write_soon(self, data: bytes, refused: Callable[[], None]) -> None:
        """Write finished frames together with what else comes in this turn of the loop.

        The kernel takes some 6 µs for a write, however short: who sends four messages at once hears
        of all of them in one. `refused` is called when they are more than may wait.
        """
        self._soon.append(data)
        if len(self._soon) == 1:
            # Twice, to come behind the callbacks of what is being settled in this turn.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._write_gathered, refused)

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

    def _write_slowly(self, stream: IOStream | SSLIOStream, data: bytes, *, bounded: bool) -> bool:
        if bounded and self.waiting + len(data) > self._max_waiting:
            return False
        with suppress(StreamClosedError):  # the reader hears of it, and closes
            stream.write(data)
        return True

    async def _receive_frame_loop(self) -> None:
        taken = 0
        try:
            while not self.client_terminated:
                frame = self._text_frame()
                if frame is not None:
                    await self._take(*frame)
                elif self._is_part_of_text_frame():
                    self._buffer += await self.stream.read_bytes(_CHUNK, partial=True)
                else:
                    await self._receive_frame()
                    taken += TORNADOS_COST - 1
                taken += 1
                if taken >= MAX_FRAMES_AT_ONCE:
                    taken = 0
                    await asyncio.sleep(0)
        except StreamClosedError:
            self._abort()
        finally:
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    async def _read_bytes(self, n: int) -> bytes:
        """Give Tornado's reader what it asks for, from what was read already."""
        while len(self._buffer) < n:
            self._buffer += await self.stream.read_bytes(_CHUNK, partial=True)
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        self._wire_bytes_in += n
        return data

    async def _take(self, start: int, end: int) -> None:
        """Take the whole text frame at the head of the buffer."""
        mask, payload = bytes(self._buffer[start - 4 : start]), bytes(self._buffer[start:end])
        del self._buffer[:end]
        self._wire_bytes_in += end
        handled = self._handle_message(1, _websocket_mask(mask, payload))
        if handled is not None:
            await handled

    def _text_frame(self) -> tuple[int, int] | None:
        """Where the payload of a whole text frame at the head begins and ends, if there is one."""
        place = self._place()
        return place if place is not None and 0 < place[1] <= len(self._buffer) else None

    def _is_part_of_text_frame(self) -> bool:
        """Tell whether the head of the buffer may become a frame that is taken here."""
        buffer = self._buffer
        if len(buffer) < 2:
            return not buffer or (buffer[0] == TEXT and self._is_simple())
        return self._place() is not None

    def _is_simple(self) -> bool:
        return self._fragmented_message_buffer is None and self._decompressor is None

    def _place(self) -> tuple[int, int] | None:
        """Begin and end of the text frame at the head; (0, 0) until they are known.

        None where the head is no such frame: it is for Tornado.
        """
        buffer = self._buffer
        if len(buffer) < 2 or buffer[0] != TEXT or not buffer[1] & _MASKED:
            return None
        if not self._is_simple():
            return None
        size, start = buffer[1] & 0x7F, 6
        if size >= _SHORT:
            start = 8 if size == _SHORT else 14
            if len(buffer) < start - 4:
                return 0, 0
            size = int.from_bytes(buffer[2 : start - 4])
        if size > self.params.max_message_size:
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
