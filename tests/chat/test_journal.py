"""The journal: what is acknowledged is stored and told, once, and in one order."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tornado.ioloop import IOLoop

import chat.journal as journal_module
from chat.errors import Busy, Forbidden, NotFound
from chat.journal import Journal, Said, Told, ToldGap, ToldMarks, ToldMessage
from chat.rooms import LiveRoom, Rooms
from models.disk import Disk
from models.records import EVERYONE, Counters, Message, Reaction, new_id
from models.store import ChangedMessage, NewMessage, Store, StoreError, Taken, Unavailable
from tests.chat.engine import LONGEST, Call, Fault, Unreliable, fine, full, kept, lost, turns, until
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


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

    def say(self, room: LiveRoom, text: str = "hello", **fields: Any) -> asyncio.Future[Said]:
        draft = samples.message(room.id, 0, text=text, **fields)
        future = self.journal.say(room, draft)
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


@pytest.fixture
def desk(io_loop: IOLoop, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(journal_module, "RETRY_SECONDS", 0)
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


async def refusal(future: asyncio.Future[Said]) -> str:
    with pytest.raises((Busy, NotFound, Forbidden)) as caught:
        await future
    return caught.value.code


async def test_many_senders_get_one_order_without_gaps(desk: Desk) -> None:
    rooms = [await desk.room() for _ in range(3)]

    async def talk(sender: str) -> None:
        for n in range(20):
            said = await desk.say(rooms[n % 3], f"{n}", sender=sender)
            assert said.fresh

    senders = [new_id() for _ in range(10)]
    await asyncio.gather(*map(talk, senders))
    for room in rooms:
        desk.check(room)
        assert [message.seq for message in desk.news(room)] == list(range(1, room.seq + 1))
        for sender in senders:
            own = [int(m.text) for m in desk.news(room) if m.sender == sender]
            assert own == sorted(own)
    assert sum(room.seq for room in rooms) == 200
    assert desk.answered_first == 0
    assert desk.store.calls["commit"] <= 40


async def test_what_gathers_during_a_commit_is_one_batch(desk: Desk) -> None:
    room = await desk.room()
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    others = [desk.say(room) for _ in range(50)]
    gate.open()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in desk.store.batches] == [1, 50]
    assert desk.tellings == 2


async def test_a_batch_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_BATCH", 10)
    room = await desk.room()
    await asyncio.gather(*[desk.say(room) for _ in range(25)])
    assert [len(batch) for batch in desk.store.batches] == [10, 10, 5]
    desk.check(room)


async def test_it_is_told_before_it_is_answered(desk: Desk) -> None:
    room = await desk.room()
    future = desk.say(room)
    future.add_done_callback(lambda _: desk.told.append("answered"))
    await future
    await turns(1)
    assert [type(each) for each in desk.told] == [ToldMessage, str]
    assert desk.answered_first == 0


async def test_the_socket_that_it_came_from_is_told_with_it(desk: Desk) -> None:
    room = await desk.room()
    await desk.journal.say(room, samples.message(room.id, 0), origin=7)
    assert [each.origin for each in desk.told if isinstance(each, ToldMessage)] == [7]


async def test_a_client_id_twice_in_a_batch_is_one_message(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    first, again, other = (
        desk.say(room, text, sender=sender, client_id=client_id)
        for text, client_id in (("first", "c"), ("again", "c"), ("other", "d"))
    )
    answers = await asyncio.gather(first, again, other)
    assert [(a.message.text, a.message.seq, a.fresh) for a in answers] == [
        ("first", 1, True),
        ("first", 1, False),
        ("other", 2, True),
    ]
    desk.check(room)


async def test_a_client_id_again_gets_the_first_answer(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    first = await desk.say(room, "first", sender=sender, client_id="c")
    again = await desk.say(room, "again", sender=sender, client_id="c")
    assert again == Said(first.message, fresh=False)
    desk.check(room)


async def test_a_client_id_of_before_a_restart_gets_the_first_answer(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    first = await desk.say(room, "first", sender=sender, client_id="c")
    later = Desk(desk.real)
    woken = await later.rooms.get(room.id)
    again, new = await asyncio.gather(
        later.say(woken, "again", sender=sender, client_id="c"), later.say(woken, "new")
    )
    assert again == Said(first.message, fresh=False)
    assert (new.message.seq, new.message.rev) == (2, 2)
    assert later.news(woken) == [new.message]
    await later.close()


async def test_a_client_id_used_in_another_room_moves_no_counter(desk: Desk) -> None:
    room, other, sender = await desk.room(), await desk.room(), new_id()
    first = await desk.say(room, sender=sender, client_id="c")
    again, next_one = desk.say(other, sender=sender, client_id="c"), desk.say(other)
    assert await again == Said(first.message, fresh=False)
    assert (await next_one).message.seq == 1
    desk.check(room)
    desk.check(other)


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
    assert (await desk.say(room, "after")).message.rev == 8
    assert desk.real.messages.counters(room.id) == Counters(seq=room.seq, rev=room.rev)


async def test_whoever_sends_again_after_not_stored_is_stored_once(desk: Desk) -> None:
    room, sender = await desk.room(), new_id()
    desk.store.away = True
    desk.store.plan("commit", kept)
    assert await refusal(desk.say(room, sender=sender, client_id="c")) == "not_stored"
    desk.store.away = False
    assert (await desk.say(room, sender=sender, client_id="c")).message.seq == 1
    desk.check(room)


async def test_a_write_that_arrives_late_is_told_when_its_sender_asks_again(desk: Desk) -> None:
    """A frozen server may carry out a batch long after it was given up."""
    room, sender = await desk.room(), new_id()
    late: list[Call] = []

    def frozen(call: Call) -> Any:
        late.append(call)
        return lost(call)

    desk.store.away = True
    desk.store.plan("commit", frozen)
    assert await refusal(desk.say(room, sender=sender, client_id="c")) == "not_stored"
    desk.store.away = False
    await desk.say(await desk.room())  # by now, the rooms are read again
    late[0]()
    again = await desk.say(room, sender=sender, client_id="c")
    assert not again.fresh
    await until(lambda: desk.news(room))
    desk.check(room)


async def test_a_write_that_arrives_between_two_reads_is_not_missed(desk: Desk) -> None:
    room = await desk.room()
    late: list[Call] = []

    def frozen(call: Call) -> Any:
        late.append(call)
        return lost(call)

    def overtaken(call: Call) -> Any:
        found = call()
        late.pop()()
        return found

    desk.store.away = True
    desk.store.plan("commit", frozen)
    assert await refusal(desk.say(room, "late")) == "not_stored"
    desk.store.plan("messages.changes", overtaken)
    desk.store.away = False
    await desk.say(room, "after")
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


async def test_a_store_that_is_lost_while_a_deleted_room_is_looked_for(desk: Desk) -> None:
    gone, there = await desk.room(), await desk.room()
    desk.real.rooms.delete(gone.id)
    desk.store.plan("rooms.get", lost)
    futures = [desk.say(gone), desk.say(there)]
    assert [await refusal(future) for future in futures] == ["not_stored"] * 2
    await desk.say(there)
    desk.check(there)


async def test_a_full_queue_refuses(desk: Desk) -> None:
    desk.journal = Journal(desk.store, desk.disk, desk._tell, max_waiting=3)
    room = await desk.room()
    futures = [desk.say(room) for _ in range(3)]
    with pytest.raises(Busy) as caught:
        desk.say(room)
    assert (caught.value.code, caught.value.retry_after) == ("busy", 1)
    await asyncio.gather(*futures)
    await desk.say(room)
    desk.check(room)


@pytest.mark.parametrize("fault", [fine, lost, kept])
async def test_a_sender_that_is_gone_does_no_harm(desk: Desk, fault: Fault) -> None:
    room = await desk.room()
    desk.store.plan("commit", fault)
    gate = desk.store.gate("commit") if fault is fine else None
    futures = [desk.say(room) for _ in range(3)]
    futures[1].cancel()
    if gate is not None:
        await futures[0]
        gate.open()
    said = [await futures[0], await futures[2]]
    assert all(each.fresh for each in said)
    desk.check(room)


async def test_a_sender_that_leaves_while_it_is_refused_does_no_harm(desk: Desk) -> None:
    room = await desk.room()
    desk.store.plan("commit", full)
    futures = [desk.say(room), desk.say(room)]
    futures[0].cancel()
    assert await refusal(futures[1]) == "not_stored"
    desk.check(room)


async def test_two_changes_of_a_message_at_once_both_count(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    one, two = new_id(), new_id()
    changes = [reacted(one), edited("new"), reacted(two)]
    said = await asyncio.gather(*[desk.alter(room, first.id, change) for change in changes])
    assert len(desk.store.batches) == 2
    assert [each.message.rev for each in said] == [2, 3, 4]
    stored = desk.real.messages.get(first.id)
    assert stored is not None
    assert (stored.text, stored.reactions[0].users) == ("new", (one, two))
    desk.check(room)


async def test_two_changes_of_a_message_in_two_batches_both_count(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    gate = desk.store.gate("commit")
    one, two = new_id(), new_id()
    change = asyncio.ensure_future(desk.alter(room, first.id, reacted(one)))
    await gate.reached()
    other = asyncio.ensure_future(desk.alter(room, first.id, reacted(two)))
    await turns()
    gate.open()
    await asyncio.gather(change, other)
    stored = desk.real.messages.get(first.id)
    assert stored is not None
    assert stored.reactions[0].users == (one, two)
    desk.check(room)


async def test_a_change_whose_sender_left_is_not_undone_by_another(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    gate = desk.store.gate("commit")
    users = [new_id() for _ in range(3)]
    in_flight = asyncio.ensure_future(desk.alter(room, first.id, reacted(users[0])))
    await gate.reached()
    in_flight.cancel()
    await turns()
    waiting = asyncio.ensure_future(desk.alter(room, first.id, reacted(users[1])))
    await turns()
    waiting.cancel()
    await turns()
    gate.open()
    await desk.alter(room, first.id, reacted(users[2]))
    stored = desk.real.messages.get(first.id)
    assert stored is not None
    assert {users[0], users[2]} <= set(stored.reactions[0].users)
    desk.check(room)


async def test_a_change_that_is_refused_refuses_itself_alone(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message

    def no(_: Message) -> Message:
        raise Forbidden("no", "no")

    bad = asyncio.ensure_future(desk.alter(room, first.id, no))
    good = asyncio.ensure_future(desk.alter(room, first.id, edited("new")))
    said = desk.say(room)
    with pytest.raises(Forbidden):
        await bad
    assert (await said).message.rev == 2
    assert (await good).message.rev == 3
    desk.check(room)


async def test_a_batch_of_refusals_alone_commits_nothing(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message

    def no(_: Message) -> Message:
        raise Forbidden("no", "no")

    with pytest.raises(Forbidden):
        await desk.alter(room, first.id, no)
    assert desk.store.calls["commit"] == 1


async def test_a_change_that_finds_nothing_to_do_takes_no_number(desk: Desk) -> None:
    room, user = await desk.room(), new_id()
    first = (await desk.say(room)).message
    once = await desk.alter(room, first.id, reacted(user))
    again = await desk.alter(room, first.id, reacted(user))
    assert again == Said(once.message, fresh=False)
    assert (room.rev, desk.store.calls["commit"]) == (2, 2)


async def test_nothing_to_do_after_a_change_that_fails_is_not_acknowledged(desk: Desk) -> None:
    """The second finds done what the first one asks for, but the first is not stored."""
    room, user = await desk.room(), new_id()
    first = (await desk.say(room)).message
    desk.store.plan("commit", full)
    both = [asyncio.ensure_future(desk.alter(room, first.id, reacted(user))) for _ in range(2)]
    for each in both:
        with pytest.raises(Busy):
            await each
    assert desk.real.messages.get(first.id) == first


async def test_nothing_to_do_after_a_change_is_answered_with_what_is_stored(desk: Desk) -> None:
    room, user, sender = await desk.room(), new_id(), new_id()
    first = (await desk.say(room, sender=sender, client_id="c")).message
    duplicate = desk.say(room, sender=sender, client_id="c")  # numbers behind it move down
    both = [asyncio.ensure_future(desk.alter(room, first.id, reacted(user))) for _ in range(2)]
    await duplicate
    done, nothing = await asyncio.gather(*both)
    assert nothing == Said(done.message, fresh=False)
    assert done.message.rev == 2
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


async def test_marks_are_moved_and_told(desk: Desk) -> None:
    user = new_id()
    room = await desk.room(user)
    await desk.say(room)
    await desk.journal.mark(room, user, delivered=1, read=0)
    member = desk.real.rooms.member(room.id, user)
    assert member is not None
    assert (member.delivered, member.read) == (1, 0)
    assert desk.told[-1] == ToldMarks(room, user, 1, 0)
    assert (room.seq, room.rev) == (1, 1)


async def test_marks_do_not_need_a_membership(desk: Desk) -> None:
    room, user = await desk.room(), new_id()
    await desk.journal.mark(room, user, delivered=1, read=1)
    assert desk.real.rooms.member(room.id, user) is None
    everyone = await desk.rooms.get(EVERYONE)
    await desk.journal.mark(everyone, user, delivered=1, read=1)
    assert desk.real.rooms.member(EVERYONE, user) is not None


async def test_marks_of_a_store_that_is_away_are_refused(desk: Desk) -> None:
    user = new_id()
    room = await desk.room(user)
    desk.store.away = True
    with pytest.raises(Busy):
        await desk.journal.mark(room, user, delivered=1, read=1)
    desk.store.away = False
    assert desk.told == []


async def test_closing_writes_what_has_gathered(desk: Desk) -> None:
    room = await desk.room()
    gate = desk.store.gate("commit")
    futures = [desk.say(room)]
    await gate.reached()
    futures += [desk.say(room), desk.say(room)]
    closing = asyncio.ensure_future(desk.journal.close())
    await turns()
    gate.open()
    await closing
    assert [future.result().message.seq for future in futures] == [1, 2, 3]
    desk.check(room)


async def test_closing_does_not_wait_for_a_store_that_is_away(desk: Desk) -> None:
    room = await desk.room()
    desk.store.away = True
    refused = [desk.say(room)]
    assert await refusal(refused[0]) == "not_stored"
    waiting = desk.say(room)
    await asyncio.wait_for(desk.journal.close(), LONGEST)
    assert await refusal(waiting) == "not_stored"


async def test_closing_a_journal_that_has_nothing_to_do_is_nothing(desk: Desk) -> None:
    await desk.journal.close()
    await desk.say(await desk.room())
    await desk.journal.close()


@pytest.mark.expects_errors
async def test_a_teller_that_fails_ends_nothing(desk: Desk) -> None:
    room = await desk.room()
    told = desk.journal._tell

    def fail(_: Any) -> None:
        desk.journal._tell = told
        raise RuntimeError("a bug")

    desk.journal._tell = fail
    assert await refusal(desk.say(room)) == "not_stored"
    assert (await desk.say(room)).message.seq == 2


# What may become of a commit: done, lost before, lost after, refused, and broken off in the middle.
def broken_off(store: Unreliable, share: float) -> Fault:
    def fault(_: Call) -> Any:
        batch = store.batches[-1]
        messages = [w for w in batch if isinstance(w, NewMessage | ChangedMessage)]
        store._store.commit(messages[: int(len(messages) * share)])
        raise Unavailable("it broke off")

    return fault


class Late:
    """A batch that a frozen server carries out after it was given up."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()

    def freeze(self, call: Call) -> Any:
        self._calls.append(call)
        return lost(call)

    def land(self, call: Call) -> Any:
        while self._calls:
            with suppress(StoreError):
                self._calls.popleft()()
        return call()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("alter"), st.integers(0, 9), st.integers(0, 5)),
        st.tuples(st.just("mark"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("turn"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.just(0)),
    ),
    max_size=30,
)
FAULTS = ("fine", "lost", "kept", "full", "half", "away", "late")
faults = st.lists(st.sampled_from(FAULTS), max_size=12)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps, faults=faults, seed=st.integers(0, 1000))
def test_whatever_fails_what_is_told_is_what_is_stored(
    store: Store, steps: list[tuple[str, int, int]], faults: list[str], seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "RETRY_SECONDS", 0)
        # A loop of its own, that is not left to be the current one.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(_story(store, steps, faults, random.Random(seed)))


