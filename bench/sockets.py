"""The load generator's WebSocket: counts frames without reading what they say.

The generator shares its CPU with the database and must fill that of any server here, so nothing on
its way looks into JSON: a frame is told from others by a few of its bytes, and a listener only
counts a mark that stands once in every delivery. All counts are compared with what was sent when a
turn ends.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from tornado.util import _websocket_mask

from bench.load import LoadFailed
from bench.processes import HOST

TEXT = 0x81
CLOSE = 0x88

# Clients must mask. It is always the same mask, but none of zeros: for that one `ws` does nothing.
MASK = b"\x3a\x7c\x55\x91"
PONG = b"\x8a\x80" + MASK

# Servers close who does not answer their pings, one every 25 s; a sign of life that nobody asked
# for counts as well, and saves to look for pings among millions of frames.
ALIVE_SECONDS = 10.0

# Seconds for one answer outside of a measurement.
ANSWER_PATIENCE = 30.0

# Where a text begins and ends within the bytes that came.
Place = tuple[int, int]

Taker = Callable[[bytes, list[Place]], None]


def text_frame(payload: bytes) -> bytes:
    """Write a whole text frame, masked, as a client sends it."""
    size = len(payload)
    if size < 126:
        head = bytes((TEXT, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((TEXT, 0x80 | 126)) + size.to_bytes(2)
    else:
        head = bytes((TEXT, 0x80 | 127)) + size.to_bytes(8)
    return head + MASK + masked(payload)


def masked(data: bytes, at: int = 0) -> bytes:
    """Mask what begins at a place in a payload, within the mask's length."""
    return _websocket_mask(MASK[at:] + MASK[:at], data)


class Socket(asyncio.Protocol):
    """A client's end; hands the text frames that came at once to `take`, as places within them."""

    take: Taker

    def __init__(self, path: str, alive: bytes) -> None:
        self._path = path
        self._alive = alive
        self._rest = b""
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.upgraded = asyncio.Event()
        self._agreed = False  # the same, at less cost for every read
        self._ours = False  # this side hangs up
        self.fail: Callable[[str], None] = self._ignore
        self.listen()

    def listen(self, taker: Taker | None = None) -> None:
        """Hand frames to somebody, or keep them for `next_text`."""
        self.take = taker or self._keep

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self.send = self._transport.write
        self.send(
            f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Walk over the frames that are whole."""
        if self._rest:
            data = self._rest + data
        at = 0 if self._agreed else self._upgrade(data)
        have, texts = len(data), []
        while have - at >= 2:
            start, size = at + 2, data[at + 1]
            if size == 126:
                if have - at < 4:
                    break
                start, size = at + 4, data[at + 2] << 8 | data[at + 3]
            elif size == 127:
                start, size = at + 10, int.from_bytes(data[at + 2 : at + 10])
            end = start + size
            if start > have or end > have:
                break
            if data[at] == TEXT:
                texts.append((start, end))
            elif data[at] == CLOSE:
                self._lost(f"code {int.from_bytes(data[start : start + 2])}")
            at = end
        if texts:
            self.take(data, texts)
        self._rest = data[at:] if at else data

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so, unless this side hung up."""
        self._lost(str(exc or "end of stream"))

    def text(self, payload: bytes) -> None:
        """Send a text."""
        self.send(text_frame(payload))

    async def next_text(self, *beginnings: bytes) -> bytes:
        """Return the next text that begins so; what comes before it is of no interest."""
        while True:
            text = await asyncio.wait_for(self._inbox.get(), ANSWER_PATIENCE)
            if text is None:
                raise LoadFailed("the server closed a socket that was being set up")
            if text.startswith(beginnings):
                return text

    def stay_alive(self) -> None:
        """Give a sign of life now, and again from time to time."""
        if not self._transport.is_closing():
            self.send(self._alive)
            asyncio.get_running_loop().call_later(ALIVE_SECONDS, self.stay_alive)

    def close(self) -> None:
        """Hang up."""
        self._ours = True
        self._transport.close()

    def _upgrade(self, data: bytes) -> int:
        """Return where frames begin, once the server has agreed to speak in frames."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0 if data.startswith(b"HTTP/1.1 101") else len(data)
        if not data.startswith(b"HTTP/1.1 101"):
            self._lost(data.partition(b"\r\n")[0].decode(errors="replace"))
            return len(data)
        self._agreed = True
        self.upgraded.set()
        return end + 4

    def _keep(self, data: bytes, texts: list[Place]) -> None:
        for start, end in texts:
            self._inbox.put_nowait(data[start:end])

    def _lost(self, reason: str) -> None:
        if not self._ours:
            self._ours = True
            self._inbox.put_nowait(None)
            self.fail(f"the server closed a socket: {reason}")

    def _ignore(self, reason: str) -> None:
        """Outside of a measurement, whoever waits for a text is told."""


class Counter(Socket):
    """A socket that counts a mark in what comes, and looks at nothing else from then on."""

    mark = b"#"

    def __init__(self, path: str, alive: bytes) -> None:
        super().__init__(path, alive)
        self.count = 0
        self.counted: Callable[[int], None] | None = None

    def data_received(self, data: bytes) -> None:
        """Count."""
        if self.counted is None:
            super().data_received(data)
            return
        new = data.count(self.mark)
        if new:
            before = self.count
            self.count = before + new
            self.counted(before)
