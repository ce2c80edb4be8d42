"""Keeps on each room a copy of its last message, for the lists of rooms; a second late at most."""

import asyncio
import logging

from models.disk import Disk
from models.records import Hint, Message
from models.store import Store, StoreError

log = logging.getLogger("hubbub.hints")

# A busy room is written once in this time, however much is said in it.
EVERY_SECONDS = 1.0

# A list shows a line of a message and not all of it.
MAX_TEXT = 200


class Hints:
    """Notes what was said last, and writes it down now and then."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._noted: dict[str, Hint] = {}

    def note(self, message: Message) -> None:
        """Note what was said last in a room."""
        self._noted[message.room] = Hint(
            seq=message.seq,
            rev=message.rev,
            sender=message.sender,
            text=message.text[:MAX_TEXT],
            at=message.created,
        )

    async def keep(self) -> None:
        """Write down what is noted, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write down what is noted."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await self._disk.run(self._store.rooms.hint, noted)
        except StoreError as error:
            log.warning("could not note what was said last: %s", error)
            self._noted = noted | self._noted
