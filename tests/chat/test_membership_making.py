"""Rooms as they are made: by whom and with whom."""

import pytest

from chat.commands import CreateRoom
from models.records import new_id
from tests.chat.engine import Core, code_of
from tests.chat.engine import make_core as make_core
from tests.chat.room_doings import OK, invite, join
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


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
    assert await code_of(core.direct_rooms.between(ann.id, cast.owner.id)) == OK
