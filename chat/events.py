"""What a client may be told, as typed structs: facts, told after they were stored."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from chat.attachments import Shown
from chat.entries import Forms
from chat.live_room import Standing
from models.records import Message, Room, RoomRole, User

# How much of an event a socket is told: what only its sender knows is for its sender's sockets (and
# some of it for the one it came from), whoever is mentioned hears that, and whoever has muted the
# room hears no sound.
Form = Literal["others", "mentioned", "muted", "own", "origin"]


class Person(Struct, frozen=True, gc=False):
    """Somebody, and what they are called."""

    id: str
    name: str


class Pair(Struct, frozen=True, gc=False):
    """The two of a direct room: whoever does something, and the other one, who hears of it.

    Clients that know no rooms speak of people instead.
    """

    sender: Person
    receiver: Person


class Passed(Struct, frozen=True, gc=False):
    """The messages of a direct room that a mark has passed, by their ids and in order."""

    pair: Pair
    delivered: tuple[str, ...]
    read: tuple[str, ...]
    at: datetime


class MessageStored(Struct, frozen=True, gc=False):
    """Somebody said something."""

    message: Message
    sender_name: str
    # The socket that sent it, by number; it alone is told the name that it gave the message.
    origin: int | None = None
    # Whether it is news for everybody who hears it, as in a room of a few people.
    notify: bool = False
    # But not for these.
    muted: frozenset[str] = frozenset()
    pair: Pair | None = None
    shown: tuple[Shown, ...] = ()
    # What dialects have made of the message, so that they encode it once for all who hear of it.
    forms: Forms = field(default_factory=dict)


class MessageChanged(Struct, frozen=True, gc=False):
    """A message was edited, deleted, pinned, or somebody reacted to it."""

    message: Message
    sender_name: str
    shown: tuple[Shown, ...] = ()


class MarksMoved(Struct, frozen=True, gc=False):
    """Somebody has received or read as far as this."""

    room: str
    user: str
    delivered: int
    read: int
    # For whoever sent these messages, in a direct room.
    passed: Passed | None = None


class TypingStarted(Struct, frozen=True, gc=False):
    """Somebody is writing."""

    room: str
    user: str
    name: str
    pair: Pair | None = None


class TypingStopped(Struct, frozen=True, gc=False):
    """Somebody is writing no more."""

    room: str
    user: str
    pair: Pair | None = None


class TypingTo(Struct, frozen=True, gc=False):
    """Somebody is writing to somebody with whom they have no room yet, or is writing no more.

    Only clients that know people instead of rooms have words for it.
    """

    pair: Pair
    is_typing: bool


class UserOnline(Struct, frozen=True, gc=False):
    """Somebody has come."""

    user: str
    name: str


class UserOffline(Struct, frozen=True, gc=False):
    """Somebody has gone."""

    user: str
    name: str


class RoomCreated(Struct, frozen=True, gc=False):
    """There is a room that one is in, as one stands in it; `maker` and `origin` say who made it."""

    room: Room
    members: tuple[User, ...]
    standing: Standing = Standing()
    last_name: str = ""
    shown: tuple[Shown, ...] = ()
    maker: str | None = None
    origin: int | None = None
    # Whether somebody else has brought one there.
    invitation: bool = False


class RoomUpdated(Struct, frozen=True, gc=False):
    """A room has another name, description or other members."""

    room: Room
    members: tuple[User, ...]


class RoomDeleted(Struct, frozen=True, gc=False):
    """A room is gone, or one is no longer in it."""

    room: str


class RoomMuted(Struct, frozen=True, gc=False):
    """One hears no more sound of a room, or hears it again."""

    room: str
    muted: bool


class MemberJoined(Struct, frozen=True, gc=False):
    """Somebody came into a room."""

    room: str
    user: str
    name: str
    role: RoomRole


class MemberLeft(Struct, frozen=True, gc=False):
    """Somebody left a room, or was removed."""

    room: str
    user: str


class Caught(Struct, frozen=True, gc=False):
    """All that was missed in a room has been told, or more was missed than is told."""

    room: str
    rev: int
    complete: bool


Event = (
    MessageStored
    | MessageChanged
    | MarksMoved
    | TypingStarted
    | TypingStopped
    | TypingTo
    | UserOnline
    | UserOffline
    | RoomCreated
    | RoomUpdated
    | RoomDeleted
    | RoomMuted
    | MemberJoined
    | MemberLeft
    | Caught
)
