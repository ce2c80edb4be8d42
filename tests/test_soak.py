"""A crowd that comes, chats and goes for some minutes leaves nothing behind but what it said."""

import asyncio
import gc
import inspect
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from chat import rooms as rooms_module
from conf.settings import Settings
from handlers import sockets as sockets_module
from models.records import EVERYONE
from models.store import Store
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person
from tests.handlers.sockets import bearer, dial
from tests.socket import Closed, Refused, Socket

PEOPLE = 24
ROOMS = 8
VISITS = 30

# What is kept for a while (names, the last senders of a room) is full behind the first of these.
WARM_UP, ROUNDS = 10, 25

# Often enough that every round has some, and seldom enough that whoever is alive answers in time.
BEAT = 2.0

# What 25 rounds of 30 visits may leave in memory; what is held of one visit is 10 KB and more.
MAX_GROWTH = 2 << 20

# Each fills the buffers of the kernel and of the socket, so that a slow reader is cut.
LARGE = "\U0001f642" * 4_900

# By those who have said nothing yet.
MAY_BE_REFUSED = {"message_not_found"}


@pytest.fixture
def hub(
    io_loop: IOLoop, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hubbub]:
    """A server without limits on rates, where whoever goes is gone at once."""
    settings = Settings(
        data_dir=tmp_path,
        presence_grace=0,
        rate_limits=False,
        socket_backlog=64 * 1024,
    )
    hub = Hubbub(settings, store)
    hub.core.rooms._shelf._most = 1 << 20  # so that it is full behind the first rounds
    yield hub
    io_loop.run_sync(hub.stop)


class Visit:
    """One life of a device: it comes, perhaps resumes, says and does some things, and goes."""

    def __init__(
        self, hub: Hubbub, person: Person, rooms: list[str], chance: random.Random
    ) -> None:
        self.hub = hub
        self.person = person
        self.rooms = rooms
        self.chance = chance
        self.messages: list[str] = []

    async def run(self) -> None:
        socket = await Socket.connect(f"http://127.0.0.1:{self.hub.port}")
        known = {room: self.seen(room) for room in self.chance.sample(self.rooms, 3)}
        try:
            await socket.authenticate(self.person.token, known)
            for _ in range(self.chance.randrange(12)):
                await self.act(socket)
        except Closed:
            pass
        if self.chance.random() < 0.5:
            await socket.drop()
        else:
            await socket.close()

    def seen(self, room_id: str) -> int:
        """How far this device has heard of a room before."""
        room = self.hub.core.rooms.live(room_id)
        return max(0, room.rev - self.chance.randrange(20)) if room else 0

    async def act(self, socket: Socket) -> None:
        kind = self.chance.choice(["say"] * 4 + ["edit", "react", "read", "type", "page", "bad"])
        try:
            await self.do(kind, socket, self.chance.choice(self.rooms))
        except Refused as refusal:
            if refusal.code not in MAY_BE_REFUSED and kind != "bad":
                raise

    async def do(self, kind: str, socket: Socket, room: str) -> None:
        message = self.messages[-1] if self.messages else "0" * 24
        match kind:
            case "say":
                said = await socket.command("SEND_MESSAGE", roomId=room, content="hello")
                self.messages.append(said["message"]["id"])
            case "edit":
                await socket.command("EDIT_MESSAGE", messageId=message, content=f"{id(self)}")
            case "react":
                await socket.command("REACT", messageId=message, emoji="👍")
            case "read":
                await socket.command("READ", roomId=room, seq=1 << 40)
            case "type":
                await socket.command("TYPING", roomId=room)
            case "page":
                await socket.command("HISTORY", roomId=room, limit=20)
            case "bad":
                await socket.command("NO_SUCH_THING", roomId=room)


async def be_slow(hub: Hubbub, person: Person, speaker: Person, room: str) -> None:
    """Come, stop reading, and be cut while others go on."""
    slow = await dial(hub.port, headers=bearer(person.token))
    await slow.hear("AUTH_SUCCESS")
    slow.stop_reading()
    for _ in range(3_000):
        if not hub.core.hub.is_connected(person.id):
            break
        await hub.say(speaker, room, LARGE)
    assert not hub.core.hub.is_connected(person.id)
    await slow.over()


