"""When users were last there: noted when their last socket goes, and written down now and then."""

import asyncio
import logging
from datetime import datetime
from itertools import islice

from models.disk import Disk
from models.records import now
from models.store import Store, StoreError

log = logging.getLogger("hubbub.presence")

EVERY_SECONDS = 1.0

# So many are written in some 20 ms, on either store, and messages wait for no longer than that.
MAX_WRITTEN = 1_000

# What gathers while the store is away, some 20 MB; beyond it the oldest moments are forgotten.
MAX_NOTED = 100_000


class LastSeen:
    """Notes when users go, and writes it down."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._noted: dict[str, datetime] = {}

    def note(self, user_id: str) -> None:
        """Note that somebody goes now."""
        self._noted.pop(user_id, None)
        self._noted[user_id] = now()
        if len(self._noted) > MAX_NOTED:
            del self._noted[next(iter(self._noted))]

    async def keep(self) -> None:
        """Write down what is noted, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write down what is noted, some at a time; what the store does not take is kept."""
        while self._noted:
            some = dict(islice(self._noted.items(), MAX_WRITTEN))
            try:
                await self._disk.run(self._store.users.note_seen, some)
            except StoreError as error:
                log.warning("could not note who was last seen when: %s", error)
                return
            for user_id, moment in some.items():
                if self._noted.get(user_id) == moment:
                    del self._noted[user_id]
