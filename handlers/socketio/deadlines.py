"""Waits of one length for many: one timer for all of them."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Timers are late by a millisecond or two, and more on a busy loop. Clients know the times of the
# heartbeat, and the public test suites look for the end at the very millisecond: so all of this is
# early by so much, for 25 s by a quarter of one.
EARLY = 0.01


class Deadlines(Generic[T]):
    """Calls somebody back some time after they were added.

    All wait equally long, so they are due in the order in which they were added: a dict keeps that
    order, and a timer for the first of them is enough. Ten thousand sessions with a timer each
    would keep a megabyte of timers, and a heap of them busy.
    """

    def __init__(self, seconds: float, due: Callable[[T], None]) -> None:
        self._seconds = seconds * (1 - EARLY)
        self._due = due
        self._waiting: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, one: T) -> bool:
        return one in self._waiting

    def add(self, one: T) -> None:
        """Let somebody wait from now on, whether they waited before or not."""
        self._waiting.pop(one, None)
        loop = asyncio.get_running_loop()
        self._waiting[one] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._ring)

    def remove(self, one: T) -> None:
        """Let somebody wait no more, if they do."""
        self._waiting.pop(one, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        try:
            while self._waiting:
                one, moment = next(iter(self._waiting.items()))
                if moment > loop.time():
                    break
                del self._waiting[one]
                self._due(one)
        finally:  # also behind a callback that failed, or nobody would be called any more
            if self._waiting and self._timer is None:
                self._timer = loop.call_at(next(iter(self._waiting.values())), self._ring)
