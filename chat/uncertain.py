"""The rooms of which it is not known what is stored, because the store did not say."""

from collections.abc import Iterable

from chat.batches import Batch
from chat.entries import Entry, Teller, Told, ToldGap, ToldMessage
from chat.live_room import LiveRoom
from models.disk import Disk
from models.records import Message
from models.store import MessageWrite, MovedMark, Store

# After an outage, as much of each room is told; if there is more, its clients are told to read it.
MAX_RETOLD = 1_000


class Uncertain:
    """Notes what is in doubt, and finds out what is stored of it before more is written there."""

    def __init__(self, store: Store, disk: Disk, tell: Teller) -> None:
        self._store = store
        self._disk = disk
        self._tell = tell
        # What was given up of each room.
        self._rooms: dict[LiveRoom, list[MessageWrite]] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def doubt(self, entries: Iterable[Entry]) -> None:
        """Note that it is not known what is stored of some rooms."""
        for entry in entries:
            self._rooms.setdefault(entry.room, [])

    def give_up(self, batch: Batch) -> None:
        """Note what was not answered, so that it does not land when nobody expects it."""
        self.doubt(batch.entries)
        for entry, write in zip(batch.entries, batch.writes, strict=True):
            if not isinstance(write, MovedMark):  # which only ever moves forward
                self._rooms[entry.room].append(write)

    async def find_out(self) -> None:
        """Read what is stored of these rooms, and tell what is news; or fail as the store does."""
        while self._rooms:
            room = next(iter(self._rooms))
            await self._withdraw(room)
            await self._read_again(room)
            del self._rooms[room]

    async def _withdraw(self, room: LiveRoom) -> None:
        """Let nothing land any more that was given up, or it would be told to nobody.

        A frozen server carries out what it was asked when it goes on, whoever waits for it or not;
        and by then the room may have come past the numbers of that.
        """
        given_up = self._rooms[room]
        if not given_up:
            return
        counters = await self._disk.run(self._store.messages.counters, room.id)
        above = max(counters.rev, *(write.message.rev for write in given_up))
        await self._disk.run(self._store.withdraw, given_up, above=above)

    async def _read_again(self, room: LiveRoom) -> None:
        messages = self._store.messages
        counters = await self._disk.run(messages.counters, room.id)
        news: list[Message] = []
        while page := await self._disk.run(
            messages.changes,
            room.id,
            since=news[-1].rev if news else room.rev,
            limit=MAX_RETOLD,
        ):
            news += page
        told: list[Told] = [
            ToldMessage(room, message, new=message.seq > room.seq) for message in news[:MAX_RETOLD]
        ]
        if len(news) > MAX_RETOLD:
            told.append(ToldGap(room, news[MAX_RETOLD - 1].rev))
        for message in news:
            room.note_message(message)
        for message in sorted(news, key=lambda message: message.seq):
            if message.seq > room.seq:
                room.note_sender(message)
        room.seq = max([counters.seq, *(message.seq for message in news)])
        room.rev = max([counters.rev, *(message.rev for message in news)])
        self._tell(told)
