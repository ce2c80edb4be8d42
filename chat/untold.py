"""What is stored and waits a moment, to be told together with what is being stored behind it.

A room of five hundred takes 3 ms to tell, and storing a message takes one: while that is done for
the next few, the loop has nothing else to do. If the first were told alone, the next would be told
3 ms later, and whoever answers would find the loop busy with the one or the other: ten who always
have something to say would be told in two lots for good.
"""

import asyncio
from collections.abc import Callable, Sequence

from chat.batches import NOTHING, Batch, joined
from chat.entries import Entry
from models.store import MovedMark, Outcome, Stored


def gains(batch: Batch, waiting: Sequence[Entry], seconds: float) -> bool:
    """Whether telling a batch with what waits saves more time than storing that may take."""
    if len(batch.numbers) != 1 or batch.idle or batch.refused:
        return False
    [room] = batch.numbers
    return room.telling_seconds > seconds and any(entry.room is room for entry in waiting)


def came_as_numbered(batch: Batch, outcomes: Sequence[Outcome]) -> bool:
    """Whether no number has moved down, so that others may be numbered behind these."""
    for write, outcome in zip(batch.writes, outcomes, strict=True):
        if not isinstance(write, MovedMark):
            stored = outcome.message if isinstance(outcome, Stored) else None
            if stored is None or stored.rev != write.message.rev:
                return False
    return True


class Untold:
    """A batch that is stored and not told; nothing, nearly always."""

    def __init__(self) -> None:
        self.batch = NOTHING
        self._outcomes: list[Outcome] = []
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return self._timer is not None

    def keep(self, batch: Batch, outcomes: list[Outcome], tell: Callable[[], None]) -> None:
        """Let a batch of one room wait, but for no longer than telling it would have taken."""
        [room] = batch.numbers
        loop = asyncio.get_running_loop()
        self.batch, self._outcomes = batch, outcomes
        self._timer = loop.call_later(room.telling_seconds, tell)

    def take(self, batch: Batch, outcomes: list[Outcome]) -> tuple[Batch, list[Outcome]]:
        """What waits, and a batch that is stored behind it."""
        if self._timer is None:
            return batch, outcomes
        self._timer.cancel()
        self._timer = None
        front, stored = self.batch, self._outcomes
        self.batch, self._outcomes = NOTHING, []
        return joined(front, batch), stored + outcomes
