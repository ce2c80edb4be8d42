"""What goes over the sockets of each kind of client: the tables behind `/asyncapi.json`.

A dialect adds a `Channel` here: what its clients send is the table that it decodes by.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chat import commands
from handlers.dialects import authenticate, native
from handlers.dialects.application import Credentials
from handlers.dialects.choice import DIALECTS, Choice
from handlers.dialects.tables import Table
from handlers.dialects.words import AskPresence, Listen, Unlisten
from handlers.views import MessageBody, OwnRoomView, OwnUserView, RoomView, View


class Channel(Struct, frozen=True, kw_only=True):
    """The sockets of one kind of client. `frames` are `{type, id?, payload}`; `events` Socket.IO's.

    `answers` says what the ACK to a command carries, or what an acknowledgement callback is given.
    """

    name: str
    address: str
    form: Literal["frames", "events"]
    about: str
    takes: Mapping[str, Any]
    answers: Mapping[str, Any]
    tells: Mapping[str, Any]
    # What a callback is given instead, where the answer to a command is a refusal.
    refusal: type[View] | None = None
    # What may come without a payload.
    bare: frozenset[str] = frozenset()


class Welcome(View, frozen=True):
    """All that a client needs to begin: who one is, one's rooms, and the ids of who is online."""

    user: OwnUserView
    rooms: list[OwnRoomView]
    everyone: OwnRoomView
    online: list[str]


class RefusalFrame(View, frozen=True, omit_defaults=True):
    """Why something was not done."""

    code: str
    message: str
    retry_after: float | None = None


class UserIds(View, frozen=True):
    """Who is online, at most a thousand."""

    user_ids: list[str]


class OnlinePeople(View, frozen=True):
    """Some of those who are online, and whether there are more."""

    user_ids: list[str]
    has_more: bool


class RoomId(View, frozen=True):
    """The room that it was about."""

    room_id: str


class OneMessage(View, frozen=True):
    """The message as it is stored."""

    message: MessageBody


class OneRoom(View, frozen=True):
    """The room as it is now."""

    room: OwnRoomView


class MarksMovedTo(View, frozen=True):
    """How far one has come in a room."""

    room_id: str
    delivered: int
    read: int


class CaughtUp(View, frozen=True):
    """How far a room has been told, and whether that is all."""

    room_id: str
    rev: int
    complete: bool


class HistoryAnswer(View, frozen=True):
    """A page of a room, ascending."""

    messages: list[MessageBody]
    has_more: bool


class Nothing(View, frozen=True):
    """Nothing but that it was done."""


class Notification(View, frozen=True, omit_defaults=True):
    """Something worth a toast and a sound."""

    kind: Literal["message", "mention", "invitation"]
    room_id: str
    message_id: str | None = None
    sender_id: str | None = None
    sender_username: str | None = None


class Authenticated(View, frozen=True):
    """Who one is."""

    user_id: str
    username: str


class Refused(View, frozen=True, omit_defaults=True):
    """Why something was not done, to a callback."""

    ok: Literal[False]
    error: str
    code: str
    message: str
    retry_after: float | None = None


class ConnectError(View, frozen=True):
    """Why nobody was let in."""

    message: str
    data: RefusalFrame


class WithUser(View, frozen=True):
    """Somebody, by id."""

    user_id: str


class TypingIn(View, frozen=True):
    """Somebody who is writing in a room."""

    user_id: str
    username: str
    room_id: str


class NoTypingIn(View, frozen=True):
    """Somebody who is writing no more."""

    user_id: str
    room_id: str


def _small(event: type[Struct]) -> type[Struct]:
    """The payload of an event whose fields need no more than their names on the wire."""
    fields = [
        (native.NAMES.get(field.name, field.name), field.type)
        for field in msgspec.structs.fields(event)
        if field.name not in native.FOR_OTHERS
    ]
    return msgspec.defstruct(
        event.__name__, fields, namespace={"__doc__": event.__doc__}, frozen=True
    )


