"""Dialect J: `join` by a bare name, and messages between two names."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from chat import events
from chat.commands import ClientId, Name, Text
from chat.conversations import Line, Status, line_of
from chat.events import Event, Form, Pair
from handlers.dialects.tables import Answer, Client, Does, Row, Says, Speech, Table, Told
from handlers.views import Moment, View

# These clients have no way to ask for more.
MAX_LINES = 500


class SendMessage(Struct, rename="camel"):
    """Say something to somebody."""

    to: Name
    sender: Name = field(name="from")
    message: Text
    client_id: ClientId | None = None


class LoadHistory(Struct):
    """Open the conversation with somebody."""

    user1: Name
    user2: Name


class Typing(Struct, rename="camel"):
    """Be writing to somebody, or be writing no more."""

    to: Name
    sender: Name = field(name="from")
    is_typing: bool


class Joined(Answer, frozen=True):
    """Who one is, as the name is written."""

    username: str


class Message(View, frozen=True):
    """What somebody has said to somebody."""

    underscore_id: str = field(name="_id")
    sender: str
    receiver: str | None
    content: str
    status: Status
    created_at: Moment
    updated_at: Moment


class UserTyping(View, frozen=True):
    """Somebody is writing, or is writing no more."""

    to: str
    sender: str = field(name="from")
    is_typing: bool


class UserStatus(View, frozen=True):
    """Somebody has come or gone."""

    username: str
    status: Literal["online", "offline"]


def speech(said: SendMessage) -> Speech:
    """What is said."""
    return Speech(said.message, to_name=said.to, client_id=said.client_id)


async def join(client: Client, _: str) -> Joined:
    """Be somebody, as one is by the time this is called; and hear who is there, again and again."""
    client.emit("onlineUsersList", [user.name for user in await client.online()])
    return Joined(ok=True, username=client.name)


async def load_history(client: Client, asked: LoadHistory) -> Answer:
    """Tell what two have said to each other, which is read by that."""
    other = await client.find(asked.user2)
    if other is None:
        client.emit("chatHistoryLoaded", [])
        return Answer(ok=True)

    def show(lines: list[Line]) -> Told:
        return "chatHistoryLoaded", [message(line) for line in lines]

    lines = await client.show_history(other.id, show, limit=MAX_LINES)
    theirs = [line for line in lines if line.sender.id == other.id]
    if theirs and theirs[-1].status != "read":
        await client.read(theirs[-1].message.id)
    return Answer(ok=True)


async def typing(client: Client, typing: Typing) -> Answer:
    """Be writing."""
    other = await client.find(typing.to)
    if other is not None:
        await client.typing(other.id, on=typing.is_typing)
    return Answer(ok=True)


HEARS: dict[str, Row] = {
    "join": Does(Name, join, sender=str, joins=True),
    "sendMessage": Says(SendMessage, speech, sender=lambda said: said.sender),
    "loadChatHistory": Does(LoadHistory, load_history, sender=lambda asked: asked.user1),
    "typing": Does(Typing, typing, sender=lambda typing: typing.sender),
}


def told(event: Event, form: Form) -> Iterable[Told]:
    """An event in the words of this dialect."""
    match event:
        case events.MessageStored(pair=pair) if pair is not None:
            line = line_of(event)
            if line is not None:
                name = "messageSent" if form in ("own", "origin") else "receiveMessage"
                yield name, message(line)
        case events.TypingStarted(pair=pair) | events.TypingStopped(pair=pair) if pair is not None:
            yield _typing(pair, is_typing=isinstance(event, events.TypingStarted))
        case events.TypingTo(pair=pair, is_typing=is_typing):
            yield _typing(pair, is_typing=is_typing)
        case events.UserOnline(name=name) if form != "own":
            yield "userStatusChange", UserStatus(username=name, status="online")
        case events.UserOffline(name=name) if form != "own":
            yield "userStatusChange", UserStatus(username=name, status="offline")


def _typing(pair: Pair, *, is_typing: bool) -> Told:
    to, sender = pair.receiver.name, pair.sender.name
    return "userTyping", UserTyping(to=to, sender=sender, is_typing=is_typing)


def message(line: Line) -> Message:
    """A message."""
    return Message(
        underscore_id=line.message.id,
        sender=line.sender.name,
        receiver=None if line.receiver is None else line.receiver.name,
        content=line.text,
        status=line.status,
        created_at=line.message.created,
        updated_at=line.message.edited or line.message.created,
    )


TELLS = {
    "onlineUsersList": list[str],
    "userStatusChange": UserStatus,
    "messageSent": Message,
    "receiveMessage": Message,
    "chatHistoryLoaded": list[Message],
    "userTyping": UserTyping,
}

JOIN = Table("J", HEARS, told, TELLS, offline=False)
