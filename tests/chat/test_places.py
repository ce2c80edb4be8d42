"""Who comes into rooms: not into too many, however many at once, and not behind their own end."""

import asyncio

import pytest

from chat.commands import CreateRoom, Invite, JoinRoom
from models.records import EVERYONE, User
from tests.chat.engine import Core, code_of, turns
from tests.chat.engine import make_core as make_core
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_one_is_in_only_so_many_rooms_also_at_once(core: Core) -> None:
    core.memberships._places._max_rooms = 5
    ann, bob = core.person(), core.person()
    rooms = [await core.room({bob.id: "owner"}, "public") for _ in range(4)]
    both = CreateRoom(participant_ids=(ann.id,))
    alone = CreateRoom(participant_ids=(bob.id,))
    codes = await asyncio.gather(
        *[code_of(core.memberships.join(ann.id, JoinRoom(room_id=room.id))) for room in rooms],
        *[code_of(core.memberships.create(bob.id, both)) for _ in range(4)],
        *[code_of(core.memberships.create(ann.id, alone)) for _ in range(4)],
        *[
            code_of(core.memberships.invite(bob.id, Invite(room_id=room.id, user_id=ann.id)))
            for room in rooms
        ],
    )
    assert set(codes) == {"ok", "too_many_rooms"}
    for user in (ann, bob):
        assert len(core.real.rooms.shown_to(user.id)) <= 6  # with the one of everybody
    assert len(core.real.rooms.shown_to(ann.id)) == 6
    assert len(core.memberships._places._turns) == 0


async def go_for_good(core: Core, user: User) -> None:
    """Do with somebody what becomes of an account that is deleted."""
    async with core.memberships.leave_all(user.id):
        core.real.users.change(user.id, deleted=samples.at(9))
        core.people.forget(user.id)


@pytest.mark.parametrize("makes", [False, True])
async def test_nobody_is_brought_into_a_room_who_goes_for_good(core: Core, makes: bool) -> None:
    cast = await core.cast()
    gate = core.store.gate("rooms.add" if makes else "rooms.join")
    by, command = cast.owner.id, CreateRoom(participant_ids=(cast.stranger.id,))
    invitation = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
    doing = core.memberships.create if makes else core.memberships.invite
    bringing = asyncio.ensure_future(doing(by, command if makes else invitation))  # type: ignore[arg-type]
    await gate.reached()
    going = asyncio.ensure_future(go_for_good(core, cast.stranger))
    await asyncio.wait([going], timeout=0.1)  # as far as it comes
    late = asyncio.ensure_future(code_of(core.memberships.create(by, command)))
    await turns()
    gate.open()
    assert await late == "user_not_found"
    await asyncio.gather(bringing, going)
    assert core.real.rooms.shown_to(cast.stranger.id) == [EVERYONE]
    core.check_members(cast.room)


async def test_nobody_is_brought_into_a_room_who_has_gone_for_good(core: Core) -> None:
    cast = await core.cast()
    async with cast.room.lock:
        invitation = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
        bringing = asyncio.ensure_future(
            code_of(core.memberships.invite(cast.owner.id, invitation))
        )
        await asyncio.wait([bringing], timeout=0.1)  # as far as it comes
        await go_for_good(core, cast.stranger)
    assert await bringing == "user_not_found"
    assert core.real.rooms.shown_to(cast.stranger.id) == [EVERYONE]
