"""Who may come into a room more: nobody into too many at once, and nobody who is about to go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from chat.errors import TooMany
from chat.people import People, no_such_user
from models.disk import Disk
from models.store import Store


class Places:
    """Lets people come into rooms one after the other, as long as they are in few enough."""

    def __init__(self, store: Store, disk: Disk, people: People, max_rooms: int) -> None:
        self._store = store
        self._disk = disk
        self._people = people
        self._max_rooms = max_rooms
        # Those who come into a room at the moment; a lock that nobody holds or waits for is gone.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Those who leave all rooms, because their accounts go.
        self._leaving: set[str] = set()

    @asynccontextmanager
    async def taken(self, *users: str) -> AsyncIterator[None]:
        """Let some people come into one room more, or refuse; nothing here may wait for a room."""
        async with AsyncExitStack() as turns:
            # In order, so that no two who bring the same people wait for each other.
            for user in sorted(set(users)):
                await turns.enter_async_context(self._turn(user))
                await self._require_few(user)
            await self._require_there(users)
            yield

    @asynccontextmanager
    async def given_up(self, user: str) -> AsyncIterator[None]:
        """Let somebody come into no room any more, once those have come whom others bring."""
        self._leaving.add(user)
        try:
            async with self._turn(user):
                pass
            yield
        finally:
            self._leaving.discard(user)

    def _turn(self, user: str) -> asyncio.Lock:
        return self._turns.setdefault(user, asyncio.Lock())

    async def _require_there(self, users: tuple[str, ...]) -> None:
        people = await self._people.users(users)
        # Behind what is waited for: whoever goes waits for whoever is past this.
        if any(one.deleted is not None or one.id in self._leaving for one in people):
            raise no_such_user()

    async def _require_few(self, user: str) -> None:
        # Their ids, with that of the room of everybody: to read 2,000 rooms took 29 ms, this 4.
        theirs = await self._disk.run(self._store.rooms.shown_to, user)
        if len(theirs) > self._max_rooms:
            raise TooMany("too_many_rooms", f"one is in at most {self._max_rooms} rooms")
