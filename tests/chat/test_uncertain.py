"""What is not known to be stored: found out, told and withdrawn before more is written."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import chat.uncertain as uncertain_module
from chat.entries import Mark, ToldGap
from chat.errors import Busy
from chat.uncertain import Uncertain
from models.records import Counters, new_id
from models.store import StoreError, Unavailable
from tests.chat.desk import Desk, edited, reacted, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import Call, full, kept, lost, until
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_room_is_in_doubt_until_it_is_read_again(desk: Desk) -> None:
    room = await desk.room()
    uncertain = Uncertain(desk.store, desk.disk, desk._tell)
    assert not uncertain
    found = samples.message(room.id, 1)
    samples.say(desk.real, found)
    uncertain.doubt([Mark(room, new_id(), 1, 1, asyncio.get_running_loop().create_future())])
    desk.store.plan("messages.changes", lost)
    with pytest.raises(Unavailable):
        await uncertain.find_out()
    assert (len(uncertain), desk.told, room.seq) == (1, [], 0)
    await uncertain.find_out()
    assert (len(uncertain), desk.news(room)) == (0, [found])
    desk.check(room)


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
    monkeypatch.setattr(uncertain_module, "MAX_RETOLD", 3)
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


async def test_a_mark_is_not_withdrawn(desk: Desk) -> None:
    user = new_id()
    room = await desk.room(user)
    await desk.say(room)
    frozen = Frozen(desk)
    with pytest.raises(Busy):
        await desk.journal.mark(room, user, delivered=1, read=1)
    await frozen.go_on()
    frozen.land()
    assert desk.store.calls["withdraw"] == 0
    member = desk.real.rooms.member(room.id, user)
    assert member is not None
    assert (member.delivered, member.read) == (1, 1)


async def test_numbers_that_were_taken_behind_an_outage_are_given_up(desk: Desk) -> None:
    room = await desk.room()
    await desk.say(room)
    samples.say(desk.real, samples.message(room.id, 2, text="of another"))
    desk.store.plan("commit", lost)
    assert await refusal(desk.say(room)) == "not_stored"
    assert (await desk.say(room)).message.seq == 3
    desk.check(room)


async def test_a_held_message_is_told_what_was_found_in_the_store(desk: Desk) -> None:
    """A change that was stored without an answer is not undone by the next one."""
    room, one, two = await desk.room(), new_id(), new_id()
    first = (await desk.say(room)).message
    with room.held(first.id) as held:
        held.message = first
        desk.store.away = True
        desk.store.plan("commit", kept)
        with pytest.raises(Busy):
            await desk.alter(room, first.id, reacted(one))
        desk.store.away = False
        said = await desk.journal.alter(room, held, reacted(two))
    assert said.message.reactions[0].users == (one, two)
    desk.check(room)
