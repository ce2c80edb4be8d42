"""Who may do what in a room: pure functions, one condition a line.

Whoever is not in a room is told that there is none; whoever is in it but may not, is told so.
"""

from datetime import datetime, timedelta

from chat.errors import Conflict, Forbidden, Invalid, NotFound
from chat.live_room import LiveRoom, no_such_room
from models.records import Message, RoomRole, User

_RANKS: dict[RoomRole, int] = {"member": 0, "admin": 1, "owner": 2}

# Receipts are a write per member and message; in larger rooms nobody reads them.
MAX_RECEIPTS = 100


def require_member(room: LiveRoom, user_id: str) -> None:
    """Let those pass who are in the room."""
    if not room.has(user_id):
        raise no_such_room()


def require_visible(room: LiveRoom, user_id: str) -> None:
    """Let those pass who may know of the room."""
    if room.room.kind != "public":
        require_member(room, user_id)


def require_in_charge(room: LiveRoom, user_id: str) -> None:
    """Let the owner and the administrators of the room pass."""
    require_member(room, user_id)
    if not is_in_charge(room, user_id):
        raise _not_in_charge()


def require_owner(room: LiveRoom, user_id: str) -> None:
    """Let the owner of the room pass."""
    require_member(room, user_id)
    if room.role(user_id) != "owner":
        raise Forbidden("not_the_owner", "this is for the owner of the room")


def require_group(room: LiveRoom) -> None:
    """Refuse what makes no sense in a direct room, or in the one that everybody is in."""
    if room.room.kind == "direct":
        raise Invalid("direct_room", "a direct room has two people, and stays as it is")
    if room.is_everyone:
        raise Forbidden("everyones_room", "everybody is in this room, and it stays as it is")


def require_removable(room: LiveRoom, by: str, user_id: str) -> None:
    """Let those remove who are in charge, and rank above whom they remove."""
    require_group(room)
    require_in_charge(room, by)
    if not room.has(user_id):
        raise NotFound("member_not_found", "this user is not in the room")
    if _rank(room, user_id) >= _rank(room, by):
        raise Forbidden("outranked", "this user cannot be removed by you")


def require_may_set_role(room: LiveRoom, by: str, user_id: str, role: RoomRole) -> None:
    """Let the owner give any role but the one that is given by giving up one's own."""
    require_group(room)
    require_owner(room, by)
    if not room.has(user_id):
        raise NotFound("member_not_found", "this user is not in the room")
    if user_id == by and role != "owner":
        raise Conflict("last_owner", "make somebody else the owner instead")


def require_own(message: Message, user_id: str, now: datetime, window: float) -> None:
    """Let those edit a message who sent it, and only for a while."""
    if message.sender != user_id:
        raise Forbidden("not_yours", "only its sender can edit a message")
    if message.deleted is not None:
        raise Conflict("message_deleted", "this message was deleted")
    if window and now - message.created > timedelta(seconds=window):
        raise Forbidden("too_late", "this message is too old to be edited")


def require_may_delete(room: LiveRoom, message: Message, user: User) -> None:
    """Let those delete a message who sent it, or who look after the room."""
    if message.sender != user.id and not looks_after(room, user):
        raise Forbidden("not_yours", "only its sender or an administrator can delete a message")


def require_may_see_former(room: LiveRoom, message: Message, user: User) -> None:
    """Let those see what a message said before who sent it, or who look after the room."""
    if message.sender != user.id and not looks_after(room, user):
        raise Forbidden("not_yours", "only its sender or an administrator sees what it said before")


def require_may_pin(room: LiveRoom, user: User) -> None:
    """Let both pin in a direct room, and those who look after it in any other."""
    require_member(room, user.id)
    if room.room.kind != "direct" and not looks_after(room, user):
        raise _not_in_charge()


def require_there(message: Message) -> None:
    """Refuse what cannot be done to a deleted message."""
    if message.deleted is not None:
        raise Conflict("message_deleted", "this message was deleted")


def no_such_message() -> NotFound:
    """The refusal of a message that is not there, or that is none of one's business."""
    return NotFound("message_not_found", "there is no such message")


def is_in_charge(room: LiveRoom, user_id: str) -> bool:
    """Tell whether somebody is an owner or administrator of the room."""
    return room.role(user_id) in ("owner", "admin")


def looks_after(room: LiveRoom, user: User) -> bool:
    """Tell whether somebody looks after what is said in a room.

    In that of everybody, which nobody owns, those do who administer the server.
    """
    return user.role == "admin" if room.is_everyone else is_in_charge(room, user.id)


def has_receipts(room: LiveRoom) -> bool:
    """Tell whether marks are told in the room."""
    return not room.is_everyone and len(room.members) <= MAX_RECEIPTS


def _not_in_charge() -> Forbidden:
    return Forbidden("not_in_charge", "this is for the administrators of the room")


def _rank(room: LiveRoom, user_id: str) -> int:
    role = room.role(user_id)
    return -1 if role is None else _RANKS[role]
