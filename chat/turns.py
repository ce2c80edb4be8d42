"""Batches that are handed to the store before it is their turn, so that it never waits for one.

Their numbers presume that all in front of them is stored as it was numbered. So one is written only
if that has happened, and right behind it, in the threads of the store: no turn of the event loop,
which may be busy telling, lies in between.
"""

import threading
from collections.abc import Sequence
from typing import Self

from models.store import ChangedMessage, NewMessage, Outcome, Store, Stored, Write, at_once


class Turn:
    """Tells the batch behind another whether that has come out as presumed, once it is known."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._as_presumed = False

    @classmethod
    def over(cls) -> Self:
        """The turn of what was stored before."""
        turn = cls()
        turn.end(as_presumed=True)
        return turn

    @property
    def as_presumed(self) -> bool:
        """Whether what is behind may be, or was, written."""
        return self._as_presumed

    def end(self, *, as_presumed: bool) -> None:
        """Say how it came out; what is said first counts."""
        if not self._over.is_set():
            self._as_presumed = as_presumed
            self._over.set()

    def came(self) -> bool:
        """Wait for the end, in a thread, and tell whether the next may be written."""
        self._over.wait()
        return self._as_presumed


def commit_in_turn(
    store: Store, turn: Turn, before: Turn | None, writes: Sequence[Write], *, later: bool
) -> list[Outcome]:
    """Commit a batch when those before it are stored, and end its turn."""
    try:
        asked = at_once if before is None else before.came
        outcomes = store.commit(writes, later=later, turn=asked)
        turn.end(as_presumed=_as_numbered(writes, outcomes))
    finally:
        turn.end(as_presumed=False)
    return outcomes


def _as_numbered(writes: Sequence[Write], outcomes: Sequence[Outcome]) -> bool:
    """Tell whether no number has moved down."""
    for write, outcome in zip(writes, outcomes, strict=True):
        if not isinstance(write, NewMessage | ChangedMessage):
            continue
        stored = outcome.message if isinstance(outcome, Stored) else None
        if stored is None or stored.rev != write.message.rev:
            return False
    return True
