"""A journal for tests, and what it has told."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from tornado.ioloop import IOLoop

import chat.journal as journal_module
from chat.entries import Said, Told, ToldMessage, fulfil
from chat.errors import Busy, Forbidden, NotFound
from chat.journal import Journal
from chat.live_room import LiveRoom
from chat.rooms import Rooms
from models.disk import Disk
from models.records import Counters, Message, Reaction
from models.store import Store
from tests.chat.engine import Unreliable
from tests.contract import samples


class Clock:
    """A clock that goes on by a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Desk:
    """A journal, and what it has told."""

    def __init__(self, store: Store) -> None:
        self.real = store
        self.store = Unreliable(store)
        self.disk = Disk()
        self.rooms = Rooms(self.store, self.disk)
        self.told: list[Told] = []
        self.tellings = 0
        self.waiting: list[asyncio.Future[Any]] = []
        self.answered_first = 0
        self.journal = Journal(self.store, self.disk, self._tell, Clock())

    def _tell(self, told: Any) -> None:
        self.told += told
        self.tellings += 1
        ids = {each.message.id for each in told if isinstance(each, ToldMessage) and each.new}
        self.answered_first += sum(
            future.result().message.id in ids
            for future in self.waiting
            if future.done() and not future.cancelled() and future.exception() is None
        )

    async def room(self, *members: str) -> LiveRoom:
        return await self.rooms.get(samples.add_room(self.real, *members).id)

    def say(
        self, room: LiveRoom, text: str = "hello", origin: int | None = None, **fields: Any
    ) -> asyncio.Future[Said]:
        draft = samples.message(room.id, 0, text=text, **fields)
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self.journal.say(room, draft, partial(fulfil, future), origin)
        self.waiting.append(future)
        return future

    async def alter(
        self, room: LiveRoom, message_id: str, change: Callable[[Message], Message | None]
    ) -> Said:
        with room.held(message_id) as held:
            if held.message is None:
                message = self.real.messages.get(message_id)
                held.message = held.message or message
            return await self.journal.alter(room, held, change)

    async def close(self) -> None:
        await self.journal.close()
        self.disk.close()

    def news(self, room: LiveRoom) -> list[Message]:
        """The new messages of a room, as they were told."""
        return [
            told.message
            for told in self.told
            if isinstance(told, ToldMessage) and told.room is room and told.new
        ]

    def check(self, room: LiveRoom) -> None:
        """Hold what was told against what is stored."""
        told = [each for each in self.told if isinstance(each, ToldMessage) and each.room is room]
        revs = [each.message.rev for each in told]
        assert revs == sorted(set(revs))
        news = [each.message.id for each in told if each.new]
        assert len(news) == len(set(news))
        stored = self.real.messages.history(room.id, limit=10_000)
        assert [message.seq for message in stored] == list(range(1, len(stored) + 1))
        assert {each.message.id: each.message for each in told} == {m.id: m for m in stored}
        assert set(news) == {message.id for message in stored}
        assert self.real.messages.counters(room.id) == Counters(seq=room.seq, rev=room.rev)
        assert room.last == (stored[-1] if stored else None)
        assert room.senders(max(0, room.seq - 5), room.seq) == {m.sender for m in stored[-5:]}
        assert room.pending == 0


@pytest.fixture(name="desk")
def make_desk(io_loop: IOLoop, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(journal_module, "RETRY_SECONDS", 0)
    monkeypatch.setattr(journal_module, "MIN_AHEAD", 1)
    made = Desk(store)
    yield made
    io_loop.run_sync(made.close)


def edited(text: str) -> Callable[[Message], Message]:
    return lambda message: replace(message, text=text)


def reacted(user: str) -> Callable[[Message], Message | None]:
    def change(message: Message) -> Message | None:
        users = message.reactions[0].users if message.reactions else ()
        if user in users:
            return None
        return replace(message, reactions=(Reaction(emoji="x", users=(*users, user)),))

    return change


def fail_to_tell_once(desk: Desk) -> None:
    """Let the next telling fail by a fault of ours."""
    told = desk.journal._tell

    def fail(_: Any) -> None:
        desk.journal._tell = told
        raise RuntimeError("a bug")

    desk.journal._tell = fail


async def refusal(future: asyncio.Future[Said]) -> str:
    with pytest.raises((Busy, NotFound, Forbidden)) as caught:
        await future
    return caught.value.code
