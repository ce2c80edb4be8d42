"""Records for tests: every field that a test does not care about has a value of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from models.records import (
    FormerText,
    KeyedCall,
    Membership,
    Message,
    Reaction,
    Room,
    Session,
    Upload,
    User,
    new_id,
    pair_of,
)
from models.store import NewMessage, Outcome, Store

T = TypeVar("T")

START = datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)

# Texts where an id belongs: an empty one, too short, not lower case, no hex, too long, an operator,
# a path, an id with something behind it, and digits that are not ASCII.
NOT_IDS = (
    "",
    "abc",
    "ABCDEFABCDEFABCDEFABCDEF",
    "xyzxyzxyzxyzxyzxyzxyzxyz",
    "a" * 10_000,
    '{"$ne":1}',
    "../",
    "65e0782f1c9d440000000001\0",
    "65e0782f1c9d440000000001\n",
    "\u0660" * 24,
)

_numbers = count(1)


def at(seconds: float) -> datetime:
    """A moment, counted from the start of all tests."""
    return START + timedelta(seconds=seconds)


def user(name: str | None = None, **fields: Any) -> User:
    """A user with a name that nobody else has."""
    name = f"user{next(_numbers)}" if name is None else name
    return User(**{"id": new_id(), "name": name, "display_name": name, "created": START, **fields})


def session(user_id: str, **fields: Any) -> Session:
    """A login of a user."""
    values = {
        "id": new_id(),
        "user": user_id,
        "created": START,
        "seen": START,
        "expires": at(3600),
        "agent": "a browser",
        "address": "192.0.2.1",
    }
    return Session(**{**values, **fields})


def room(kind: str = "private", **fields: Any) -> Room:
    """A room without members."""
    values = {"id": new_id(), "kind": kind, "name": "a room", "created": START, "active": START}
    return Room(**{**values, **fields})


def direct(one: str, other: str) -> tuple[Room, list[Membership]]:
    """A direct room and its two members."""
    made = room("direct", name=None, pair=pair_of(one, other))
    return made, [member(made.id, one), member(made.id, other)]


def member(room_id: str, user_id: str, **fields: Any) -> Membership:
    """A membership."""
    return Membership(**{"room": room_id, "user": user_id, "joined": START, **fields})


def message(room_id: str, number: int, **fields: Any) -> Message:
    """A message with the same number twice."""
    values = {
        "id": new_id(),
        "room": room_id,
        "seq": number,
        "rev": number,
        "sender": new_id(),
        "client_id": f"c{next(_numbers)}",
        "text": f"message {number}",
        "created": at(number),
    }
    return Message(**{**values, **fields})


def full_message(room_id: str, number: int) -> Message:
    """A message in which no field is empty."""
    return message(
        room_id,
        number,
        attachments=(new_id(), new_id()),
        reply_to=new_id(),
        reactions=(
            Reaction(emoji="👍🏽", users=(new_id(), new_id())),
            Reaction(emoji="$set", users=(new_id(),)),
        ),
        mentions=(new_id(),),
        pinned=True,
        former=(FormerText(text="before", until=at(1)), FormerText(text="", until=at(2))),
        edited=at(3.001),
        deleted=at(4.999),
    )


def upload(owner: str, **fields: Any) -> Upload:
    """A file of somebody."""
    values = {
        "id": new_id(),
        "owner": owner,
        "name": "a file.txt",
        "type": "text/plain",
        "size": 12,
        "sha256": "0" * 64,
        "created": START,
    }
    return Upload(**{**values, **fields})


def keyed_call(**fields: Any) -> KeyedCall:
    """A call that came with a key, and has no answer."""
    values = {
        "id": new_id(),
        "owner": "somebody",
        "digest": "0" * 64,
        "makes": new_id(),
        "created": START,
    }
    return KeyedCall(**{**values, **fields})


def add_room(store: Store, *members: str, **fields: Any) -> Room:
    """Keep a new room with these members."""
    made = room(**fields)
    store.rooms.add(made, [member(made.id, user_id) for user_id in members])
    return made


def say(store: Store, *messages: Message) -> list[Outcome]:
    """Commit new messages."""
    return store.commit([NewMessage(each) for each in messages])


def add_messages(store: Store, room_id: str, amount: int) -> list[Message]:
    """Commit new messages, numbered from 1."""
    made = [message(room_id, number) for number in range(1, amount + 1)]
    say(store, *made)
    return made


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Make calls in threads of their own; an exception is a result too."""

    def caught(call: Callable[[], T]) -> T | Exception:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(caught, calls))
