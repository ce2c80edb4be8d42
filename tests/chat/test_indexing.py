"""Words that were left for later are indexed when there is time, and before somebody looks."""

import asyncio
import logging

import pytest

import chat.indexing as indexing_module
import chat.journal as journal_module
from chat.errors import Busy
from chat.indexing import QUIET, Indexing, index_rooms
from chat.journal import MAX_INDEXED
from models.contract.messages import Wanted
from models.records import EVERYONE
from tests.chat.desk import Desk
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import lost, until
from tests.contract.samples import add_room
from tests.contract.test_index import hellos, say_later
from tests.contract.test_search import term

pytestmark = pytest.mark.gen_test(timeout=20)


def found(desk: Desk, room_id: str) -> int:
    wanted = Wanted(rooms=(room_id,), terms=(term("hello"),), limit=1000)
    return len(desk.real.messages.search(wanted).messages)


def indexing(desk: Desk) -> Indexing:
    return Indexing(desk.store, desk.disk, desk.journal.measures, step=10)


async def say_at_once(desk: Desk, number: int) -> str:
    """Let one batch have so many messages."""
    room = await desk.room()
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    others = [desk.say(room) for _ in range(number)]
    gate.open()
    await asyncio.gather(first, *others)
    return room.id


async def test_the_words_of_a_small_batch_are_indexed_with_it(desk: Desk) -> None:
    room = await say_at_once(desk, MAX_INDEXED)
    assert (found(desk, room), desk.journal.measures.left) == (MAX_INDEXED + 1, 0)


async def test_those_of_a_large_one_are_indexed_when_it_is_quiet(desk: Desk) -> None:
    room = await say_at_once(desk, MAX_INDEXED + 1)
    assert (found(desk, room), desk.journal.measures.left) == (1, MAX_INDEXED + 1)
    await indexing(desk).catch_up()
    assert (found(desk, room), desk.journal.measures.left) == (MAX_INDEXED + 2, 0)


async def test_nothing_is_indexed_while_much_is_said(desk: Desk) -> None:
    later = indexing(desk)
    measures = desk.journal.measures
    room = await say_at_once(desk, 60)
    for _ in range(3):
        measures.messages += QUIET + 1
        await later.catch_up()
    assert (found(desk, room), measures.left) == (1, 60)
    await later.catch_up()
    assert (found(desk, room), measures.left) == (61, 0)


async def test_what_was_left_uncounted_is_indexed_as_well(desk: Desk) -> None:
    later = indexing(desk)
    await later.catch_up()
    say_later(desk.real, *hellos(EVERYONE, 25))
    desk.journal.measures.note_left(10)
    await later.catch_up()
    assert (found(desk, EVERYONE), desk.journal.measures.left) == (25, 0)


async def test_it_stops_as_soon_as_much_is_said(desk: Desk) -> None:
    later = indexing(desk)
    measures = desk.journal.measures
    room = await say_at_once(desk, 60)
    step = desk.store.gate("messages.index")
    catching_up = asyncio.create_task(later.catch_up())
    await step.reached()
    measures.messages += QUIET + 1
    step.open()
    await catching_up
    assert (found(desk, room), measures.left) == (11, 50)


async def test_no_more_is_left_where_too_much_is_left_already(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_LEFT", 60)
    rooms = [await say_at_once(desk, 60) for _ in range(2)]
    assert [found(desk, room) for room in rooms] == [1, 61]
    assert desk.journal.measures.left == 60


async def test_what_another_server_has_left_is_indexed_once(desk: Desk) -> None:
    say_later(desk.real, *hellos(EVERYONE, 25))
    later = indexing(desk)
    await later.catch_up()
    assert found(desk, EVERYONE) == 25
    calls = desk.store.calls["messages.index"]
    await later.catch_up()
    assert desk.store.calls["messages.index"] == calls


async def test_what_was_stored_without_an_answer_is_indexed_too(desk: Desk) -> None:
    later = indexing(desk)
    await later.catch_up()
    desk.store.plan("commit", lambda call: (call(), lost(call)))
    room = await desk.room()
    said = [desk.say(room) for _ in range(MAX_INDEXED + 1)]
    await asyncio.gather(*said)
    await later.catch_up()
    assert found(desk, room.id) == MAX_INDEXED + 1


async def test_a_store_that_fails_is_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("EVERY_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(indexing_module, name, 0)
    say_later(desk.real, *hellos(EVERYONE, 5))
    desk.store.plan("messages.index", lost)
    keeping = asyncio.create_task(indexing(desk).keep())
    await until(lambda: found(desk, EVERYONE) == 5)
    keeping.cancel()
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


async def test_some_rooms_are_indexed_before_they_are_searched(desk: Desk) -> None:
    other = add_room(desk.real)
    say_later(desk.real, *hellos(EVERYONE, 450), *hellos(other.id, 3))
    await index_rooms(desk.real, desk.disk, [EVERYONE], 10)
    assert (found(desk, EVERYONE), found(desk, other.id)) == (450, 0)


async def test_whoever_searches_is_told_when_that_takes_too_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing_module, "STEP", 1)
    say_later(desk.real, *hellos(EVERYONE, 4))
    clock = iter(range(4))
    with pytest.raises(Busy) as refusal:
        await index_rooms(desk.real, desk.disk, [EVERYONE], 2, clock=lambda: next(clock))
    assert (refusal.value.code, refusal.value.retry_after) == ("busy", 1)
    assert found(desk, EVERYONE) == 2
