"""What somebody may do with a room and those in it, each in the same form."""

from collections.abc import Awaitable, Callable

from chat.commands import (
    DeleteRoom,
    Invite,
    JoinRoom,
    LeaveRoom,
    Mute,
    RemoveMember,
    SetRole,
    UpdateRoom,
)
from models.records import User
from tests.chat.engine import Cast, Core

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
