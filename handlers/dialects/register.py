"""Dialect R: `register` by a bare name, messages between two names, and a queue for the absent."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import asdict

from chat import events
from chat.commands import ClientId, Id, Name, Text
from chat.conversations import Line, line_of
from chat.events import Event, Form
from handlers.dialects.tables import Answer, Client, Does, Row, Says, Speech, Table, Told
from handlers.views import Moment, View


class SendMessage(Struct, rename="camel"):
    """Say something to somebody."""

    sender: Name
    receiver: Name
    message: Text
    client_id: ClientId | None = None


class OneMessage(Struct, rename="camel"):
    """Speak of a message."""

    message_id: Id


class Registered(Answer, frozen=True):
    """Who one is, as the name is written."""

    user: str


class Marked(Answer, frozen=True):
    """The message that it was about."""

    message_id: str


class Received(View, frozen=True):
    """What somebody has said."""

    underscore_id: str = field(name="_id")
    sender: str
    receiver: str | None
    message: str
    timestamp: Moment


class Message(Received, frozen=True):
    """A message as REST shows it, and how far it has come."""

    delivered: bool
    read: bool


class Sent(View, frozen=True):
    """What one has said oneself."""

    underscore_id: str = field(name="_id")
    receiver: str | None
    message: str
    timestamp: Moment


class Delivered(View, frozen=True):
    """Somebody has received a message."""

    message_id: str
    receiver: str


class ReadAck(View, frozen=True):
    """Somebody has read a message."""

    underscore_id: str = field(name="_id")
    reader: str
    read_at: Moment


class Status(View, frozen=True):
    """Somebody has come or gone."""

    user: str
    status: Literal["online", "offline"]


def speech(said: SendMessage) -> Speech:
    """What is said."""
    return Speech(said.message, to_name=said.receiver, client_id=said.client_id)


async def register(client: Client, _: str) -> Registered:
    """Be somebody, as one is by the time this is called."""
    return Registered(ok=True, user=client.name)


async def message_delivered(client: Client, one: OneMessage) -> Marked:
    """Have received."""
    await client.delivered(one.message_id)
    return Marked(ok=True, message_id=one.message_id)


async def message_read(client: Client, one: OneMessage) -> Marked:
    """Have read."""
    await client.read(one.message_id)
    return Marked(ok=True, message_id=one.message_id)


HEARS: dict[str, Row] = {
    "register": Does(Name, register, sender=str, joins=True),
    "sendMessage": Says(SendMessage, speech, sender=lambda said: said.sender),
    "messageDelivered": Does(OneMessage, message_delivered),
    "messageRead": Does(OneMessage, message_read),
}


def told(event: Event, form: Form) -> Iterable[Told]:
    """An event in the words of this dialect."""
    match event:
        case events.MessageStored(pair=pair) if pair is not None:
            line = line_of(event)
            if line is not None and form in ("own", "origin"):
                yield "message-sent", _sent(line)
            elif line is not None:
                yield "receiveMessage", _received(line)
        case events.MarksMoved(passed=passed) if passed is not None:
            reader = passed.pair.sender.name
            for message_id in passed.delivered:
                yield "message-delivered", Delivered(message_id=message_id, receiver=reader)
            for message_id in passed.read:
                ack = ReadAck(underscore_id=message_id, reader=reader, read_at=passed.at)
                yield "messageReadAck", ack
        case events.UserOnline(name=name) if form != "own":
            yield "onlineStatus", Status(user=name, status="online")
        case events.UserOffline(name=name) if form != "own":
            yield "onlineStatus", Status(user=name, status="offline")


async def greet(client: Client) -> None:
    """Tell that one is there: to oneself, for the others hear of it anyway."""
    client.emit("onlineStatus", Status(user=client.name, status="online"))


def _received(line: Line) -> Received:
    return Received(
        underscore_id=line.message.id,
        sender=line.sender.name,
        receiver=None if line.receiver is None else line.receiver.name,
        message=line.text,
        timestamp=line.message.created,
    )


def _sent(line: Line) -> Sent:
    return Sent(
        underscore_id=line.message.id,
        receiver=None if line.receiver is None else line.receiver.name,
        message=line.text,
        timestamp=line.message.created,
    )


def message(line: Line) -> Message:
    """A message as REST shows it."""
    read = line.status == "read"
    delivered = read or line.status == "delivered"
    return Message(**asdict(_received(line)), delivered=delivered, read=read)


TELLS = {
    "onlineStatus": Status,
    "receiveMessage": Received,
    "message-sent": Sent,
    "message-delivered": Delivered,
    "messageReadAck": ReadAck,
}

REGISTER = Table("R", HEARS, told, TELLS, greet=greet, says_delivered=True)
