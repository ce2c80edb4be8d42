"""Calls that come with a key, one of each at a time."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chat.errors import Conflict, Invalid, Mismatched, TooMany
from chat.keyed_calls import MISMATCHES, Caller, KeyedCalls, require_key
from chat.limits import Limits
from models.disk import Disk, keyed
from models.records import Room
from models.sqlite import SQLiteStore
from models.store import Refused
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)

ANN = Caller("ann", "a login")
Make = Callable[..., KeyedCalls]


@pytest.fixture
def disk() -> Iterator[Disk]:
    running = Disk()
    yield running
    running.close()


@pytest.fixture
def make(sqlite_store: SQLiteStore, disk: Disk) -> Make:
    """Makes what keeps calls over one store, as each start of a server does."""

    def make(secret: str = "s" * 32, *, ttl: float = 60, most: int = 10) -> KeyedCalls:
        return KeyedCalls(sqlite_store, disk, Limits(), secret, ttl=ttl, max_per_owner=most)

    return make


async def test_the_answer_is_there_after_a_restart(make: Make) -> None:
    async with make().begun(ANN, "k", b"said") as call:
        await make().answer(call, 201, b"answer")
    async with make().begun(ANN, "k", b"said") as kept:
        assert (kept.id, kept.makes, kept.status, kept.body) == (
            call.id,
            call.makes,
            201,
            b"answer",
        )


async def test_what_finishes_a_call_notes_it(
    make: Make, disk: Disk, sqlite_store: SQLiteStore
) -> None:
    room: Room = samples.room()
    async with make().begun(ANN, "k", b"") as call:
        await disk.run(sqlite_store.rooms.add, room, [])
        kept = sqlite_store.keyed_calls.get(call.id)
        assert kept is not None
        assert kept.progress == "begun"
        await disk.finish(sqlite_store.rooms.change, room.id, name="new")
    assert keyed.get() is None
    await disk.finish(sqlite_store.rooms.change, room.id, name="newer")
    async with make().begun(ANN, "k", b"") as again:
        assert again.progress == "done"


async def test_another_secret_knows_no_key(make: Make) -> None:
    async with make().begun(ANN, "k", b"") as one, make("t" * 32).begun(ANN, "k", b"x") as other:
        assert one.id != other.id


async def test_guessing_what_was_said_is_limited(make: Make) -> None:
    calls = make()
    async with calls.begun(ANN, "k", b"right"):
        pass
    refused: list[type[Exception]] = []
    for _ in range(int(MISMATCHES.burst) + 1):
        with pytest.raises((Mismatched, TooMany)) as raised:
            async with calls.begun(ANN, "k", b"wrong"):
                pass
        refused.append(raised.type)
    assert refused == [Mismatched] * int(MISMATCHES.burst) + [TooMany]


async def test_one_of_a_key_is_made_at_a_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, order = make(), []

    async def one(number: int) -> None:
        async with calls.begun(ANN, "k", b""):
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(one(number) for number in range(5)))
    assert order[::2] == order[1::2]
    monkeypatch.setattr("chat.keyed_calls.WAIT_SECONDS", 0.01)
    async with calls.begun(ANN, "k", b""), calls.begun(ANN, "other", b""):
        with pytest.raises(Conflict):
            await one(5)


async def test_only_the_login_that_was_ended_is_answered(make: Make) -> None:
    calls = make()
    async with calls.begun(ANN, "k", b"") as call:
        assert await calls.ended(ANN, "k", b"") is None
        await calls.answer(call, 200, b"over")
    assert await calls.ended(Caller("ann", "another"), "k", b"") is None
    assert await calls.ended(ANN, "unknown", b"") is None
    found = await calls.ended(ANN, "k", b"")
    assert found is not None
    assert found.body == b"over"
    with pytest.raises(Mismatched):
        await calls.ended(ANN, "k", b"other")


async def test_old_calls_are_forgotten(make: Make) -> None:
    async with make().begun(ANN, "k", b"") as call:
        await make().answer(call, 200, b"")
    late = make(ttl=1e-6)
    await asyncio.sleep(0.002)  # times are kept in milliseconds
    assert await late.ended(ANN, "k", b"") is None
    async with late.begun(ANN, "k", b"another") as other:
        assert (other.status, other.makes == call.makes) == (0, False)
    await asyncio.sleep(0.002)
    assert await late.sweep() == 1


async def test_a_store_that_keeps_no_answer_holds_up_nobody(
    make: Make, sqlite_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise Refused("full")

    monkeypatch.setattr(sqlite_store.keyed_calls, "answer", full)
    monkeypatch.setattr(sqlite_store.keyed_calls, "forget", full)
    async with make().begun(ANN, "k", b"") as call:
        await make().answer(call, 200, b"")
        await make().forget(call)


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "é", "\x7f", "x" * 256])
def test_keys_are_short_and_plain(key: str) -> None:
    with pytest.raises(Invalid):
        require_key(key)
    assert require_key("x" * 255) == "x" * 255
