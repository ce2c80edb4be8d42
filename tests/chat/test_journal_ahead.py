"""The commit that is under way while the last is told, and tellings that fail or fall behind."""

import asyncio
from typing import Any

import pytest

import chat.journal as journal_module
from chat.errors import Forbidden
from chat.hub import Hub
from chat.journal import Journal
from models.records import Counters, Message, new_id
from tests.chat.desk import Desk, edited, fail_to_tell_once, reacted, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import full, kept, lost, turns

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.mark.parametrize(
    ("ahead", "order"), [(1, "commit commit tell tell"), (2, "commit tell commit tell")]
)
async def test_the_next_commit_is_under_way_while_the_last_is_told_if_much_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ahead: int, order: str
) -> None:
    monkeypatch.setattr(journal_module, "MIN_AHEAD", ahead)
    room = await desk.room()
    begun: list[str] = []
    start, tell = desk.disk.start_in_order, desk._tell

    def starting(*args: Any, **kwargs: Any) -> Any:
        begun.append("commit")
        return start(*args, **kwargs)

    def telling(told: Any) -> None:
        begun.append("tell")
        tell(told)

    monkeypatch.setattr(desk.disk, "start_in_order", starting)
    desk.journal = Journal(desk.store, desk.disk, telling)
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    second = desk.say(room)
    gate.open()
    await asyncio.gather(first, second)
    assert begun == order.split()
    assert desk.answered_first == 0
    desk.check(room)


@pytest.mark.parametrize(("size", "sizes"), [(3, [3, 3]), (2, [2, 1, 2])])
async def test_a_large_batch_is_followed_by_all_that_its_answers_bring(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, size: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(journal_module, "MIN_AHEAD", 2)
    room = await desk.room()
    replies: list[asyncio.Future[Any]] = []
    tell = desk._tell

    def telling(told: Any) -> None:
        """One reply comes while all are told, and the others with the loop's next look."""
        tell(told)
        if not replies:
            replies.append(desk.say(room))
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: replies.extend(desk.say(room) for _ in range(2)))

    desk.journal = Journal(desk.store, desk.disk, telling)
    await asyncio.gather(*(desk.say(room) for _ in range(size)))
    await asyncio.gather(*replies)
    assert [len(batch) for batch in desk.store.batches] == sizes
    desk.check(room)


async def test_what_waits_is_numbered_behind_a_duplicate(desk: Desk) -> None:
    room = await desk.room()
    first = (await desk.say(room)).message
    gate = desk.store.gate("commit")
    again = desk.say(room, sender=first.sender, client_id=first.client_id)
    await gate.reached()
    later = [desk.say(room), desk.say(room)]
    gate.open()
    assert not (await again).fresh
    assert [(await each).message.seq for each in later] == [2, 3]
    assert [len(batch) for batch in desk.store.batches] == [1, 1, 2]
    assert desk.journal.measures.commit_writes.counts[:2] == [2, 1]
    desk.check(room)


@pytest.mark.parametrize(("fault", "seqs"), [(full, [1, 2]), (lost, [2, 3]), (kept, [2, 3])])
async def test_what_waits_is_numbered_by_what_becomes_of_a_failure(
    desk: Desk, fault: Any, seqs: list[int]
) -> None:
    room = await desk.room()
    gate = desk.store.gate("commit", fault)
    first = desk.say(room)
    await gate.reached()
    later = [desk.say(room), desk.say(room)]
    gate.open()
    if fault is full:
        assert await refusal(first) == "not_stored"
    else:
        assert (await first).message.seq == 1
    assert [(await each).message.seq for each in later] == seqs
    desk.check(room)


async def test_what_waits_for_a_room_that_is_gone_is_refused(desk: Desk) -> None:
    room, other = await desk.room(), await desk.room()
    await desk.say(room)
    gate = desk.store.gate("commit")
    first = desk.say(other)
    await gate.reached()
    later = [desk.say(room), desk.say(other)]
    desk.real.rooms.delete(room.id)
    gate.open()
    assert (await first).message.seq == 1
    assert await refusal(later[0]) == "room_not_found"
    assert (await later[1]).message.seq == 2
    desk.check(other)


async def test_a_change_is_made_of_the_change_in_front_of_it(desk: Desk) -> None:
    room = await desk.room()
    message = (await desk.say(room)).message
    gate = desk.store.gate("commit")
    users = [new_id() for _ in range(3)]
    altering = [asyncio.ensure_future(desk.alter(room, message.id, reacted(users[0])))]
    await gate.reached()
    for user in (*users[1:], users[0]):
        altering.append(asyncio.ensure_future(desk.alter(room, message.id, reacted(user))))
        await turns(3)
    gate.open()
    *_, last, idle = await asyncio.gather(*altering)
    assert last.message.reactions[0].users == tuple(users)
    assert not idle.fresh
    desk.check(room)


