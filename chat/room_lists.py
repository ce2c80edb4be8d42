"""Which rooms users are in, at hand for those who come back: a page is turned, a network is lost.

To read it again took 40 of 440 µs of a login on SQLite, and 740 of 1,220 on MongoDB.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from models.store import Unavailable

# As long as a room stays in memory that nobody uses.
KEPT_SECONDS = 300.0

# A store that does not answer may do what it was asked a while later, and nobody hears when.
DOUBT_SECONDS = 60.0

# The ids in all lists, each of which is some 80 bytes, and the lists themselves.
MAX_IDS = 100_000
LIST_IDS = 4


class RoomList(Struct):
    """The rooms that somebody is in and sees, by id; none while they are being read."""

    at: float
    rooms: tuple[str, ...] | None = None


class RoomLists:
    """A short memory of who is in which rooms; whoever changes that has it forgotten."""

    def __init__(self, most: int = MAX_IDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lists: OrderedDict[str, RoomList] = OrderedDict()
        self._weight = 0
        self._doubtful_until = 0.0

    def __len__(self) -> int:
        return len(self._lists)

    def of_user(self, user: str) -> tuple[str, ...] | None:
        """The rooms of somebody, in no order, if they are at hand."""
        kept = self._lists.get(user)
        if kept is None or kept.rooms is None:
            return None
        if self._clock() - kept.at > KEPT_SECONDS:
            self.forget([user])
            return None
        self._lists.move_to_end(user)
        return kept.rooms

    def reading(self, user: str) -> RoomList:
        """Note that the rooms of somebody are about to be read; what is returned goes to `keep`."""
        self.forget([user])
        self._weight += LIST_IDS
        being_read = self._lists[user] = RoomList(self._clock())
        self._make_room()
        return being_read

    def keep(self, user: str, being_read: RoomList, rooms: tuple[str, ...]) -> None:
        """Know the rooms of somebody from now on, unless they have changed while they were read."""
        if self._lists.get(user) is not being_read:
            return
        if being_read.at < self._doubtful_until:
            self.forget([user])
            return
        being_read.rooms = rooms
        self._weight += len(rooms)
        self._make_room()

    def forget(self, users: Iterable[str]) -> None:
        """Have the rooms of some users read again."""
        for user in users:
            gone = self._lists.pop(user, None)
            if gone is not None:
                self._weight -= LIST_IDS + len(gone.rooms or ())

    @contextmanager
    def changing(self, users: Iterable[str]) -> Iterator[None]:
        """Change in the store which rooms some users are in, before anybody hears of it."""
        try:
            yield
        except Unavailable:
            self.doubt()
            raise
        finally:
            self.forget(users)

    def doubt(self) -> None:
        """Forget all and know nothing for a while: what the store did is not known."""
        self._doubtful_until = self._clock() + DOUBT_SECONDS
        self._lists.clear()
        self._weight = 0

    def _make_room(self) -> None:
        while self._weight > self._most:
            self.forget([next(iter(self._lists))])
