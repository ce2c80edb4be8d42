"""Dialect A as it was coded: AUTHENTICATE, and only the rooms that a socket has joined.

Its client caches messages by room, and a push for a room that it has not opened would hide the
history of that room. It shows every ERROR to its user.
"""

from collections.abc import Mapping

import msgspec

from chat import commands, events
from chat.commands import Command
from chat.errors import Invalid, Refusal
from chat.events import Event, Form
from handlers.dialects.words import (
    Auth,
    Frame,
    FrameId,
    Listen,
    Reader,
    Unlisten,
    refusal_body,
    written,
)
from handlers.views import message_view, room_view


class SendMessage(Command, frozen=True):
    """Say something; `tempId` comes back to this socket."""

    room_id: commands.Id
    content: str | None = None
    temp_id: commands.ClientId | None = None
    image_url: commands.Address | None = None


COMMANDS: dict[str, type[Command]] = {
    "AUTHENTICATE": Auth,
    "SEND_MESSAGE": SendMessage,
    "JOIN_ROOM": Listen,
    "LEAVE_ROOM": Unlisten,
    "TYPING": commands.Typing,
    "START_TYPING": commands.Typing,
    "STOP_TYPING": commands.StopTyping,
}

# What one does oneself: these clients know it already, and would show a room twice.
OWN = (events.UserOnline, events.UserOffline, events.RoomCreated)

_reader = Reader(COMMANDS)


class Authenticate:
    """The words of clients that say AUTHENTICATE."""

    name = "authenticate"
    listens = True
    names_people = False
    is_alike = False

    def decode(self, text: str) -> Frame:
        """Read a frame; what is said is trimmed, as the old server did it."""
        frame = _reader.read(text)
        if isinstance(frame.payload, SendMessage):
            return Frame(_said(frame.payload), frame.id)
        return frame

    def welcome(self, payload: dict[str, object], frame_id: FrameId) -> bytes:
        """Who one is, and who else is there."""
        user = payload["user"]
        who = {"userId": getattr(user, "id", None), "username": getattr(user, "username", None)}
        online = {"userIds": payload["online"]}
        return written("AUTHENTICATED", who, frame_id) + written("ONLINE_USERS", online)

    def unwelcome(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """Why nobody was logged in."""
        return self.refused(refusal, frame_id)

    def done(self, frame: Frame, payload: Mapping[str, object]) -> bytes:
        """Only joining and leaving are answered."""
        match frame.payload:
            case Listen(room_id=room_id):
                return written("ROOM_JOINED", {"roomId": room_id})
            case Unlisten(room_id=room_id):
                return written("ROOM_LEFT", {"roomId": room_id})
        return b""

    def stored(self, frame_id: FrameId, message: bytes) -> bytes:
        """Nothing: these clients wait for the message itself."""
        return b""

    def refused(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """The answer to a command that was refused."""
        return written("ERROR", refusal_body(refusal), frame_id)

    def encode(self, event: Event, form: Form) -> bytes:
        """An event, if this client knows it."""
        if form != "others" and isinstance(event, OWN):
            return b""
        told = _told(event, form)
        return b"" if told is None else written(*told)


def _said(command: SendMessage) -> commands.SendMessage:
    content = (command.content or "").strip()
    if len(content) > commands.MAX_TEXT:
        raise Invalid("invalid_frame", f"a message has at most {commands.MAX_TEXT} characters")
    return commands.SendMessage(
        room_id=command.room_id,
        content=content,
        temp_id=command.temp_id,
        image_url=command.image_url or None,
    )


def _told(event: Event, form: Form) -> tuple[str, object] | None:
    match event:
        case events.MessageStored(message=message, sender_name=name, shown=shown):
            view = message_view(message, name, form, shown)
            return "MESSAGE", msgspec.structs.replace(view, client_id=msgspec.UNSET)
        case events.TypingStarted(room=room, user=user, name=name):
            return "TYPING", {"userId": user, "username": name, "roomId": room}
        case events.TypingStopped(room=room, user=user):
            return "STOP_TYPING", {"userId": user, "roomId": room}
        case events.UserOnline(user=user, name=name):
            return "USER_ONLINE", {"userId": user, "username": name}
        case events.UserOffline(user=user):
            return "USER_OFFLINE", {"userId": user}
        case events.RoomCreated(room=made, members=members):
            return "ROOM_CREATED", room_view(made, members)
        case events.RoomUpdated(room=made, members=members):
            return "ROOM_UPDATED", room_view(made, members)
        case events.RoomDeleted(room=room):
            return "ROOM_DELETED", {"roomId": room}
    return None
