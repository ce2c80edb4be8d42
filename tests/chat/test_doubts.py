"""What was not answered: memory is what is stored again, and all hear what came of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chat import doubts
from chat.commands import (
    DeleteRoom,
    Invite,
    JoinRoom,
    LeaveRoom,
    Mute,
    RemoveMember,
    SendMessage,
    SetRole,
    UpdateRoom,
)
from chat.events import RoomCreated, RoomDeleted, RoomUpdated
from models.records import EVERYONE
from models.store import StoreError, Unavailable
from tests.chat.engine import PARTS, Call, Cast, Core, code_of, kept, lost, speaker, until
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=30)

Doing = Callable[[Core, Cast], Awaitable[object]]


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubts, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(doubts, "LATE_SECONDS", 0.01)


async def settled(core: Core) -> None:
    looking = core.memberships._doubts
    await until(lambda: looking._task is None and not looking._later)


def join(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.join(cast.stranger.id, JoinRoom(room_id=cast.room.id))


def invite(core: Core, cast: Cast) -> Awaitable[object]:
    command = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
    return core.memberships.invite(cast.owner.id, command)


def leave(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.leave(cast.member.id, LeaveRoom(room_id=cast.room.id))


def remove(core: Core, cast: Cast) -> Awaitable[object]:
    command = RemoveMember(room_id=cast.room.id, user_id=cast.member.id)
    return core.memberships.remove(cast.owner.id, command)


def promote(core: Core, cast: Cast) -> Awaitable[object]:
    command = SetRole(room_id=cast.room.id, user_id=cast.member.id, role="admin")
    return core.memberships.set_role(cast.owner.id, command)


def hand_over(core: Core, cast: Cast) -> Awaitable[object]:
    command = SetRole(room_id=cast.room.id, user_id=cast.member.id, role="owner")
    return core.memberships.set_role(cast.owner.id, command)


def go(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.leave(cast.owner.id, LeaveRoom(room_id=cast.room.id))


def rename(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.update(cast.owner.id, UpdateRoom(room_id=cast.room.id, name="new"))


def mute(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.mute(cast.member.id, Mute(room_id=cast.room.id))


def delete(core: Core, cast: Cast) -> Awaitable[object]:
    return core.memberships.delete(cast.owner.id, DeleteRoom(room_id=cast.room.id))


NEWS = ["MemberJoined", "RoomUpdated"]
GONE = ["MemberLeft", "RoomUpdated"]
# What the admin, the member and the stranger hear if it was stored all the same.
HEARD: list[tuple[Doing, str, list[str], list[str], list[str]]] = [
    (join, "join", NEWS, NEWS, ["RoomCreated", "RoomUpdated"]),
    (invite, "join", NEWS, NEWS, ["RoomCreated", "RoomUpdated"]),
    (leave, "leave", GONE, ["RoomDeleted"], []),
    (remove, "leave", GONE, ["RoomDeleted"], []),
    (hand_over, "hand_over", ["RoomUpdated"], ["RoomUpdated"], []),
    (go, "hand_over", GONE, GONE, []),
    (promote, "change_member", ["RoomUpdated"], ["RoomUpdated"], []),
    (rename, "change", ["RoomUpdated"], ["RoomUpdated"], []),
    (mute, "change_member", [], [], []),
    (delete, "delete", ["RoomDeleted"], ["RoomDeleted"], []),
]


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("fault", [kept, lost])
@pytest.mark.parametrize(("doing", "method", "admin", "member", "stranger"), HEARD)
async def test_what_was_not_answered_is_found_out(
    core: Core,
    doing: Doing,
    method: str,
    fault: Callable[..., object],
    admin: list[str],
    member: list[str],
    stranger: list[str],
    away: bool,
) -> None:
    cast = await core.cast("public")
    ears = {part: core.ear(cast[part]) for part in PARTS}
    core.store.plan(f"rooms.{method}", fault)
    with pytest.raises(Unavailable):
        await doing(core, cast)
    core.store.away = away
    await asyncio.sleep(0.01)
    core.store.away = False
    await settled(core)
    core.check_members(cast.room)
    heard = [ears[part].kinds() for part in ("admin", "member", "stranger", "removed")]
    assert heard == ([admin, member, stranger, []] if fault is kept else [[]] * 4)
    stored = core.real.rooms.get(cast.room.id)
    if stored is not None:
        assert cast.room.room == stored
        for event in ears["admin"].of(RoomUpdated):
            assert {user.id for user in event.members} == set(cast.room.members)
    assert cast.room.muted == frozenset(m.user for m in cast.room.members.values() if m.muted)


async def test_what_a_frozen_server_carries_out_late_is_found_out(core: Core) -> None:
    cast = await core.cast()
    ears = {part: core.ear(cast[part]) for part in PARTS}
    late: list[Call] = []

    def frozen(call: Call) -> object:
        late.append(call)
        return lost(call)

    core.store.plan("rooms.leave", frozen)
    with pytest.raises(Unavailable):
        await remove(core, cast)
    await until(lambda: core.store.calls["rooms.members"] == 1)
    late[0]()
    await settled(core)
    core.check_members(cast.room)
    assert ears["member"].kinds() == ["RoomDeleted"]
    assert ears["admin"].kinds() == GONE


@pytest.mark.parametrize(
    ("then", "code", "owner"),
    [
        (promote, "not_the_owner", "member"),
        (hand_over, "not_the_owner", "member"),
        (delete, "not_the_owner", "member"),
        (remove, "outranked", "member"),
        (leave, "ok", "owner"),  # who is the oldest administrator by then
    ],
)
async def test_what_comes_behind_what_was_not_answered_waits_for_what_came_of_it(
    core: Core, then: Doing, code: str, owner: str
) -> None:
    cast = await core.cast()
    core.store.plan("rooms.hand_over", kept)
    first = asyncio.ensure_future(hand_over(core, cast))
    second = asyncio.ensure_future(code_of(then(core, cast)))
    with pytest.raises(Unavailable):
        await first
    assert await second == code
    await settled(core)
    core.check_members(cast.room)
    roles = {member.role: member.user for member in cast.room.members.values()}
    assert roles["owner"] == cast[owner].id


async def test_nothing_is_changed_where_it_cannot_be_found_out_what_came_before(
    core: Core,
) -> None:
    cast = await core.cast()
    core.store.plan("rooms.hand_over", kept)
    with pytest.raises(Unavailable):
        await hand_over(core, cast)
    core.store.away = True
    with pytest.raises(Unavailable):
        await promote(core, cast)
    assert core.store.calls["rooms.change_member"] == 0
    core.store.away = False
    await settled(core)
    core.check_members(cast.room)


@pytest.mark.parametrize("doing", [promote, hand_over, go])
async def test_what_was_changed_behind_ones_back_is_found_out_when_it_is_in_the_way(
    core: Core, doing: Doing
) -> None:
    cast = await core.cast()
    core.real.rooms.hand_over(cast.room.id, cast.owner.id, cast.member.id, role="admin")
    with pytest.raises(StoreError):
        await doing(core, cast)
    await settled(core)
    core.check_members(cast.room)
    assert cast.room.role(cast.member.id) == "owner"


async def test_what_was_broken_off_is_found_out(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both looks may be over before a busy store has done what nobody waits for.
    monkeypatch.setattr(doubts, "LATE_SECONDS", 0.5)
    cast = await core.cast("public")
    gate = core.store.gate("rooms.join")
    joining = asyncio.ensure_future(join(core, cast))
    await gate.reached()
    joining.cancel()
    await asyncio.wait([joining])
    gate.open()
    await until(lambda: cast.room.has(cast.stranger.id))
    await settled(core)
    core.check_members(cast.room)


async def test_whoever_was_removed_without_an_answer_hears_no_more(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.member)
    core.store.plan("rooms.leave", kept)
    with pytest.raises(Unavailable):
        await remove(core, cast)
    await settled(core)
    ear.forget()
    await core.say(cast.owner, cast.room)
    command = SendMessage(room_id=cast.room.id, content="still here")
    assert await code_of(core.chat.sent(speaker(cast.member), command)) == "room_not_found"
    assert ear.heard == []


@pytest.mark.parametrize("hiding", [True, False])
async def test_a_direct_room_is_hidden_or_shown_as_it_is_stored(core: Core, hiding: bool) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    if not hiding:
        await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    ear = core.ear(ann)
    core.store.plan("rooms.change_member", kept)
    leaving = core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    asking = core.direct_rooms.between(ann.id, bob.id)
    doing, other = (leaving, asking) if hiding else (asking, leaving)
    other.close()
    with pytest.raises(Unavailable):
        await doing
    await settled(core)
    assert [type(event) for event in ear.heard] == [RoomDeleted if hiding else RoomCreated]
    assert room.hidden is hiding
    core.check_members(room)


async def test_the_room_of_everybody_keeps_all_who_have_read_in_it(core: Core) -> None:
    ann, bob = core.person(), core.person()
    ears = core.ear(ann), core.ear(bob)
    core.store.plan("rooms.join", kept)
    with pytest.raises(Unavailable):
        await core.memberships.mute(ann.id, Mute(room_id=EVERYONE))
    await settled(core)
    room = await core.rooms.get(EVERYONE)
    assert list(room.members) == [ann.id]
    assert [ear.heard for ear in ears] == [[], []]


async def test_a_fault_of_ours_ends_nothing(
    core: Core, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cast = await core.cast()
    monkeypatch.setattr(core.memberships._news, "named", None)
    core.store.plan("rooms.leave", kept)
    with pytest.raises(Unavailable):
        await remove(core, cast)
    await settled(core)
    told = {record.message for record in caplog.records}
    assert told == {"could not find out who is in a room"}
    caplog.clear()
