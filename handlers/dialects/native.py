"""The native words: `{type, id?, payload}` in JSON, upper-case types, camel-case fields."""

from functools import reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chat import commands, events
from chat.commands import Command
from chat.errors import Refusal
from chat.events import Event, Form
from handlers.frames import text_frame
from handlers.views import message_view, room_view

FrameId = str | int | None


class Auth(Command, frozen=True):
    """Log a socket in, and name the rooms in which something may have been missed."""

    token: str
    rooms: dict[str, commands.Number] = msgspec.field(default_factory=dict)


class AskPresence(Command, frozen=True):
    """Ask who is online."""


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
    "STOP_TYPING": commands.StopTyping,
    "CREATE_ROOM": commands.CreateRoom,
    "UPDATE_ROOM": commands.UpdateRoom,
    "DELETE_ROOM": commands.DeleteRoom,
    "JOIN_ROOM": commands.JoinRoom,
    "LEAVE_ROOM": commands.LeaveRoom,
    "INVITE": commands.Invite,
    "REMOVE_MEMBER": commands.RemoveMember,
    "SET_ROLE": commands.SetRole,
    "SYNC": commands.Sync,
    "HISTORY": commands.History,
    "PRESENCE": AskPresence,
}


class Frame(Struct, frozen=True):
    """What a client sends; its `id` comes back in the answer."""

    payload: Any
    id: FrameId = None


class Answer(Struct, frozen=True):
    """What a server sends."""

    type: str
    payload: object
    id: str | int | UnsetType = UNSET


def _frame_kind(name: str, command: type[Command]) -> Any:
    fields: list[Any] = [("payload", command), ("id", FrameId, None)]
    if not command.__struct_fields__:
        fields[0] = ("payload", command, msgspec.field(default_factory=command))
    return msgspec.defstruct(
        f"{command.__name__}Frame", fields, bases=(Frame,), tag=name, tag_field="type", frozen=True
    )


_decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(
    reduce(or_, [_frame_kind(name, command) for name, command in COMMANDS.items()])
)


def decode(text: str) -> Frame:
    """Read a frame; raises what msgspec raises, and RecursionError."""
    return _decoder.decode(text)


class Envelope(Struct, frozen=True):
    """What can be read of a frame that is not understood."""

    id: FrameId = None
    type: str = ""


_envelopes = msgspec.json.Decoder(Envelope)


def envelope(text: str) -> Envelope:
    """The id and type of a frame that is not understood, so that its refusal can name them."""
    try:
        return _envelopes.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return Envelope()


def answer(kind: str, payload: object, frame_id: FrameId = None) -> bytes:
    """An answer as a finished frame."""
    known = UNSET if frame_id is None else frame_id
    return text_frame(msgspec.json.encode(Answer(kind, payload, known)))


def refused(refusal: Refusal, frame_id: FrameId = None) -> bytes:
    """A refusal as a finished frame."""
    payload: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.retry_after is not None:
        payload["retryAfter"] = refusal.retry_after
    return answer("ERROR", payload, frame_id)


class Native:
    """Events in native words."""

    def encode(self, event: Event, form: Form) -> bytes:
        """An event as one finished frame."""
        kind, payload = _told(event, form)
        return answer(kind, payload)


def _told(event: Event, form: Form) -> tuple[str, object]:
    match event:
        case events.MessageStored(message=message, sender_name=name):
            return "MESSAGE", message_view(message, name, form)
        case events.MessageChanged(message=message, sender_name=name):
            return "MESSAGE_CHANGED", message_view(message, name)
        case events.RoomCreated(room=room, members=members):
            return "ROOM_CREATED", room_view(room, members)
        case events.RoomUpdated(room=room, members=members):
            return "ROOM_UPDATED", room_view(room, members)
    return _KINDS[type(event)], _small(event)


_KINDS: dict[type, str] = {
    events.MarksMoved: "RECEIPT",
    events.TypingStarted: "TYPING",
    events.TypingStopped: "STOP_TYPING",
    events.UserOnline: "USER_ONLINE",
    events.UserOffline: "USER_OFFLINE",
    events.RoomDeleted: "ROOM_DELETED",
    events.MemberJoined: "MEMBER_JOINED",
    events.MemberLeft: "MEMBER_LEFT",
    events.Caught: "SYNCED",
}

# Events whose fields need no more than their names on the wire.
_NAMES = {"room": "roomId", "user": "userId", "name": "username"}


def _small(event: Event) -> dict[str, object]:
    return {_NAMES.get(name, name): getattr(event, name) for name in event.__struct_fields__}
