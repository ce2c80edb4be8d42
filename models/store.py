"""The contract that every store keeps, and its errors.

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

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypedDict, TypeVar, Unpack

from msgspec import Struct

from models.records import (
    Counters,
    Hint,
    KeyedCall,
    Membership,
    Message,
    Room,
    RoomRole,
    Session,
    Upload,
    User,
    UserRole,
)
from models.words import Term

T = TypeVar("T")


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


class NewMessage(Struct, frozen=True):
    """Store a message, unless its sender has used its client id before."""

    message: Message


class ChangedMessage(Struct, frozen=True):
    """Replace all that can change of a stored message, and stamp it with its new `rev`.

    `call` names the keyed call that is done by it, and is noted as `KeyedCalls.finish` does.
    """

    message: Message
    call: str | None = None


class MovedMark(Struct, frozen=True):
    """Move a member's marks forward; a smaller number than the kept one changes nothing."""

    room: str
    user: str
    delivered: int
    read: int


MessageWrite = NewMessage | ChangedMessage
Write = MessageWrite | MovedMark


class Stored(Struct, frozen=True):
    """The write is durable. `message` is as stored: its numbers may have moved down."""

    message: Message | None = None


class Duplicate(Struct, frozen=True):
    """The sender used this client id before, for the message `first`; nothing was written."""

    first: Message


Outcome = Stored | Duplicate


class Place(Struct, frozen=True, order=True):
    """Where in the order of all messages one of them stands."""

    created: datetime
    id: str


class Wanted(Struct, frozen=True, kw_only=True):
    """The messages that a search is for: of some rooms, and with all of the rest that is given.

    There is a term, a sender or an attachment to look for. `since` counts, `until` does not, and
    nothing from the place `before` on. After so many `seconds` a page ends wherever it is.
    """

    rooms: tuple[str, ...]
    terms: tuple[Term, ...] = ()
    sender: str | None = None
    showing: bool = False
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None
    limit: int = 50
    seconds: float = 2.0


class Found(Struct, frozen=True):
    """A page of messages, and the place before which the next one begins, if there may be one."""

    messages: list[Message]
    next: Place | None = None


class UserChange(TypedDict, total=False):
    """What may change of a user."""

    name: str
    display_name: str
    email: str | None
    password_hash: str | None
    role: UserRole
    avatar: str | None
    last_seen: datetime | None
    disabled: bool
    deleted: datetime | None
    receipts: bool
    invisible: bool


class RoomChange(TypedDict, total=False):
    """What may change of a room."""

    name: str | None
    description: str


class MembershipChange(TypedDict, total=False):
    """What may change of a membership; marks move by `commit` alone."""

    role: RoomRole
    muted: bool
    hidden: bool


class Users(Protocol):
    """The accounts. Names and e-mails are unique without case."""

    def add(self, user: User) -> User:
        """Keep a new user; Taken("name") or Taken("email").

        The first user to have a password, from the start or by a change, is made the administrator:
        one, however many come at once, and once for good.
        """

    def get(self, user_id: str) -> User | None:
        """The user of an id."""

    def by_name(self, name: str) -> User | None:
        """The user of a name, in any case."""

    def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names, in any case and no order; those of nobody are left out."""

    def by_email(self, email: str) -> User | None:
        """The user of an e-mail address, in any case."""

    def many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """The users of these ids, by id; those that do not exist are left out."""

    def page(self, *, after: str | None = None, limit: int) -> list[User]:
        """Users by id, from the one behind `after` on, without deleted ones."""

    def search(self, text: str, *, limit: int, without: str | None = None) -> list[User]:
        """Users whose name or display name contains the text, by name.

        Without case, without deleted and disabled ones and without the user `without`. Every
        character stands for itself. An empty text finds nobody.
        """

    def change(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        """Change some fields and return the whole; NotFound, Taken("name"), Taken("email")."""

    def note_seen(self, moments: Mapping[str, datetime]) -> None:
        """Note when users were last there, all or in part if it fails.

        An earlier moment than the kept one changes nothing, and neither does one of a user who is
        deleted or not there.
        """

    def administrators(self) -> list[User]:
        """The administrators that are neither disabled nor deleted."""


class Sessions(Protocol):
    """The logins."""

    def add(self, session: Session) -> None:
        """Keep a new session."""

    def get(self, session_id: str) -> Session | None:
        """The session of an id, expired or not."""

    def of_user(self, user_id: str) -> list[Session]:
        """A user's sessions, the newest first."""

    def living(self, session_ids: Iterable[str], now: datetime) -> set[str]:
        """Those of some sessions that let somebody in.

        They have neither ended nor expired, and their user is neither disabled nor deleted.
        """

    def touch(self, session_id: str, seen: datetime) -> None:
        """Note when a session was last used; nothing happens to one that has ended."""

    def end(self, session_id: str) -> bool:
        """Forget a session; tell whether it was there."""

    def end_all(self, user_id: str, *, keep: str | None = None) -> list[str]:
        """Forget a user's sessions but `keep`, and return the ids of those forgotten."""

    def sweep(self, before: datetime) -> int:
        """Forget the sessions that expired before a moment, and count them."""


