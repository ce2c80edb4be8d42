"""Words that were left for later: indexed when there is time, or when somebody looks for them.

To bring a message to its place, with its words, takes longer than all the rest. So a large commit
leaves that for later, and what gathers is caught up with as soon as less is said.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from chat.errors import Busy
from chat.measures import Measures
from models.disk import Disk
from models.store import Store, StoreError

log = logging.getLogger("hubbub.indexing")

# What one step takes of a store: some 6 ms of SQLite, and 15 of MongoDB.
STEP = 200

# How often it is looked whether there is time; and how much may be stored in that time for it to
# count as quiet, which is a quarter of what either store takes.
EVERY_SECONDS = 0.25
QUIET = 750

RETRY_SECONDS = 5.0


class Indexing:
    """Catches up with what was left, in steps, so that nobody else waits for long."""

    def __init__(self, store: Store, disk: Disk, measures: Measures, *, step: int = STEP) -> None:
        self._store = store
        self._disk = disk
        self._measures = measures
        self._step = step
        self._stored = 0
        # A server that was stopped or killed may have left anything.
        self._is_known = False

    async def keep(self) -> None:
        """Catch up whenever there is time, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.catch_up()
            except StoreError as error:
                log.warning("could not index what was left for later: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def catch_up(self) -> None:
        """Index what is left for as long as it is quiet."""
        measures = self._measures
        is_quiet = measures.messages - self._stored <= QUIET
        self._stored = measures.messages
        while is_quiet and (measures.left or not self._is_known):
            await self._index()
            is_quiet = measures.messages - self._stored <= QUIET

    async def _index(self) -> None:
        measures = self._measures
        before = measures.left
        taken = await self._disk.run(self._store.messages.index, self._step)
        if taken < self._step:
            # That was all, whatever the count of it.
            measures.left, self._is_known = max(0, measures.left - before), True
        else:
            # There may be more than was counted: what little was said in a room behind a rush.
            measures.left = max(1, measures.left - taken)


async def index_rooms(
    store: Store,
    disk: Disk,
    rooms: Collection[str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Index what is left of some rooms, all that was stored before; Busy if that takes too long."""
    deadline = clock() + seconds
    while await disk.run(store.messages.index, STEP, rooms) == STEP:
        if clock() >= deadline:
            raise Busy("busy", "what was said last is not indexed yet", retry_after=1)
