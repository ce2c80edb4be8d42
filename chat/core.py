"""The core: its parts together, how they are opened, tended and brought to an end."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass

from chat.accounts import Accounts
from chat.attachments import Attachments
from chat.chat import Chat
from chat.conversations import Conversations
from chat.directory import Administration, Directory
from chat.guests import Guests
from chat.hub import Hub
from chat.indexing import Indexing
from chat.keyed_calls import KeyedCalls
from chat.last_seen import LastSeen
from chat.limits import Limits
from chat.membership import Memberships
from chat.passwords import Hasher
from chat.people import People
from chat.presence import Presence
from chat.reading import Reading
from chat.resumable import Resumable
from chat.rooms import Rooms
from chat.search import Searching
from chat.sessions import Sessions
from chat.typing import Typing
from chat.uploads import Uploads
from models.disk import Disk
from models.store import Store, StoreError, Unavailable

log = logging.getLogger("hubbub")

SWEEP_SECONDS = 3600.0
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that outlive a request."""

    store: Store
    disk: Disk
    hasher: Hasher
    sessions: Sessions
    administration: Administration
    accounts: Accounts
    directory: Directory
    limits: Limits
    people: People
    rooms: Rooms
    hub: Hub
    presence: Presence
    last_seen: LastSeen
    typing: Typing
    memberships: Memberships
    chat: Chat
    reading: Reading
    searching: Searching
    conversations: Conversations
    guests: Guests
    attachments: Attachments
    uploads: Uploads
    resumable: Resumable
    keyed_calls: KeyedCalls

    async def open_store(self, patience: float) -> None:
        """Open the store, and be patient for a while with one that is not there yet."""
        deadline = time.monotonic() + patience
        while True:
            try:
                await self.disk.run(self.store.open)
            except Unavailable as error:
                if time.monotonic() >= deadline:
                    raise
                log.warning("the store does not answer (%s); trying again", error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def open(self) -> None:
        """Open what is kept beside the store, and find what an unclean stop has left."""
        await self.uploads.open()
        self.uploads.arrivals.lull = self.chat.journal.lull
        await self.resumable.open()
        await self.chat.hints.find()

    def tending(self) -> tuple[Coroutine[None, None, None], ...]:
        """What goes on for as long as the core is in use, each in a task of its own."""
        return (
            self._sweep(),
            self.chat.hints.keep(),
            Indexing(self.store, self.disk, self.chat.journal.measures).keep(),
            self.last_seen.keep(),
            self.rooms.keep(),
            self.sessions.keep(),
            self.resumable.keep(),
        )

    async def _sweep(self) -> None:
        """Forget expired logins and keys, now and then."""
        while True:
            try:
                await self.sessions.sweep()
                await self.keyed_calls.sweep()
            except StoreError as error:
                log.warning("could not forget what has expired: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def finish(self) -> None:
        """Store what is still in memory alone; from here on nobody says or is told anything."""
        self.rooms.save_all()
        await self.chat.journal.close()
        await asyncio.gather(self.chat.hints.write(), self.last_seen.write())
        self.presence.close()
        self.memberships.close()
        self.typing.close()

    def close(self) -> None:
        """Finish what the threads are doing, and then close the store under them."""
        self.uploads.close()
        self.hasher.close()
        self.disk.close()
        self.store.close()
