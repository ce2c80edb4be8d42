"""A core for tests, over a real store that can be made to fail, with ears that remember."""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from msgspec import Struct
from tornado.ioloop import IOLoop

from chat.attachments import Attachments
from chat.chat import Chat, Speaker
from chat.commands import SendMessage
from chat.errors import Refusal
from chat.events import Event, Form
from chat.hub import Hub
from chat.links import Links
from chat.live_room import LiveRoom, live_member
from chat.membership import Memberships
from chat.people import People
from chat.rooms import Rooms
from models.disk import Disk
from models.records import Counters, Message, Room, RoomRole, User, new_id
from models.store import Refused, Store, Unavailable
from tests.contract import samples

# Longer than anything here takes, shorter than the patience of whoever waits for the tests.
LONGEST = 10.0

Call = Callable[[], Any]
Fault = Callable[[Call], Any]


def lost(_: Call) -> Any:
    """What is asked for is not done, and nobody says so."""
    raise Unavailable("the question was lost")


def kept(call: Call) -> Any:
    """What is asked for is done, and nobody says so."""
    call()
    raise Unavailable("the answer was lost")


def nothing(_: Call) -> Any:
    """What is asked for is not there."""
    return None


def full(_: Call) -> Any:
    """What is asked for is refused."""
    raise Refused("the disk is full")


def fine(call: Call) -> Any:
    """What is asked for is done."""
    return call()


class Gate:
    """Holds calls up until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    async def reached(self) -> None:
        """Wait until somebody waits at the gate."""
        assert await asyncio.to_thread(self._reached.wait, LONGEST)

    def open(self) -> None:
        self._open.set()

    def __call__(self, call: Call) -> Any:
        self._reached.set()
        assert self._open.wait(LONGEST)
        return call()


class Unreliable:
    """A store that fails, waits and counts as a test wants it to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()
        self.batches: list[list[Any]] = []
        self.faults: dict[str, deque[Fault]] = {}
        self.away = False
        self.users = _Part(self, "users", store.users)
        self.rooms = _Part(self, "rooms", store.rooms)
        self.messages = _Part(self, "messages", store.messages)
        self.uploads = _Part(self, "uploads", store.uploads)

    def plan(self, name: str, *faults: Fault) -> None:
        """Let the next calls of a method go as planned."""
        self.faults.setdefault(name, deque()).extend(faults)

    def gate(self, name: str, fault: Fault = fine) -> Gate:
        """Hold up the next call of a method that has no other plan; behind the gate it may fail."""
        gate = Gate()
        self.plan(name, lambda call: gate(partial(fault, call)))
        return gate

    def commit(self, writes: list[Any], *, later: bool = False) -> Any:
        self.batches.append(list(writes))
        return self.do("commit", partial(self._store.commit, writes, later=later))

    def withdraw(self, writes: list[Any], *, above: int) -> None:
        self.do("withdraw", partial(self._store.withdraw, writes, above=above))

    def do(self, name: str, call: Call) -> Any:
        self.calls[name] += 1
        planned = self.faults.get(name)
        if planned:
            return planned.popleft()(call)
        if self.away:
            raise Unavailable("the store is away")
        return call()


class _Part:
    def __init__(self, whole: Unreliable, name: str, part: object) -> None:
        self._whole, self._name, self._part = whole, name, part

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._part, method)
        name = f"{self._name}.{method}"
        return lambda *args, **kwargs: self._whole.do(name, partial(real, *args, **kwargs))


class Words:
    """A dialect that keeps what it encodes; its frames are their numbers."""

    names_people = True
    is_alike = False

    def __init__(self) -> None:
        self.encoded: list[tuple[Event, Form]] = []
        self.silent: tuple[type, ...] = ()

    def encode(self, event: Event, form: Form) -> bytes:
        self.encoded.append((event, form))
        return b"" if isinstance(event, self.silent) else len(self.encoded).to_bytes(4)

    def decode(self, data: bytes) -> list[tuple[Event, Form]]:
        places = range(0, len(data), 4)
        return [self.encoded[int.from_bytes(data[at : at + 4]) - 1] for at in places]


_sockets = count(1)


class Ear:
    """A connection that keeps what it is told."""

    def __init__(self, user: str, dialect: Words) -> None:
        self.number = next(_sockets)
        self.user = user
        self.dialect = dialect
        self.rooms: set[str] | None = None
        self.held: list[tuple[Event, Form]] | None = None
        self.writes: list[list[tuple[Event, Form]]] = []
        self.on_send: Callable[[], None] | None = None

    def send(self, data: bytes) -> None:
        self.writes.append(self.dialect.decode(data))
        if self.on_send is not None:
            self.on_send()

    @property
    def heard(self) -> list[Event]:
        return [event for write in self.writes for event, _ in write]

    @property
    def forms(self) -> list[Form]:
        return [form for write in self.writes for _, form in write]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]

    def forget(self) -> None:
        self.writes.clear()


