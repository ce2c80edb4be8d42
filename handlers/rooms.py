"""REST for rooms: making, finding, changing, entering and leaving them."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from msgspec import UNSET, Meta, UnsetType

from chat import commands
from chat.chat import Speaker
from chat.commands import Command, CreateRoom, DeleteRoom, Id, JoinRoom, LeaveRoom, Mute, UpdateRoom
from chat.errors import Invalid
from chat.events import Form
from chat.live_room import LiveRoom
from chat.reading import RoomState
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import REVALIDATED, call
from handlers.pagination import Query, Size, cut
from handlers.views import (
    MessageBody,
    MessageView,
    OwnRoomView,
    message_view,
    own_room_view,
)
from models.records import EVERYONE, Message, RoomKind

MAX_ROOMS = 100

DELETED = MessageView(message="Deleted the room")
LEFT = MessageView(message="Left the room")


class RoomPage(Query, frozen=True):
    """A part of a list of rooms."""

    limit: Annotated[Size, Meta(description="Rooms in a page, up to 100.")] = MAX_ROOMS
    before: Annotated[str, Meta(description="The place that the page before names in `Link`.")] = ""
    public: Annotated[bool, Meta(description="List those that anybody may come into.")] = False
    everyone: Annotated[bool, Meta(description="Name the room of everybody, too.")] = False


class PostRoom(Command, frozen=True):
    """Make a room, in the words of dialect A (`type`) or in ours (`kind`)."""

    type: Literal["private", "group"] | None = None
    kind: RoomKind | None = None
    name: commands.Name | None = None
    description: Annotated[str, Meta(max_length=500)] = ""
    participant_ids: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()

    def command(self) -> CreateRoom:
        """The same in the words of the core."""
        if self.kind is not None:
            kind = self.kind
        elif self.type is not None:
            kind = "direct" if self.type == "private" else "private"
        else:
            raise Invalid("missing_field", "a room needs a type or a kind")
        return CreateRoom(
            kind=kind,
            name=self.name,
            description=self.description,
            participant_ids=self.participant_ids,
        )


class PatchRoom(Command, frozen=True):
    """Rename or describe a room; what is left out stays as it is."""

    name: commands.Name | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class RoomHandler(JsonHandler):
    """A handler that shows rooms and messages to those who are in them."""

    def own(self, state: RoomState, identity: Identity) -> OwnRoomView:
        """A room as one who is in it sees it."""
        return own_room_view(state, identity.user.id, self.services.people.name)

    async def shown(self, room: LiveRoom, identity: Identity) -> OwnRoomView:
        """A room with the people in it, as one of them sees it."""
        return self.own(await self.services.reading.state(room), identity)

    def said(self, message: Message, identity: Identity) -> MessageBody:
        """A message as one who is in its room sees it."""
        form: Form = "own" if message.sender == identity.user.id else "others"
        shown = self.services.attachments.shown(message)
        return message_view(message, self.services.people.name(message.sender), form, shown)

    def speaker(self, identity: Identity) -> Speaker:
        """Whoever asks, as the core knows them."""
        self.services.people.note(identity.user)
        return Speaker(identity.user.id, identity.user.name, makes=self.makes)


async def room_again(
    handler: RoomHandler, identity: Identity, room_id: str, **_: object
) -> OwnRoomView:
    """The room that a call with a key has changed before."""
    return handler.own(await handler.services.reading.room(identity.user.id, room_id), identity)


class RoomsHandler(RoomHandler):
    """One's rooms."""

    @call(keeping=REVALIDATED)
    async def get(self, identity: Identity, query: RoomPage) -> list[OwnRoomView]:
        """List them, or those that anybody may come into, the latest first.

        A header names the next page if there is one.
        """
        limit, reading = cut(query.limit, MAX_ROOMS), self.services.reading
        before = _place(query.before)
        if query.public:
            page = await reading.public(before=before, limit=limit)
        else:
            page = await reading.rooms(identity.user.id, before=before, limit=limit)
        if page.next is not None:
            active, room_id = page.next
            asked = {"limit": limit, "before": f"{active.isoformat()},{room_id}"}
            following = urlencode(asked | ({"public": 1} if query.public else {}))
            self.set_header("Link", f'</api/rooms?{following}>; rel="next"')
        states = page.states
        if query.everyone:
            states.append(await reading.room(identity.user.id, EVERYONE))
        return [self.own(state, identity) for state in states]

    @call(
        201,
        200,
        codes=(
            "missing_field",
            "invalid_participants",
            "invalid_room_name",
            "user_not_found",
            "room_full",
            "too_many_rooms",
        ),
    )
    async def post(self, identity: Identity, body: PostRoom) -> OwnRoomView:
        """Make a room, or find the direct one there is."""
        self.services.people.note(identity.user)
        # Clients of dialect A add what they make on their own, and would have it twice.
        room, new = await self.services.memberships.create(
            identity.user.id, body.command(), own=body.type is None, makes=self.makes
        )
        self.set_status(201 if new else 200)
        return await self.shown(room, identity)


