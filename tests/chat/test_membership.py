"""Rooms and who is in them: who may do what, what is told, and that memory is what is stored."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from chat.commands import (
    CreateRoom,
    DeleteRoom,
    Invite,
    JoinRoom,
    LeaveRoom,
    Mute,
    RemoveMember,
    SetRole,
    UpdateRoom,
)
from chat.events import (
    MemberJoined,
    MemberLeft,
    RoomCreated,
    RoomDeleted,
    RoomMuted,
    RoomUpdated,
)
from chat.live_room import LiveRoom
from models.records import EVERYONE, Hint, User, new_id, now
from models.store import Store, Unavailable
from tests.chat.engine import PARTS, Call, Cast, Core, code_of, kept, lost, nothing, turns
from tests.chat.engine import make_core as make_core
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)

Doing = Callable[[Core, Cast, User], Awaitable[object]]


def update(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.update(by.id, UpdateRoom(room_id=cast.room.id, name="new"))


def delete(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.delete(by.id, DeleteRoom(room_id=cast.room.id))


def join(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.join(by.id, JoinRoom(room_id=cast.room.id))


def invite(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    command = Invite(room_id=cast.room.id, user_id=core.person().id)
    return core.memberships.invite(by.id, command)


def invite_a_member(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.invite(by.id, Invite(room_id=cast.room.id, user_id=cast.member.id))


def invite_oneself(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.invite(by.id, Invite(room_id=cast.room.id, user_id=by.id))


def leave(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.leave(by.id, LeaveRoom(room_id=cast.room.id))


def mute(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    return core.memberships.mute(by.id, Mute(room_id=cast.room.id))


def remove(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    command = RemoveMember(room_id=cast.room.id, user_id=cast.member.id)
    return core.memberships.remove(by.id, command)


def promote(core: Core, cast: Cast, by: User) -> Awaitable[object]:
    command = SetRole(room_id=cast.room.id, user_id=cast.member.id, role="admin")
    return core.memberships.set_role(by.id, command)


OK, NO_ROOM, NOT_IN_CHARGE, NOT_THE_OWNER = (
    "ok", "room_not_found", "not_in_charge", "not_the_owner",
)  # fmt: skip
# What comes of it for the owner, an admin, a member, a stranger, and one who was removed.
OUTCOMES: list[tuple[Doing, str, tuple[str, ...]]] = [
    (update, "private", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (update, "public", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (delete, "private", (OK, NOT_THE_OWNER, NOT_THE_OWNER, NO_ROOM, NO_ROOM)),
    (join, "private", (OK, OK, OK, NO_ROOM, NO_ROOM)),
    (join, "public", (OK, OK, OK, OK, OK)),
    (invite, "private", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (invite_a_member, "private", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (invite_oneself, "private", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (leave, "private", (OK, OK, OK, NO_ROOM, NO_ROOM)),
    (leave, "public", (OK, OK, OK, NO_ROOM, NO_ROOM)),
    (mute, "private", (OK, OK, OK, NO_ROOM, NO_ROOM)),
    (mute, "public", (OK, OK, OK, NO_ROOM, NO_ROOM)),
    (remove, "private", (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)),
    (promote, "private", (OK, NOT_THE_OWNER, NOT_THE_OWNER, NO_ROOM, NO_ROOM)),
]


@pytest.mark.parametrize(("doing", "kind", "codes"), OUTCOMES)
async def test_who_may_do_what(core: Core, doing: Doing, kind: str, codes: tuple[str, ...]) -> None:
    for part, code in zip(PARTS, codes, strict=True):
        cast = await core.cast(kind)
        ears = core.ears(cast)
        before = core.real.rooms.get(cast.room.id), core.real.rooms.members(cast.room.id)
        assert await code_of(doing(core, cast, cast[part])) == code, part
        if code != OK:
            assert (
                core.real.rooms.get(cast.room.id),
                core.real.rooms.members(cast.room.id),
            ) == before
            assert [ear.heard for ear in ears.values()] == [[]] * 5
        core.check_members(cast.room)


# What an owner who does something hears of it, the member, and a stranger.
@pytest.mark.parametrize(
    ("doing", "owner", "member", "stranger"),
    [
        (update, ["RoomUpdated"], ["RoomUpdated"], []),
        (delete, ["RoomDeleted"], ["RoomDeleted"], []),
        (join, [], [], []),
        (invite, ["MemberJoined", "RoomUpdated"], ["MemberJoined", "RoomUpdated"], []),
        (invite_a_member, [], [], []),
        (leave, ["RoomDeleted"], ["MemberLeft", "RoomUpdated"], []),
        (mute, ["RoomMuted"], [], []),
        (remove, ["MemberLeft", "RoomUpdated"], ["RoomDeleted"], []),
        (promote, ["RoomUpdated"], ["RoomUpdated"], []),
    ],
)
async def test_who_is_told_what(
    core: Core, doing: Doing, owner: list[str], member: list[str], stranger: list[str]
) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    await doing(core, cast, cast.owner)
    heard = [ears[part].kinds() for part in ("owner", "member", "stranger", "removed")]
    assert heard == [owner, member, stranger, []]
    for event in ears["admin"].of(RoomUpdated):
        assert event.room == core.real.rooms.get(cast.room.id)
        assert {user.id for user in event.members} == set(cast.room.members)


async def test_whoever_makes_a_room_owns_it_and_the_others_are_told(core: Core) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    ears = [core.ear(user) for user in (ann, bob, cid)]
    command = CreateRoom(
        kind="public", name=" A room ", description="for us", participant_ids=(bob.id, ann.id)
    )
    room, new = await core.memberships.create(ann.id, command)
    assert new
    assert room.room == core.real.rooms.get(room.id)
    assert (room.room.name, room.room.description, room.room.kind) == ("A room", "for us", "public")
    assert {m.user: m.role for m in room.members.values()} == {ann.id: "owner", bob.id: "member"}
    assert [ear.kinds() for ear in ears] == [["RoomCreated"], ["RoomCreated"], []]
    assert [ear.forms for ear in ears] == [["own"], ["others"], []]
    [created] = ears[1].heard
    assert created.invitation
    assert [user.id for user in created.members] == sorted((ann.id, bob.id))
    core.check_members(room)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CreateRoom(participant_ids=(new_id(),)), "user_not_found"),
        (CreateRoom(participant_ids=("no id",)), "user_not_found"),
        (CreateRoom(name=""), "invalid_room_name"),
        (CreateRoom(kind="direct"), "invalid_participants"),
        (CreateRoom(kind="direct", participant_ids=(new_id(),)), "user_not_found"),
    ],
)
async def test_rooms_that_make_no_sense_are_not_made(
    core: Core, command: CreateRoom, code: str
) -> None:
    ann = core.person()
    assert await code_of(core.memberships.create(ann.id, command)) == code
    assert core.real.rooms.of_user(ann.id, limit=5) == []


async def test_nobody_makes_a_room_with_someone_who_is_gone(core: Core) -> None:
    ann, gone = core.person(), core.real.users.add(samples.user(deleted=samples.at(1)))
    for kind in ("direct", "private"):
        command = CreateRoom(kind=kind, participant_ids=(gone.id,))
        assert await code_of(core.memberships.create(ann.id, command)) == "user_not_found"


async def test_a_direct_room_is_with_one_other(core: Core) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    for others in ((ann.id,), (bob.id, cid.id)):
        command = CreateRoom(kind="direct", participant_ids=others)
        assert await code_of(core.memberships.create(ann.id, command)) == "invalid_participants"
    assert await code_of(core.memberships.direct(ann.id, ann.id)) == "invalid_participants"


async def test_a_direct_room_is_made_once_and_then_found(core: Core) -> None:
    ann, bob = core.person(), core.person()
    ears = core.ear(ann), core.ear(bob)
    made = await asyncio.gather(*[
        core.memberships.direct(*pair) for pair in [(ann.id, bob.id), (bob.id, ann.id)] * 3
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
    room, _ = await core.memberships.direct(ann.id, bob.id)
    ears = core.ear(ann), core.ear(bob)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    assert [ear.kinds() for ear in ears] == [["RoomDeleted"], []]
    assert core.real.rooms.of_user(ann.id, limit=5) == []
    assert len(core.real.rooms.of_user(bob.id, limit=5)) == 1
    assert room.hidden
    core.check_members(room)


async def test_a_room_that_is_deleted_meanwhile_has_no_neighbours(core: Core) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    rooms = [await core.room({ann.id: "owner", other.id: "member"}) for other in (bob, cid)]
    core.rooms.drop(rooms[1].id)
    core.store.plan("rooms.get", nothing)
    assert await core.memberships.neighbours(ann.id) == {bob.id}


async def test_whoever_made_a_room_hears_of_it_on_their_other_sockets(core: Core) -> None:
    ann, bob = core.person(), core.person()
    here, there, other = core.ear(ann), core.ear(ann), core.ear(bob)
    for kind in ("direct", "private"):
        command = CreateRoom(kind=kind, participant_ids=(bob.id,))
        await core.memberships.create(ann.id, command, origin=here.number)
    assert [ear.forms for ear in (here, there, other)] == [
        ["origin"] * 2, ["own"] * 2, ["others"] * 2,
    ]  # fmt: skip
    await core.memberships.create(ann.id, CreateRoom(participant_ids=(bob.id,)), own=False)
    assert [len(ear.heard) for ear in (here, there, other)] == [2, 2, 3]


async def test_whoever_hid_a_direct_room_sees_it_again_when_they_ask_for_it(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.memberships.direct(ann.id, bob.id)
    await core.say(bob, room)
    for user in (ann, bob):
        await core.memberships.leave(user.id, LeaveRoom(room_id=room.id))
    ears = core.ear(ann), core.ear(bob)
    found, new = await core.memberships.direct(ann.id, bob.id)
    assert (found is room, new) == (True, False)
    [created] = ears[0].heard
    assert (created.standing.seq, created.standing.read, created.last_name) == (1, 0, bob.name)
    assert (ears[1].heard, room.members[bob.id].hidden) == ([], True)
    assert len(core.real.rooms.of_user(ann.id, limit=5)) == 1
    core.check_members(room)


async def test_a_room_is_muted_for_one_and_not_for_the_others(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    await mute(core, cast, cast.member)
    assert ears["member"].heard == [RoomMuted(cast.room.id, muted=True)]
    core.check_members(cast.room)
    await core.say(cast.owner, cast.room, f"@{cast.admin.name}")
    await core.say(cast.owner, cast.room, f"@{cast.member.name}")
    assert ears["admin"].forms == ["mentioned", "others"]
    assert ears["member"].forms == ["others", "muted", "mentioned"]
    unmute = Mute(room_id=cast.room.id, on=False)
    await core.memberships.mute(cast.member.id, unmute)
    await core.say(cast.owner, cast.room)
    assert ears["member"].forms[-1] == "others"
    core.check_members(cast.room)


async def test_whoever_comes_back_to_a_room_hears_it_again(core: Core) -> None:
    cast = await core.cast("public")
    await mute(core, cast, cast.member)
    await leave(core, cast, cast.member)
    await join(core, cast, cast.member)
    assert not cast.room.standing(cast.member.id).muted
    core.check_members(cast.room)


async def test_the_room_of_everybody_can_be_muted(core: Core, store: Store) -> None:
    ann, later = core.person(), Core(store)
    for on in (True, True, False):
        room = await core.memberships.mute(ann.id, Mute(room_id=EVERYONE, on=on))
        woken = await later.rooms.get(EVERYONE)
        assert room.standing(ann.id).muted is woken.standing(ann.id).muted is on
        later.rooms.drop(EVERYONE)
    await later.close()


@pytest.mark.parametrize(
    "doing",
    [
        lambda core, room, user: update(core, room, user),
        lambda core, room, user: delete(core, room, user),
        lambda core, room, user: invite(core, room, user),
        lambda core, room, user: remove(core, room, user),
        lambda core, room, user: promote(core, room, user),
    ],
)
async def test_a_direct_room_and_everyones_stay_as_they_are(core: Core, doing: Doing) -> None:
    ann, bob, cid = (core.person() for _ in range(3))
    room, _ = await core.memberships.direct(ann.id, bob.id)
    for place in (room, await core.rooms.get(EVERYONE)):
        cast = Cast(place, ann, ann, bob, cid, cid)
        before = core.real.rooms.get(place.id), core.real.rooms.members(place.id)
        assert await code_of(doing(core, cast, ann)) != OK
        assert (core.real.rooms.get(place.id), core.real.rooms.members(place.id)) == before


async def test_nobody_leaves_everyones_room(core: Core) -> None:
    ann = core.person()
    command = LeaveRoom(room_id=EVERYONE)
    assert await code_of(core.memberships.leave(ann.id, command)) == "everyones_room"
    await core.memberships.join(ann.id, JoinRoom(room_id=EVERYONE))
    assert core.real.rooms.member(EVERYONE, ann.id) is None


async def test_a_change_keeps_what_it_does_not_name(core: Core) -> None:
    cast = await core.cast()
    change = core.memberships.update
    await change(cast.owner.id, UpdateRoom(room_id=cast.room.id, description="what for"))
    assert (cast.room.room.name, cast.room.room.description) == ("a room", "what for")
    await change(cast.owner.id, UpdateRoom(room_id=cast.room.id, name="new"))
    assert (cast.room.room.name, cast.room.room.description) == ("new", "what for")
    await change(cast.owner.id, UpdateRoom(room_id=cast.room.id))
    assert core.real.rooms.get(cast.room.id) == cast.room.room
    command = UpdateRoom(room_id=cast.room.id, name="\n")
    assert await code_of(change(cast.owner.id, command)) == "invalid_room_name"


async def test_whoever_comes_has_read_what_was_said_before(core: Core) -> None:
    cast = await core.cast("public")
    await core.say(cast.owner, cast.room)
    ear = core.ear(cast.stranger)
    await join(core, cast, cast.stranger)
    member = core.real.rooms.member(cast.room.id, cast.stranger.id)
    assert member is not None
    assert (member.role, member.delivered, member.read) == ("member", 1, 1)
    assert ear.kinds() == ["RoomCreated"]
    await core.say(cast.owner, cast.room)
    assert ear.kinds() == ["RoomCreated", "MessageStored"]


async def test_a_deleted_room_is_gone_for_all(core: Core) -> None:
    cast = await core.cast()
    await core.say(cast.owner, cast.room)
    await delete(core, cast, cast.owner)
    assert core.rooms.live(cast.room.id) is None
    assert core.real.rooms.get(cast.room.id) is None
    assert core.real.messages.history(cast.room.id, limit=5) == []
    for doing in (update, delete, join, invite, leave, remove, promote):
        assert await code_of(doing(core, cast, cast.owner)) == NO_ROOM


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


async def test_a_room_has_only_so_many_members(core: Core) -> None:
    core.memberships._max_members = 3
    cast = await core.cast("public")
    assert await code_of(join(core, cast, cast.member)) == OK
    assert await code_of(join(core, cast, cast.stranger)) == "room_full"
    assert await code_of(invite(core, cast, cast.owner)) == "room_full"
    many = CreateRoom(participant_ids=tuple(core.person().id for _ in range(3)))
    assert await code_of(core.memberships.create(cast.owner.id, many)) == "room_full"
    few = CreateRoom(participant_ids=many.participant_ids[:2])
    assert await code_of(core.memberships.create(cast.owner.id, few)) == OK


async def test_one_is_in_only_so_many_rooms(core: Core) -> None:
    core.memberships._places._max_rooms = 2
    ann, cast = core.person(), await core.cast("public")
    for _ in range(2):
        await core.memberships.create(ann.id, CreateRoom())
    assert await code_of(core.memberships.create(ann.id, CreateRoom())) == "too_many_rooms"
    assert await code_of(join(core, cast, ann)) == "too_many_rooms"
    together = CreateRoom(participant_ids=(ann.id,))
    assert await code_of(core.memberships.create(cast.owner.id, together)) == "too_many_rooms"
    assert not core.store.calls["rooms.of_user"]  # which reads more than to count them takes
    assert await code_of(core.memberships.direct(ann.id, cast.owner.id)) == OK


async def test_all_rooms_are_left_however_many_there_are(core: Core) -> None:
    ann, others = core.person(), [core.person() for _ in range(3)]
    groups = [(await core.memberships.create(ann.id, CreateRoom()))[0] for _ in range(2)]
    for other in others:  # the latest rooms are direct ones, and stay
        await core.memberships.direct(ann.id, other.id)
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
    direct, _ = await core.memberships.direct(ann.id, bob.id)
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


async def test_whoever_is_removed_is_told_and_the_others_too(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    await remove(core, cast, cast.admin)
    assert ears["member"].heard == [RoomDeleted(cast.room.id)]
    assert ears["owner"].of(MemberLeft) == [MemberLeft(cast.room.id, cast.member.id)]


async def test_only_so_many_members_are_named(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.room_news.MAX_TOLD_MEMBERS", 2)
    cast = await core.cast()
    ear = core.ear(cast.owner)
    await update(core, cast, cast.owner)
    [updated] = ear.heard
    assert len(updated.members) == 2


async def test_rooms_are_the_same_after_a_restart(core: Core, store: Store) -> None:
    cast = await core.cast("public")
    await join(core, cast, cast.stranger)
    await promote(core, cast, cast.owner)
    later = Core(store)
    woken = await later.rooms.get(cast.room.id)
    assert woken.members == cast.room.members
    await later.close()


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
