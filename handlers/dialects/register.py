"""Dialect R: `register` by a bare name, messages between two names, and a queue for the absent."""

from collections.abc import Iterable

from msgspec import Struct

from chat import events
from chat.commands import ClientId, Id, Name, Text
from chat.conversations import Line, line_of
from chat.events import Event, Form
from handlers.dialects.tables import Client, Does, Payload, Row, Says, Speech, Table, Told


class SendMessage(Struct, rename="camel"):
    """Say something to somebody."""

    sender: Name
    receiver: Name
    message: Text
    client_id: ClientId | None = None


class OneMessage(Struct, rename="camel"):
    """Speak of a message."""

    message_id: Id


def speech(said: SendMessage) -> Speech:
    """What is said."""
    return Speech(said.message, to_name=said.receiver, client_id=said.client_id)


async def register(client: Client, _: str) -> Payload:
    """Be somebody, as one is by the time this is called."""
    return {"user": client.name}


async def message_delivered(client: Client, one: OneMessage) -> Payload:
    """Have received."""
    await client.delivered(one.message_id)
    return {"messageId": one.message_id}


async def message_read(client: Client, one: OneMessage) -> Payload:
    """Have read."""
    await client.read(one.message_id)
    return {"messageId": one.message_id}


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
            if line is not None:
                yield _sent(line) if form in ("own", "origin") else _received(line)
        case events.MarksMoved(passed=passed) if passed is not None:
            reader = passed.pair.sender.name
            for message_id in passed.delivered:
                yield "message-delivered", {"messageId": message_id, "receiver": reader}
            for message_id in passed.read:
                yield "messageReadAck", {"_id": message_id, "reader": reader, "readAt": passed.at}
        case events.UserOnline(name=name) if form != "own":
            yield "onlineStatus", {"user": name, "status": "online"}
        case events.UserOffline(name=name) if form != "own":
            yield "onlineStatus", {"user": name, "status": "offline"}


async def greet(client: Client) -> None:
    """Tell that one is there: to oneself, for the others hear of it anyway."""
    client.emit("onlineStatus", {"user": client.name, "status": "online"})


def _received(line: Line) -> Told:
    receiver = None if line.receiver is None else line.receiver.name
    return "receiveMessage", {
        "_id": line.message.id,
        "sender": line.sender.name,
        "receiver": receiver,
        "message": line.message.text,
        "timestamp": line.message.created,
    }


def _sent(line: Line) -> Told:
    receiver = None if line.receiver is None else line.receiver.name
    return "message-sent", {
        "_id": line.message.id,
        "receiver": receiver,
        "message": line.message.text,
        "timestamp": line.message.created,
    }


def message(line: Line) -> Payload:
    """A message as REST shows it."""
    _, received = _received(line)
    assert isinstance(received, dict)  # noqa: S101 - it is what was made above
    read = line.status == "read"
    return {**received, "delivered": read or line.status == "delivered", "read": read}


REGISTER = Table("R", HEARS, told, greet=greet, says_delivered=True)
