"""What waits in the journal to be written, and what is told of it when it is stored."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from chat.errors import Refusal
from chat.live_room import Held, LiveRoom
from models.records import Message

Change = Callable[[Message], Message | None]

# A message as dialects have encoded it, each under a key of its own.
Forms = dict[str, bytes]


class Said(Struct, frozen=True, gc=False):
    """A message as it is stored; not `fresh` if that was so before, and nothing is to be told."""

    message: Message
    fresh: bool
    # What was made of it for those who have been told.
    forms: Forms = field(default_factory=dict)


# Takes what became of what somebody said. It is called at once, for a future of every message, and
# its callback in another turn of the loop, take 1.5 µs more.
Answer = Callable[[Said | Refusal], None]


def fulfil(done: asyncio.Future[Said], said: Said | Refusal) -> None:
    """Answer to whoever waits, unless they are not there any more."""
    if done.done():
        return
    if isinstance(said, Refusal):
        done.set_exception(said)
    else:
        done.set_result(said)


class Say(Struct, frozen=True, eq=False):
    """Store a new message; its numbers are yet to be given. `origin` is the socket it came from.

    In sight of the collector: a refusal remembers where it was raised, and so leads back to this.
    """

    room: LiveRoom
    draft: Message
    answer: Answer
    origin: int | None


class Alter(Struct, frozen=True, eq=False):
    """Change a stored message that is held; a change that finds nothing to do gives None."""

    room: LiveRoom
    held: Held
    change: Change
    done: asyncio.Future[Said]
    call: str | None = None


class Mark(Struct, frozen=True, eq=False):
    """Move somebody's marks, with or without an answer."""

    room: LiveRoom
    user: str
    delivered: int
    read: int
    done: asyncio.Future[None] | None = None
    # Whether it goes without saying where they say something themselves: whoever does has read all.
    is_implied: bool = False


Entry = Say | Alter | Mark


class ToldMessage(Struct, frozen=True, gc=False):
    """A message that is new, or that has changed."""

    room: LiveRoom
    message: Message
    new: bool
    origin: int | None = None
    forms: Forms = field(default_factory=dict)


class ToldMarks(Struct, frozen=True, gc=False):
    """Marks that have moved, and where they stood before."""

    room: LiveRoom
    user: str
    delivered: int
    read: int


class ToldGap(Struct, frozen=True, gc=False):
    """More has changed behind a `rev` than is told."""

    room: LiveRoom
    rev: int


Told = ToldMessage | ToldMarks | ToldGap
Teller = Callable[[Sequence[Told]], None]
