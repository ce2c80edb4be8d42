"""The journal: what a store does that fails, and what is told of it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import chat.journal as journal_module
from chat.entries import ToldGap
from chat.errors import Busy
from models.records import Counters, new_id
from models.store import StoreError, Taken
from tests.chat.desk import Desk, edited, reacted, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import LONGEST, Call, Fault, full, kept, lost, until
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


async def test_what_was_stored_is_told_though_nobody_writes_any_more(desk: Desk) -> None:
    room = await desk.room()
    desk.store.away = True
    desk.store.plan("commit", kept)
    assert await refusal(desk.say(room, "kept")) == "not_stored"
    assert desk.told == []
    desk.store.away = False
    await until(lambda: desk.told)
    desk.check(room)


async def test_what_is_too_much_to_be_told_is_told_to_be_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_RETOLD", 3)
    room, other = await desk.room(), await desk.room()
    first = (await desk.say(room, "before")).message
    desk.store.away = True
    desk.store.plan("commit", kept)
    with room.held(first.id) as held:
        held.message = first
        lost_answers = [desk.say(room, f"{n}") for n in range(5)]
        lost_answers += [desk.say(other, f"{n}") for n in range(3)]
        lost_answers.append(desk.journal.alter(room, held, edited("edited")))
        for future in lost_answers:
            assert await refusal(future) == "not_stored"
        del desk.told[:]
        desk.store.away = False
        await until(lambda: len(desk.told) >= 7)
        assert held.message.text == "edited"
    assert [message.text for message in desk.news(room)] == ["0", "1", "2"]
    assert [each for each in desk.told if isinstance(each, ToldGap)] == [ToldGap(room, 4)]
    assert [each.room for each in desk.told].count(other) == 3
    assert room.last == desk.real.messages.history(room.id, limit=1)[0]
    assert (await desk.say(room, "after")).message.rev == 9  # 8 is that of the withdrawal
    assert desk.real.messages.counters(room.id) == Counters(seq=room.seq, rev=room.rev)


async def test_whoever_sends_again_after_not_stored_is_stored_once(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    desk.store.away = True
    desk.store.plan("commit", kept)
    assert await refusal(desk.say(room, sender=sender, client_id="c")) == "not_stored"
    desk.store.away = False
    assert (await desk.say(room, sender=sender, client_id="c")).message.seq == 1
    desk.check(room)


class Frozen:
    """Commits that are given up, and carried out when the server goes on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._calls: list[Call] = []
        desk.store.away = True
        desk.store.plan("commit", self._freeze)

    def _freeze(self, call: Call) -> Any:
        self._calls.append(call)
        return lost(call)

    def land(self) -> None:
        """Carry out what was asked, which may be too late."""
        for call in self._calls:
            with suppress(StoreError):
                call()

    async def go_on(self) -> None:
        """Answer again; and let what is not known be found out."""
        self._desk.store.away = False
        await until(lambda: not self._desk.journal._uncertain)


async def test_a_message_that_arrives_late_comes_to_nothing(desk: Desk) -> None:
    """A frozen server may carry out a batch long after it was given up."""
    room, sender = await desk.room(), new_id()
    first = await desk.say(room)
    frozen = Frozen(desk)
    assert await refusal(desk.say(room, sender=sender, client_id="c")) == "not_stored"
    await frozen.go_on()
    change = await desk.alter(room, first.message.id, edited("new"))  # which takes no `seq`
    frozen.land()
    again = await desk.say(room, sender=sender, client_id="c")
    assert (again.fresh, again.message.seq) == (True, 2)
    assert again.message.rev == change.message.rev + 1
    desk.check(room)


async def test_a_change_that_arrives_late_comes_to_nothing(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    frozen = Frozen(desk)
    with pytest.raises(Busy):
        await desk.alter(room, first.id, edited("late"))
    await frozen.go_on()
    said = (await desk.say(room)).message
    frozen.land()
    # Whoever has seen what was said has missed nothing.
    assert desk.real.messages.changes(room.id, since=said.rev, limit=9) == []
    stored = desk.real.messages.get(first.id)
    assert stored is not None
    assert (stored.text, stored.rev < said.rev) == (first.text, True)
    desk.check(room)


@pytest.mark.parametrize("part", [0, 1, 2, 3])
async def test_a_part_that_landed_before_the_rest_was_withdrawn_counts(
    desk: Desk, part: int
) -> None:
    room, one = await desk.room(), new_id()
    first = (await desk.say(room)).message
    frozen = Frozen(desk)
    with room.held(first.id) as held:
        held.message = first
        refused = [desk.say(room), desk.journal.alter(room, held, reacted(one)), desk.say(room)]
        assert [await refusal(future) for future in refused] == ["not_stored"] * 3
    desk.real.commit(desk.store.batches[-1][:part])
    await frozen.go_on()
    frozen.land()
    assert (await desk.say(room)).message.seq == [2, 3, 3, 4][part]
    desk.check(room)


async def test_a_store_that_goes_again_before_all_is_withdrawn_is_asked_again(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    frozen = Frozen(desk)
    with pytest.raises(Busy):
        await desk.alter(room, first.id, edited("late"))
    desk.store.plan("withdraw", lost, kept, full)
    await frozen.go_on()
    frozen.land()
    assert desk.store.calls["withdraw"] == 4
    await desk.say(room)
    desk.check(room)


async def test_numbers_that_were_taken_behind_an_outage_are_given_up(desk: Desk) -> None:
    room = await desk.room()
    await desk.say(room)
    samples.say(desk.real, samples.message(room.id, 2, text="of another"))
    desk.store.plan("commit", lost)
    assert await refusal(desk.say(room)) == "not_stored"
    assert (await desk.say(room)).message.seq == 3
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
