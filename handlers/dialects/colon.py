"""Dialect C: events with colons, to one person or to everybody."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from chat import events
from chat.commands import Id, Text
from chat.conversations import Line, line_of
from chat.events import Event, Form
from handlers.dialects.tables import Client, Payload, Row, Says, Speech, Table, Told


class MessageSend(Struct):
    """Say something to somebody, or to everybody; what is no text is the link to an upload."""

    content: Text
    recipient: Id | None = None
    type: Literal["text", "image", "video", "file"] = "text"


def speech(said: MessageSend) -> Speech:
    """What is said."""
    return Speech(said.content, to=said.recipient or None, is_link=said.type != "text")


HEARS: dict[str, Row] = {"message:send": Says(MessageSend, speech)}


def told(event: Event, form: Form) -> Iterable[Told]:
    """An event in the words of this dialect."""
    match event:
        case events.MessageStored():
            line = line_of(event)
            if line is not None and _hears(line, form):
                yield "message:received", message(line)
        case events.UserOnline(user=user) if form != "own":
            yield "user:status", {"userId": user, "status": "online"}
        case events.UserOffline(user=user) if form != "own":
            yield "user:status", {"userId": user, "status": "offline"}
        case events.Caught(room=room, rev=rev, complete=complete):
            yield "synced", {"roomId": room, "rev": rev, "complete": complete}


def _hears(line: Line, form: Form) -> bool:
    """Nobody hears what they said themselves, but for what another socket said to everybody."""
    if line.receiver is None:
        return form != "origin"
    return form not in ("own", "origin")


async def greet(client: Client) -> None:
    """Tell that one is there: to oneself, for the others hear of it anyway."""
    client.emit("user:status", {"userId": client.user, "status": "online"})


def message(line: Line) -> Payload:
    """A message."""
    return {
        "_id": line.message.id,
        "id": line.message.id,
        "sender": line.sender.id,
        "recipient": None if line.receiver is None else line.receiver.id,
        "content": line.message.text,
        "type": "text",
        "timestamp": line.message.created,
        "status": line.status,
        "roomId": line.message.room,
        "rev": line.message.rev,
    }


COLON = Table("C", HEARS, told, greet=greet)
