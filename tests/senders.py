"""People who say a thousand things, what they were promised, and what must be there of it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.process import ServerProcess
from tests.socket import Closed, Command, Frame, Payload, Refused, Socket

SENDS = 1_000
SOCKETS_EACH = 2
NAMES = ("ann", "bob", "cat")
PASSWORD = "correct horse 42"

# What a sender is told of a message that may be stored or not: it is to be sent again.
AGAIN = ("not_stored", "busy", "store_unavailable")


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    id: str
    token: str


@dataclass
class Told:
    """All that was promised to those who sent, and told to those who listened."""

    acknowledged: dict[str, Payload] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    heard: list[list[Payload]] = field(default_factory=list)


class Senders:
    """Some people with several sockets each, who say a thousand things in two rooms."""

    def __init__(self, people: list[Person], rooms: list[str]) -> None:
        self.people = people
        self.rooms = rooms
        self.sockets: list[Socket] = []
        # What each socket sends, in order: the room and the client id.
        self.plans: list[list[tuple[str, str]]] = []

    @property
    def all_plans(self) -> list[tuple[str, str]]:
        return [plan for plans in self.plans for plan in plans]

    def sender_of(self, client_id: str) -> Person:
        number = int(client_id.split("-")[1])
        return self.people[number % len(self.people)]

    def plan(self, name: str, chance: random.Random, sends: int = SENDS) -> None:
        number = len(self.people) * SOCKETS_EACH
        self.plans = [
            [(chance.choice(self.rooms), f"{name}-{n}-{k}") for k in range(n, sends, number)]
            for n in range(number)
        ]

    async def connect(self, url: str, told: Told) -> None:
        """Open all sockets; each keeps the messages that it hears."""
        self.sockets = []
        told.heard = []
        for number in range(len(self.people) * SOCKETS_EACH):
            heard: list[Payload] = []
            told.heard.append(heard)
            socket = await Socket.connect(url, _listener(heard))
            await socket.authenticate(self.people[number % len(self.people)].token)
            self.sockets.append(socket)

    async def close(self) -> None:
        for socket in self.sockets:
            await socket.close()

    async def send(
        self, told: Told, window: int, on_answer: Callable[[], None] = lambda: None
    ) -> None:
        """Send everything that is planned, so much at once on each socket."""

        async def send_plan(socket: Socket, plan: list[tuple[str, str]]) -> None:
            under_way: list[tuple[str, Command]] = []
            for room, client_id in plan:
                if len(under_way) >= window:
                    await _note_answer(told, *under_way.pop(0))
                    on_answer()
                under_way.append((client_id, _say(socket, room, client_id)))
            for one in under_way:
                await _note_answer(told, *one)
                on_answer()

        await asyncio.gather(*map(send_plan, self.sockets, self.plans))


async def _note_answer(told: Told, client_id: str, command: Command) -> None:
    try:
        payload = await command.answer
    except Refused as refusal:
        if refusal.code not in AGAIN:
            raise
        told.refused.append(client_id)
    except Closed:
        pass
    else:
        told.acknowledged[client_id] = payload["message"]


def _listener(heard: list[Payload]) -> Callable[[Frame], None]:
    def hear(frame: Frame) -> None:
        if frame.type in ("MESSAGE", "MESSAGE_CHANGED"):
            heard.append(frame.payload)

    return hear


def _say(socket: Socket, room: str, client_id: str) -> Command:
    content = f"this is {client_id}"
    return socket.ask("SEND_MESSAGE", roomId=room, content=content, clientId=client_id)


def same(message: Payload) -> dict[str, Any]:
    """What stays the same of a message, whoever is told of it."""
    return {name: message[name] for name in ("id", "roomId", "seq", "rev", "senderId", "content")}


async def gather(server: ServerProcess) -> Senders:
    """Register people and put all of them into two rooms."""
    people = []
    for name in NAMES:
        fields = {"username": name, "password": PASSWORD}
        status, answer = server.call("POST", "/api/auth/register", fields)
        assert status == 201, answer
        people.append(Person(answer["user"]["id"], answer["token"]))
    senders = Senders(people, [])
    await open_rooms(server, senders)
    return senders


async def open_rooms(server: ServerProcess, senders: Senders) -> None:
    async with _logged_in(server.url, senders.people[0]) as socket:
        members = [person.id for person in senders.people]
        senders.rooms = [
            (await socket.command("CREATE_ROOM", kind=kind, participantIds=members))["room"]["id"]
            for kind in ("private", "public")
        ]


@asynccontextmanager
async def _logged_in(url: str, person: Person) -> AsyncIterator[Socket]:
    socket = await Socket.connect(url)
    await socket.authenticate(person.token)
    yield socket
    await socket.close()


async def stored_by(url: str, senders: Senders) -> dict[str, Payload]:
    """All messages of both rooms by client id; their numbers rise, those of `seq` without gaps."""
    found: dict[str, Payload] = {}
    for person in senders.people:
        async with _logged_in(url, person) as socket:
            for room in senders.rooms:
                messages = await _history(socket, room)
                assert [m["seq"] for m in messages] == [*range(1, len(messages) + 1)]
                assert all(one["rev"] < other["rev"] for one, other in pairwise(messages))
                own = [m for m in messages if m["senderId"] == person.id]
                for message in own:
                    assert message["clientId"] not in found
                    found[message["clientId"]] = message
    return found


async def _history(socket: Socket, room: str) -> list[Payload]:
    messages: list[Payload] = []
    while True:
        after = messages[-1]["seq"] if messages else 0
        page = await socket.command("HISTORY", roomId=room, after=after, limit=200)
        messages += page["messages"]
        if not page["hasMore"]:
            return messages


def check_stored(stored: dict[str, Payload], senders: Senders, told: Told) -> None:
    """Everything promised or heard is there as it was; the rest at most once, and in order."""
    for client_id, message in told.acknowledged.items():
        assert same(stored[client_id]) == same(message)
    there = {message["id"]: same(message) for message in stored.values()}
    for heard in told.heard:
        for message in heard:
            assert there[message["id"]] == same(message)
    for plan in senders.plans:
        for room in senders.rooms:
            ids = [client_id for to, client_id in plan if to == room]
            seqs = [stored[client_id]["seq"] for client_id in ids if client_id in stored]
            assert seqs == sorted(seqs)
    for client_id, message in stored.items():
        assert message["content"] == f"this is {client_id}"
        assert message["senderId"] == senders.sender_of(client_id).id


def check_found(server: ServerProcess, senders: Senders, stored: dict[str, Payload]) -> None:
    """Whatever is stored is found, also that of which the words were left for later."""
    found: list[str] = []
    for room in senders.rooms:
        path: str | None = f"/api/rooms/{room}/search?q=this&limit=50"
        while path is not None:
            status, page = server.call("GET", path, token=senders.people[0].token)
            assert status == 200, page
            found += [one["message"]["id"] for one in page["results"]]
            path = page["next"] and f"{path.partition('&cursor')[0]}&cursor={page['next']}"
    assert sorted(found) == sorted(message["id"] for message in stored.values())


def check_heard(heard: list[Payload], messages: dict[str, Payload]) -> None:
    """Each of some messages was heard once, and those of a room in the order of their numbers."""
    counts = Counter(message["id"] for message in heard)
    wanted = {message["id"] for message in messages.values()}
    assert {one for one in wanted if counts[one] != 1} == set()
    last: dict[str, int] = {}
    for message in heard:
        assert message["seq"] > last.get(message["roomId"], 0)
        last[message["roomId"]] = message["seq"]


def check_log(server: ServerProcess) -> None:
    assert not [line for line in server.lines if "Traceback" in line or "Error:" in line]
