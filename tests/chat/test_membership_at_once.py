"""Rooms in which much happens at once, or is not answered: memory is what is stored."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from chat.commands import DeleteRoom, Invite, JoinRoom, LeaveRoom, RemoveMember, SetRole, UpdateRoom
from chat.events import MemberJoined, RoomCreated, RoomDeleted, RoomUpdated
from chat.live_room import LiveRoom
from models.records import User
from models.store import Unavailable
from tests.chat.engine import PARTS, Cast, Core, code_of, kept, lost, nothing, turns
from tests.chat.engine import make_core as make_core
from tests.chat.room_doings import (
    NO_ROOM,
    OK,
    Doing,
    delete,
    invite,
    join,
    leave,
    promote,
    remove,
    update,
)

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_room_that_is_deleted_meanwhile_has_no_neighbours(core: Core) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    rooms = [await core.room({ann.id: "owner", other.id: "member"}) for other in (bob, cid)]
    core.rooms.drop(rooms[1].id)
    core.store.plan("rooms.get", nothing)
    assert await core.memberships.neighbours(ann.id) == {bob.id}


async def test_two_that_bring_the_same_person_bring_them_once(core: Core) -> None:
    cast = await core.cast("public")
    ears = core.ears(cast)
    command = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
    await asyncio.gather(
        core.memberships.invite(cast.owner.id, command),
        core.memberships.invite(cast.admin.id, command),
        core.memberships.join(cast.stranger.id, JoinRoom(room_id=cast.room.id)),
    )
    assert ears["stranger"].kinds() == ["RoomCreated"]
    assert len(ears["member"].of(MemberJoined)) == 1
    core.check_members(cast.room)


@pytest.mark.parametrize("doing", [join, invite, leave, update, remove, promote])
async def test_what_waits_while_a_room_is_deleted_finds_none(core: Core, doing: Doing) -> None:
    cast = await core.cast("public")
    by = cast.stranger if doing is join else cast.owner
    gate = core.store.gate("rooms.delete")
    deleting = asyncio.ensure_future(code_of(delete(core, cast, cast.owner)))
    await gate.reached()
    waiting = asyncio.ensure_future(code_of(doing(core, cast, by)))
    await turns(30)
    ears = core.ears(cast)
    gate.open()
    assert await deleting == OK
    assert await waiting == NO_ROOM
    assert core.real.rooms.members(cast.room.id) == []
    assert {kind for ear in ears.values() for kind in ear.kinds()} == {"RoomDeleted"}


def know_all(core: Core, cast: Cast) -> None:
    for part in PARTS:
        core.people.note(cast[part])


async def test_the_last_that_is_told_is_how_it_stands(core: Core) -> None:
    """A list of members that takes long to put together is not told after a newer one."""
    cast = await core.cast("public")
    ear = core.ear(cast.owner)
    core.people.note(cast.stranger)
    gate = core.store.gate("users.many")
    joining = asyncio.ensure_future(join(core, cast, cast.stranger))
    await gate.reached()
    know_all(core, cast)
    leaving = asyncio.ensure_future(leave(core, cast, cast.member))
    await asyncio.wait([leaving], timeout=0.2)  # as far as it comes
    gate.open()
    await asyncio.gather(joining, leaving)
    assert {user.id for user in ear.of(RoomUpdated)[-1].members} == set(cast.room.members)


async def test_the_last_name_that_is_told_is_the_last(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.owner)
    gate = core.store.gate("users.many")

    def rename(name: str) -> Awaitable[object]:
        command = UpdateRoom(room_id=cast.room.id, name=name)
        return core.memberships.update(cast.owner.id, command)

    first = asyncio.ensure_future(rename("first"))
    await gate.reached()
    know_all(core, cast)
    second = asyncio.ensure_future(rename("second"))
    await asyncio.wait([second], timeout=0.2)  # as far as it comes
    gate.open()
    await asyncio.gather(first, second)
    assert [event.room.name for event in ear.of(RoomUpdated)][-1] == "second"


@pytest.mark.parametrize("fault", [lost, kept])
@pytest.mark.parametrize(
    ("doing", "method", "done"),
    [
        (join, "join", OK),
        (leave, "leave", "room_not_found"),
        (remove, "leave", "member_not_found"),
        (promote, "change_member", OK),
        (delete, "delete", "room_not_found"),
    ],
)
async def test_what_was_not_answered_can_be_done_again_if_it_was_not_done(
    core: Core, doing: Doing, method: str, done: str, fault: Callable[..., object]
) -> None:
    cast = await core.cast("public")
    by = cast.stranger if doing is join else cast.member if doing is leave else cast.owner
    core.store.plan(f"rooms.{method}", fault)
    with pytest.raises(Unavailable):
        await doing(core, cast, by)
    assert await code_of(doing(core, cast, by)) == (done if fault is kept else OK)
    core.check_members(cast.room)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_at_once_memory_is_what_is_stored(core: Core, seed: int) -> None:
    chance = random.Random(seed)
    users = [core.person() for _ in range(6)]
    ears = [core.ear(user) for user in users]
    room = await core.room({users[0].id: "owner", users[1].id: "admin"}, "public")
    await asyncio.gather(*[
        code_of(some_change(core, room, users, chance)) for _ in range(40)
    ])  # fmt: skip
    if core.real.rooms.get(room.id) is None:
        assert (core.rooms.live(room.id), room.members) == (None, {})
        assert core.real.rooms.members(room.id) == []
        return
    core.check_members(room)
    assert [m.role for m in room.members.values()].count("owner") == 1
    for user, ear in zip(users, ears, strict=True):
        if room.has(user.id):
            told = [e for e in ear.heard if isinstance(e, RoomUpdated | RoomCreated)]
            assert {member.id for member in told[-1].members} == set(room.members)
        else:
            told = [e for e in ear.heard if isinstance(e, RoomCreated | RoomDeleted)]
            assert not told or isinstance(told[-1], RoomDeleted)


def some_change(
    core: Core, room: LiveRoom, users: list[User], chance: random.Random
) -> Awaitable[object]:
    by, other = chance.choice(users).id, chance.choice(users).id
    memberships = core.memberships
    role = chance.choice(("owner", "admin", "member"))
    doings: list[Callable[[], Awaitable[object]]] = [
        lambda: memberships.join(by, JoinRoom(room_id=room.id)),
        lambda: memberships.invite(by, Invite(room_id=room.id, user_id=other)),
        lambda: memberships.leave(by, LeaveRoom(room_id=room.id)),
        lambda: memberships.remove(by, RemoveMember(room_id=room.id, user_id=other)),
        lambda: memberships.set_role(by, SetRole(room_id=room.id, user_id=other, role=role)),
    ]
    if chance.random() < 0.02:
        return memberships.delete(by, DeleteRoom(room_id=room.id))
    return chance.choice(doings)()


async def test_nobody_hears_what_is_said_in_a_room_before_they_hear_of_it(core: Core) -> None:
    cast = await core.cast("public")
    ear = core.ear(cast.stranger)
    await core.people.load([cast.stranger.id])
    core.people.forget(cast.admin.id)  # so that those who are named must be read again
    gate = core.store.gate("users.many")
    joining = asyncio.ensure_future(join(core, cast, cast.stranger))
    await gate.reached()
    await core.say(cast.owner, cast.room)
    gate.open()
    await joining
    await core.say(cast.owner, cast.room)
    assert ear.kinds() == ["RoomCreated", "MessageStored"]


@pytest.mark.parametrize("by", ["owner", "admin"])
async def test_whoever_was_removed_brings_nobody(core: Core, by: str) -> None:
    """Also not by an invitation that waits for the removal to be stored."""
    cast = await core.cast()
    gate = core.store.gate("rooms.leave")
    removing = asyncio.ensure_future(
        core.memberships.remove(
            cast.owner.id, RemoveMember(room_id=cast.room.id, user_id=cast.admin.id)
        )
    )
    await gate.reached()
    command = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
    inviting = asyncio.ensure_future(code_of(core.memberships.invite(cast[by].id, command)))
    await turns(30)
    gate.open()
    await removing
    assert await inviting == (OK if by == "owner" else NO_ROOM)
    assert cast.room.has(cast.stranger.id) == (by == "owner")