class Rooms(Protocol):
    """The rooms and who is in them. The room `EVERYONE` exists as soon as the store is open."""

    def add(self, room: Room, members: Sequence[Membership]) -> None:
        """Keep a new room with its members, all or nothing; Taken("pair") for a second pair."""

    def direct(self, room: Room, members: Sequence[Membership]) -> tuple[Room, bool]:
        """The direct room of `room.pair`: the one there is, or else this; and whether it is new."""

    def get(self, room_id: str) -> Room | None:
        """The room of an id."""

    def of_pair(self, pair: str) -> Room | None:
        """The direct room of a pair."""

    def change(self, room_id: str, **changes: Unpack[RoomChange]) -> Room:
        """Change some fields and return the whole; NotFound."""

    def delete(self, room_id: str) -> bool:
        """Remove a room with its memberships and messages; tell whether it was there.

        Where the store has no transactions the room goes last: a broken deletion can be repeated.
        """

    def of_user(
        self, user_id: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[tuple[Room, Membership]]:
        """The rooms of a user, by (active, id), the latest first, from before `before`.

        `EVERYONE` and rooms that the user has hidden are not among them.
        """

    def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> list[Room]:
        """The public rooms but `EVERYONE`, paged and sorted as those of a user."""

    def shown_to(self, user_id: str) -> list[str]:
        """The ids of the rooms of a user, by id, without those that they have hidden.

        `EVERYONE` is among them, for everybody.
        """

    def hint(self, hints: dict[str, Hint]) -> None:
        """Note each room's last message, and that it was active then.

        A hint whose `rev` is not greater than the kept one's changes nothing.
        """

    def members(
        self, room_id: str, *, after: str | None = None, limit: int | None = None
    ) -> list[Membership]:
        """The memberships of a room by user id, from the one behind `after` on."""

    def member(self, room_id: str, user_id: str) -> Membership | None:
        """One membership."""

    def join(self, membership: Membership) -> Membership:
        """Make somebody a member and return what is kept; who is one already stays as they are.

        NotFound when there is no such room.
        """

    def change_member(
        self, room_id: str, user_id: str, **changes: Unpack[MembershipChange]
    ) -> Membership:
        """Change some fields of a membership and return the whole; NotFound."""

    def hand_over(self, room_id: str, user_id: str, heir_id: str, *, role: RoomRole | None) -> None:
        """Make another member the owner, while whoever was it gets a role, or leaves without one.

        Both or neither, whenever the process or the store is killed. NotFound when one of the two
        is no member.
        """

    def leave(self, room_id: str, user_id: str) -> bool:
        """End a membership; tell whether it was there."""


class Messages(Protocol):
    """Reading messages; they are written by `Store.commit` alone."""

    def counters(self, room_id: str) -> Counters:
        """The greatest `seq` and `rev` of a room, zero where nothing was said."""

    def get(self, message_id: str) -> Message | None:
        """The message of an id."""

    def many(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """The messages of these ids, by id; those that do not exist are left out."""

    def latest(self, limit: int) -> list[Message]:
        """The messages that were stored last, over all rooms, the newest first."""

    def by_client_id(self, sender: str, client_id: str) -> Message | None:
        """The message that a sender sent under a client id."""

    def history(
        self, room_id: str, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """A page of a room, ascending by `seq`, both bounds exclusive.

        With `after`, the page that starts there; otherwise the last one before `before`, or of all.
        """

    def pinned(self, room_id: str, *, before: int | None = None, limit: int) -> list[Message]:
        """The last pinned messages of a room, or those before `before`, ascending by `seq`."""

    def naming(self, room_id: str, *, limit: int) -> list[tuple[int, tuple[str, ...]]]:
        """The `seq`s of the last messages of a room that mention somebody, ascending, and whom."""

    def search(self, wanted: Wanted) -> Found:
        """The messages that hold what is wanted, by (created, id), the latest first.

        Exactly those whose text holds it now: what was said before an edit or a deletion is not
        found from the moment when that is stored, and what is stored is found at once. A page that
        its time cuts short has fewer messages than the limit, and says where to go on; TooSlow if
        the time was over before anything was looked at.
        """

    def changes(self, room_id: str, *, since: int, limit: int) -> list[Message]:
        """The messages whose `rev` is greater than `since`, ascending by `rev`, each once."""


class Uploads(Protocol):
    """The records of files."""

    def add(self, upload: Upload) -> None:
        """Keep a new record."""

    def get(self, upload_id: str) -> Upload | None:
        """The upload of an id."""

    def many(self, upload_ids: Iterable[str]) -> dict[str, Upload]:
        """The uploads of these ids, by id; those that do not exist are left out."""

    def page(self, *, after: str | None = None, limit: int) -> list[Upload]:
        """Everybody's uploads by id, from the one behind `after` on."""

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads by id, from the one behind `after` on."""

    def used(self, user_id: str) -> int:
        """The bytes of a user's uploads, all together."""

    def has_content(self, sha256: str) -> bool:
        """Tell whether an upload has this content."""

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload, by id."""

    def shown_in(self, room_id: str) -> list[str]:
        """The ids of the uploads that the messages of a room show, in order."""

    def is_shown_to(self, upload_id: str, user_id: str) -> bool:
        """Tell whether somebody is in a room where a message shows an upload.

        Everybody is in `EVERYONE`.
        """

    def delete(self, upload_id: str) -> bool:
        """Forget a record; tell whether it was there."""


class KeyedCalls(Protocol):
    """The calls of REST that came with an `Idempotency-Key`, and their answers."""

    def begin(self, call: KeyedCall, *, before: datetime) -> KeyedCall:
        """Keep a call, one of many at once, unless there is one of its id; return what is kept.

        One that came before `before` is as good as none.
        """

    def get(self, call_id: str) -> KeyedCall | None:
        """The call of an id, however old."""

    def finish(self, call_id: str, write: Callable[[], T]) -> T:
        """Make a call of this store that writes, and note that the keyed call is done by it.

        Both happen or neither. Where the store has no transactions, what is noted first is that
        it was tried: whoever finds only that must look what came of it.
        """

    def answer(self, call_id: str, status: int, body: bytes) -> None:
        """Note the answer to a call. Nothing happens to one that is not there or has an answer."""

    def forget(self, call_id: str) -> None:
        """Forget a call that has no answer and of which nothing was written."""

    def count(self, owner: str) -> int:
        """How many calls of an owner are kept."""

    def sweep(self, before: datetime) -> int:
        """Forget the calls that came before a moment, and count them."""


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

    def commit(self, writes: Sequence[Write]) -> list[Outcome]:
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
