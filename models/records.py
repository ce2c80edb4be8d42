"""The records: what Hubbub keeps, the same in every store.

Ids are ObjectIds written as 24 lower-case hex digits, in both stores. Times are UTC and carry
milliseconds, because that is what MongoDB and JavaScript keep; `now` cuts the rest.
"""

import re
import secrets
import time
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Literal

from msgspec import Struct

RoomKind = Literal["direct", "private", "public"]
RoomRole = Literal["owner", "admin", "member"]
UserRole = Literal["user", "admin"]
Progress = Literal["begun", "tried", "done"]

# The room that everybody is in. Its id spells "everyone", so that it is the same in every store.
EVERYONE = b"everyone".hex() + "00000000"

_PROCESS = secrets.randbits(40) << 24
_numbers = count(secrets.randbits(24))

_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


def new_id() -> str:
    """Make an id; later ones of this process sort after earlier ones.

    It has the parts of an ObjectId, and takes 0.25 µs where that takes 3.6.
    """
    number = next(_numbers) & 0xFFFFFF
    return ((int(time.time()) << 64) + _PROCESS + number).to_bytes(12).hex()


def is_id(text: str) -> bool:
    """Tell whether a text could be an id at all."""
    return _ID.fullmatch(text) is not None


def now() -> datetime:
    """The present moment, to the millisecond."""
    return _moment(time.time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _moment(milliseconds: int) -> datetime:
    """A moment; under load twenty messages have the same, and to make one takes 0.3 µs.

    To cut the microseconds off a `datetime` instead takes 1.3.
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def folded(text: str) -> str:
    """The form in which names and addresses are compared: without case, composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def look_of(name: str) -> str:
    """The form in which it is compared how names look: also without width, style and wide gaps."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def pair_of(one: str, other: str) -> str:
    """The key of the only direct room that two users can have."""
    return f"{one}:{other}" if one < other else f"{other}:{one}"


class User(Struct, frozen=True, kw_only=True, gc=False):
    """A person, or what is left of one: a deleted account keeps its id and nothing else."""

    id: str
    name: str
    display_name: str
    email: str | None = None
    password_hash: str | None = None
    role: UserRole = "user"
    avatar: str | None = None
    created: datetime
    last_seen: datetime | None = None
    disabled: bool = False
    deleted: datetime | None = None
    # What others are told: how far one has read, and that one is there.
    receipts: bool = True
    invisible: bool = False


class Session(Struct, frozen=True, kw_only=True, gc=False):
    """One login. A token names it; when it is gone, the token is worth nothing."""

    id: str
    user: str
    created: datetime
    seen: datetime
    expires: datetime
    agent: str
    address: str


class Hint(Struct, frozen=True, kw_only=True, gc=False):
    """A copy of a room's last message for lists; the messages themselves are the truth."""

    seq: int
    rev: int
    sender: str
    text: str
    at: datetime


class Room(Struct, frozen=True, kw_only=True, gc=False):
    """Any conversation. `pair` is set for direct rooms alone, `active` sorts the lists."""

    id: str
    kind: RoomKind
    name: str | None = None
    description: str = ""
    creator: str | None = None
    created: datetime
    active: datetime
    pair: str | None = None
    hint: Hint | None = None


class Membership(Struct, frozen=True, kw_only=True, gc=False):
    """Who is in a room, as what, and how far they are; the two marks are `seq`s."""

    room: str
    user: str
    role: RoomRole = "member"
    joined: datetime
    delivered: int = 0
    read: int = 0
    muted: bool = False
    hidden: bool = False


class Reaction(Struct, frozen=True, kw_only=True, gc=False):
    """One emoji under a message, and those who put it there, in order."""

    emoji: str
    users: tuple[str, ...]


class FormerText(Struct, frozen=True, kw_only=True, gc=False):
    """What a message said before an edit, and until when."""

    text: str
    until: datetime


class Message(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What somebody said. `seq` is its place in the room, `rev` the room's change it last took.

    Encoded as it is, which only the log does, it has no more than what was said of it.
    """

    id: str
    room: str
    seq: int
    rev: int
    sender: str
    client_id: str
    text: str
    attachments: tuple[str, ...] = ()
    reply_to: str | None = None
    reactions: tuple[Reaction, ...] = ()
    mentions: tuple[str, ...] = ()
    pinned: bool = False
    former: tuple[FormerText, ...] = ()
    created: datetime
    edited: datetime | None = None
    deleted: datetime | None = None


class Upload(Struct, frozen=True, kw_only=True, gc=False):
    """A file that somebody sent, as it is kept; the messages that show it say in which rooms.

    A picture has a width, a height and a `placeholder`: a blurred copy of it, as a data URL.
    """

    id: str
    owner: str
    name: str
    type: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    placeholder: str | None = None
    created: datetime


class KeyedCall(Struct, frozen=True, kw_only=True, gc=False):
    """A call of REST that came with a key, and its answer; a `status` of 0 is no answer yet.

    `digest` tells whether another call is the same. Whatever the call makes has the id `makes`, so
    that it is not made twice. `session` is the login that it came by. `progress` says whether its
    last write is known to be there, was tried where no transaction could tell, or neither.
    """

    id: str
    owner: str
    session: str | None = None
    digest: str
    makes: str
    created: datetime
    progress: Progress = "begun"
    status: int = 0
    body: bytes = b""


class Counters(Struct, frozen=True, kw_only=True, gc=False):
    """How far a room has come: its last message and its last change."""

    seq: int = 0
    rev: int = 0
