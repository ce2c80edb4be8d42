"""What is told of rooms and of who is in them; what is told to one user at once is in order."""

from collections.abc import Iterable

from chat.attachments import Attachments
from chat.events import MemberJoined, MemberLeft, RoomCreated, RoomDeleted, RoomMuted, RoomUpdated
from chat.hub import Hub
from chat.live_room import LiveRoom
from chat.people import People
from chat.room_lists import RoomLists
from models.records import RoomRole, User

# A list of members that is told in one piece; of a larger room, only this many are named.
MAX_TOLD_MEMBERS = 100


class RoomNews:
    """Tells of rooms; and whoever has one more or one less from now on, their list is forgotten."""

    def __init__(
        self, hub: Hub, people: People, attachments: Attachments, lists: RoomLists
    ) -> None:
        self._hub = hub
        self._lists = lists
        self._people = people
        self._attachments = attachments

    async def named(self, room: LiveRoom, *more: str) -> tuple[User, ...]:
        """Those who are named with a room, newcomers first of all; their names are at hand then."""
        if room.last is not None:
            await self._people.load([room.last.sender])
            await self._attachments.load([room.last])
        members = [*more, *room.members][:MAX_TOLD_MEMBERS]
        return tuple(await self._people.users(members))

    async def made(self, room: LiveRoom, maker: str, origin: int | None, *, own: bool) -> None:
        """Tell those who are in a new room of it, whoever made it as well if they want to hear."""
        named = await self.named(room)
        users = [user for user in room.members if own or user != maker]
        self.created(room, users, named, maker=maker, origin=origin, invitation=True)

    def created(
        self,
        room: LiveRoom,
        users: Iterable[str],
        named: tuple[User, ...],
        *,
        maker: str | None = None,
        origin: int | None = None,
        invitation: bool = False,
    ) -> None:
        """Tell some who are in a room that it is there, each as they stand in it."""
        last_name = "" if room.last is None else self._people.name(room.last.sender)
        shown = () if room.last is None else self._attachments.shown(room.last)
        for user in users:
            self._lists.forget([user])
            event = RoomCreated(
                room.room,
                named,
                room.standing(user),
                last_name,
                shown,
                maker,
                origin,
                invitation=invitation,
            )
            self._hub.tell_users([user], event)

    def updated(self, room: LiveRoom, named: tuple[User, ...], without: str | None = None) -> None:
        """Tell how a room is named by now, and who is in it."""
        self._hub.tell_members(room, RoomUpdated(room.room, named), without=without)

    def joined(self, room: LiveRoom, user: str, role: RoomRole) -> None:
        """Tell the others that somebody has come."""
        event = MemberJoined(room.id, user, self._people.name(user), role)
        self._hub.tell_members(room, event, without=user)

    def left(self, room: LiveRoom, user: str) -> None:
        """Tell somebody who is not in a room any more, and those who are."""
        self._lists.forget([user])
        self._hub.tell_users([user], RoomDeleted(room.id))
        self._hub.tell_members(room, MemberLeft(room.id, user))

    def hidden(self, room: LiveRoom, user: str) -> None:
        """Tell somebody that they do not see a room any more."""
        self._lists.forget([user])
        self._hub.tell_users([user], RoomDeleted(room.id))

    def muted(self, room: LiveRoom, user: str, *, on: bool) -> None:
        """Tell somebody whether a room makes a sound."""
        self._hub.tell_users([user], RoomMuted(room.id, on))

    def deleted(self, room: LiveRoom) -> None:
        """Tell those who were in a room that it is gone."""
        self._lists.forget(room.members)
        self._hub.tell_members(room, RoomDeleted(room.id))