class Cast(Struct):
    """A room with somebody of each kind."""

    room: LiveRoom
    owner: User
    admin: User
    member: User
    stranger: User
    removed: User

    def __getitem__(self, part: str) -> User:
        found: User = getattr(self, part)
        return found


PARTS = ("owner", "admin", "member", "stranger", "removed")


class Core:
    """The core as `server.py` puts it together, without any edge."""

    def __init__(
        self,
        store: Store,
        *,
        edit_window: float = 0.0,
        max_members: int = 50,
        max_rooms: int = 50,
    ) -> None:
        self.real = store
        self.store = Unreliable(store)
        self.disk = Disk()
        self.words = Words()
        self.hub = Hub()
        self.rooms = Rooms(self.store, self.disk)
        self.people = People(self.store, self.disk)
        self.attachments = Attachments(self.store, self.disk, Links("a secret", 86400.0))
        self.memberships = Memberships(
            self.store,
            self.disk,
            self.rooms,
            self.people,
            self.hub,
            attachments=self.attachments,
            max_members=max_members,
            max_rooms=max_rooms,
        )
        self.direct_rooms = self.memberships.direct_rooms
        self.chat = Chat(
            self.store,
            self.disk,
            self.rooms,
            self.people,
            self.hub,
            self.direct_rooms,
            self.attachments,
            edit_window,
        )

    async def close(self) -> None:
        await self.chat.journal.close()
        self.memberships.close()
        self.disk.close()

    def person(self, name: str | None = None) -> User:
        return self.real.users.add(samples.user(name))

    def ear(self, user: User) -> Ear:
        ear = Ear(user.id, self.words)
        self.hub.connect(ear)
        return ear

    def ears(self, cast: Cast) -> dict[str, Ear]:
        """One ear of everybody in a cast."""
        return {part: self.ear(cast[part]) for part in PARTS}

    def stored(self, message: Message) -> Message:
        """A message as it is in the store."""
        found = self.real.messages.get(message.id)
        assert found is not None
        return found

    async def room(self, roles: dict[str, RoomRole], kind: str = "private") -> LiveRoom:
        made = samples.room(kind)
        members = [
            samples.member(made.id, user, role=role, joined=samples.at(n))
            for n, (user, role) in enumerate(roles.items())
        ]
        self.real.rooms.add(made, members)
        return await self.rooms.get(made.id)

    async def cast(self, kind: str = "private") -> Cast:
        owner, admin, member, stranger, removed = (self.person() for _ in PARTS)
        roles: dict[str, RoomRole] = {
            owner.id: "owner",
            admin.id: "admin",
            member.id: "member",
            removed.id: "member",
        }
        room = await self.room(roles, kind)
        self.real.rooms.leave(room.id, removed.id)
        del room.members[removed.id]
        return Cast(room, owner, admin, member, stranger, removed)

    async def say(self, user: User, room: LiveRoom, text: str = "hello", **more: Any) -> Message:
        ear = more.pop("ear", None)
        command = SendMessage(room_id=room.id, content=text, **more)
        said = await self.chat.sent(speaker(user, ear), command)
        return said.message

    def check_members(self, room: LiveRoom) -> None:
        """Compare who is in a room with what would be read of it after a restart."""
        if self.real.rooms.get(room.id) is None:
            assert (room.members, self.real.rooms.members(room.id)) == ({}, [])
        else:
            anew = Rooms(self.real, self.disk)._read(room.id)[0]
            assert (room.members, room.hidden) == (anew.members, anew.hidden)

    def check_counters(self, room: LiveRoom) -> None:
        stored = self.real.messages.counters(room.id)
        assert stored == Counters(seq=room.seq, rev=room.rev)


def speaker(user: User, ear: Ear | None = None) -> Speaker:
    return Speaker(user.id, user.name, None if ear is None else ear.number)


async def code_of(doing: Any) -> str:
    """The code of the refusal that something ends in, or "ok"."""
    try:
        await doing
    except Refusal as refusal:
        return refusal.code
    return "ok"


def bare_room(*members: str, kind: str = "private", **fields: Any) -> LiveRoom:
    """A live room that no store knows."""
    made: Room = samples.room(kind, **{"id": new_id(), **fields})
    return LiveRoom(
        made, Counters(), {user: live_member(samples.member(made.id, user)) for user in members}
    )


async def turns(number: int = 5) -> None:
    """Let everything that is ready have its turn."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Let the others go on until something is so."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


@pytest.fixture(name="core")
def make_core(io_loop: IOLoop, store: Store) -> Iterator[Core]:
    """A core on either store."""
    made = Core(store)
    yield made
    io_loop.run_sync(made.close)
