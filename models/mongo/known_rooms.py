"""The rooms that are known to be there, so that whoever writes to them need not look each time.

A deletion says that it begins before it removes what is in the room. So whoever has written, and
finds behind that the room still known, knows that what was written is there to be removed, too.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct

# For so long a room is known that was seen; then it is looked for again, in case another process
# has deleted it. To look for a hundred in each commit took a tenth of it, and for one a third.
KNOWN_SECONDS = 1.0

# What a frozen server was asked may be carried out so much later, also a deletion.
LATE_SECONDS = 10.0

# Some hundred bytes each.
MAX_KNOWN = 10_000


class KnownRooms:
    """Rooms that were seen a moment ago, and of which no deletion has begun since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        # How many deletions are under way, and how many have begun or ended.
        self._deletions = 0
        self._steps = 0
        # Until then nothing is known, because of a deletion that may be carried out late.
        self._doubtful_until = 0.0

    def look(self) -> "Look":
        """Begin to look for rooms; before what is seen could be old, as in a transaction."""
        return Look(self, self._steps)

    def unknown(self, rooms: Iterable[str]) -> set[str]:
        """Those that must be looked for."""
        now = time.monotonic()
        with self._lock:
            return {room for room in rooms if self._until.get(room, 0.0) <= now}

    def note(self, rooms: Iterable[str], steps: int) -> None:
        """Note which are there, unless one may have been deleted, or begun to be, since `steps`."""
        now = time.monotonic()
        with self._lock:
            if self._deletions or steps != self._steps or now < self._doubtful_until:
                return
            if len(self._until) >= MAX_KNOWN:
                self._until.clear()
            self._until.update(dict.fromkeys(rooms, now + KNOWN_SECONDS))

    @contextmanager
    def deleting(self, room: str) -> Iterator[None]:
        """Delete a room; where it is not known what came of it, nothing is known for a while."""
        with self._lock:
            self._deletions += 1
            self._steps += 1
            self._until.pop(room, None)
        try:
            yield
        except BaseException:
            self.doubt()
            raise
        finally:
            with self._lock:
                self._deletions -= 1
                self._steps += 1

    def doubt(self) -> None:
        """Know nothing for a while, for a room may be gone later than its deletion has ended."""
        with self._lock:
            self._doubtful_until = time.monotonic() + LATE_SECONDS
            self._until.clear()


class Look(Struct, frozen=True):
    """A look for rooms, which is worth nothing where one was deleted meanwhile."""

    known: KnownRooms
    steps: int

    def unknown(self, rooms: Iterable[str]) -> set[str]:
        """Those that must be looked for."""
        return self.known.unknown(rooms)

    def note(self, rooms: Iterable[str]) -> None:
        """Note which were seen."""
        self.known.note(rooms, self.steps)
