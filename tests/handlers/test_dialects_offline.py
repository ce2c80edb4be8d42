"""What clients of the Socket.IO dialects are told of the time when they were away."""

import asyncio
import json
from typing import Any

import pytest

from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person
from tests.handlers.socketio.clients import read_answer
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)


class Poller:
    """A client of long polling, which polls and hangs up when it is told to."""

    def __init__(
        self, hub: Hubbub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sid = ""

    @classmethod
    async def of(cls, hub: Hubbub, person: Person | None, dialect: str = "") -> "Poller":
        """Connect, and know that one is."""
        poller = cls(hub, *await asyncio.open_connection("127.0.0.1", hub.port))
        poller._sid = json.loads((await poller.poll())[0][1:])["sid"]
        auth = {} if person is None else {"token": person.token, "dialect": dialect}
        await poller.post(f"40{json.dumps(auth)}")
        assert (await poller.poll())[0].startswith("40")
        return poller

    def ask(self, method: str, body: str = "") -> None:
        """Send a request."""
        sid = f"&sid={self._sid}" if self._sid else ""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        target = f"/socket.io/?EIO=4&transport=polling{sid}"
        self._writer.write(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}".encode())

    async def poll(self) -> list[str]:
        """Ask for what there is, and wait for it."""
        self.ask("GET")
        return await self.packets()

    async def packets(self) -> list[str]:
        """What the poll brings that was asked before."""
        return (await read_answer(self._reader)).text.split("\x1e")

    async def post(self, packet: str) -> None:
        """Say something."""
        self.ask("POST", packet)
        assert (await read_answer(self._reader)).text == "ok"

    async def hear(self, event: str) -> Any:
        """Poll until an event comes that has not been heard."""
        while True:
            for packet in await self.poll():
                if packet.startswith(f'42["{event}"'):
                    return json.loads(packet[2:])[1]

    def hang_up(self) -> None:
        self._writer.transport.abort()


async def test_what_came_while_one_was_away_comes_after_connecting(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob, eve = await open_hub.residents("ann", "bob", "eve")
    one = await speakers.by_token(ann, "C")
    for text in ("one", "two"):
        await one.ask("message:send", {"recipient": bob.id, "content": text, "type": "text"})
    three = await speakers.by_token(eve, "P")
    await three.ask("private_message", {"receiverId": bob.id, "message": "three"})
    two = await speakers.by_token(bob, "C")
    told = [(await two.hear("message:received"))["content"] for _ in range(3)]
    assert told == ["one", "two", "three"]
    await two.silence()
    await two.leave()
    again = await speakers.by_token(bob, "C")
    assert "message:received" not in await again.silence()


@pytest.mark.parametrize("dialect", ["P", "C"])
async def test_what_was_told_to_a_poll_that_hung_up_comes_after_connecting(
    open_hub: Hubbub, speakers: Speakers, dialect: str
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "C")
    poller = await Poller.of(open_hub, bob, dialect)
    said = {"recipient": bob.id, "content": "hello", "type": "text"}
    poller.ask("GET")
    await one.ask("message:send", said)
    poller.hang_up()
    two = await speakers.by_token(bob, "C")
    assert (await two.hear("message:received"))["content"] == "hello"
    await two.silence()
    await two.leave()
    again = await speakers.by_token(bob, "C")
    assert "message:received" not in await again.silence()


@pytest.mark.parametrize("dialect", ["P", "C"])
async def test_what_came_by_a_poll_is_not_told_again(
    open_hub: Hubbub, speakers: Speakers, dialect: str
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "C")
    await one.ask("message:send", {"recipient": bob.id, "content": "before", "type": "text"})
    poller = await Poller.of(open_hub, bob, dialect)
    event = {"P": "private_message", "C": "message:received"}[dialect]
    await poller.hear(event)
    await one.ask("message:send", {"recipient": bob.id, "content": "behind", "type": "text"})
    await poller.hear(event)
    poller.ask("GET")  # whoever polls again has the answer to the poll before
    room = open_hub.core.rooms.live_direct(ann.id, bob.id)
    assert room is not None
    await until(lambda: room.members[bob.id].delivered == 2)
    poller.hang_up()
    two = await speakers.by_token(bob, "C")
    assert "message:received" not in await two.silence()


async def test_a_message_is_delivered_by_a_poll_when_the_next_poll_comes(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann = await speakers.r("ann")
    poller = await Poller.of(open_hub, None)
    await poller.post('42["join","bob"]')
    await poller.hear("onlineUsersList")
    said = {"sender": "ann", "receiver": "bob", "message": "hello"}
    await ann.ask("sendMessage", said)
    await poller.hear("receiveMessage")
    await ann.ask("sendMessage", {**said, "receiver": "eve"})  # what was to be written is by now
    assert "message-delivered" not in await ann.silence()
    poller.ask("GET")
    assert (await ann.hear("message-delivered"))["receiver"] == "bob"
    poller.hang_up()
