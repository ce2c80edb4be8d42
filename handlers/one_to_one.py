"""REST of the clients that know people and no rooms: dialects P and C, whose users log in."""

from typing import Annotated

from msgspec import Meta

from chat.commands import Id
from chat.conversations import MAX_SKIPPED
from chat.sessions import Identity
from handlers.calls import call
from handlers.dialects import colon, private
from handlers.lines import LinesHandler
from handlers.pagination import Query, Size, cut

# What dialect C reads at once.
MAX_LINES = 50


class LatestQuery(Query, frozen=True):
    """A part of a conversation, counted from its end."""

    limit: Annotated[Size, Meta(description="Messages at once, up to 200.")] = private.DEFAULT_LINES
    skip: Annotated[
        int, Meta(ge=0, le=MAX_SKIPPED, description="Leave out the newest so many.")
    ] = 0


class PersonalHistoryHandler(LinesHandler):
    """What one has said with somebody, in the words of dialect P."""

    @call()
    async def get(self, identity: Identity, user_id: Id, query: LatestQuery) -> private.History:
        """Show the latest messages with somebody but the newest `skip`, ascending."""
        limit = cut(query.limit, private.MAX_LINES)
        lines = await self.services.conversations.latest(
            identity.user.id, user_id, limit=limit, skip=query.skip
        )
        return private.history(user_id, self.whole(lines))


class AroundHandler(LinesHandler):
    """What was said to everybody and with oneself, in the words of dialect C."""

    @call()
    async def get(self, identity: Identity) -> list[colon.Message]:
        """Show the latest that was said to everybody and with oneself, the newest first."""
        lines = await self.services.conversations.around(identity.user.id, limit=MAX_LINES)
        return [colon.message(line) for line in self.whole(lines)]


class WithHandler(LinesHandler):
    """What one has said with somebody, in the words of dialect C."""

    @call()
    async def get(self, identity: Identity, user_id: Id) -> list[colon.Message]:
        """Show the latest that one has said with somebody, the newest first."""
        lines = await self.services.conversations.latest(identity.user.id, user_id, limit=MAX_LINES)
        return [colon.message(line) for line in self.whole(reversed(lines))]
