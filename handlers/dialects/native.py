"""The native words: `{type, id?, payload}` in JSON, upper-case types, camel-case fields."""

from collections.abc import Mapping

import msgspec

from chat import commands, events
from chat.commands import Command, JoinRoom, LeaveRoom
from chat.errors import Refusal
from chat.events import Event, Form
from handlers.dialects.words import (
    AskPresence,
    Auth,
    Frame,
    FrameId,
    Listen,
    Reader,
    Unlisten,
    refusal_body,
    written,
)
from handlers.frames import text_frame
from handlers.views import View, message_body, message_view, new_room_view, room_view

# What a client may send, by its type.
COMMANDS: dict[str, type[Command]] = {
    "AUTH": Auth,
    "SEND_MESSAGE": commands.SendMessage,
    "EDIT_MESSAGE": commands.EditMessage,
    "DELETE_MESSAGE": commands.DeleteMessage,
    "REACT": commands.React,
    "PIN": commands.Pin,
    "READ": commands.Read,
    "DELIVERED": commands.Delivered,
    "TYPING": commands.Typing,
    "START_TYPING": commands.Typing,
    "STOP_TYPING": commands.StopTyping,
    "CREATE_ROOM": commands.CreateRoom,
    "UPDATE_ROOM": commands.UpdateRoom,
    "DELETE_ROOM": commands.DeleteRoom,
    "JOIN_ROOM": commands.JoinRoom,
    "LEAVE_ROOM": commands.LeaveRoom,
    "INVITE": commands.Invite,
    "REMOVE_MEMBER": commands.RemoveMember,
    "SET_ROLE": commands.SetRole,
    "MUTE": commands.Mute,
    "SYNC": commands.Sync,
    "HISTORY": commands.History,
    "PRESENCE": AskPresence,
}

_reader = Reader(COMMANDS)


# What is told with nearly every message. As a dict, a receipt takes 1.1 µs instead of 0.4.
class Receipt(View, frozen=True):
    """How far somebody has come in a room."""

    room_id: str
    user_id: str
    delivered: int
    read: int


class Notice(View, frozen=True):
    """That there is a message, for a toast and a sound."""

    kind: str
    room_id: str
    message_id: str
    sender_id: str
    sender_username: str


class Native:
    """The words of native clients, and of those of dialect A that say AUTH.

    The latter send no ids and expect a ROOM_JOINED. Their LEAVE_ROOM means that a page is closed,
    so without an id it is not taken to mean that its user leaves the room for good.
    """

    name = "native"
    listens = False
    names_people = False
    is_alike = False

    def decode(self, text: str) -> Frame:
        """Read a frame."""
        frame = _reader.read(text)
        if frame.id is None and isinstance(frame.payload, LeaveRoom):
            return Frame(Unlisten(room_id=frame.payload.room_id))
        return frame

    def welcome(self, payload: dict[str, object], frame_id: FrameId) -> bytes:
        """All that a client needs to begin."""
        online = {"userIds": payload["online"]}
        return written("AUTH_SUCCESS", payload, frame_id) + written("ONLINE_USERS", online)

    def unwelcome(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """Why nobody was logged in."""
        return written("AUTH_ERROR", refusal_body(refusal), frame_id)

    def done(self, frame: Frame, payload: Mapping[str, object]) -> bytes:
        """An ACK to whoever gave an id, and to others what dialect A expects."""
        if frame.id is not None:
            return written("ACK", payload, frame.id)
        kind = _UNASKED.get(type(frame.payload))
        return b"" if kind is None else written(kind, {"roomId": frame.payload.room_id})

    def stored(self, frame_id: FrameId, message: bytes) -> bytes:
        """An ACK with the message."""
        known = msgspec.json.encode(frame_id)
        return text_frame(b'{"type":"ACK","payload":{"message":%b},"id":%b}' % (message, known))

    def refused(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """The answer to a command that was refused."""
        return written("ERROR", refusal_body(refusal), frame_id)

    def encode(self, event: Event, form: Form) -> bytes:
        """An event as finished frames."""
        if isinstance(event, events.MessageStored):
            return _message(event, form)
        if isinstance(event, events.MarksMoved):  # the most frequent of all others
            receipt = Receipt(event.room, event.user, event.delivered, event.read)
            return written("RECEIPT", receipt)
        if isinstance(event, events.RoomCreated):
            # Whoever made it on this socket has an ACK that says so.
            return b"" if form == "origin" else _room_created(event, form)
        if form == "own" and isinstance(event, events.UserOnline | events.UserOffline):
            return b""  # one knows that oneself
        if isinstance(event, events.TypingTo):
            return b""  # these clients know rooms
        return written(*_told(event, form))


_UNASKED: dict[type[Command], str] = {
    JoinRoom: "ROOM_JOINED",
    Listen: "ROOM_JOINED",
    Unlisten: "ROOM_LEFT",
}


def _message(event: events.MessageStored, form: Form) -> bytes:
    """A message, and a NOTIFY with it, which a page turns into a toast and a sound."""
    message = event.message
    frame = text_frame(b'{"type":"MESSAGE","payload":%b}' % message_body(event, form))
    if form != "mentioned" and not (form == "others" and event.notify):
        return frame
    kind = "mention" if form == "mentioned" else "message"
    notice = Notice(kind, message.room, message.id, message.sender, event.sender_name)
    return frame + written("NOTIFY", notice)


def _room_created(event: events.RoomCreated, form: Form) -> bytes:
    """A room, and a NOTIFY with it where somebody was brought there."""
    frame = written("ROOM_CREATED", new_room_view(event))
    if form != "others" or not event.invitation:
        return frame
    return frame + written("NOTIFY", {"kind": "invitation", "roomId": event.room.id})


def _told(event: Event, form: Form) -> tuple[str, object]:
    kind = type(event)
    if kind in _SMALL:
        return KINDS[kind], {name: getattr(event, field) for name, field in _SMALL[kind]}
    match event:
        case events.MessageChanged(message=message, sender_name=name, shown=shown):
            return "MESSAGE_CHANGED", message_view(message, name, form, shown)
        case events.RoomUpdated(room=room, members=members):
            return "ROOM_UPDATED", room_view(room, members)
    raise TypeError(kind)


KINDS: dict[type, str] = {
    events.MarksMoved: "RECEIPT",
    events.TypingStarted: "TYPING",
    events.TypingStopped: "STOP_TYPING",
    events.UserOnline: "USER_ONLINE",
    events.UserOffline: "USER_OFFLINE",
    events.RoomDeleted: "ROOM_DELETED",
    events.RoomMuted: "ROOM_MUTED",
    events.MemberJoined: "MEMBER_JOINED",
    events.MemberLeft: "MEMBER_LEFT",
    events.Caught: "SYNCED",
}

# Events whose fields need no more than their names on the wire; some are for other words.
NAMES = {"room": "roomId", "user": "userId", "name": "username"}
FOR_OTHERS = frozenset({"pair", "passed"})

# Those fields, by their names on the wire.
_SMALL: dict[type, list[tuple[str, str]]] = {
    kind: [
        (NAMES.get(field.name, field.name), field.name)
        for field in msgspec.structs.fields(kind)
        if field.name not in FOR_OTHERS
    ]
    for kind in KINDS
}