_ACKS: Mapping[type, Any] = {
    commands.SendMessage: OneMessage,
    commands.EditMessage: OneMessage,
    commands.DeleteMessage: OneMessage,
    commands.React: OneMessage,
    commands.Pin: OneMessage,
    commands.Read: MarksMovedTo,
    commands.Delivered: MarksMovedTo,
    commands.Typing: Nothing,
    commands.StopTyping: Nothing,
    commands.CreateRoom: OneRoom,
    commands.UpdateRoom: OneRoom,
    commands.DeleteRoom: RoomId,
    commands.JoinRoom: OneRoom,
    commands.LeaveRoom: RoomId,
    commands.Invite: OneRoom,
    commands.RemoveMember: OneRoom,
    commands.SetRole: OneRoom,
    commands.Mute: OneRoom,
    commands.Sync: CaughtUp,
    commands.History: HistoryAnswer,
    AskPresence: OnlinePeople,
    Listen: RoomId,
    Unlisten: RoomId,
}

NATIVE = Channel(
    name="native",
    address="/ws",
    form="frames",
    about="The native socket, also on `/` and `/socket`. The first frame is AUTH; a frame with an "
    "`id` is answered by an ACK or an ERROR that carries it.",
    takes=native.COMMANDS,
    bare=frozenset({"PRESENCE"}),
    answers={name: _ACKS[command] for name, command in native.COMMANDS.items() if command in _ACKS},
    tells={
        "AUTH_SUCCESS": Welcome,
        "AUTH_ERROR": RefusalFrame,
        "ERROR": RefusalFrame,
        "ONLINE_USERS": UserIds,
        "MESSAGE": MessageBody,
        "MESSAGE_CHANGED": MessageBody,
        "NOTIFY": Notification,
        "ROOM_CREATED": OwnRoomView,
        "ROOM_UPDATED": RoomView,
        "ROOM_JOINED": RoomId,
        "ROOM_LEFT": RoomId,
        **{name: _small(event) for event, name in native.KINDS.items()},
    },
)

AUTHENTICATE = Channel(
    name="authenticate",
    address="/ws",
    form="frames",
    about="The socket of clients that say AUTHENTICATE first, also on `/` and `/socket`: it hears "
    "the rooms that it has joined.",
    takes=authenticate.COMMANDS,
    answers={},
    tells={
        "AUTHENTICATED": Authenticated,
        "ERROR": RefusalFrame,
        "ONLINE_USERS": UserIds,
        "ROOM_JOINED": RoomId,
        "ROOM_LEFT": RoomId,
        "MESSAGE": MessageBody,
        "TYPING": TypingIn,
        "STOP_TYPING": NoTypingIn,
        "USER_ONLINE": Authenticated,
        "USER_OFFLINE": WithUser,
        "ROOM_CREATED": RoomView,
        "ROOM_UPDATED": RoomView,
        "ROOM_DELETED": RoomId,
    },
)


def _spoken(table: Table, *, by_token: bool) -> Channel:
    """The channel of a dialect, as its table has it."""
    whose = "`auth` carries a token." if by_token else "Without a token, in open mode."
    return Channel(
        name=table.name,
        address="/socket.io/",
        form="events",
        about=f"Socket.IO, dialect {table.name}. {whose} Every "
        "callback is called, with `ok` first of all; without one a refusal comes as `error`.",
        takes={"connect": Credentials, **{name: row.form for name, row in table.hears.items()}},
        answers={name: row.answer for name, row in table.hears.items()},
        refusal=Refused,
        tells={"connect_error": ConnectError, "error": RefusalFrame, **table.tells},
    )


def channels(choice: Choice) -> list[Channel]:
    """All that is spoken over sockets."""
    spoken = [_spoken(table, by_token=by_token) for table, by_token in choice.tables]
    return [NATIVE, AUTHENTICATE, *spoken]


CHANNELS = channels(DIALECTS)
