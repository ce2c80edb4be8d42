"""What a socket is told of what it has missed, in order with what is told meanwhile.

While it is read, what is told to the socket is held; behind it, what was held is told, but for what
the reading has told already. So nothing falls between, and nothing comes twice.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from chat import commands
from chat.errors import Refusal
from chat.events import Caught, Event, Form, MessageChanged, MessageStored
from chat.hub import Outbox
from chat.live_room import LiveRoom
from handlers.services import Services
from handlers.sockets import TOO_SLOW, Closing
from models.records import Message

# What is told while a socket is being caught up; beyond it the client starts anew.
MAX_HELD = 10_000

ROOMS_AT_ONCE = 100
MAX_CAUGHT_UP = 500

# What is read of a room at once, and told before more is read: a megabyte at most.
CHANGES_AT_ONCE = 50

# How often is looked whether what was written has gone; nobody says so.
DRAIN_SECONDS = 0.02


class Listener(Outbox, Protocol):
    """A socket that can be told what it has missed."""

    services: Services
    heard: bool

    @property
    def is_over(self) -> bool:
        """Whether it is told nothing any more."""

    @property
    def waiting_bytes(self) -> int:
        """How much of what it was told has not gone yet."""

    def missed(self, room: LiveRoom, message: Message) -> Event:
        """The event that tells of a message that was missed."""

    def refuse(self, refusal: Refusal) -> None:
        """Tell of a refusal that answers nothing in particular."""

    def end(self, closing: Closing) -> None:
        """Close, saying why."""


async def sync(listener: Listener, command: commands.Sync) -> dict[str, object]:
    """Catch a room up while the socket hears nothing else."""
    listener.held = []
    told: dict[str, int] = {}
    try:
        complete = await _tell_changes(listener, command, told)
    finally:
        release(listener, by_rev(told))
    # Whoever has gone, or is cut now, was perhaps told nothing.
    rev = told.get(command.room_id, command.since)
    return {"roomId": command.room_id, "rev": rev, "complete": complete}


async def catch_up(listener: Listener, seen: dict[str, int], told: dict[str, int]) -> None:
    """Tell what was missed in some rooms, and note how far that reaches."""
    for room_id, rev in list(seen.items())[:ROOMS_AT_ONCE]:
        if not await drained(listener):
            return
        command = commands.Sync(room_id=room_id, since=rev, limit=MAX_CAUGHT_UP)
        try:
            # Strangers may read a public room, but only those who are in it come back to it.
            await listener.services.reading.room(listener.user, room_id)
            await _tell_changes(listener, command, told)
        except Refusal as refusal:
            # Gone, or none of this user's any more: the others are caught up all the same.
            refusal.details = {**(refusal.details or {}), "roomId": room_id}
            listener.refuse(refusal)
    for room_id, rev in list(seen.items())[ROOMS_AT_ONCE:]:
        caught = Caught(room_id, rev, complete=False)
        listener.send(listener.dialect.encode(caught, "own"))
    if seen:
        await drained(listener)


async def drained(listener: Listener) -> bool:
    """Wait for one who reads slowly, who would be cut because there is so much, and back for more.

    False when there is nothing more to tell: they have gone, or too much is told meanwhile.
    """
    while (waiting := listener.waiting_bytes) and _goes_on(listener):
        await asyncio.sleep(DRAIN_SECONDS)
        if listener.waiting_bytes < waiting:
            listener.heard = True  # whoever takes something is alive, whatever waits behind it
    return _goes_on(listener)


def _goes_on(listener: Listener) -> bool:
    return not listener.is_over and len(listener.held or ()) <= MAX_HELD


def by_rev(told: dict[str, int]) -> Callable[[Message], bool]:
    """Whether a message was told by telling what has changed in its room up to a `rev`."""
    return lambda message: message.rev <= told.get(message.room, 0)


def release(listener: Listener, is_told: Callable[[Message], bool]) -> None:
    """Tell what was held, but for what has been told already."""
    held, listener.held = listener.held or [], None
    if len(held) > MAX_HELD:
        listener.end(TOO_SLOW)
        return
    for event, form in held:
        match event:
            case MessageStored(message=message) | MessageChanged(message=message):
                if is_told(message):
                    continue
        listener.send(listener.dialect.encode(event, form))


async def _tell_changes(listener: Listener, command: commands.Sync, told: dict[str, int]) -> bool:
    """Tell what has changed in a room, note how far that reaches, and whether it is all."""
    left, since = command.limit, command.since
    enough = listener.services.socket_limits.waiting_bytes // 2
    while True:
        part = replace(command, since=since, limit=min(left, CHANGES_AT_ONCE))
        changes = await listener.services.reading.changes(listener.user, part)
        for message in changes.messages:
            form: Form = "own" if message.sender == listener.user else "others"
            event = listener.missed(changes.room, message)
            if listener.waiting_bytes > enough and not await drained(listener):
                return False
            listener.send(listener.dialect.encode(event, form))
        left, since = left - len(changes.messages), changes.rev
        told[command.room_id] = since
        if changes.complete or not left or not changes.messages:
            break
    caught = Caught(command.room_id, since, changes.complete)
    listener.send(listener.dialect.encode(caught, "own"))
    return changes.complete
