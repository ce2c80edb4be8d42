"""REST for searching what was said."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chat.commands import Id
from chat.search import MAX_FOUND, MAX_QUERY, Hit, Search
from chat.sessions import Identity
from handlers.calls import call
from handlers.pagination import Query, Size, cut
from handlers.rooms import RoomHandler
from handlers.views import MessageBody, View

DEFAULT_FOUND = 20

CODES = ("empty_search", "search_too_broad", "too_many_words", "beginning_too_short")


class RoomSearchQuery(Query, frozen=True):
    """What is looked for in a room."""

    q: Annotated[
        str,
        Meta(
            max_length=MAX_QUERY,
            description='Words, "phrases" in quotes, and beginnings of words: `stat*`. A message '
            "must hold all of them; nothing else has a meaning.",
        ),
    ] = ""
    sender: Annotated[Id | None, Meta(description="Only messages of the user with this id.")] = None
    has_attachment: Annotated[bool, Meta(description="Only messages with attachments.")] = False
    after: Annotated[datetime | None, Meta(description="Only messages from this time on.")] = None
    before: Annotated[datetime | None, Meta(description="Only messages before this time.")] = None
    order: Annotated[
        Literal["newest", "best"],
        Meta(description="The latest first, or the best of the latest thousand."),
    ] = "newest"
    cursor: Annotated[
        str, Meta(max_length=64, description="What the page before calls `next`.")
    ] = ""
    limit: Annotated[Size, Meta(description="Messages in a page, up to 50.")] = DEFAULT_FOUND


class SearchQuery(RoomSearchQuery, frozen=True):
    """What is looked for."""

    room: Annotated[Id | None, Meta(description="Only messages of this room.")] = None


class SegmentView(View, frozen=True):
    """A part of a text, and whether it is what was looked for."""

    text: str
    match: bool


class HitView(View, frozen=True):
    """A message that was found. The excerpt is text, and must be shown as text."""

    message: MessageBody
    excerpt: list[SegmentView]


class SearchView(View, frozen=True):
    """A page of what was found; `next` is the `cursor` of the next one."""

    results: list[HitView]
    next: str | None


class FindingHandler(RoomHandler):
    """A handler that finds messages."""

    async def found(
        self, identity: Identity, query: RoomSearchQuery, room: str | None
    ) -> SearchView:
        """A page of what is looked for."""
        command = Search(
            q=query.q,
            room=room,
            sender=query.sender,
            has_attachment=query.has_attachment,
            after=query.after,
            before=query.before,
            order=query.order,
            cursor=query.cursor or None,
            limit=cut(query.limit, MAX_FOUND),
        )
        page = await self.services.searching.search(identity.user.id, command)
        return SearchView(results=[self._shown(hit, identity) for hit in page.hits], next=page.next)

    def _shown(self, hit: Hit, identity: Identity) -> HitView:
        return HitView(
            message=self.said(hit.message, identity),
            excerpt=[SegmentView(text=one.text, match=one.match) for one in hit.excerpt],
        )


class SearchHandler(FindingHandler):
    """Finding messages, wherever."""

    @call(codes=(*CODES, "room_not_found", "busy"))
    async def get(self, identity: Identity, query: SearchQuery) -> SearchView:
        """Find messages in one's rooms, or in the one that is named."""
        return await self.found(identity, query, query.room)


class RoomSearchHandler(FindingHandler):
    """Finding messages in a room."""

    @call(codes=(*CODES, "room_not_found", "busy"))
    async def get(self, identity: Identity, room_id: Id, query: RoomSearchQuery) -> SearchView:
        """Find messages in a room."""
        return await self.found(identity, query, room_id)