async def come_and_go(hub: Hubbub, people: list[Person], rooms: list[str], seed: int) -> None:
    """One round: many at once, one who is slow, and some who never say who they are."""
    chance = random.Random(seed)
    *visitors, slow = people
    strangers = [await dial(hub.port) for _ in range(5)]
    visits = [
        Visit(hub, chance.choice(visitors), rooms, random.Random(chance.random())).run()
        for _ in range(VISITS)
    ]
    if seed % 5 == 0:
        visits.append(be_slow(hub, slow, visitors[0], EVERYONE))
    await asyncio.gather(*visits)
    for stranger in strangers:
        await stranger.over()
    await until(lambda: not len(hub.services.sockets))


def left_behind(hub: Hubbub) -> dict[str, int]:
    """How much is in each map of the process; nothing, when nobody is there."""
    core, sockets = hub.core, hub.services.sockets
    held = (
        ("connections", len(core.hub)),
        ("connected", len(core.hub._outboxes)),
        ("taking", len(core.hub._taking)),
        ("backlog", core.hub.backlog),
        ("present", len(core.presence._present)),
        ("leaving", len(core.presence._leaving)),
        ("announcing", len(core.presence._telling)),
        ("writing", len(core.typing._writing)),
        ("typing told", len(core.typing._told)),
        ("sockets", len(sockets)),
        ("addresses", len(sockets._by_address)),
        ("unauthenticated", len(sockets._unauthenticated)),
        ("journal", core.chat.journal.waiting),
        ("uncertain", len(core.chat.journal._uncertain)),
        ("doubtful", len(core.memberships._doubts._doubtful)),
        ("loading", len(core.rooms._loading)),
        ("live rooms", len(core.rooms)),
        ("held rooms", len(core.rooms._held)),
        ("requests", len(hub.services.running._requests)),
    )
    return {name: number for name, number in held if number}


async def emptied(hub: Hubbub) -> None:
    """Let all rooms be idle, and wait until the last timers have gone."""
    for _ in range(300):
        if not left_behind(hub):
            return
        await asyncio.sleep(0.05)
        hub.core.rooms.sweep()
        gc.collect()
    holders = [named(path_to(room)) for room in hub.core.rooms._held.values()]
    assert left_behind(hub) == {}, holders


def path_to(kept: object, most: int = 12) -> list[object]:
    """What holds an object, and what holds that in turn, as far as it is known."""
    path = [kept]
    while len(path) < most:
        known = {id(path), id(inspect.currentframe()), *map(id, path)}
        holders = [one for one in gc.get_referrers(path[-1]) if id(one) not in known]
        if not holders:
            break
        path.append(holders[0])
        del holders
    return path


def named(path: list[object]) -> list[str]:
    """Objects by what they are, and frames by where they are."""
    return [str(one) if inspect.isframe(one) else type(one).__qualname__ for one in path]


@pytest.mark.long
def test_a_crowd_leaves_nothing_behind(
    io_loop: IOLoop, hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(sockets_module, "HEARTBEAT_SECONDS", BEAT)

    async def soak() -> int:
        people = await hub.residents(*(f"soaker{n}" for n in range(PEOPLE)))
        members = {person.id: "member" for person in people}
        rooms = [(await hub.room(members)).id for _ in range(ROOMS)]  # type: ignore[arg-type]
        tasks = len(asyncio.all_tasks())
        for number in range(WARM_UP):
            await come_and_go(hub, people, rooms, number)
        await emptied(hub)
        before, _ = tracemalloc.get_traced_memory()
        for number in range(WARM_UP, WARM_UP + ROUNDS):
            await come_and_go(hub, people, rooms, number)
        await emptied(hub)
        after, _ = tracemalloc.get_traced_memory()
        assert len(asyncio.all_tasks()) <= tasks
        return after - before

    tracemalloc.start()
    try:
        growth = io_loop.run_sync(soak, timeout=900)
    finally:
        tracemalloc.stop()
    assert growth < MAX_GROWTH
