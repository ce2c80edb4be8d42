"""What was acknowledged is never lost and never doubled, whatever is killed in the middle."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.mongod import Mongod
from tests.process import ServerProcess
from tests.socket import Closed, Command, Frame, Payload, Refused, Socket

pytestmark = pytest.mark.gen_test(timeout=600)

SENDS = 1_000
SOCKETS_EACH = 2
NAMES = ("ann", "bob", "cat")
PASSWORD = "correct horse 42"

# A commit of SQLite takes some ms, so a window of one makes many small ones and of 200 few large.
WINDOWS = (1, 5, 50, 200)

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


@pytest.fixture(params=["sqlite", "mongodb"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server on either store."""
    if request.param == "sqlite":
        return {}
    uri: str = request.getfixturevalue("mongo_uri")
    return {"MONGODB_URI": uri}


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


def _same(message: Payload) -> dict[str, Any]:
    """What stays the same of a message, whoever is told of it."""
    return {name: message[name] for name in ("id", "roomId", "seq", "rev", "senderId", "content")}


async def _gather(server: ServerProcess) -> Senders:
    """Register people and put all of them into two rooms."""
    people = []
    for name in NAMES:
        fields = {"username": name, "password": PASSWORD}
        status, answer = server.call("POST", "/api/auth/register", fields)
        assert status == 201, answer
        people.append(Person(answer["user"]["id"], answer["token"]))
    senders = Senders(people, [])
    await _open_rooms(server, senders)
    return senders


async def _open_rooms(server: ServerProcess, senders: Senders) -> None:
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


async def _stored(url: str, senders: Senders) -> dict[str, Payload]:
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


def _check_stored(stored: dict[str, Payload], senders: Senders, told: Told) -> None:
    """Everything promised or heard is there as it was; the rest at most once, and in order."""
    for client_id, message in told.acknowledged.items():
        assert _same(stored[client_id]) == _same(message)
    there = {message["id"]: _same(message) for message in stored.values()}
    for heard in told.heard:
        for message in heard:
            assert there[message["id"]] == _same(message)
    for plan in senders.plans:
        for room in senders.rooms:
            ids = [client_id for to, client_id in plan if to == room]
            seqs = [stored[client_id]["seq"] for client_id in ids if client_id in stored]
            assert seqs == sorted(seqs)
    for client_id, message in stored.items():
        assert message["content"] == f"this is {client_id}"
        assert message["senderId"] == senders.sender_of(client_id).id


def _check_found(server: ServerProcess, senders: Senders, stored: dict[str, Payload]) -> None:
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


def _check_heard(heard: list[Payload], messages: dict[str, Payload]) -> None:
    """Each of some messages was heard once, and those of a room in the order of their numbers."""
    counts = Counter(message["id"] for message in heard)
    wanted = {message["id"] for message in messages.values()}
    assert {one for one in wanted if counts[one] != 1} == set()
    last: dict[str, int] = {}
    for message in heard:
        assert message["seq"] > last.get(message["roomId"], 0)
        last[message["roomId"]] = message["seq"]


def _check_log(server: ServerProcess) -> None:
    assert not [line for line in server.lines if "Traceback" in line or "Error:" in line]


async def _kill_in_the_middle(
    server: ServerProcess, senders: Senders, chance: random.Random, name: str
) -> tuple[Told, int]:
    """Send, and kill the server as soon as so many were acknowledged."""
    told = Told()
    senders.plan(name, chance)
    await senders.connect(server.url, told)
    wanted = chance.randrange(1, SENDS - 50)

    def on_answer() -> None:
        if len(told.acknowledged) == wanted:
            server.process.kill()

    await senders.send(told, chance.choice(WINDOWS), on_answer)
    for socket in senders.sockets:
        await socket.wait_closed()
    server.kill()
    assert not told.refused
    return told, wanted


async def _check_after_a_kill(server: ServerProcess, senders: Senders, told: Told) -> None:
    """Look what is stored and found, send all of it again, and look again."""
    stored = await _stored(server.url, senders)
    _check_stored(stored, senders, told)
    _check_found(server, senders, stored)
    again = Told()
    await senders.connect(server.url, again)
    await senders.send(again, 200)
    assert not again.refused
    assert again.acknowledged.keys() == {client_id for _, client_id in senders.all_plans}
    for client_id, message in stored.items():
        assert _same(again.acknowledged[client_id]) == _same(message)
    now_stored = await _stored(server.url, senders)
    _check_stored(now_stored, senders, again)
    _check_found(server, senders, now_stored)
    assert now_stored.keys() == again.acknowledged.keys()
    fresh = {one: message for one, message in now_stored.items() if one not in stored}
    await senders.close()
    for heard in again.heard:
        assert len(heard) == len(fresh)
        _check_heard(heard, fresh)


async def _killed_servers(folder: Path, where: dict[str, str], seed: int, times: int) -> None:
    chance = random.Random(seed)
    settings = {"RATE_LIMITS": "off", **where}
    senders: Senders | None = None
    told: Told | None = None
    for number in range(times + 1):
        with ServerProcess(folder, **settings) as server:
            if senders is None:
                senders = await _gather(server)
            if told is not None:
                await _check_after_a_kill(server, senders, told)
                await _open_rooms(server, senders)
            if number < times:
                told, _ = await _kill_in_the_middle(server, senders, chance, f"r{number}")
            _check_log(server)


