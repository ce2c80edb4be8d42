"""The journal: what is acknowledged is stored and told, once, and in one order."""

import asyncio
import gc
import random
import weakref
from collections import deque
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import chat.journal as journal_module
from chat.entries import Mark, Said, ToldMarks, ToldMessage
from chat.errors import Busy
from chat.journal import Journal
from models.records import EVERYONE, new_id
from models.store import ChangedMessage, NewMessage, Store, StoreError, Unavailable
from tests.chat.desk import Desk, edited, reacted, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import LONGEST, Call, Fault, Unreliable, fine, full, kept, lost, turns

pytestmark = pytest.mark.gen_test(timeout=30)


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


async def test_a_lull_comes_when_nothing_is_written_any_more_or_after_a_while(desk: Desk) -> None:
    await asyncio.wait_for(desk.journal.lull(60), 1)
    room = await desk.room()
    gate = desk.store.gate("commit")
    said = asyncio.ensure_future(desk.say(room))
    await gate.reached()
    await asyncio.wait_for(desk.journal.lull(0.01), 10)
    assert not said.done()
    lull = asyncio.ensure_future(desk.journal.lull(60))
    await asyncio.sleep(0)
    assert not lull.done()
    gate.open()
    await lull
    assert said.done()
    desk.check(room)


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
    await desk.say(room, origin=7)
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


async def test_a_mark_that_goes_without_saying_is_neither_written_nor_told(desk: Desk) -> None:
    user = new_id()
    room = await desk.room(user)
    await desk.say(room)
    desk.journal.note(Mark(room, user, 1, 0, is_implied=True))
    await desk.say(room, sender=user)
    assert not [told for told in desk.told if isinstance(told, ToldMarks)]
    assert room.members[user].delivered == 2
    desk.check(room)


async def test_a_mark_is_written_where_what_was_said_was_said_before(desk: Desk) -> None:
    user = new_id()
    room = await desk.room(user)
    await desk.say(room, sender=user, client_id="once")
    await desk.say(room)
    desk.journal.note(Mark(room, user, 2, 0, is_implied=True))
    again = await desk.say(room, sender=user, client_id="once")
    assert not again.fresh
    await desk.journal.lull(5)
    assert desk.told[-1] == ToldMarks(room, user, 2, 0)
    member = desk.real.rooms.member(room.id, user)
    assert member is not None
    assert member.delivered == 2
    desk.check(room)


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


async def test_what_comes_behind_the_close_is_refused(desk: Desk) -> None:
    room, user = await desk.room(), new_id()
    said = await desk.say(room)
    await desk.journal.close()
    with pytest.raises(Busy, match="send it again"):
        desk.say(room)
    with pytest.raises(Busy):
        desk.journal.mark(room, user, delivered=1, read=1)
    assert (room.seq, room.pending) == (said.message.seq, 0)
    await desk.journal.close()


@pytest.mark.parametrize("fault", [full, lost])
async def test_nothing_is_left_of_what_was_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(journal_module.log, "disabled", True)  # or pytest would keep the errors
    room = await desk.room()
    desk.store.plan("commit", *[fault] * 10)
    futures = [desk.say(room)]
    with suppress(Busy):
        await futures[0]
    desk.store.faults.clear()
    await desk.say(room)
    desk.waiting.clear()
    left = weakref.ref(futures.pop())
    gc.collect()
    assert left() is None


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
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps, faults=faults, seed=st.integers(0, 1000))
# A change that lands when the room has come past its `rev`.
@example(
    steps=[("say", 1, 5), ("turn", 5, 0), ("wait", 0, 0), ("alter", 9, 2), ("alter", 1, 3)],
    faults=["fine", "late"],
    seed=1685,
)
def test_whatever_fails_what_is_told_is_what_is_stored(
    store: Store, steps: list[tuple[str, int, int]], faults: list[str], seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_module, "RETRY_SECONDS", 0)
        patch.setattr(journal_module, "MIN_AHEAD", 1)
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
