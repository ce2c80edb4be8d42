"""The contract that every store keeps, and its errors; `models.contract` has its parts.

All methods block and may be called from several threads at once; `models.disk` is the only way to
them from the event loop. One test suite holds every implementation to what the docstrings say.

Everywhere: a text that is no id is an id that does not exist, and no page comes behind it; adding a
record under an id that is there already is Taken("id"); what a method returns is durable or was
read from what is durable; a method that raises has changed nothing, except where it says so.
That the ids within a record are ids is the caller's business.

    StoreError
    ├── Unavailable    the store did not answer: what was asked for may or may not have happened
    ├── Refused        the store said no (full, read-only, locked): nothing has happened
    ├── TooSlow        looking for something took longer than it may
    ├── NotFound       the record to change is not there
    ├── Taken          an id, name, e-mail, pair or number is in use; `field` says which
    └── Unusable       the data belongs to a newer Hubbub, to another process, or is damaged
        └── Malformed  or what names it makes no sense
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from models.contract.accounts import Sessions, Users
from models.contract.keyed_calls import KeyedCalls
from models.contract.messages import Messages
from models.contract.rooms import Rooms
from models.contract.uploads import Uploads
from models.records import Message


class StoreError(Exception):
    """Whatever a store may raise."""


class Unavailable(StoreError):
    """The store did not answer in time; the outcome of a write is unknown."""


class Refused(StoreError):
    """The store answered that it will not; nothing has changed."""


class TooSlow(StoreError):
    """Looking for something took longer than it may; it was given up."""


class NotFound(StoreError):
    """The record to be changed does not exist."""


class Taken(StoreError):
    """Something that must be unique is in use already."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is taken")
        self.field = field


class Unusable(StoreError):
    """The data cannot be used by this process; starting again will not help."""


class Malformed(Unusable):
    """What names the data makes no sense: not the data is wrong, but a setting."""


class NewMessage(Struct, frozen=True, gc=False):
    """Store a message, unless its sender has used its client id before."""

    message: Message


class ChangedMessage(Struct, frozen=True, gc=False):
    """Replace all that can change of a stored message, and stamp it with its new `rev`.

    `call` names the keyed call that is done by it, and is noted as `KeyedCalls.finish` does.
    """

    message: Message
    call: str | None = None


class MovedMark(Struct, frozen=True, gc=False):
    """Move a member's marks forward; a smaller number than the kept one changes nothing."""

    room: str
    user: str
    delivered: int
    read: int


MessageWrite = NewMessage | ChangedMessage
Write = MessageWrite | MovedMark


class Stored(Struct, frozen=True, gc=False):
    """The write is durable. `message` is as stored: its numbers may have moved down."""

    message: Message | None = None


class Duplicate(Struct, frozen=True, gc=False):
    """The sender used this client id before, for the message `first`; nothing was written."""

    first: Message


Outcome = Stored | Duplicate


class Store(Protocol):
    """Everything that is kept."""

    @property
    def users(self) -> Users:
        """The accounts."""

    @property
    def sessions(self) -> Sessions:
        """The logins."""

    @property
    def rooms(self) -> Rooms:
        """The rooms and their members."""

    @property
    def messages(self) -> Messages:
        """The messages."""

    @property
    def uploads(self) -> Uploads:
        """The records of files."""

    @property
    def keyed_calls(self) -> KeyedCalls:
        """The calls that came with a key."""

    def open(self) -> None:
        """Make the store ready: files, indexes, migrations, the room `EVERYONE`.

        Unusable when the data was written by a newer Hubbub or is in use by another process;
        Unavailable when there is nobody to talk to. It may be tried again after either.
        """

    def close(self) -> None:
        """Let go of everything; a second call does nothing, any other raises Unavailable."""

    def ping(self) -> None:
        """Return if the store answers, raise Unavailable if not."""

    def commit(self, writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        """Write a batch, in order and durably, and answer for each write.

        The writes of one room carry numbers that go on from its counters without a gap. When a new
        message turns out to be a duplicate, the numbers behind it in its room move down, so that
        none is skipped; the outcomes tell what was stored. A batch may hold the same message, or
        client id, more than once. A message that is stored already under its own id counts as
        stored, so that a batch whose outcome was unknown can be committed again as it is.

        Taken("number") when a `seq` or `rev` belongs to another message, or a change is older than
        the message that it would replace: the caller's counters are old. NotFound when the room of
        a new message does not exist. A change to a message, or a mark of a membership, that does
        not exist changes nothing; in `EVERYONE` the membership with the marks is made at need.

        With `later`, new messages are not found by a search until `Messages.index` was called, and
        the batch takes less time.

        Atomic where the store has transactions on its own; elsewhere, what was written of a failed
        batch is a prefix of its messages, and committing it again completes it.
        """

    def withdraw(self, writes: Sequence[MessageWrite], *, above: int) -> None:
        """See to it that writes of one room, whose outcome is unknown, never land from now on.

        What has landed stays, and so does what came after it. The id of a new message that has not
        is used up: to store it is Taken("id"). The other messages keep their content, and those
        whose `rev` is not greater than `above` get new ones behind it, in order; so they are among
        the changes, and whatever was on its way to them is too old.

        `above` must be the greatest `rev` of the room and of the writes; Taken("number") when it
        is not. It may be repeated, with a greater `above` too.
        """
