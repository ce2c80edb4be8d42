"""The journal: what a store does that fails, and what is told of it."""

import asyncio
from typing import Any

import pytest

import chat.journal as journal_module
from models.records import new_id
from models.store import Taken
from tests.chat.desk import Desk, reacted, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import LONGEST, Call, Fault, full, kept, lost
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.mark.parametrize("faults", [(lost,), (kept,), (lost, kept, lost), (kept, kept)])
async def test_a_store_that_does_not_answer_is_asked_again(
    desk: Desk, faults: tuple[Fault, ...]
) -> None:
    room = await desk.room()
    desk.store.plan("commit", *faults)
    answers = await asyncio.gather(*[desk.say(room) for _ in range(5)])
    assert [(a.message.seq, a.message.rev, a.fresh) for a in answers] == [
        (n, n, True) for n in range(1, 6)
    ]
    assert all(batch == desk.store.batches[0] for batch in desk.store.batches)
    desk.check(room)
    await desk.say(room)
    desk.check(room)


@pytest.mark.parametrize("fault", [lost, kept])
async def test_patience_ends_and_what_was_stored_is_told_later(desk: Desk, fault: Fault) -> None:
    room, other = await desk.room(), await desk.room()
    await desk.say(room, "before")
    desk.store.away = True
    desk.store.plan("commit", fault)
    refused = [desk.say(room, "in between"), desk.say(other), desk.say(room)]
    assert {await refusal(future) for future in refused} == {"not_stored"}
    later = desk.say(room, "still away")
    assert await refusal(later) == "not_stored"
    desk.store.away = False
    stored = 2 if fault is kept else 0
    said = await desk.say(room, "after")
    assert said.message.seq == 1 + stored + 1
    await desk.say(other)
    desk.check(room)
    desk.check(other)


async def test_whoever_sends_again_after_not_stored_is_stored_once(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    desk.store.away = True
    desk.store.plan("commit", kept)
    assert await refusal(desk.say(room, sender=sender, client_id="c")) == "not_stored"
    desk.store.away = False
    assert (await desk.say(room, sender=sender, client_id="c")).message.seq == 1
    desk.check(room)


async def test_a_refusal_gives_the_numbers_back(desk: Desk) -> None:
    room = await desk.room()
    desk.store.plan("commit", full)
    assert [await refusal(desk.say(room)), room.seq, room.rev] == ["not_stored", 0, 0]
    assert desk.store.calls["commit"] == 1
    assert (await desk.say(room)).message.seq == 1
    assert desk.store.calls["messages.changes"] == 0
    desk.check(room)


async def test_a_refusal_of_what_may_be_stored_leaves_the_outcome_open(desk: Desk) -> None:
    room = await desk.room()
    desk.store.plan("commit", kept, full)
    assert await refusal(desk.say(room, "kept")) == "not_stored"
    assert (await desk.say(room)).message.seq == 2
    desk.check(room)


async def test_numbers_that_another_took_are_given_anew(desk: Desk) -> None:
    room = await desk.room()
    await desk.say(room)
    taken = samples.message(room.id, 2, text="of another")
    samples.say(desk.real, taken)
    said = await asyncio.gather(desk.say(room), desk.say(room))
    assert [each.message.seq for each in said] == [3, 4]
    assert taken in desk.news(room)
    desk.check(room)


async def test_numbers_that_are_always_taken_end_in_not_stored(desk: Desk) -> None:
    room = await desk.room()

    def taken(_: Call) -> Any:
        raise Taken("number")

    desk.store.plan("commit", *[taken] * journal_module.MAX_RENUMBERINGS)
    assert await refusal(desk.say(room)) == "not_stored"
    await desk.say(room)
    desk.check(room)


@pytest.mark.parametrize("part", [1, 2, 3])
async def test_a_part_that_was_written_before_numbers_were_taken_counts(
    desk: Desk, part: int
) -> None:
    """A store without transactions may have written a prefix."""
    room, other, changed = await desk.room(), await desk.room(), new_id()
    first = await desk.say(other, "first")

    def half(_: Call) -> Any:
        desk.real.commit(desk.store.batches[-1][:part])
        raise Taken("number")

    desk.store.plan("commit", half)
    said = [desk.say(room), desk.say(room)]
    change = asyncio.ensure_future(desk.alter(other, first.message.id, reacted(changed)))
    said.append(desk.say(other))
    assert [(await each).message.seq for each in said] == [1, 2, 2]
    assert (await change).message.reactions[0].users == (changed,)
    desk.check(room)
    desk.check(other)


async def test_a_deleted_room_refuses_its_own_senders_alone(desk: Desk) -> None:
    gone, there = await desk.room(), await desk.room()
    desk.real.rooms.delete(gone.id)
    futures = [desk.say(gone), desk.say(there), desk.say(gone), desk.say(there)]
    assert await refusal(futures[0]) == "room_not_found"
    assert await refusal(futures[2]) == "room_not_found"
    assert [(await futures[n]).message.seq for n in (1, 3)] == [1, 2]
    assert (gone.pending, gone.seq) == (0, 0)
    desk.check(there)


@pytest.mark.parametrize("deletions", [1, 3])
async def test_what_was_stored_beside_what_deleted_rooms_refused_is_told(
    desk: Desk, deletions: int
) -> None:
    rooms = [await desk.room() for _ in range(deletions)]
    there = await desk.room()

    def deleting(call: Call) -> Any:
        desk.real.rooms.delete(rooms[desk.store.calls["commit"] - 1].id)
        return call()

    desk.store.plan("commit", *[deleting] * deletions, full)
    futures = [desk.say(room) for room in (*rooms, there)]
    assert [await refusal(future) for future in futures] == [
        *["room_not_found"] * deletions,
        "not_stored",
    ]
    await desk.journal.lull(LONGEST)
    desk.check(there)


async def test_a_store_that_is_lost_while_a_deleted_room_is_looked_for(desk: Desk) -> None:
    gone, there = await desk.room(), await desk.room()
    desk.real.rooms.delete(gone.id)
    desk.store.plan("rooms.get", lost)
    futures = [desk.say(gone), desk.say(there)]
    assert [await refusal(future) for future in futures] == ["not_stored"] * 2
    await desk.say(there)
    desk.check(there)