class OneRoomHandler(RoomHandler):
    """One room."""

    @call(codes=("room_not_found",), keeping=REVALIDATED)
    async def get(self, identity: Identity, room_id: Id) -> OwnRoomView:
        """Show it."""
        state = await self.services.reading.room(identity.user.id, room_id)
        return self.own(state, identity)

    @call(
        codes=(
            "room_not_found",
            "invalid_room_name",
            "not_in_charge",
            "direct_room",
            "everyones_room",
        ),
        again=room_again,
    )
    async def patch(self, identity: Identity, room_id: Id, body: PatchRoom) -> OwnRoomView:
        """Rename or describe it; for its owner and administrators."""
        command = UpdateRoom(room_id=room_id, name=body.name, description=body.description)
        room = await self.services.memberships.update(identity.user.id, command)
        return await self.shown(room, identity)

    @call(codes=("room_not_found", "not_the_owner", "direct_room", "everyones_room"), again=DELETED)
    async def delete(self, identity: Identity, room_id: Id) -> MessageView:
        """Remove it with all that was said in it; for its owner."""
        await self.services.memberships.delete(identity.user.id, DeleteRoom(room_id=room_id))
        return DELETED


class JoinRoomHandler(RoomHandler):
    """Coming into a room."""

    @call(codes=("room_not_found", "room_full", "too_many_rooms"), again=room_again)
    async def post(self, identity: Identity, room_id: Id) -> OwnRoomView:
        """Come into a public room; whoever is in it already stays as they are."""
        self.services.people.note(identity.user)
        command = JoinRoom(room_id=room_id)
        room = await self.services.memberships.join(identity.user.id, command)
        return await self.shown(room, identity)


class LeaveRoomHandler(RoomHandler):
    """Leaving a room."""

    @call(codes=("room_not_found", "everyones_room"), again=LEFT)
    async def post(self, identity: Identity, room_id: Id) -> MessageView:
        """Leave it; a direct one is hidden until somebody writes."""
        await self.services.memberships.leave(identity.user.id, LeaveRoom(room_id=room_id))
        return LEFT


class MuteRoomHandler(RoomHandler):
    """Whether one hears a room."""

    @call(codes=("room_not_found",), again=room_again)
    async def put(self, identity: Identity, room_id: Id) -> OwnRoomView:
        """Hear no sound of it but where one is mentioned."""
        return await self._mute(identity, Mute(room_id=room_id))

    @call(codes=("room_not_found",), again=room_again)
    async def delete(self, identity: Identity, room_id: Id) -> OwnRoomView:
        """Hear it again."""
        return await self._mute(identity, Mute(room_id=room_id, on=False))

    async def _mute(self, identity: Identity, command: Mute) -> OwnRoomView:
        room = await self.services.memberships.mute(identity.user.id, command)
        return await self.shown(room, identity)


def _place(text: str) -> tuple[datetime, str] | None:
    """The place in a list that a `Link` named."""
    if not text:
        return None
    moment, _, room_id = text.partition(",")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), room_id
    except (ValueError, OverflowError):
        raise Invalid(
            "invalid_query", "before is what Link names", details={"field": "before"}
        ) from None