async def test_a_killed_server_has_lost_and_doubled_nothing(
    tmp_path: Path, where: dict[str, str]
) -> None:
    await _killed_servers(tmp_path, where, seed=1, times=1)


@pytest.mark.long
async def test_a_server_that_is_killed_twenty_times_has_lost_and_doubled_nothing(
    tmp_path: Path, where: dict[str, str]
) -> None:
    await _killed_servers(tmp_path, where, seed=2, times=20)


# What happens to the mongod, once so many were acknowledged; and what makes it good again.
Harm = Callable[[Mongod], None]


def _restart_after_a_crash(mongod: Mongod) -> None:
    mongod.kill()
    mongod.start()


def _pause(mongod: Mongod) -> None:
    mongod.pause()


def _kill(mongod: Mongod) -> None:
    mongod.kill()


def _resume(mongod: Mongod) -> None:
    mongod.resume()


def _start(mongod: Mongod) -> None:
    mongod.start()


def _nothing(_: Mongod) -> None:
    pass


# The harm, what must be seen before it is made good (a refusal to a sender, an answer of the server
# that the store is away, or nothing), and what makes it good.
OUTAGES: dict[str, tuple[Harm, str, Harm]] = {
    "restarted": (Mongod.restart, "nothing", _nothing),
    "killed and started at once": (_restart_after_a_crash, "nothing", _nothing),
    "killed until a sender is told": (_kill, "refusal", _start),
    "killed until it is missed": (_kill, "unready", _start),
    "frozen until a sender is told": (_pause, "refusal", _resume),
    "frozen until it is missed": (_pause, "unready", _resume),
}


async def _suffer(
    server: ServerProcess,
    mongod: Mongod,
    senders: Senders,
    outage: str,
    chance: random.Random,
    name: str,
) -> None:
    """Send while the store has an outage, then see what has come of it."""
    harm, until, good = OUTAGES[outage]
    told = Told()
    senders.plan(name, chance)
    await senders.connect(server.url, told)
    wanted = chance.randrange(1, SENDS - 400)
    reached, refused = asyncio.Event(), asyncio.Event()

    def on_answer() -> None:
        if len(told.acknowledged) == wanted:
            reached.set()
        if told.refused:
            refused.set()

    async def have_an_outage() -> None:
        await reached.wait()
        await asyncio.to_thread(harm, mongod)
        if until == "refusal":
            await refused.wait()
        if until == "unready":
            await asyncio.to_thread(_wait_for_status, server, 503)
        await asyncio.to_thread(good, mongod)

    # At most fifty under way on each socket, so that some are sent only after the recovery.
    await asyncio.gather(senders.send(told, chance.choice((20, 50)), on_answer), have_an_outage())
    assert len(told.acknowledged) + len(set(told.refused)) == SENDS
    await asyncio.to_thread(_wait_for_status, server, 200)
    await _check_after_an_outage(server, senders, told)


def _wait_for_status(server: ServerProcess, status: int) -> None:
    for _ in range(10_000):
        if server.call("GET", "/ready")[0] == status:
            return
    raise AssertionError(f"the server never answered {status}")


async def _check_after_an_outage(server: ServerProcess, senders: Senders, told: Told) -> None:
    """Send again what was refused, on the same sockets, until it is acknowledged."""
    first, plans = dict(told.acknowledged), senders.plans
    while told.refused:
        again, told.refused = set(told.refused), []
        senders.plans = [[one for one in plan if one[1] in again] for plan in plans]
        await senders.send(told, 50)
    senders.plans = [[one for one in plan if one[1] in first] for plan in plans]
    assert {one: _same(message) for one, message in first.items()} == {
        one: _same(told.acknowledged[one]) for one in first
    }
    stored = await _stored(server.url, senders)
    _check_stored(stored, senders, told)
    assert stored.keys() == told.acknowledged.keys()
    # All of it again: nothing new comes of that.
    senders.plans = plans
    repeated = Told()
    await senders.send(repeated, 200)
    for client_id, message in repeated.acknowledged.items():
        assert _same(message) == _same(stored[client_id])
    assert len(repeated.acknowledged) == SENDS
    await senders.close()
    for heard in told.heard:
        _check_heard(heard, stored)


async def _harmed_stores(
    folder: Path, program: Path, outages: list[str], seed: int, times: int
) -> None:
    chance = random.Random(seed)
    with (
        Mongod(program) as mongod,
        ServerProcess(
            folder, MONGODB_URI=mongod.uri(), STORE_TIMEOUT="1", RATE_LIMITS="off"
        ) as server,
    ):
        senders = await _gather(server)
        for number in range(times):
            for outage in outages:
                await _suffer(server, mongod, senders, outage, chance, f"o{number}{outage}")
                await _open_rooms(server, senders)
        _check_log(server)


async def test_a_killed_mongod_has_lost_and_doubled_nothing(
    tmp_path: Path, mongod_program: Path
) -> None:
    await _harmed_stores(tmp_path, mongod_program, ["killed and started at once"], seed=3, times=1)


@pytest.mark.long
@pytest.mark.parametrize("outage", OUTAGES)
async def test_a_mongod_that_is_harmed_again_and_again_has_lost_and_doubled_nothing(
    tmp_path: Path, mongod_program: Path, outage: str
) -> None:
    await _harmed_stores(tmp_path, mongod_program, [outage], seed=4, times=3)
