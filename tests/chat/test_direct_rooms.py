"""Rooms of two: there is one of each pair, and whoever leaves it does not see it for a while."""

import asyncio

import pytest

from chat.commands import CreateRoom, LeaveRoom
from chat.events import RoomCreated
from tests.chat.engine import Core, code_of
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_direct_room_is_with_one_other(core: Core) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    for others in ((ann.id,), (bob.id, cid.id)):
        command = CreateRoom(kind="direct", participant_ids=others)
        assert await code_of(core.memberships.create(ann.id, command)) == "invalid_participants"
    assert await code_of(core.direct_rooms.between(ann.id, ann.id)) == "invalid_participants"


async def test_a_direct_room_is_made_once_and_then_found(core: Core) -> None:
    ann, bob = core.person(), core.person()
    ears = core.ear(ann), core.ear(bob)
    made = await asyncio.gather(*[
        core.direct_rooms.between(*pair) for pair in [(ann.id, bob.id), (bob.id, ann.id)] * 3
    ])  # fmt: skip
    assert len({id(room) for room, _ in made}) == 1
    assert sum(new for _, new in made) == 1
    assert [len(ear.of(RoomCreated)) for ear in ears] == [1, 1]
    room, new = await core.memberships.create(
        bob.id, CreateRoom(kind="direct", participant_ids=(ann.id,))
    )
    assert (room, new) == (made[0][0], False)
    assert {m.role for m in room.members.values()} == {"member"}


async def test_a_direct_room_that_one_leaves_is_hidden_from_them(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    ears = core.ear(ann), core.ear(bob)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    assert [ear.kinds() for ear in ears] == [["RoomDeleted"], []]
    assert core.real.rooms.of_user(ann.id, limit=5) == []
    assert len(core.real.rooms.of_user(bob.id, limit=5)) == 1
    assert room.hidden
    core.check_members(room)


async def test_whoever_hid_a_direct_room_sees_it_again_when_they_ask_for_it(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    await core.say(bob, room)
    for user in (ann, bob):
        await core.memberships.leave(user.id, LeaveRoom(room_id=room.id))
    ears = core.ear(ann), core.ear(bob)
    found, new = await core.direct_rooms.between(ann.id, bob.id)
    assert (found is room, new) == (True, False)
    [created] = ears[0].heard
    assert (created.standing.seq, created.standing.read, created.last_name) == (1, 0, bob.name)
    assert (ears[1].heard, room.members[bob.id].hidden) == ([], True)
    assert len(core.real.rooms.of_user(ann.id, limit=5)) == 1
    core.check_members(room)
