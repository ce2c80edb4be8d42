"""REST for who is in a room, and as what."""

from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta

from chat.commands import Command, Id, Invite, RemoveMember, SetRole
from chat.sessions import Identity
from handlers.calls import REVALIDATED, call
from handlers.pagination import Query, Size, cut
from handlers.rooms import RoomHandler, room_again
from handlers.views import MemberView, OwnRoomView, member_view
from models.records import RoomRole

MAX_MEMBERS = 200

_REFUSALS = ("room_not_found", "direct_room", "everyones_room")


class MemberPage(Query, frozen=True):
    """A part of the list of those who are in a room."""

    limit: Annotated[Size, Meta(description="People in a page, up to 200.")] = MAX_MEMBERS
    after: Annotated[Id, Meta(description="The id of the last one of the page before.")] = ""


class Invitation(Command, frozen=True):
    """Bring somebody into a room."""

    user_id: Id


class Appointment(Command, frozen=True):
    """Make somebody something in a room."""

    role: RoomRole


class MembersHandler(RoomHandler):
    """Those who are in a room."""

    @call(codes=("room_not_found",), keeping=REVALIDATED)
    async def get(self, identity: Identity, room_id: Id, query: MemberPage) -> list[MemberView]:
        """List them by id; a header names the next page if there is one."""
        limit, services = cut(query.limit, MAX_MEMBERS), self.services
        members = await services.reading.members(
            identity.user.id, room_id, after=query.after or None, limit=limit + 1
        )
        if len(members) > limit:
            following = urlencode({"limit": limit, "after": members[limit - 1].user.id})
            self.set_header("Link", f'<{self.request.path}?{following}>; rel="next"')
        is_online = services.presence.is_online
        return [member_view(one, online=is_online(one.user.id)) for one in members[:limit]]

    @call(
        codes=(*_REFUSALS, "not_in_charge", "user_not_found", "room_full", "too_many_rooms"),
        again=room_again,
    )
    async def post(self, identity: Identity, room_id: Id, body: Invitation) -> OwnRoomView:
        """Bring somebody in; for the room's owner and administrators."""
        command = Invite(room_id=room_id, user_id=body.user_id)
        room = await self.services.memberships.invite(identity.user.id, command)
        return await self.shown(room, identity)


class MemberHandler(RoomHandler):
    """One of those who are in a room."""

    @call(codes=(*_REFUSALS, "not_the_owner", "member_not_found", "last_owner"), again=room_again)
    async def patch(
        self, identity: Identity, room_id: Id, user_id: Id, body: Appointment
    ) -> OwnRoomView:
        """Give them a role; for the owner, who becomes an administrator by naming another."""
        command = SetRole(room_id=room_id, user_id=user_id, role=body.role)
        room = await self.services.memberships.set_role(identity.user.id, command)
        return await self.shown(room, identity)

    @call(codes=(*_REFUSALS, "not_in_charge", "member_not_found", "outranked"), again=room_again)
    async def delete(self, identity: Identity, room_id: Id, user_id: Id) -> OwnRoomView:
        """Send them out; for the room's owner and administrators."""
        command = RemoveMember(room_id=room_id, user_id=user_id)
        room = await self.services.memberships.remove(identity.user.id, command)
        return await self.shown(room, identity)
