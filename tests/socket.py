"""A native client for tests: it sends commands, awaits their answers and keeps what it hears."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    websocket_connect,
)

# Longer than an outage that a test causes, shorter than the patience of whoever waits for it.
LONGEST = 30.0

Payload = dict[str, Any]

_ANSWERS = ("ACK", "ERROR", "AUTH_SUCCESS", "AUTH_ERROR")


class Refused(Exception):
    """The server refused a command."""

    def __init__(self, payload: Payload) -> None:
        super().__init__(f"{payload['code']}: {payload['message']}")
        self.code: str = payload["code"]


class Closed(Exception):
    """The connection ended before the answer came."""


@dataclass(frozen=True, slots=True)
class Command:
    """What was sent."""

    type: str
    payload: Mapping[str, Any]
    answer: asyncio.Future[Payload]


@dataclass(frozen=True, slots=True)
class Frame:
    """What was heard; the answer to a command comes with it."""

    type: str
    payload: Payload
    command: Command | None = None


class Socket:
    """A connection to the server. `on_frame` is called with every frame, in order and at once."""

    def __init__(self, on_frame: Callable[[Frame], None] | None = None) -> None:
        self.events: list[Frame] = []
        self.commands: dict[int, Command] = {}
        self.closed = asyncio.Event()
        self.on_frame = on_frame
        self._numbers = count(1)
        self._changed = asyncio.Event()
        self._connection: WebSocketClientConnection | None = None

    @classmethod
    async def connect(
        cls, url: str, on_frame: Callable[[Frame], None] | None = None, path: str = "/ws"
    ) -> Self:
        """Open a connection to the server at an http or ws address."""
        socket = cls(on_frame)
        address = url.replace("http", "ws", 1) + path
        socket._connection = await websocket_connect(address, on_message_callback=socket._hear)
        return socket

    @property
    def close_code(self) -> int | None:
        """Why the connection was closed."""
        return self._opened.close_code

    async def authenticate(self, token: str, rooms: Mapping[str, int] | None = None) -> Payload:
        """Log in; with the `rev` of some rooms, come back to them."""
        return await self.command("AUTH", token=token, rooms=dict(rooms or {}))

    async def command(self, kind: str, /, **payload: Any) -> Payload:
        """Send a command and return its ACK; Refused or Closed instead."""
        return await self.ask(kind, **payload).answer

    def ask(self, kind: str, /, **payload: Any) -> Command:
        """Send a command without waiting for its answer."""
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        # Whoever does not wait for it must not be told that nobody did.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        command = Command(kind, payload, answer)
        if self.closed.is_set():
            answer.set_exception(Closed(kind))
            return command
        number = next(self._numbers)
        self.commands[number] = command
        self.write(json.dumps({"type": kind, "id": number, "payload": payload}))
        return command

    def write(self, text: str | bytes) -> None:
        """Send something as it is."""
        with suppress(WebSocketClosedError):  # those who wait are told when the end is heard
            written = asyncio.ensure_future(
                self._opened.write_message(text, binary=isinstance(text, bytes))
            )
            written.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def wait_for(self, wanted: Callable[[Frame], object]) -> Frame:
        """The first event, heard or still to come, that is wanted."""
        checked = 0
        async with asyncio.timeout(LONGEST):
            while True:
                while checked < len(self.events):
                    checked += 1
                    if wanted(self.events[checked - 1]):
                        return self.events[checked - 1]
                if self.closed.is_set():
                    raise Closed("no such event")
                self._changed.clear()
                await self._changed.wait()

    def of(self, *kinds: str) -> list[Payload]:
        """The payloads of the events of some kinds."""
        return [event.payload for event in self.events if event.type in kinds]

    async def close(self) -> None:
        """Say goodbye, and wait until the server has said it too."""
        if not self.closed.is_set():
            self._opened.close()
        await self.wait_closed()

    async def drop(self) -> None:
        """Vanish without a word, as a laptop does whose lid is shut."""
        protocol = self._opened.protocol
        if protocol is not None:
            protocol._abort()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        async with asyncio.timeout(LONGEST):
            await self.closed.wait()

    @property
    def _opened(self) -> WebSocketClientConnection:
        assert self._connection is not None
        return self._connection

    def _hear(self, text: str | bytes | None) -> None:
        if text is None:
            self._end()
            return
        fields = json.loads(text)
        kind, payload = fields["type"], fields["payload"]
        command = self.commands.pop(fields["id"]) if "id" in fields else None
        assert command is None or kind in _ANSWERS
        frame = Frame(kind, payload, command)
        if command is None:
            self.events.append(frame)
        if self.on_frame is not None:
            self.on_frame(frame)
        if command is not None and not command.answer.done():
            if kind in ("ERROR", "AUTH_ERROR"):
                command.answer.set_exception(Refused(payload))
            else:
                command.answer.set_result(payload)
        self._changed.set()

    def _end(self) -> None:
        self._opened.close()  # our half of a connection that the server has ended
        self.closed.set()
        self._changed.set()
        left, self.commands = self.commands, {}
        for command in left.values():
            if not command.answer.done():
                command.answer.set_exception(Closed(command.type))
