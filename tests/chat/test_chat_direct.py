"""Messages to one other: the room is found or made, and seen again by whoever has hidden it."""

import asyncio

import pytest

from chat.commands import LeaveRoom, Pin, SendMessage
from chat.events import RoomCreated
from chat.live_room import Standing
from models.records import new_id
from tests.chat.engine import Core, Fault, code_of, fine, lost, speaker, until
from tests.chat.engine import make_core as make_core
from tests.chat.message_doings import NO_ROOM, unheard

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_message_to_somebody_finds_or_makes_the_direct_room(core: Core) -> None:
    ann, bob = core.person(), core.person()
    ears = core.ear(ann), core.ear(bob)
    for n in range(2):
        said = await core.chat.sent(speaker(ann), SendMessage(to=bob.id, content=f"{n}"))
        assert said.message.seq == n + 1
    assert ears[0].kinds() == ["RoomCreated", "MessageStored", "MessageStored"]
    assert ears[1].kinds() == ["RoomCreated", "MessageStored", "MessageStored"]
    for command, code in (
        (SendMessage(to=new_id(), content="x"), "user_not_found"),
        (SendMessage(to=ann.id, content="x"), "invalid_participants"),
        (SendMessage(content="x"), "missing_field"),
    ):
        assert await code_of(core.chat.sent(speaker(ann), command)) == code


@pytest.mark.parametrize("wakes", [False, True])
async def test_a_hidden_direct_room_is_seen_again_when_somebody_writes(
    core: Core, wakes: bool
) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    if wakes:
        core.rooms.drop(room.id)
        room = await core.rooms.get(room.id)
    ear = core.ear(ann)
    core.people.note(bob)
    command = SendMessage(room_id=room.id, content="hello")
    assert not core.chat.send_now(speaker(bob), command, unheard)
    await core.say(bob, room)
    assert len(core.real.rooms.of_user(ann.id, limit=5)) == 1
    assert not room.hidden
    assert ear.kinds() == ["RoomCreated", "MessageStored"]
    created = ear.heard[0]
    assert (created.room, created.invitation, created.standing) == (
        room.room, False, Standing(),
    )  # fmt: skip
    core.check_members(room)


@pytest.mark.parametrize("fault", [fine, lost])
async def test_a_direct_room_that_is_left_while_a_message_is_on_its_way_is_seen_again(
    core: Core, fault: Fault
) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    ear = core.ear(bob)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(ann, room))
    await gate.reached()
    await core.memberships.leave(bob.id, LeaveRoom(room_id=room.id))
    core.store.plan("rooms.change_member", fault)
    gate.open()
    await saying
    if fault is lost:  # then the next message says it again
        await until(lambda: core.store.calls["rooms.change_member"] == 2)
        await core.say(ann, room)
    await until(lambda: ear.of(RoomCreated))
    assert [event.standing.seq for event in ear.of(RoomCreated)] == [1]
    assert not room.hidden
    core.check_members(room)


async def test_a_hidden_direct_room_stays_so_when_nothing_is_said(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    ear = core.ear(ann)
    for by, text, code in ((bob, " ", "empty_message"), (core.person(), "x", NO_ROOM)):
        command = SendMessage(room_id=room.id, content=text)
        assert await code_of(core.chat.sent(speaker(by), command)) == code
    assert (room.hidden, ear.heard) == (True, [])


async def test_both_pin_in_a_direct_room(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    said = await core.say(ann, room)
    await core.chat.pin(speaker(bob), Pin(message_id=said.id))
    assert core.stored(said).pinned