async def _story(
    store: Store, steps: list[tuple[str, int, int]], faults: list[str], chance: random.Random
) -> None:
    desk = Desk(store)
    users = [new_id() for _ in range(6)]
    rooms = [await desk.room(*users) for _ in range(2)]
    late = Late()
    _plan(desk, late, faults, chance)
    doing: list[asyncio.Future[Any]] = []
    for step, which, who in steps:
        messages = [(room, m) for room in rooms for m in desk.news(room)]
        match step:
            case "say":
                client_id = f"c{chance.randrange(8)}" if chance.random() < 0.5 else new_id()
                doing.append(desk.say(rooms[which], sender=users[who], client_id=client_id))
            case "alter" if messages:
                room, message = messages[which % len(messages)]
                change = reacted(users[who]) if which % 2 else edited(f"{which} {who}")
                doing.append(asyncio.ensure_future(desk.alter(room, message.id, change)))
            case "mark":
                doing.append(desk.journal.mark(rooms[which], users[who], delivered=who, read=who))
            case "turn":
                await turns(which)
            case "wait":
                await asyncio.gather(*doing, return_exceptions=True)
    results = await asyncio.gather(*doing, return_exceptions=True)
    desk.store.faults.clear()
    desk.store.plan("commit", late.land)
    for room in rooms:  # and so everything uncertain is read again
        await desk.say(room)
    await desk.close()
    for room in rooms:
        desk.check(room)
    assert {type(result) for result in results} <= {type(None), Said, Busy}
    for said in (result.message for result in results if isinstance(result, Said)):
        stored = store.messages.get(said.id)
        assert stored is not None
        assert (stored.seq, stored.rev >= said.rev) == (said.seq, True)


def _plan(desk: Desk, late: Late, faults: list[str], chance: random.Random) -> None:
    table: dict[str, Fault] = {"fine": fine, "lost": lost, "kept": kept, "full": full}
    for name in faults:
        match name:
            case "half":
                desk.store.plan("commit", broken_off(desk.store, chance.random()))
            case "away":  # past all patience
                desk.store.plan("commit", *[lost] * 8)
            case "late":
                desk.store.plan("commit", late.freeze, *[lost] * 8, late.land)
            case _:
                desk.store.plan("commit", table[name])
