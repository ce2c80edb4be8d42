"""Who may do what in a room: for each line of each guard, a case that fails without it."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chat import policy
from chat.errors import Refusal
from chat.live_room import LiveRoom
from models.records import EVERYONE, Message, RoomKind, RoomRole, User
from tests.chat.engine import bare_room
from tests.contract import samples

OWNER, ADMIN, OTHER_ADMIN, MEMBER, STRANGER = "owner", "admin", "admin2", "member", "stranger"

# An administrator of the server, who is in no room.
ROOT = "root"

Guard = Callable[[LiveRoom], None]

said = samples.message("room", 1, sender=MEMBER, created=samples.at(0))
deleted = replace(said, deleted=samples.at(1))


def room_of(kind: str) -> LiveRoom:
    """A room with somebody of each role; in a direct one, and in `everyone`, all are alike."""
    room = bare_room(OWNER, ADMIN, OTHER_ADMIN, MEMBER, **fields(kind))
    if kind in {"private", "public"}:
        room.members[OWNER].role = "owner"
        room.members[ADMIN].role = room.members[OTHER_ADMIN].role = "admin"
    return room


def fields(kind: str) -> dict[str, str]:
    return {"kind": "public", "id": EVERYONE} if kind == "everyone" else {"kind": kind}


def user_of(user_id: str) -> User:
    return replace(samples.user(), id=user_id, role="admin" if user_id == ROOT else "user")


def outcome(guard: Guard, kind: str) -> str:
    try:
        guard(room_of(kind))
    except Refusal as refusal:
        return f"{type(refusal).__name__} {refusal.code}"
    return "ok"


NO_ROOM = "NotFound room_not_found"
NO_MEMBER = "NotFound member_not_found"
NOT_IN_CHARGE = "Forbidden not_in_charge"
NOT_YOURS = "Forbidden not_yours"
NOT_THE_OWNER = "Forbidden not_the_owner"
DIRECT = "Invalid direct_room"
EVERYONES = "Forbidden everyones_room"
OUTRANKED = "Forbidden outranked"
LAST_OWNER = "Conflict last_owner"


@pytest.mark.parametrize(
    ("guard", "kind", "user", "expected"),
    [
        (policy.require_member, "private", MEMBER, "ok"),
        (policy.require_member, "private", STRANGER, NO_ROOM),
        (policy.require_member, "public", STRANGER, NO_ROOM),
        (policy.require_member, "everyone", STRANGER, "ok"),
        (policy.require_visible, "private", MEMBER, "ok"),
        (policy.require_visible, "private", STRANGER, NO_ROOM),
        (policy.require_visible, "direct", STRANGER, NO_ROOM),
        (policy.require_visible, "public", STRANGER, "ok"),
        (policy.require_visible, "everyone", STRANGER, "ok"),
        (policy.require_in_charge, "private", OWNER, "ok"),
        (policy.require_in_charge, "private", ADMIN, "ok"),
        (policy.require_in_charge, "private", MEMBER, NOT_IN_CHARGE),
        (policy.require_in_charge, "public", STRANGER, NO_ROOM),
        (policy.require_in_charge, "everyone", STRANGER, NOT_IN_CHARGE),
        (policy.require_in_charge, "direct", MEMBER, NOT_IN_CHARGE),
        (policy.require_owner, "private", OWNER, "ok"),
        (policy.require_owner, "private", ADMIN, NOT_THE_OWNER),
        (policy.require_owner, "private", MEMBER, NOT_THE_OWNER),
        (policy.require_owner, "public", STRANGER, NO_ROOM),
    ],
)
def test_guards_of_a_room(
    guard: Callable[[LiveRoom, str], None], kind: RoomKind, user: str, expected: str
) -> None:
    assert outcome(lambda room: guard(room, user), kind) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("private", "ok"), ("public", "ok"), ("direct", DIRECT), ("everyone", EVERYONES)],
)
def test_groups_alone_can_be_changed(kind: str, expected: str) -> None:
    assert outcome(policy.require_group, kind) == expected


@pytest.mark.parametrize(
    ("kind", "by", "user", "expected"),
    [
        ("private", OWNER, ADMIN, "ok"),
        ("private", OWNER, MEMBER, "ok"),
        ("public", ADMIN, MEMBER, "ok"),
        ("private", ADMIN, OTHER_ADMIN, OUTRANKED),
        ("private", ADMIN, OWNER, OUTRANKED),
        ("private", OWNER, OWNER, OUTRANKED),
        ("private", ADMIN, ADMIN, OUTRANKED),
        ("private", MEMBER, MEMBER, NOT_IN_CHARGE),
        ("private", STRANGER, MEMBER, NO_ROOM),
        ("private", OWNER, STRANGER, NO_MEMBER),
        ("direct", MEMBER, OWNER, DIRECT),
        ("everyone", MEMBER, STRANGER, EVERYONES),
    ],
)
def test_who_may_remove_whom(kind: str, by: str, user: str, expected: str) -> None:
    assert outcome(lambda room: policy.require_removable(room, by, user), kind) == expected


@pytest.mark.parametrize(
    ("kind", "by", "user", "role", "expected"),
    [
        ("private", OWNER, MEMBER, "admin", "ok"),
        ("private", OWNER, ADMIN, "member", "ok"),
        ("public", OWNER, MEMBER, "owner", "ok"),
        ("private", OWNER, OWNER, "owner", "ok"),
        ("private", OWNER, OWNER, "admin", LAST_OWNER),
        ("private", OWNER, OWNER, "member", LAST_OWNER),
        ("private", OWNER, STRANGER, "admin", NO_MEMBER),
        ("private", ADMIN, MEMBER, "admin", NOT_THE_OWNER),
        ("private", MEMBER, MEMBER, "owner", NOT_THE_OWNER),
        ("private", STRANGER, MEMBER, "owner", NO_ROOM),
        ("direct", MEMBER, OWNER, "owner", DIRECT),
        ("everyone", MEMBER, MEMBER, "owner", EVERYONES),
    ],
)
def test_who_may_give_which_role(
    kind: str, by: str, user: str, role: RoomRole, expected: str
) -> None:
    guarded = outcome(lambda room: policy.require_may_set_role(room, by, user, role), kind)
    assert guarded == expected


@pytest.mark.parametrize(
    ("message", "user", "seconds", "window", "expected"),
    [
        (said, MEMBER, 60, 60, "ok"),
        (said, MEMBER, 60.001, 60, "Forbidden too_late"),
        (said, MEMBER, 10**9, 0, "ok"),
        (said, OWNER, 1, 60, "Forbidden not_yours"),
        (deleted, MEMBER, 1, 60, "Conflict message_deleted"),
        (deleted, OWNER, 1, 60, "Forbidden not_yours"),
    ],
)
def test_who_may_edit_and_how_long(
    message: Message, user: str, seconds: float, window: float, expected: str
) -> None:
    now = samples.at(seconds)
    guarded = outcome(lambda _: policy.require_own(message, user, now, window), "private")
    assert guarded == expected


@pytest.mark.parametrize(
    ("kind", "user", "expected"),
    [
        ("private", MEMBER, "ok"),
        ("private", OWNER, "ok"),
        ("private", ADMIN, "ok"),
        ("private", STRANGER, NOT_YOURS),
        ("direct", MEMBER, "ok"),
        ("direct", OWNER, NOT_YOURS),
        ("everyone", OWNER, NOT_YOURS),
        ("everyone", ROOT, "ok"),
        ("private", ROOT, NOT_YOURS),
    ],
)
def test_who_may_delete(kind: str, user: str, expected: str) -> None:
    by = user_of(user)
    assert outcome(lambda room: policy.require_may_delete(room, said, by), kind) == expected
    assert outcome(lambda room: policy.require_may_see_former(room, said, by), kind) == expected


@pytest.mark.parametrize(
    ("kind", "user", "expected"),
    [
        ("private", OWNER, "ok"),
        ("private", ADMIN, "ok"),
        ("private", MEMBER, NOT_IN_CHARGE),
        ("private", STRANGER, NO_ROOM),
        ("private", ROOT, NO_ROOM),
        ("everyone", MEMBER, NOT_IN_CHARGE),
        ("everyone", ROOT, "ok"),
        ("direct", MEMBER, "ok"),
        ("direct", STRANGER, NO_ROOM),
    ],
)
def test_who_may_pin(kind: str, user: str, expected: str) -> None:
    by = user_of(user)
    assert outcome(lambda room: policy.require_may_pin(room, by), kind) == expected


@pytest.mark.parametrize(
    ("message", "expected"), [(said, "ok"), (deleted, "Conflict message_deleted")]
)
def test_nothing_is_done_to_what_is_deleted(message: Message, expected: str) -> None:
    assert outcome(lambda _: policy.require_there(message), "private") == expected


@pytest.mark.parametrize(
    ("members", "kind", "expected"),
    [
        (policy.MAX_RECEIPTS, "private", True),
        (policy.MAX_RECEIPTS + 1, "private", False),
        (2, "direct", True),
        (2, "everyone", False),
    ],
)
def test_receipts_are_for_smaller_rooms(members: int, kind: str, *, expected: bool) -> None:
    room = bare_room(*map(str, range(members)), **fields(kind))
    assert policy.has_receipts(room) is expected
