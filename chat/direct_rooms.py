"""Rooms of two people: found or made by asking for the other one, hidden by leaving, never left."""

import asyncio
import logging

from chat.doubts import Doubts
from chat.errors import Invalid
from chat.live_room import LiveRoom
from chat.people import People
from chat.room_news import RoomNews
from chat.rooms import Rooms
from models.disk import Disk
from models.records import Membership, Room, new_id, now, pair_of
from models.store import Store, StoreError

log = logging.getLogger("hubbub.rooms")


class DirectRooms:
    """The rooms of two: there is at most one of each pair."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        news: RoomNews,
        doubts: Doubts,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._news = news
        self._doubts = doubts
        self._showing: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Show nothing any more."""
        for task in self._showing:
            task.cancel()

    async def between(
        self,
        user: str,
        other: str,
        *,
        origin: int | None = None,
        own: bool = True,
        makes: str | None = None,
    ) -> tuple[LiveRoom, bool]:
        """The room of two people, found or made; whoever asks for it sees it again."""
        if user == other:
            raise Invalid("invalid_participants", "a direct room is with one other person")
        await self._people.others(user, (other,))
        moment = now()
        draft = Room(
            id=makes or new_id(),
            kind="direct",
            creator=user,
            created=moment,
            active=moment,
            pair=pair_of(user, other),
        )
        members = [Membership(room=draft.id, user=one, joined=moment) for one in (user, other)]
        await self._people.load([user, other])  # so that nothing must be read before it is told
        with self._rooms.lists.changing([user, other]):
            room, new = await self._disk.run(self._store.rooms.direct, draft, members)
        live = await self._rooms.get(room.id)
        if new:
            await self._news.made(live, user, origin, own=own)
        elif live.hidden:
            await self.show(live, user)
        return live, new

    async def hide(self, room: LiveRoom, user: str) -> None:
        """Hide a room, which is being changed, from one of the two until somebody writes."""
        with self._doubts.about(room):
            await self._disk.finish(self._store.rooms.change_member, room.id, user, hidden=True)
        room.hide(user, on=True)
        self._news.hidden(room, user)

    async def show(self, room: LiveRoom, only: str | None = None) -> None:
        """Show a room again to those who have hidden it, or to one of them."""
        async with self._doubts.changing(room):
            named = await self._news.named(room)
            for member in [member for member in room.members.values() if member.hidden]:
                if only not in (None, member.user):
                    continue
                with self._doubts.about(room):
                    await self._disk.run(
                        self._store.rooms.change_member, room.id, member.user, hidden=False
                    )
                room.hide(member.user, on=False)
                self._news.created(room, [member.user], named)

    def show_soon(self, room: LiveRoom) -> None:
        """Show a room again that somebody has hidden while something was on its way to it."""
        task = asyncio.get_running_loop().create_task(self._show(room))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)

    async def _show(self, room: LiveRoom) -> None:
        try:
            await self.show(room)
        except StoreError as error:  # the next message says it again
            log.warning("could not show a room again: %s", error)
