"""REST of the clients that know people and no rooms: dialects P and C, whose users log in."""

from typing import Annotated

import msgspec
from msgspec import Meta, field

from chat.commands import Id
from chat.conversations import MAX_SKIPPED
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import call
from handlers.dialects import colon, private
from handlers.pagination import Query, Size, cut
from handlers.views import Moment, View

# What dialect C reads at once.
MAX_LINES = 50


class LatestQuery(Query, frozen=True):
    """A part of a conversation, counted from its end."""

    limit: Annotated[Size, Meta(description="Messages at once, up to 200.")] = private.DEFAULT_LINES
    skip: Annotated[
        int, Meta(ge=0, le=MAX_SKIPPED, description="Leave out the newest so many.")
    ] = 0


class PersonDoc(View, frozen=True):
    """Somebody."""

    underscore_id: str = field(name="_id")
    username: str


class PrivateMessage(View, frozen=True):
    """A message to one person, in the words of dialect P."""

    id: str
    underscore_id: str = field(name="_id")
    sender_id: str
    sender: PersonDoc
    receiver_id: str | None
    receiver: PersonDoc | None
    message: str
    timestamp: Moment
    is_read: bool
    room_id: str
    rev: int


class PrivateMessages(View, frozen=True):
    """What one has said with somebody, ascending."""

    other_user_id: str
    messages: list[PrivateMessage]


class ColonMessage(View, frozen=True):
    """A message to one person or to everybody, in the words of dialect C."""

    id: str
    underscore_id: str = field(name="_id")
    sender: str
    recipient: str | None
    content: str
    type: str
    timestamp: Moment
    status: str
    room_id: str
    rev: int


class PersonalHistoryHandler(JsonHandler):
    """What one has said with somebody, in the words of dialect P."""

    @call()
    async def get(self, identity: Identity, user_id: Id, query: LatestQuery) -> PrivateMessages:
        """Show the latest messages with somebody but the newest `skip`, ascending."""
        limit = cut(query.limit, private.MAX_LINES)
        lines = await self.services.conversations.latest(
            identity.user.id, user_id, limit=limit, skip=query.skip
        )
        return msgspec.convert(private.history(user_id, lines), PrivateMessages)


class AroundHandler(JsonHandler):
    """What was said to everybody and with oneself, in the words of dialect C."""

    @call()
    async def get(self, identity: Identity) -> list[ColonMessage]:
        """Show the latest that was said to everybody and with oneself, the newest first."""
        lines = await self.services.conversations.around(identity.user.id, limit=MAX_LINES)
        return msgspec.convert([colon.message(line) for line in lines], list[ColonMessage])


class WithHandler(JsonHandler):
    """What one has said with somebody, in the words of dialect C."""

    @call()
    async def get(self, identity: Identity, user_id: Id) -> list[ColonMessage]:
        """Show the latest that one has said with somebody, the newest first."""
        lines = await self.services.conversations.latest(identity.user.id, user_id, limit=MAX_LINES)
        return msgspec.convert(
            [colon.message(line) for line in reversed(lines)], list[ColonMessage]
        )
