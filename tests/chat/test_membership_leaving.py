"""Those who leave rooms, and who has a room after them."""

import asyncio

import pytest

from chat.commands import CreateRoom, JoinRoom, LeaveRoom, SetRole
from chat.events import MemberLeft, RoomDeleted
from models.records import EVERYONE, Hint, now
from models.store import Unavailable
from tests.chat.engine import Call, Core, code_of, kept
from tests.chat.engine import make_core as make_core
from tests.chat.room_doings import NOT_THE_OWNER, OK, join, leave, mute, remove

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_whoever_comes_back_to_a_room_hears_it_again(core: Core) -> None:
    cast = await core.cast("public")
    await mute(core, cast, cast.member)
    await leave(core, cast, cast.member)
    await join(core, cast, cast.member)
    assert not cast.room.standing(cast.member.id).muted
    core.check_members(cast.room)


async def test_nobody_leaves_everyones_room(core: Core) -> None:
    ann = core.person()
    command = LeaveRoom(room_id=EVERYONE)
    assert await code_of(core.memberships.leave(ann.id, command)) == "everyones_room"
    await core.memberships.join(ann.id, JoinRoom(room_id=EVERYONE))
    assert core.real.rooms.member(EVERYONE, ann.id) is None


async def test_the_owner_hands_over_to_the_oldest_admin_and_then_to_the_oldest_member(
    core: Core,
) -> None:
    users = [core.person() for _ in range(5)]
    owner, old, older_admin, admin, young = users
    roles = {owner: "owner", old: "member", older_admin: "admin", admin: "admin", young: "member"}
    room = await core.room({user.id: role for user, role in roles.items()})
    for leaving, heir in ((owner, older_admin), (older_admin, admin), (admin, old), (old, young)):
        await core.memberships.leave(leaving.id, LeaveRoom(room_id=room.id))
        owners = [member.user for member in room.members.values() if member.role == "owner"]
        assert owners == [heir.id]
        core.check_members(room)
    ear = core.ear(young)
    await core.memberships.leave(young.id, LeaveRoom(room_id=room.id))
    assert core.real.rooms.get(room.id) is None
    assert ear.heard == [RoomDeleted(room.id)]


async def test_whoever_makes_another_the_owner_becomes_an_admin(core: Core) -> None:
    cast = await core.cast()
    command = SetRole(room_id=cast.room.id, user_id=cast.member.id, role="owner")
    await core.memberships.set_role(cast.owner.id, command)
    roles = [cast.room.role(user.id) for user in (cast.owner, cast.admin, cast.member)]
    assert roles == ["admin", "admin", "owner"]
    core.check_members(cast.room)
    assert await code_of(core.memberships.set_role(cast.owner.id, command)) == NOT_THE_OWNER


async def test_the_last_owner_stays_one(core: Core) -> None:
    cast = await core.cast()
    for role, code in (("admin", "last_owner"), ("member", "last_owner"), ("owner", OK)):
        command = SetRole(room_id=cast.room.id, user_id=cast.owner.id, role=role)
        assert await code_of(core.memberships.set_role(cast.owner.id, command)) == code
    assert cast.room.role(cast.owner.id) == "owner"
    core.check_members(cast.room)


async def test_all_rooms_are_left_however_many_there_are(core: Core) -> None:
    ann, others = core.person(), [core.person() for _ in range(3)]
    groups = [(await core.memberships.create(ann.id, CreateRoom()))[0] for _ in range(2)]
    for other in others:  # the latest rooms are direct ones, and stay
        await core.direct_rooms.between(ann.id, other.id)
    core.memberships._max_rooms = 2
    async with core.memberships.leave_all(ann.id):
        pass
    assert [room.kind for room, _ in core.real.rooms.of_user(ann.id, limit=9)] == ["direct"] * 3
    assert [core.real.rooms.get(room.id) for room in groups] == [None, None]


async def test_all_rooms_are_left_though_one_is_remembered_otherwise(core: Core) -> None:
    """A membership that was stored without an answer is not in memory."""
    cast = await core.cast("public")
    core.store.plan("rooms.join", kept)
    with pytest.raises(Unavailable):
        await join(core, cast, cast.stranger)
    async with asyncio.timeout(10), core.memberships.leave_all(cast.stranger.id):
        assert core.real.rooms.member(cast.room.id, cast.stranger.id) is None


async def test_all_rooms_are_left_though_something_is_said_in_them_meanwhile(core: Core) -> None:
    ann, bob = core.person(), core.person()
    groups = [await core.room({bob.id: "owner", ann.id: "member"}) for _ in range(4)]
    direct, _ = await core.direct_rooms.between(ann.id, bob.id)
    core.memberships._max_rooms = 1
    rooms = [room for room, _ in core.real.rooms.of_user(ann.id, limit=9)]

    def moved(call: Call) -> object:
        """Answer as asked, and let the last room be the first one from then on."""
        found = call()
        last = Hint(seq=1, rev=1, sender=bob.id, text="", at=now())
        core.real.rooms.hint({rooms.pop().id: last})
        return found

    core.store.plan("rooms.of_user", moved, moved, moved)
    async with core.memberships.leave_all(ann.id):
        pass
    assert core.real.rooms.shown_to(ann.id) == sorted([EVERYONE, direct.id])
    for room in groups:
        core.check_members(room)


async def test_whoever_is_removed_is_told_and_the_others_too(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    await remove(core, cast, cast.admin)
    assert ears["member"].heard == [RoomDeleted(cast.room.id)]
    assert ears["owner"].of(MemberLeft) == [MemberLeft(cast.room.id, cast.member.id)]
