"""A client on a real socket: it keeps what it hears, and waits for what it expects."""

import asyncio
import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tornado.util import _websocket_mask

from tests.handlers import described

# Longer than anything here takes, shorter than the patience of whoever waits for the tests.
LONGEST = 30.0

# What a client calls a connection that ended without a close frame.
ABNORMAL = 1006

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN = 0x80
MASK = b"\x37\xfa\x21\x3d"

T = TypeVar("T")


def frame(opcode: int, payload: bytes, *, flags: int = FIN, mask: bytes | None = MASK) -> bytes:
    """A frame, as a client sends it."""
    size, masked = len(payload), 0 if mask is None else 0x80
    head = bytes([flags | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + size.to_bytes(2)
    else:
        head += bytes([masked | 127]) + size.to_bytes(8)
    return head + (payload if mask is None else mask + _websocket_mask(mask, payload))


def text(payload: str | bytes, **more: Any) -> bytes:
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **more)


def said(kind: str, frame_id: object = None, /, **payload: object) -> bytes:
    """A command, as a finished frame."""
    words: dict[str, object] = {"type": kind, "payload": payload}
    if frame_id is not None:
        words["id"] = frame_id
    return text(json.dumps(words))


class Denied(Exception):
    """A connection was refused before it became a socket."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Gone(Exception):
    """A socket was closed while something was expected of it."""


class Refused(Exception):
    """A command was answered by an ERROR."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload["code"])
        self.code: str = payload["code"]
        self.payload = payload


class Client(asyncio.Protocol):
    """One socket."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self.reason = ""
        self.channel = "native"
        self.answers_pings = True
        self.pings = 0
        self._unheard: list[dict[str, Any]] = []
        self._pongs: set[bytes] = set()
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._asked = 0
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport

    # What goes out.

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def tell(self, kind: str, frame_id: object = None, /, **payload: object) -> None:
        """Send a command, and expect nothing."""
        self.write(said(kind, frame_id, **payload))

    async def ask(self, kind: str, /, **payload: object) -> dict[str, Any]:
        """Send a command, and return what its ACK carries."""
        self._asked += 1
        number = self._asked
        self.tell(kind, number, **payload)
        answer = await self._first(lambda heard: heard.get("id") == number)
        if answer["type"] == "ERROR":
            raise Refused(answer["payload"])
        assert answer["type"] == "ACK", answer
        return dict(answer["payload"])

    async def code_of(self, kind: str, /, **payload: object) -> str:
        """Send a command, and return the code of its refusal, or "ok"."""
        try:
            await self.ask(kind, **payload)
        except Refused as refusal:
            return refusal.code
        return "ok"

    def close(self) -> None:
        """Say goodbye."""
        if not self._transport.is_closing():
            self.write(frame(CLOSE, (1000).to_bytes(2)))

    async def over(self) -> None:
        """Be gone, whatever comes of it, and wait until that is so."""
        self.vanish()
        await self._lost.wait()

    def vanish(self) -> None:
        """Be gone without a word."""
        self._transport.abort()

    def stop_reading(self) -> None:
        self._transport.pause_reading()

    def go_on_reading(self) -> None:
        self._transport.resume_reading()

    # What comes in.

    async def hear(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """Wait for the next frame of a kind, with these fields; others stay where they are."""

        def fits(heard: dict[str, Any]) -> bool:
            if heard["type"] != kind:
                return False
            return all(heard["payload"].get(name) == value for name, value in fields.items())

        return dict((await self._first(fits))["payload"])

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """What has come of a kind and was not asked for yet."""
        return [heard["payload"] for heard in self._unheard if heard["type"] == kind]

    def kinds(self) -> list[str]:
        """The kinds of what has come and was not asked for yet."""
        return [heard["type"] for heard in self._unheard]

    def forget(self) -> None:
        """Think no more of what has come."""
        self._unheard.clear()

    async def caught_up(self) -> None:
        """Wait until all is here that was told before this moment."""
        mark = os.urandom(8)
        self.write(frame(PING, mark))
        await self.until(lambda: mark in self._pongs)

    async def closed(self) -> int:
        """Wait for the end, and return its code."""
        await self.until(lambda: self.code is not None)
        assert self.code is not None
        return self.code

    async def until(self, condition: Callable[[], object], longest: float = LONGEST) -> None:
        """Wait until what was heard makes something so."""
        try:
            async with asyncio.timeout(longest):
                while not condition():
                    if self.code is not None:
                        raise Gone(f"{self.code} {self.reason}; unheard: {Counter(self.kinds())}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"nothing came; unheard: {Counter(self.kinds())}") from None

    async def _first(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found.extend([heard for heard in self._unheard if fits(heard)][:1])
            return bool(found)

        await self.until(is_there)
        self._unheard.remove(found[0])
        return found[0]

    # What the loop calls.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.status and not self._take_head():
            return
        while self._take_frame():
            pass
        self._news.set()

    def connection_lost(self, _: Exception | None) -> None:
        if self.code is None:
            self.code = ABNORMAL
        self._lost.set()
        self._news.set()

    def _take_head(self) -> bool:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self._buffer = bytearray(rest)
        return True

    def _take_frame(self) -> bool:
        if self.status != 101 or len(self._buffer) < 2:
            return False
        size, start = self._buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self._buffer[2:start])
        if len(self._buffer) < max(start, start + size):
            return False
        opcode, payload = self._buffer[0] & 0x0F, bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        self._take(opcode, payload)
        return True

    def _channel(self, heard: dict[str, Any]) -> str:
        """The kind of client that this is, by what it is told first."""
        if heard["type"] == "AUTHENTICATED":
            self.channel = "authenticate"
        return self.channel

    def _take(self, opcode: int, payload: bytes) -> None:
        match opcode:
            case 1:
                heard = json.loads(payload)
                described.check_frame(self._channel(heard), heard)
                self.frames.append(heard)
                self._unheard.append(heard)
            case 8:
                self.code = int.from_bytes(payload[:2]) if payload else 1005
                self.reason = payload[2:].decode()
                self.write(frame(CLOSE, payload[:2]))
                self._transport.close()
            case 9:
                self.pings += 1
                if self.answers_pings:
                    self.write(frame(PONG, payload))
            case 10:
                self._pongs.add(payload)


class Turns:
    """How often something happens before the loop gives the others a turn."""

    def __init__(self) -> None:
        self.most = self._now = 0

    def note(self) -> None:
        if not self._now:
            asyncio.get_running_loop().call_soon(self._begin)
        self._now += 1
        self.most = max(self.most, self._now)

    def _begin(self) -> None:
        self._now = 0


async def dial(
    port: int,
    path: str = "/ws",
    headers: Mapping[str, str] | None = None,
    behind: bytes = b"",
) -> Client:
    """Open a socket; `behind` is sent along with the handshake. Denied if there is none."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, "127.0.0.1", port)
    sent = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **(headers or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    client.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode() + behind)
    await client.until(lambda: client.status)
    if client.status != 101:
        client.vanish()
        raise Denied(client.status)
    return client


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


async def welcomed(socket: Client) -> dict[str, Any]:
    """What a socket was told when it was logged in."""
    return await socket.hear("AUTH_SUCCESS")


def told_of(socket: Client) -> list[tuple[int, str]]:
    """The messages that a socket has been told of, by their rev."""
    frames = [one for one in socket.frames if one["type"].startswith("MESSAGE")]
    return [(one["payload"]["rev"], one["payload"]["content"]) for one in frames]
