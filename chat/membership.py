"""Rooms and who is in them: making, changing, joining, leaving."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from msgspec import UNSET

from chat.attachments import Attachments
from chat.commands import (
    CreateRoom,
    DeleteRoom,
    Invite,
    JoinRoom,
    LeaveRoom,
    Mute,
    RemoveMember,
    SetRole,
    UpdateRoom,
)
from chat.direct_rooms import DirectRooms
from chat.doubts import Doubts
from chat.errors import Conflict, Forbidden, Invalid, NotFound
from chat.hub import Hub
from chat.live_room import LiveRoom, live_member, no_such_room
from chat.names import require_room_name
from chat.people import People
from chat.places import Places
from chat.policy import (
    require_group,
    require_in_charge,
    require_may_set_role,
    require_member,
    require_owner,
    require_removable,
    require_visible,
)
from chat.room_news import RoomNews
from chat.rooms import Rooms
from models.contract.rooms import RoomChange
from models.disk import Disk, keyed
from models.records import EVERYONE, Membership, Room, RoomRole, User, new_id, now
from models.store import NotFound as NoRecord
from models.store import Store

MAX_NEIGHBOURHOODS = 100


class Memberships:
    """Rooms, and who is in them."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        hub: Hub,
        *,
        attachments: Attachments,
        max_members: int,
        max_rooms: int,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._attachments = attachments
        self._news = RoomNews(hub, people, attachments, rooms.lists)
        self._doubts = Doubts(store, disk, rooms, self._news)
        self._max_members = max_members
        self._max_rooms = max_rooms
        self._places = Places(store, disk, people, max_rooms)
        self.direct_rooms = DirectRooms(store, disk, rooms, people, self._news, self._doubts)

    def close(self) -> None:
        """Look after nothing any more."""
        self._doubts.close()
        self.direct_rooms.close()

    async def create(
        self,
        user: str,
        command: CreateRoom,
        *,
        origin: int | None = None,
        own: bool = True,
        makes: str | None = None,
    ) -> tuple[LiveRoom, bool]:
        """Make a room, or find the direct one there is; and tell whether it is new.

        It gets the id `makes`; if that was made before, by the same call, it is found as well.
        Of whoever makes it, all sockets but `origin` hear of it; or none, where older words ask.
        """
        if makes is not None and await self._disk.run(self._store.rooms.get, makes) is not None:
            return await self._rooms.get(makes), True
        others = await self._people.others(user, command.participant_ids)
        if command.kind == "direct":
            if len(others) != 1:
                raise Invalid("invalid_participants", "a direct room is with one other person")
            other = others[0].id
            return await self.direct_rooms.between(user, other, origin=origin, own=own, makes=makes)
        if len(others) >= self._max_members:
            raise self._room_full()
        moment = now()
        room = Room(
            id=makes or new_id(),
            kind=command.kind,
            name=None if command.name is None else require_room_name(command.name),
            description=command.description,
            creator=user,
            created=moment,
            active=moment,
        )
        owner = Membership(room=room.id, user=user, role="owner", joined=moment)
        members = [Membership(room=room.id, user=other.id, joined=moment) for other in others]
        everybody = [user, *(other.id for other in others)]
        async with self._places.taken(*everybody):
            with self._rooms.lists.changing(everybody):
                await self._disk.run(self._store.rooms.add, room, [owner, *members])
        live = await self._rooms.get(room.id)
        await self._news.made(live, user, origin, own=own)
        return live, True

    async def update(self, user: str, command: UpdateRoom) -> LiveRoom:
        """Rename or describe a room."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_in_charge(room, user)
            require_group(room)
            changes: RoomChange = {}
            if command.name is not UNSET:
                changes["name"] = require_room_name(command.name)
            if command.description is not UNSET:
                changes["description"] = command.description
            with self._doubts.about(room):
                room.room = await self._disk.finish(self._store.rooms.change, room.id, **changes)
            await self._tell_updated(room)
        return room

    async def delete(self, user: str, command: DeleteRoom) -> None:
        """Remove a room with all that was said in it."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_owner(room, user)
            require_group(room)
            await self._remove(room)

    async def join(self, user: str, command: JoinRoom) -> LiveRoom:
        """Come into a public room; whoever is in a room already stays as they are."""
        room = await self._rooms.get(command.room_id)
        require_visible(room, user)
        if not room.has(user):
            [newcomer] = await self._people.users([user])
            await self._add(room, newcomer)
        return room

    async def invite(self, by: str, command: Invite) -> LiveRoom:
        """Bring somebody into a room."""
        room = await self._rooms.get(command.room_id)
        require_in_charge(room, by)
        require_group(room)
        if not room.has(command.user_id):
            [user] = await self._people.others(by, (command.user_id,))
            await self._add(room, user, by=by)
        return room

    async def leave(self, user: str, command: LeaveRoom) -> None:
        """Leave a room; a direct one is hidden until somebody writes."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_member(room, user)
            if room.is_everyone:
                raise Forbidden("everyones_room", "everybody is in this room, and stays in it")
            if room.room.kind == "direct":
                await self.direct_rooms.hide(room, user)
            else:
                await self._send_out(room, user)

    @asynccontextmanager
    async def leave_all(self, user: str) -> AsyncIterator[None]:
        """Leave every room but the direct ones, which are the other person's too, and stay out.

        This is never all of a command, so that none of it completes a call that came with a key.
        """
        async with self._places.given_up(user):
            before_all = keyed.set(None)
            try:
                await self._leave_all(user)
            finally:
                keyed.reset(before_all)
            yield

    async def _leave_all(self, user: str) -> None:
        for room_id in await self._groups(user):
            try:
                if (await self._rooms.get(room_id)).pair is None:
                    await self.leave(user, LeaveRoom(room_id=room_id))
            except NotFound:  # it is gone, or this membership is not known here yet
                await self._disk.run(self._store.rooms.leave, room_id, user)
                self._rooms.lists.forget([user])

    async def _groups(self, user: str) -> set[str]:
        """The rooms of somebody but the direct ones, of which a few may be among them all the same.

        All are read in one step, and pages say which are direct: when something is said in a room
        meanwhile it comes to the front, and is on no page that is still to be read.
        """
        rooms = await self._disk.run(self._store.rooms.shown_to, user)
        found = set(rooms) - {EVERYONE}
        before: tuple[datetime, str] | None = None
        of_user = self._store.rooms.of_user
        while page := await self._disk.run(of_user, user, before=before, limit=self._max_rooms):
            found -= {room.id for room, _ in page if room.kind == "direct"}
            before = page[-1][0].active, page[-1][0].id
        return found

    async def neighbours(self, user: str) -> set[str]:
        """Those who share a room with somebody, in the hundred rooms that were active last."""
        theirs = await self._disk.run(self._store.rooms.of_user, user, limit=MAX_NEIGHBOURHOODS)
        found: set[str] = set()
        for room, _ in theirs:
            with suppress(NotFound):  # deleted since the list was read
                found |= (await self._rooms.get(room.id)).members.keys()
        return found - {user}

    async def remove(self, by: str, command: RemoveMember) -> LiveRoom:
        """Send somebody out of a room."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_removable(room, by, command.user_id)
            await self._send_out(room, command.user_id)
        return room

    async def set_role(self, by: str, command: SetRole) -> LiveRoom:
        """Change what somebody is; whoever makes another the owner becomes an administrator."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_may_set_role(room, by, command.user_id, command.role)
            if command.role == "owner" and command.user_id != by:
                await self._hand_over(room, by, command.user_id, "admin")
                room.members[by].role = "admin"
            else:
                await self._give_role(room, command.user_id, command.role)
            await self._tell_updated(room)
        return room

    async def mute(self, user: str, command: Mute) -> LiveRoom:
        """Hear no sound of a room but where one is mentioned, or hear it again."""
        room = await self._rooms.get(command.room_id)
        async with self._doubts.changing(room):
            require_member(room, user)
            with self._doubts.about(room):
                if user not in room.members:  # as most are in the room of everybody
                    membership = Membership(room=EVERYONE, user=user, joined=now())
                    kept = await self._disk.run(self._store.rooms.join, membership)
                    if user not in room.members:
                        room.admit(live_member(kept))
                await self._disk.finish(
                    self._store.rooms.change_member, room.id, user, muted=command.on
                )
            room.mute(user, on=command.on)
            self._news.muted(room, user, on=command.on)
        return room

    async def _add(self, room: LiveRoom, user: User, *, by: str | None = None) -> None:
        async with self._doubts.changing(room):
            if by is not None:  # who was perhaps removed while this waited
                require_in_charge(room, by)
            if room.has(user.id):
                return  # who was brought by somebody else meanwhile
            if len(room.members) >= self._max_members:
                raise self._room_full()
            # Whoever comes has read what was said before.
            membership = Membership(
                room=room.id, user=user.id, joined=now(), delivered=room.seq, read=room.seq
            )
            named = await self._news.named(room, user.id)
            try:
                async with self._places.taken(user.id):
                    with self._doubts.about(room):
                        kept = await self._disk.finish(self._store.rooms.join, membership)
            except NoRecord:
                raise no_such_room() from None  # it was deleted meanwhile
            # At once from here on: nobody hears what is said in a room before they hear of it.
            room.admit(live_member(kept))
            self._news.created(room, [user.id], named, invitation=by is not None)
            self._news.joined(room, user.id, kept.role)
            self._news.updated(room, named, without=user.id)

    async def _send_out(self, room: LiveRoom, user: str) -> None:
        """End a membership; the last one to leave takes the room along."""
        if len(room.members) == 1:
            await self._remove(room)
            return
        if room.role(user) == "owner":
            await self._hand_over(room, user, _heir(room, user), None)
        else:
            with self._doubts.about(room):
                await self._disk.finish(self._store.rooms.leave, room.id, user)
        del room.members[user]
        self._news.left(room, user)
        await self._tell_updated(room)

    async def _remove(self, room: LiveRoom) -> None:
        shown = await self._disk.run(self._store.uploads.shown_in, room.id)
        with self._doubts.about(room):
            await self._disk.finish(self._store.rooms.delete, room.id)
        self._rooms.drop(room.id)
        self._news.deleted(room)
        room.members.clear()
        await self._attachments.release(shown)

    async def _give_role(self, room: LiveRoom, user: str, role: RoomRole) -> None:
        with self._doubts.about(room):
            await self._disk.finish(self._store.rooms.change_member, room.id, user, role=role)
        room.members[user].role = role

    async def _hand_over(
        self, room: LiveRoom, owner: str, heir: str, role: RoomRole | None
    ) -> None:
        with self._doubts.about(room):
            await self._disk.finish(self._store.rooms.hand_over, room.id, owner, heir, role=role)
        room.members[heir].role = "owner"

    async def _tell_updated(self, room: LiveRoom) -> None:
        # Under the lock of the room, so that an older list is never told after a newer one.
        self._news.updated(room, await self._news.named(room))

    def _room_full(self) -> Conflict:
        return Conflict("room_full", f"a room has at most {self._max_members} members")


def _heir(room: LiveRoom, owner: str) -> str:
    """Who becomes the owner: the oldest administrator, or else the oldest member."""
    others = [member for member in room.members.values() if member.user != owner]
    return min(others, key=lambda member: (member.role != "admin", member.joined)).user
