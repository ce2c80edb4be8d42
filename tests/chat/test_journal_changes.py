"""The journal: changes of messages all count, and only once they are stored."""

import asyncio

import pytest

from chat.entries import Said
from chat.errors import Busy, Forbidden
from models.records import Message, new_id
from tests.chat.desk import Desk, edited, reacted
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import full, turns

pytestmark = pytest.mark.gen_test(timeout=30)


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
