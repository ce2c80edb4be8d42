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

# What was said in the last second before a stop; of a second that was busier than this, the lists
# of some rooms are out of order until something is said in them again.
MAX_FOUND = 5_000


class Hints:
    """Notes what was said last, and writes it down now and then."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._noted: dict[str, Message] = {}
        self._being_written: dict[str, Message] = {}
        self._turn = asyncio.Lock()

    def behind(self) -> set[str]:
        """The rooms in which something was said that lists do not know of yet."""
        return self._noted.keys() | self._being_written.keys()

    def note(self, message: Message) -> None:
        """Note what was said last in a room."""
        self._noted[message.room] = message

    async def find(self) -> None:
        """Note what was said in the last moment before an unclean stop, when nothing was noted."""
        messages = await self._disk.run(self._store.messages.latest, MAX_FOUND)
        for message in reversed(messages):
            self.note(message)
        await self.write()

    async def keep(self) -> None:
        """Write down what is noted, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write down what is noted, behind what is being written."""
        async with self._turn:
            if not self._noted:
                return
            self._being_written, self._noted = self._noted, {}
            try:
                hints = {room: _hint(message) for room, message in self._being_written.items()}
                await self._disk.run(self._store.rooms.hint, hints)
            except StoreError as error:
                log.warning("could not note what was said last: %s", error)
            else:
                self._being_written = {}
            finally:  # also when cancelled: to write it twice does no harm
                self._noted = self._being_written | self._noted
                self._being_written = {}


def _hint(message: Message) -> Hint:
    return Hint(
        seq=message.seq,
        rev=message.rev,
        sender=message.sender,
        text=message.text[:MAX_TEXT],
        at=message.created,
    )
