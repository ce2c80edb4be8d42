"""The last numbers of rooms, as far as they are known for certain."""

import threading
from collections.abc import Callable, Mapping

from models.records import Counters

Head = tuple[int, int]

# Some hundred bytes each.
MAX_HEADS = 10_000


class Heads:
    """The greatest `seq` and `rev` of rooms; not what was read during a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heads: dict[str, Head] = {}
        self._writes = 0

    def get(self, room: str) -> Head | None:
        """The numbers of a room, if they are known."""
        return self._heads.get(room)

    def read(self, room: str, counters: Callable[[str], Counters]) -> Counters:
        """Read the counters of a room, and note them if nothing was written meanwhile."""
        writes = self._writes
        read = counters(room)
        with self._lock:
            if writes == self._writes:
                if len(self._heads) >= MAX_HEADS:
                    self._heads.clear()
                self._heads[room] = read.seq, read.rev
        return read

    def begin(self) -> None:
        """Something is written from here on."""
        with self._lock:
            self._writes += 1

    def note(self, heads: Mapping[str, Head]) -> None:
        """Note what was written, in rooms whose numbers were known."""
        with self._lock:
            self._writes += 1
            for room, head in heads.items():
                known = self._heads.get(room)
                if known is not None:
                    self._heads[room] = max(known[0], head[0]), max(known[1], head[1])

    def forget(self) -> None:
        """Know nothing, for it is not known what came of something."""
        with self._lock:
            self._writes += 1
            self._heads.clear()
