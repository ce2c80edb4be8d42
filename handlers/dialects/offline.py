"""What others said while a client was away: told in order with the rest, and delivered by that."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from chat import commands
from chat.chat import Speaker
from chat.conversations import Line
from chat.events import Event, Form, MessageStored, Pair
from chat.hub import Taker
from handlers.catching_up import Listener, by_rev, drained, release
from handlers.dialects.tables import Table
from models.records import Message

# What came while somebody was away is told so many at a time, and the next when those are taken.
OFFLINE_AT_ONCE = 100


class Returned(Listener, Taker, Protocol):
    """A client that has been away, or is told something old."""

    table: Table
    speaker: Speaker | None


async def tell_offline(client: Returned, told: dict[str, int], offline: set[str]) -> None:
    """Tell what others have said meanwhile, the oldest first, and note what that was."""
    known = by_rev(told)
    conversations = client.services.conversations
    while not client.is_over:
        lines = await conversations.undelivered(client.user, limit=OFFLINE_AT_ONCE)
        # What was said since the client came is held, whole and in order, and told behind this.
        lines = _before(client.held or [], lines)
        if not lines:
            return
        for line in lines:
            if line.receiver is not None and not known(line.message):
                pair = Pair(line.sender, line.receiver)
                event = MessageStored(line.message, line.sender.name, pair=pair, shown=line.shown)
                client.send(client.dialect.encode(event, "others"))
                offline.add(line.message.id)
        if not await drained(client):
            return
        await _note_delivered(client, [line.message for line in lines])
        if len(lines) < OFFLINE_AT_ONCE:
            return


def release_held(client: Returned, is_told: Callable[[Message], bool]) -> list[Message]:
    """Tell what was held; give what others have said of that to one or to the other."""
    held = client.held or []
    release(client, is_told)
    return [event.message for event in _stored(held) if event.pair is not None]


async def take(client: Returned, messages: list[Message]) -> None:
    """Note as delivered what was told, once it has come, unless the client says that itself."""
    if not (client.table.says_delivered or client.is_over):
        for room_id, seq in _reached(messages).items():
            await client.services.chat.deliver(client, room_id, seq)


async def _note_delivered(client: Returned, messages: list[Message]) -> None:
    for room_id, seq in _reached(messages).items():
        if client.speaker is not None:
            command = commands.Delivered(room_id=room_id, seq=seq)
            await client.services.chat.delivered(client.speaker, command)


def _stored(held: Iterable[tuple[Event, Form]]) -> Iterator[MessageStored]:
    return (event for event, _ in held if isinstance(event, MessageStored))


def _before(held: list[tuple[Event, Form]], lines: list[Line]) -> list[Line]:
    """The lines that were said before anything that is held of their rooms."""
    first: dict[str, int] = {}
    for event in _stored(held):
        first.setdefault(event.message.room, event.message.seq)
    return [
        line
        for line in lines
        if line.message.room not in first or line.message.seq < first[line.message.room]
    ]


def _reached(messages: Iterable[Message]) -> dict[str, int]:
    """How far some messages reach, ascending, in each of their rooms."""
    return {message.room: message.seq for message in messages}
