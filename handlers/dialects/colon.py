"""Dialect C: events with colons, to one person or to everybody."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct, field

from chat import events
from chat.commands import Id, Text
from chat.conversations import Line, Status, line_of
from chat.events import Event, Form
from handlers.dialects.tables import Client, Row, Says, Speech, Synced, Table, Told
from handlers.views import Moment, View

Kind = Literal["text", "image", "video", "file"]


_TYPES: Mapping[str, Kind] = {"image": "image", "video": "video"}


class MessageSend(Struct):
    """Say something to somebody, or to everybody; what is no text is the link to an upload."""

    content: Text
    recipient: Id | None = None
    type: Kind = "text"


class Message(View, frozen=True):
    """What somebody has said to somebody, or to everybody."""

    underscore_id: str = field(name="_id")
    id: str
    sender: str
    recipient: str | None
    content: str
    type: Kind
    timestamp: Moment
    status: Status
    room_id: str
    rev: int


class UserStatus(View, frozen=True):
    """Somebody has come or gone."""

    user_id: str
    status: Literal["online", "offline"]


def speech(said: MessageSend) -> Speech:
    """What is said."""
    to = said.recipient or None
    if said.type == "text":
        return Speech(said.content, to=to)
    return Speech("", to=to, link=said.content)


HEARS: dict[str, Row] = {"message:send": Says(MessageSend, speech)}


def told(event: Event, form: Form) -> Iterable[Told]:
    """An event in the words of this dialect."""
    match event:
        case events.MessageStored():
            line = line_of(event)
            if line is not None and _hears(line, form):
                yield "message:received", message(line)
        case events.UserOnline(user=user) if form != "own":
            yield "user:status", UserStatus(user_id=user, status="online")
        case events.UserOffline(user=user) if form != "own":
            yield "user:status", UserStatus(user_id=user, status="offline")
        case events.Caught(room=room, rev=rev, complete=complete):
            yield "synced", Synced(room_id=room, rev=rev, complete=complete)


def _hears(line: Line, form: Form) -> bool:
    """Nobody hears what they said themselves, but for what another socket said to everybody."""
    if line.receiver is None:
        return form != "origin"
    return form not in ("own", "origin")


async def greet(client: Client) -> None:
    """Tell that one is there: to oneself, for the others hear of it anyway."""
    client.emit("user:status", UserStatus(user_id=client.user, status="online"))


def message(line: Line) -> Message:
    """A message; one that shows an upload and says nothing else is the link to that."""
    [one] = line.shown if len(line.shown) == 1 and not line.message.text.strip() else (None,)
    return Message(
        underscore_id=line.message.id,
        id=line.message.id,
        sender=line.sender.id,
        recipient=None if line.receiver is None else line.receiver.id,
        content=line.text,
        type="text" if one is None else _TYPES.get(one.kind, "file"),
        timestamp=line.message.created,
        status=line.status,
        room_id=line.message.room,
        rev=line.message.rev,
    )


TELLS = {"message:received": Message, "user:status": UserStatus, "synced": Synced}

COLON = Table("C", HEARS, told, TELLS, greet=greet)
