"""REST for rooms, and for what was said in them."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from msgspec import Meta

from chat import commands
from chat.chat import Speaker
from chat.commands import Command, CreateRoom, History, LeaveRoom, SendMessage
from chat.errors import Invalid
from chat.events import Form
from chat.reading import RoomState
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.views import MessageBody, MessageView, OwnRoomView, message_view, own_room_view
from models.records import EVERYONE, Message, RoomKind

MAX_ROOMS = 100
MAX_MESSAGES = 100
DEFAULT_MESSAGES = 50


class PostRoom(Command, frozen=True):
    """Make a room, in the words of dialect A (`type`) or in ours (`kind`)."""

    type: Literal["private", "group"] | None = None
    kind: RoomKind | None = None
    name: commands.Name | None = None
    description: Annotated[str, Meta(max_length=500)] = ""
    participant_ids: Annotated[tuple[commands.Id, ...], Meta(max_length=100)] = ()

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


class PostMessage(Command, frozen=True):
    """Say something in a room."""

    content: commands.Text = ""
    client_id: commands.ClientId | None = None
    attachments: tuple[commands.Id, ...] = ()
    reply_to: commands.Id | None = None


class RoomHandler(JsonHandler):
    """A handler that shows rooms and messages to those who are in them."""

    def own(self, state: RoomState, identity: Identity) -> OwnRoomView:
        """A room as one who is in it sees it."""
        return own_room_view(state, identity.user.id, self.services.people.name)

    def said(self, message: Message, identity: Identity) -> MessageBody:
        """A message as one who is in its room sees it."""
        form: Form = "own" if message.sender == identity.user.id else "others"
        return message_view(message, self.services.people.name(message.sender), form)

    def speaker(self, identity: Identity) -> Speaker:
        """Whoever asks, as the core knows them."""
        self.services.people.note(identity.user)
        return Speaker(identity.user.id, identity.user.name)


class RoomsHandler(RoomHandler):
    """One's rooms."""

    async def get(self) -> None:
        """List them, or those that anybody may come into, the latest first.

        A header names the next page if there is one.
        """
        identity = await self.identify()
        limit = self.number("limit", MAX_ROOMS, least=1, most=MAX_ROOMS)
        reading, before = self.services.reading, self._before()
        public = self.argument("public") in ("1", "true")
        if public:
            page = await reading.public(before=before, limit=limit)
        else:
            page = await reading.rooms(identity.user.id, before=before, limit=limit)
        if page.next is not None:
            active, room_id = page.next
            asked = {"limit": limit, "before": f"{active.isoformat()},{room_id}"}
            query = urlencode(asked | ({"public": 1} if public else {}))
            self.set_header("Link", f'</api/rooms?{query}>; rel="next"')
        states = page.states
        if self.argument("everyone") in ("1", "true"):
            states.append(await reading.room(identity.user.id, EVERYONE))
        self.answer([self.own(state, identity) for state in states])

    async def post(self) -> None:
        """Make a room, or find the direct one there is."""
        identity = await self.identify()
        post = self.decoded(PostRoom)
        self.services.people.note(identity.user)
        # Clients of dialect A add what they make on their own, and would have it twice.
        room, new = await self.services.memberships.create(
            identity.user.id, post.command(), own=post.type is None
        )
        state = await self.services.reading.state(room)
        self.answer(self.own(state, identity), 201 if new else 200)

    def _before(self) -> tuple[datetime, str] | None:
        text = self.argument("before")
        if not text:
            return None
        moment, _, room_id = text.partition(",")
        try:
            return datetime.fromisoformat(moment).astimezone(UTC), room_id
        except ValueError:
            raise Invalid(
                "invalid_query", "before is what Link names", details={"field": "before"}
            ) from None


class OneRoomHandler(RoomHandler):
    """One room."""

    async def get(self, room_id: str) -> None:
        """Show it."""
        identity = await self.identify()
        state = await self.services.reading.room(identity.user.id, room_id)
        self.answer(self.own(state, identity))


class LeaveRoomHandler(RoomHandler):
    """Leaving a room."""

    async def post(self, room_id: str) -> None:
        """Leave it; a direct one is hidden until somebody writes."""
        identity = await self.identify()
        await self.services.memberships.leave(identity.user.id, LeaveRoom(room_id=room_id))
        self.answer(MessageView(message="Left the room"))


class MessagesHandler(RoomHandler):
    """What was said in a room."""

    async def get(self, room_id: str) -> None:
        """A page: before or after a `seq`, or counted from the newest as dialect A does."""
        identity = await self.identify()
        limit = self.number("limit", DEFAULT_MESSAGES, least=1, most=MAX_MESSAGES)
        number = self.number("page", 1, least=1, most=10**9)
        before, after = self._seq("before"), self._seq("after")
        if number > 1 and before is None and after is None:
            room = await self.services.chat.room_of(self.speaker(identity), room_id)
            before = max(1, room.seq - (number - 1) * limit + 1)
        command = History(room_id=room_id, before=before, after=after, limit=limit)
        page = await self.services.reading.history(identity.user.id, command)
        messages = [self.said(message, identity) for message in page.messages]
        self.answer({"messages": messages, "hasMore": page.has_more, "page": number})

    async def post(self, room_id: str) -> None:
        """Say something; 200 if it was said before, under the same client id."""
        identity = await self.identify()
        post = self.decoded(PostMessage)
        limits = self.services.socket_limits
        self.services.limits.take(limits.messages, identity.user.id)
        command = SendMessage(
            room_id=room_id,
            content=post.content,
            client_id=post.client_id,
            attachments=post.attachments,
            reply_to=post.reply_to,
        )
        said = await (await self.services.chat.send(self.speaker(identity), command))
        self.answer(self.said(said.message, identity), 201 if said.fresh else 200)

    def _seq(self, name: str) -> int | None:
        if not self.argument(name):
            return None
        return self.number(name, 0, least=0, most=10**9)
