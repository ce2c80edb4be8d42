"""Searching what was said: what a user's text asks for, where they may look, and what is best."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from chat.attachments import Attachments
from chat.commands import Command, Id
from chat.errors import Busy, Invalid
from chat.indexing import index_rooms
from chat.limits import Limits, Rule
from chat.people import People
from chat.policy import require_visible
from chat.rooms import Rooms
from models.contract.messages import Place, Wanted
from models.disk import Disk
from models.records import Message
from models.store import Store, TooSlow
from models.words import Term, atoms_of, places, spans

MAX_QUERY = 200
MAX_TERMS = 10
MAX_FOUND = 50

# One letter begins a tenth of all words. Scripts without spaces have no beginnings of words.
MIN_BEGINNING = 2

SEARCHES = Rule("search", burst=20, per_second=1)

# A search may keep a thread busy for this long; there are eight, and others need them more.
SECONDS = 2.0
AT_ONCE = 2
MAX_WAITING = 50

# The best are looked for among so many that are the latest: a page of them takes some 30 ms.
RANKED = 1_000

# What is shown of a long message, around the first mark in it.
EXCERPT = 200
LEAD = 60

# As in BM25, with a message of usual length where that has the average of all.
USUAL_ATOMS = 20
SATURATION = 1.2
LENGTH_WEIGHT = 0.75

_CHUNK = re.compile(
    r'["\u201c\u201d\u201e]([^"\u201c\u201d\u201e]*)(?:["\u201c\u201d\u201e]|$)|\S+'
)
_CURSOR = re.compile(r"(?:([0-9]{1,12})-)?(-?[0-9]{1,15})-([0-9a-f]{24})", re.ASCII)
_FIELD = {"field": "q"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Search(Command, frozen=True):
    """Find messages by words, by a sender, by attachments, and by what else is given."""

    q: Annotated[str, Meta(max_length=MAX_QUERY)] = ""
    room: Id | None = None
    sender: Id | None = None
    has_attachment: bool = False
    after: datetime | None = None
    before: datetime | None = None
    order: Literal["newest", "best"] = "newest"
    cursor: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_FOUND)] = 20


class Segment(Struct, frozen=True):
    """A part of a text, and whether it is what was looked for."""

    text: str
    match: bool


class Hit(Struct, frozen=True):
    """A message that was found, and the part of it that says why."""

    message: Message
    excerpt: list[Segment]


class Hits(Struct, frozen=True):
    """A page of what was found, and where the next one begins, if there may be one."""

    hits: list[Hit]
    next: str | None


class Searching:
    """Finds what somebody may read."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        attachments: Attachments,
        limits: Limits,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._attachments = attachments
        self._limits = limits
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def search(self, user: str, command: Search) -> Hits:
        """A page of what is asked for, of rooms that the user may read when it is answered."""
        rooms = await self._readable(user, command.room)
        terms = parsed(command.q)
        if not (terms or command.sender or command.has_attachment):
            raise Invalid(
                "empty_search", "a search needs a word, a sender or attachments", details=_FIELD
            )
        ranked, place = _read_cursor(command)
        self._limits.take(SEARCHES, user)
        best = command.order == "best"
        wanted = Wanted(
            rooms=rooms,
            terms=terms,
            sender=command.sender,
            showing=command.has_attachment,
            since=_aware(command.after),
            until=_aware(command.before),
            before=None if best else place,
            limit=RANKED if best else command.limit,
            seconds=SECONDS,
        )
        messages, following = await self._found(wanted)
        # Who was sent out of a room while it was searched may not read it any more.
        readable = frozenset(await self._readable(user, command.room))
        messages = [message for message in messages if message.room in readable]
        if best:
            last = None if place is None else (ranked, place)
            messages, cursor = _best(messages, terms, last, command.limit)
        else:
            cursor = None if following is None else _cursor(following)
        await self._people.load(message.sender for message in messages)
        await self._attachments.load(messages)
        return Hits([Hit(one, excerpt(one.text, terms)) for one in messages], cursor)

    async def _readable(self, user: str, room_id: str | None) -> tuple[str, ...]:
        if room_id is None:
            return tuple(await self._disk.run(self._store.rooms.shown_to, user))
        room = await self._rooms.get(room_id)
        require_visible(room, user)
        return (room.id,)

    async def _found(self, wanted: Wanted) -> tuple[list[Message], Place | None]:
        if self._waiting >= MAX_WAITING:
            raise Busy("busy", "too much is being searched at once", retry_after=1)
        self._waiting += 1
        try:
            async with self._turn:
                await index_rooms(self._store, self._disk, wanted.rooms, wanted.seconds)
                found = await self._disk.run(self._store.messages.search, wanted)
        except TooSlow:
            raise Invalid(
                "search_too_broad",
                "this finds too much to look through; name a room, or more words",
                details=_FIELD,
            ) from None
        finally:
            self._waiting -= 1
        return found.messages, found.next


