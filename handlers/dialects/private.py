"""Dialect P: `private_message` between two who have logged in, by their ids."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from chat import events
from chat.commands import ClientId, Id, Text
from chat.conversations import MAX_SKIPPED, Line, line_of
from chat.events import Event, Form
from handlers.dialects.tables import Client, Does, Payload, Row, Says, Speech, Table, Told

DEFAULT_LINES = 50
MAX_LINES = 200


class PrivateMessage(Struct, rename="camel"):
    """Say something to somebody."""

    receiver_id: Id
    message: Text
    client_id: ClientId | None = None


class Typing(Struct, rename="camel"):
    """Be writing to somebody, or be writing no more."""

    receiver_id: Id
    is_typing: bool


class MessageRead(Struct, rename="camel"):
    """Have read a message."""

    message_id: Id


class GetHistory(Struct, rename="camel"):
    """Ask for the latest messages with somebody, but the newest `skip`."""

    other_user_id: Id
    limit: Annotated[int, Meta(ge=1)] = DEFAULT_LINES
    skip: Annotated[int, Meta(ge=0, le=MAX_SKIPPED)] = 0


def speech(said: PrivateMessage) -> Speech:
    """What is said."""
    return Speech(said.message, to=said.receiver_id, client_id=said.client_id)


async def typing(client: Client, typing: Typing) -> Payload:
    """Be writing."""
    await client.typing(typing.receiver_id, on=typing.is_typing)
    return {}


async def message_read(client: Client, read: MessageRead) -> Payload:
    """Have read."""
    await client.read(read.message_id)
    return {"messageId": read.message_id}


async def get_history(client: Client, asked: GetHistory) -> Payload:
    """Tell the latest messages."""
    other = asked.other_user_id

    def show(lines: list[Line]) -> Told:
        return "chat_history", history(other, lines)

    limit = min(asked.limit, MAX_LINES)
    await client.show_history(other, show, limit=limit, skip=asked.skip)
    return {"otherUserId": other}


HEARS: dict[str, Row] = {
    "private_message": Says(PrivateMessage, speech),
    "typing": Does(Typing, typing),
    "message_read": Does(MessageRead, message_read),
    "get_chat_history": Does(GetHistory, get_history),
}


def told(event: Event, form: Form) -> Iterable[Told]:
    """An event in the words of this dialect."""
    match event:
        case events.MessageStored(pair=pair) if pair is not None:
            line = line_of(event)
            if line is not None:
                yield "private_message", message(line)
        case events.TypingStarted(pair=pair) | events.TypingStopped(pair=pair) if pair is not None:
            is_typing = isinstance(event, events.TypingStarted)
            sender = pair.sender
            yield (
                "typing",
                {"senderId": sender.id, "username": sender.name, "isTyping": is_typing},
            )
        case events.MarksMoved(passed=passed) if passed is not None:
            for message_id in passed.read:
                yield "message_read", {"messageId": message_id}
        case events.UserOnline(user=user, name=name) if form != "own":
            yield "user_online", {"userId": user, "username": name}
        case events.UserOffline(user=user, name=name) if form != "own":
            yield "user_offline", {"userId": user, "username": name}
        case events.Caught(room=room, rev=rev, complete=complete):
            yield "synced", {"roomId": room, "rev": rev, "complete": complete}


async def greet(client: Client) -> None:
    """Tell who else is there."""
    online = [
        {"userId": user.id, "username": user.name, "socketId": client.socket_id(user.id)}
        for user in await client.online()
        if user.id != client.user
    ]
    client.emit("online_users", online)


def message(line: Line) -> Payload:
    """A message."""
    receiver = line.receiver
    return {
        "id": line.message.id,
        "senderId": line.sender.id,
        "receiverId": None if receiver is None else receiver.id,
        "message": line.message.text,
        "timestamp": line.message.created,
        "isRead": line.status == "read",
        "roomId": line.message.room,
        "rev": line.message.rev,
    }


def history(other: str, lines: list[Line]) -> Payload:
    """A part of a conversation."""
    return {"otherUserId": other, "messages": [_item(line) for line in lines]}


def _item(line: Line) -> Payload:
    receiver = line.receiver
    return {
        **message(line),
        "_id": line.message.id,
        "sender": {"_id": line.sender.id, "username": line.sender.name},
        "receiver": receiver and {"_id": receiver.id, "username": receiver.name},
    }


PRIVATE = Table("P", HEARS, told, greet=greet)