async def test_a_change_is_not_refused_because_of_one_that_is_not_stored(desk: Desk) -> None:
    room = await desk.room()
    message = (await desk.say(room)).message

    def change(there: Message) -> Message:
        if there.text == "first":
            raise Forbidden("too_late", "there is a first one")
        return edited("second")(there)

    gate = desk.store.gate("commit", full)
    first = asyncio.ensure_future(desk.alter(room, message.id, edited("first")))
    await gate.reached()
    second = asyncio.ensure_future(desk.alter(room, message.id, change))
    await turns()
    gate.open()
    assert await refusal(first) == "not_stored"
    assert (await second).message.text == "second"
    desk.check(room)


async def test_a_change_is_refused_because_of_one_that_is_stored(desk: Desk) -> None:
    room = await desk.room()
    message = (await desk.say(room)).message

    def refuse(there: Message) -> Message:
        raise Forbidden("too_late", there.text)

    gate = desk.store.gate("commit")
    first = asyncio.ensure_future(desk.alter(room, message.id, edited("first")))
    await gate.reached()
    second = asyncio.ensure_future(desk.alter(room, message.id, refuse))
    await turns()
    assert not second.done()
    gate.open()
    assert (await first).message.text == "first"
    assert await refusal(second) == "too_late"
    desk.check(room)


async def test_nothing_is_begun_while_those_who_are_told_are_behind(desk: Desk) -> None:
    room = await desk.room()
    told, behind = asyncio.Event(), asyncio.Event()

    def ready() -> Any:
        return behind if told.is_set() else None

    def telling(news: Any) -> None:
        desk._tell(news)
        told.set()

    desk.journal = Journal(desk.store, desk.disk, telling, ready=ready)
    await desk.say(room)
    later = desk.say(room)
    await turns(5)
    assert (desk.store.calls["commit"], later.done()) == (1, False)
    behind.set()
    await later
    desk.check(room)


async def test_those_who_are_told_may_fall_behind_while_a_commit_is_under_way(desk: Desk) -> None:
    room, hub = await desk.room(), Hub()

    def telling(news: Any) -> None:
        desk._tell(news)
        hub._caught_up.clear()

    desk.journal = Journal(desk.store, desk.disk, telling, ready=hub.caught_up)
    gates = [desk.store.gate("commit") for _ in range(2)]
    said = [desk.say(room)]
    for gate in gates:
        await gate.reached()
        said.append(desk.say(room))
        gate.open()
        await said[-2]
    await turns()
    assert (len(desk.store.batches), said[-1].done()) == (2, False)
    hub._caught_up.set()
    await said[-1]
    desk.check(room)


@pytest.mark.expects_errors
async def test_what_cannot_be_begun_is_no_fault_of_those_in_front(desk: Desk) -> None:
    room = await desk.room()
    message = (await desk.say(room)).message

    def fail(_: Any) -> None:
        raise RuntimeError("a bug")

    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    altering = asyncio.ensure_future(desk.alter(room, message.id, fail))
    await turns()
    beside = desk.say(room)
    gate.open()
    assert (await first).message.seq == 2
    assert [await refusal(beside), await refusal(altering)] == ["not_stored"] * 2
    assert (await desk.say(room)).message.seq == 3
    desk.check(room)


@pytest.mark.expects_errors
async def test_a_teller_that_fails_ends_nothing(desk: Desk) -> None:
    room = await desk.room()
    fail_to_tell_once(desk)
    assert await refusal(desk.say(room)) == "not_stored"
    assert (await desk.say(room)).message.seq == 2


@pytest.mark.expects_errors
async def test_a_teller_that_fails_does_no_harm_to_the_commit_that_is_under_way(desk: Desk) -> None:
    room = await desk.room()
    fail_to_tell_once(desk)
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    second = desk.say(room)
    gate.open()
    assert await refusal(first) == "not_stored"
    assert (await second).message.seq == 2
    assert [message.seq for message in desk.news(room)] == [2]
    assert (await desk.say(room)).message.seq == 3
    assert desk.real.messages.counters(room.id) == Counters(seq=3, rev=3)


@pytest.mark.expects_errors
async def test_a_commit_that_is_under_way_is_not_refused_for_what_is_doubted(desk: Desk) -> None:
    room = await desk.room()
    fail_to_tell_once(desk)
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    second = desk.say(room)
    desk.store.plan("messages.counters", full)
    gate.open()
    assert await refusal(first) == "not_stored"
    assert (await second).message.seq == 2
    await desk.journal.close()
    assert room.pending == 0