def parsed(text: str) -> tuple[Term, ...]:
    """What a user's text asks for: words, "phrases" in quotes, and words that begin so*.

    Nothing else means anything but itself.
    """
    terms = tuple(dict.fromkeys(filter(None, map(_term, _CHUNK.finditer(text)))))
    if len(terms) > MAX_TERMS:
        raise Invalid("too_many_words", f"a search has at most {MAX_TERMS} words", details=_FIELD)
    return terms


def excerpt(text: str, terms: tuple[Term, ...]) -> list[Segment]:
    """The part of a text around the first mark in it, cut where marks begin and end."""
    marks = spans(terms, text)
    first = marks[0][0] if marks else 0
    start = 0 if len(text) <= EXCERPT else max(0, min(first - LEAD, len(text) - EXCERPT))
    end = min(len(text), start + EXCERPT)
    segments = [Segment("…" if start else "", match=False)]
    at = start
    for begin, until in marks:
        if begin < end:
            segments.append(Segment(text[at:begin], match=False))
            at = min(until, end)
            segments.append(Segment(text[begin:at], match=True))
    segments.append(Segment(text[at:end], match=False))
    segments.append(Segment("…" if end < len(text) else "", match=False))
    return [segment for segment in segments if segment.text]


def score(text: str, terms: tuple[Term, ...]) -> int:
    """How well a text answers: how often it holds the terms, for its length; a whole number."""
    atoms = atoms_of(text)
    length = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * len(atoms) / USUAL_ATOMS
    worth = 0.0
    for term in terms:
        often = sum(1 for _ in places(term, atoms))
        worth += often * (SATURATION + 1) / (often + SATURATION * length)
    return round(worth * 1_000_000)


def _best(
    messages: list[Message],
    terms: tuple[Term, ...],
    last: tuple[int, Place] | None,
    limit: int,
) -> tuple[list[Message], str | None]:
    """The best of some messages, from behind the last that was shown; and where to go on."""
    ranked = sorted(
        ((score(one.text, terms), Place(one.created, one.id), one) for one in messages),
        key=lambda entry: entry[:2],
        reverse=True,
    )
    page = [entry for entry in ranked if last is None or entry[:2] < last]
    if len(page) <= limit:
        return [one for _, _, one in page], None
    worth, place, _ = page[limit - 1]
    return [one for _, _, one in page[:limit]], f"{worth}-{_cursor(place)}"


def _term(chunk: re.Match[str]) -> Term | None:
    phrase = chunk[1]
    text = chunk[0] if phrase is None else phrase
    atoms = tuple(atoms_of(text))
    if not atoms:
        return None
    begun = phrase is None and text.endswith("*")
    if begun and atoms[-1].isascii() and len(atoms[-1]) < MIN_BEGINNING:
        raise Invalid(
            "beginning_too_short",
            f"a beginning of words has at least {MIN_BEGINNING} letters",
            details=_FIELD,
        )
    return Term(atoms, begun)


def _aware(moment: datetime | None) -> datetime | None:
    """A time with its zone; one without is meant in UTC, as all times are here."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("invalid_query", "this time is too far away") from None


def _cursor(place: Place) -> str:
    return f"{(place.created - _EPOCH) // _MILLISECOND}-{place.id}"


def _read_cursor(command: Search) -> tuple[int, Place | None]:
    if command.cursor is None:
        return 0, None
    found = _CURSOR.fullmatch(command.cursor)
    if found is None or (found[1] is None) == (command.order == "best"):
        raise _bad_cursor()
    try:
        created = _EPOCH + int(found[2]) * _MILLISECOND
    except OverflowError:
        raise _bad_cursor() from None
    return int(found[1] or 0), Place(created, found[3])


def _bad_cursor() -> Invalid:
    return Invalid(
        "invalid_query", "cursor is what an answer calls next", details={"field": "cursor"}
    )
