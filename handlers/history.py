"""REST for what was said in a room: pages of it, what has changed in it, what is pinned."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from chat.commands import History, Id, Number, SendMessage, Sync
from chat.reading import Changes, Page
from chat.sessions import Identity
from handlers.calls import ONE_ROOM, call
from handlers.messages import SENDING, PostMessage, SendHandler
from handlers.pagination import Query, Size, cut
from handlers.views import MessageBody, View

MAX_MESSAGES = 100
DEFAULT_MESSAGES = 50
MAX_CHANGES = 500


class HistoryPage(Query, frozen=True):
    """A part of a room; in the newest forms by `seq`, in older ones counted from the newest."""

    limit: Annotated[Size, Meta(description="Messages in a page, up to 100.")] = DEFAULT_MESSAGES
    before: Annotated[
        Number | datetime | None,
        Meta(description="Only messages before this `seq`, or before this time."),
    ] = None
    after: Annotated[Number | None, Meta(description="Only messages after this `seq`.")] = None
    around: Annotated[
        Number | None, Meta(description="The message with this `seq` in the middle.")
    ] = None
    page: Annotated[
        Size, Meta(description="Older form: the page with this number, 1 is the newest.")
    ] = 1
    skip: Annotated[Size, Meta(description="Older form: leave out the newest so many.")] = 0


class ChangesPage(Query, frozen=True):
    """What has changed in a room since a `rev`."""

    since: Annotated[Number, Meta(description="The greatest `rev` that one has seen.")] = 0
    limit: Annotated[Size, Meta(description="Messages at once, up to 500.")] = MAX_CHANGES


class PinsPage(Query, frozen=True):
    """A part of what is pinned to a room."""

    limit: Annotated[Size, Meta(description="Messages in a page, up to 100.")] = DEFAULT_MESSAGES
    before: Annotated[Number | None, Meta(description="Only messages before this `seq`.")] = None


class MessagesView(View, frozen=True):
    """Messages of a room, ascending, and whether there are more in the direction of reading."""

    messages: list[MessageBody]
    has_more: bool


class MessagePage(MessagesView, frozen=True):
    """A page of a room, with its number for those who count pages."""

    page: int


class ChangesView(View, frozen=True):
    """The messages that have changed, ascending by `rev`, each once and as it stands now.

    Go on from `rev` while `hasMore` says so. `reset` says that the room has not come as far as one
    has seen, as when data was restored from an older copy: forget what is known of it.
    """

    messages: list[MessageBody]
    rev: int
    has_more: bool
    reset: bool


class MessagesHandler(SendHandler):
    """What was said in a room."""

    @call(codes=("room_not_found", "invalid_body"), keeping=ONE_ROOM)
    async def get(self, identity: Identity, room_id: Id, query: HistoryPage) -> MessagePage:
        """Show a page of it: the newest, or that before, after or around a message."""
        limit, number = cut(query.limit, MAX_MESSAGES), max(1, query.page)
        before = await self._before(identity, room_id, query, (number - 1) * limit + query.skip)
        command = History(
            room_id=room_id, before=before, after=query.after, around=query.around, limit=limit
        )
        page = await self.services.reading.history(identity.user.id, command)
        messages = [self.said(message, identity) for message in page.messages]
        return MessagePage(messages=messages, has_more=page.has_more, page=number)

    @call(201, 200, codes=SENDING, bucket="messages")
    async def post(self, identity: Identity, room_id: Id, body: PostMessage) -> MessageBody:
        """Say something; 200 if it was said before, under the same client id."""
        command = SendMessage(
            room_id=room_id,
            content=body.content,
            client_id=body.client_id,
            attachments=body.attachments,
            image_url=body.image_url,
            reply_to=body.reply_to,
        )
        return await self.send(identity, command)

    async def _before(
        self, identity: Identity, room_id: str, query: HistoryPage, skipped: int
    ) -> int | None:
        """The `seq` before which a page ends, however it was named."""
        before, user = query.before, identity.user.id
        if isinstance(before, datetime):
            moment = before if before.tzinfo else before.replace(tzinfo=UTC)
            return await self.services.reading.place(user, room_id, moment)
        if before is None and skipped and query.after is None and query.around is None:
            room = await self.services.chat.room_of(self.speaker(identity), room_id)
            return max(1, room.seq - skipped + 1)
        return before


class ChangesHandler(SendHandler):
    """What has changed in a room."""

    @call(codes=("room_not_found",), keeping=ONE_ROOM)
    async def get(self, identity: Identity, room_id: Id, query: ChangesPage) -> ChangesView:
        """Show what was said, edited, deleted, pinned or reacted to since a `rev`."""
        limit = cut(query.limit, MAX_CHANGES)
        command = Sync(room_id=room_id, since=query.since, limit=limit)
        changes = await self.services.reading.changes(identity.user.id, command)
        return ChangesView(
            messages=[self.said(message, identity) for message in changes.messages],
            rev=changes.rev,
            has_more=has_more(changes, limit),
            reset=changes.rev < query.since,
        )


class PinsHandler(SendHandler):
    """What is pinned to a room."""

    @call(codes=("room_not_found",), keeping=ONE_ROOM)
    async def get(self, identity: Identity, room_id: Id, query: PinsPage) -> MessagesView:
        """Show the pinned messages, ascending: the last of them, or those before a `seq`."""
        page: Page = await self.services.reading.pinned(
            identity.user.id,
            room_id,
            before=query.before,
            limit=cut(query.limit, MAX_MESSAGES),
        )
        messages = [self.said(message, identity) for message in page.messages]
        return MessagesView(messages=messages, has_more=page.has_more)


def has_more(changes: Changes, limit: int) -> bool:
    """Tell whether more has changed than fits into one answer."""
    return not changes.complete and len(changes.messages) == limit
