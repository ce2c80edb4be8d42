"""The part of a store that reads messages, and what a search of them is for."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from models.records import Counters, Message
from models.words import Term


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


class Messages(Protocol):
    """Reading messages; they are written by `Store.commit` alone, but for the index of words."""

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
        found from the moment when that is stored, and what is stored is found at once, except what
        was left for `index`. A page that
        its time cuts short has fewer messages than the limit, and says where to go on; TooSlow if
        the time was over before anything was looked at.
        """

    def index(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Let so many messages be found, of any rooms or of these, that were stored for `later`.

        Returns how many it took; if those are fewer than the limit, none is left that was stored
        before the call. In one short transaction where there are any, and of several calls at once
        each message is taken by one, or by more with the same result.
        """

    def changes(self, room_id: str, *, since: int, limit: int) -> list[Message]:
        """The messages whose `rev` is greater than `since`, ascending by `rev`, each once."""
