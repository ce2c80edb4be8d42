"""Clients of Socket.IO that speak a dialect over a WebSocket, without Node and packet by packet."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.described import check_callback, check_event

LONGEST = 10.0


class Speaker:
    """One client: it keeps what it hears, which must be as its dialects are described."""

    def __init__(self, connection: WebSocketClientConnection, dialects: tuple[str, ...]) -> None:
        self.dialects = dialects
        # Events that nobody has asked for yet, and answers to what was asked.
        self.unheard: deque[tuple[str, Any]] = deque()
        self.is_over = False
        self._connection = connection
        self._answers: dict[int, list[Any]] = {}
        self._numbers = count()

    async def connect(self, auth: Mapping[str, object] | None = None) -> Any:
        """Connect, and return what the server says to that."""
        self.send("40" + json.dumps(auth or {}))
        while (packet := await self.packet()) and packet[:2] not in ("40", "44"):
            self._take(packet)
        assert packet is not None
        return json.loads(packet[2:])

    def emit(self, event: str, *arguments: object) -> None:
        """Say something, without a callback."""
        self.send("42" + json.dumps([event, *arguments]))

    async def ask(self, event: str, *arguments: object) -> Any:
        """Say something, and return what its callback is called with."""
        number = next(self._numbers)
        self.send(f"42{number}" + json.dumps([event, *arguments]))
        while number not in self._answers:
            await self._hear()
        answer = self._answers.pop(number)
        if self.dialects:
            check_callback(self.dialects, event, answer)
        return answer[0]

    async def code_of(self, event: str, *arguments: object) -> str:
        """Say something, and return the code of its refusal, or "ok"."""
        answer = await self.ask(event, *arguments)
        assert answer["ok"] is (answer.get("code") is None)
        return "ok" if answer["ok"] else str(answer["code"])

    async def hear(self, event: str, /, **fields: object) -> Any:
        """Wait for an event with these fields; others stay where they are."""
        while True:
            for heard in self.unheard:
                if heard[0] == event and all(heard[1].get(k) == v for k, v in fields.items()):
                    self.unheard.remove(heard)
                    return heard[1]
            await self._hear()

    async def silence(self) -> list[str]:
        """What is left of all that was told before this moment, by name."""
        await self.ask("sync", {})
        return [event for event, _ in self.unheard]

    async def over(self) -> tuple[int | None, list[str]]:
        """Wait for the end: the code of the WebSocket, and the packets that came before it."""
        packets = []
        while (packet := await self.packet()) is not None:
            packets.append(packet)
        return self._connection.close_code, packets

    def send(self, text: str) -> None:
        """Send a packet."""
        done = asyncio.ensure_future(self._connection.write_message(text))
        done.add_done_callback(lambda future: future.cancelled() or future.exception())

    async def packet(self) -> str | None:
        """The next packet that is no ping; None at the end."""
        async with asyncio.timeout(LONGEST):
            while True:
                packet = await self._connection.read_message()
                if packet is None:
                    self.is_over = True
                if packet != "2":
                    return None if packet is None else str(packet)
                self.send("3")

    async def leave(self) -> None:
        """Go."""
        self._connection.close()
        while not self.is_over:
            await self.packet()

    async def _hear(self) -> None:
        packet = await self.packet()
        assert packet is not None, f"the connection is over; unheard: {list(self.unheard)}"
        self._take(packet)

    def _take(self, packet: str) -> None:
        start = packet.index("[")
        kind, number, body = packet[:2], packet[2:start], json.loads(packet[start:])
        if kind == "43":
            self._answers[int(number)] = body
            return
        assert kind == "42", packet
        if self.dialects:
            check_event(self.dialects, body[0], body[1:])
        self.unheard.append((body[0], body[1]))


class Speakers:
    """Clients that come to one server."""

    def __init__(self, hub: Hubbub) -> None:
        self._hub = hub
        self._speakers: list[Speaker] = []

    async def dial(self, *dialects: str, query: str = "", **headers: str) -> Speaker:
        """Open a session, which is connected to nothing yet."""
        url = f"ws://127.0.0.1:{self._hub.port}/socket.io/?EIO=4&transport=websocket{query}"
        connection = await websocket_connect(HTTPRequest(url, headers=headers))
        speaker = Speaker(connection, dialects)
        self._speakers.append(speaker)
        opening = await speaker.packet()
        assert opening is not None
        assert opening[0] == "0"
        return speaker

    async def bare(self) -> Speaker:
        """A client without a token, which has not said who it is."""
        speaker = await self.dial("J", "R")
        assert "sid" in await speaker.connect()
        return speaker

    async def j(self, name: str) -> Speaker:
        """A client of dialect J that has joined."""
        speaker = await self.bare()
        speaker.emit("join", name)
        await speaker.hear("onlineUsersList")
        return speaker

    async def r(self, name: str) -> Speaker:
        """A client of dialect R that has registered."""
        speaker = await self.bare()
        assert (await speaker.ask("register", name))["ok"]
        await speaker.hear("onlineStatus", user=name.strip())
        return speaker

    async def by_token(self, person: Person, dialect: str, **auth: object) -> Speaker:
        """A client with a token; of every dialect that there is for those, if none is named."""
        speaker = await self.dial(*([dialect] if dialect else ["P", "C"]))
        named = {"dialect": dialect} if dialect else {}
        assert "sid" in await speaker.connect({"token": person.token, **named, **auth})
        first = "user:status" if dialect == "C" else "online_users"
        await speaker.hear(first)
        return speaker

    async def close(self) -> None:
        """Let all go."""
        for speaker in self._speakers:
            await speaker.leave()


@pytest.fixture(name="open_hub")
def make_open_hub(start: Starter) -> Hubbub:
    """A server in open mode."""
    return start(open_mode=True, presence_grace=0.0)


@pytest.fixture(name="speakers")
def make_speakers(io_loop: IOLoop, open_hub: Hubbub) -> Iterator[Speakers]:
    """Clients that come to the server in open mode."""
    clients = Speakers(open_hub)
    yield clients
    io_loop.run_sync(clients.close)
