"""Rooms and who is in them: who may do what, what is told, and what changes."""

import pytest

from chat.commands import Mute, UpdateRoom
from chat.events import RoomMuted, RoomUpdated
from models.records import EVERYONE
from models.store import Store
from tests.chat.engine import PARTS, Cast, Core, code_of
from tests.chat.engine import make_core as make_core
from tests.chat.room_doings import (
    NO_ROOM,
    NOT_IN_CHARGE,
    NOT_THE_OWNER,
    OK,
    Doing,
    delete,
    invite,
    invite_a_member,
    invite_oneself,
    join,
    leave,
    mute,
    promote,
    remove,
    update,
)

pytestmark = pytest.mark.gen_test(timeout=30)

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
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    for place in (room, await core.rooms.get(EVERYONE)):
        cast = Cast(place, ann, ann, bob, cid, cid)
        before = core.real.rooms.get(place.id), core.real.rooms.members(place.id)
        assert await code_of(doing(core, cast, ann)) != OK
        assert (core.real.rooms.get(place.id), core.real.rooms.members(place.id)) == before


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
