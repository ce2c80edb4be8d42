"""Dialect P: `private_message` between two who have logged in, by their ids."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from chat import events
from chat.commands import ClientId, Id, Text
from chat.conversations import MAX_SKIPPED, Line, line_of
from chat.events import Event, Form, Person
from handlers.dialects.tables import Answer, Client, Does, Row, Says, Speech, Synced, Table, Told
from handlers.views import Moment, View

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


class Marked(Answer, frozen=True):
    """The message that it was about."""

    message_id: str


class Asked(Answer, frozen=True):
    """Whose history has been told."""

    other_user_id: str


class Message(View, frozen=True):
    """What somebody has said to somebody."""

    id: str
    sender_id: str
    receiver_id: str | None
    message: str
    timestamp: Moment
    is_read: bool
    room_id: str
    rev: int


class Name(View, frozen=True):
    """Somebody, and what they are called."""

    underscore_id: str = field(name="_id")
    username: str


class HistoryItem(Message, frozen=True):
    """A message of a history."""

    underscore_id: str = field(name="_id")
    sender: Name
    receiver: Name | None


class History(View, frozen=True):
    """A part of a conversation, ascending."""

    other_user_id: str
    messages: list[HistoryItem]


class UserTyping(View, frozen=True):
    """Somebody is writing, or is writing no more."""

    sender_id: str
    username: str
    is_typing: bool


class WasRead(View, frozen=True):
    """Somebody has read a message of one's own."""

    message_id: str


class Someone(View, frozen=True):
    """Somebody has come or gone."""

    user_id: str
    username: str


class OnlineUser(Someone, frozen=True):
    """Somebody who is there, and one of their sockets."""

    socket_id: str


def speech(said: PrivateMessage) -> Speech:
    """What is said."""
    return Speech(said.message, to=said.receiver_id, client_id=said.client_id)


async def typing(client: Client, typing: Typing) -> Answer:
    """Be writing."""
    await client.typing(typing.receiver_id, on=typing.is_typing)
    return Answer(ok=True)


async def message_read(client: Client, read: MessageRead) -> Marked:
    """Have read."""
    await client.read(read.message_id)
    return Marked(ok=True, message_id=read.message_id)


async def get_history(client: Client, asked: GetHistory) -> Asked:
    """Tell the latest messages."""
    other = asked.other_user_id

    def show(lines: list[Line]) -> Told:
        return "chat_history", history(other, lines)

    limit = min(asked.limit, MAX_LINES)
    await client.show_history(other, show, limit=limit, skip=asked.skip)
    return Asked(ok=True, other_user_id=other)


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
        case events.MarksMoved(passed=passed) if passed is not None:
            for message_id in passed.read:
                yield "message_read", WasRead(message_id=message_id)
        case events.TypingStarted(pair=pair) | events.TypingStopped(pair=pair) if pair is not None:
            yield _typing(pair.sender, is_typing=isinstance(event, events.TypingStarted))
        case events.TypingTo(pair=pair, is_typing=is_typing):
            yield _typing(pair.sender, is_typing=is_typing)
        case events.UserOnline(user=user, name=name) if form != "own":
            yield "user_online", Someone(user_id=user, username=name)
        case events.UserOffline(user=user, name=name) if form != "own":
            yield "user_offline", Someone(user_id=user, username=name)
        case events.Caught(room=room, rev=rev, complete=complete):
            yield "synced", Synced(room_id=room, rev=rev, complete=complete)


async def greet(client: Client) -> None:
    """Tell who else is there."""
    online = [
        OnlineUser(user_id=user.id, username=user.name, socket_id=client.socket_id(user.id))
        for user in await client.online()
        if user.id != client.user
    ]
    client.emit("online_users", online)


def _typing(sender: Person, *, is_typing: bool) -> Told:
    writing = UserTyping(sender_id=sender.id, username=sender.name, is_typing=is_typing)
    return "typing", writing


def message(line: Line) -> Message:
    """A message."""
    said = line.message
    return Message(
        id=said.id,
        sender_id=line.sender.id,
        receiver_id=None if line.receiver is None else line.receiver.id,
        message=line.text,
        timestamp=said.created,
        is_read=line.status == "read",
        room_id=said.room,
        rev=said.rev,
    )


def history(other: str, lines: list[Line]) -> History:
    """A part of a conversation."""
    return History(other_user_id=other, messages=[_item(line) for line in lines])


def _item(line: Line) -> HistoryItem:
    return HistoryItem(
        **asdict(message(line)),
        underscore_id=line.message.id,
        sender=_name(line.sender),
        receiver=None if line.receiver is None else _name(line.receiver),
    )


def _name(person: Person) -> Name:
    return Name(underscore_id=person.id, username=person.name)


TELLS = {
    "online_users": list[OnlineUser],
    "user_online": Someone,
    "user_offline": Someone,
    "private_message": Message,
    "typing": UserTyping,
    "message_read": WasRead,
    "chat_history": History,
    "synced": Synced,
}

PRIVATE = Table("P", HEARS, told, TELLS, greet=greet, alike=True)
