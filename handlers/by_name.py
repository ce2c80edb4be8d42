"""REST of the clients that know bare names: dialects J and R, in open mode without a token.

Whoever brings no token may read what guests have said to one another, which anybody may do by
taking their names; never what somebody with a password has said or was told.
"""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, field

from chat.commands import Name
from chat.conversations import Whom
from chat.errors import Invalid, NotFound, Unauthenticated
from chat.guests import is_guest
from chat.sessions import Identity
from handlers.calls import call
from handlers.dialects import register
from handlers.lines import LinesHandler
from handlers.pagination import Query, Size, cut
from handlers.views import Moment, View
from models.records import User

MAX_LINES = 100
DEFAULT_LINES = 20
MAX_WAITING = 500


class StatusQuery(Query, frozen=True):
    """Somebody."""

    user: Annotated[Name, Meta(description="A name.")] = ""


class ReceiverQuery(Query, frozen=True):
    """Whoever something waits for."""

    receiver: Annotated[Name, Meta(description="A name.")] = ""


class PairQuery(Query, frozen=True):
    """Two names, under those of their fields that are there; and a part of what they said."""

    sender: Annotated[Name, Meta(description="The name of one of them.")] = ""
    receiver: Annotated[Name, Meta(description="The name of the other.")] = ""
    user1: Annotated[Name, Meta(description="Older form of `sender`.")] = ""
    user2: Annotated[Name, Meta(description="Older form of `receiver`.")] = ""
    limit: Annotated[Size, Meta(description="Messages in a page, up to 100.")] = DEFAULT_LINES
    before: Annotated[
        datetime | None, Meta(description="Only messages before this time, in UTC without a zone.")
    ] = None


class NamedMessages(View, frozen=True):
    """Messages, the newest first, and the time before which there are more."""

    messages: list[register.Message]
    next_before: Moment | None
    has_more: bool


class UnreadCount(View, frozen=True):
    """How much of one sender's is unread; older clients call the name `_id`."""

    underscore_id: str = field(name="_id")
    count: int


class OnlineNames(View, frozen=True):
    """The names of those who are online."""

    online: list[str]


class StatusView(View, frozen=True):
    """Whether somebody is online."""

    user: str
    online: bool


class NamedHandler(LinesHandler):
    """A handler that knows people by their names."""

    async def people(self, reader: Identity | None, *names: str) -> list[User] | None:
        """The users of some names, if they may be read; None where one of them is nobody."""
        found = [await self.services.guests.find(name) for name in names]
        users = [user for user in found if user is not None]
        if reader is None:
            if any(not is_guest(user) for user in users):
                raise Unauthenticated("missing_token", "log in first: this name has a password")
        elif all(user.id != reader.user.id for user in users):
            raise NotFound("room_not_found", "there is no such room")
        return users if len(users) == len(names) else None


class OnlineNamesHandler(NamedHandler):
    """Who is online, in the words of the second version of dialect R."""

    @call()
    async def get(self, reader: Identity | None) -> OnlineNames:
        """List the names of everybody who is online."""
        users = await self.services.people.users(self.services.presence.online())
        return OnlineNames(online=[user.name for user in users])


class StatusHandler(NamedHandler):
    """Whether somebody is online."""

    @call(codes=("missing_field", "invalid_name"))
    async def get(self, reader: Identity | None, query: StatusQuery) -> StatusView:
        """Tell whether somebody is online."""
        name = _required(query.user, "user")
        user = await self.services.guests.find(name)
        if user is None:
            return StatusView(user=name, online=False)
        return StatusView(user=user.name, online=self.services.presence.is_online(user.id))


class NamedHistoryHandler(NamedHandler):
    """What two have said to each other."""

    @call(codes=("missing_field", "invalid_name", "room_not_found"))
    async def get(self, reader: Identity | None, query: PairQuery) -> NamedMessages:
        """Show the latest that two have said to each other before a time, the newest first."""
        names = (
            _required(query.sender or query.user1, "sender"),
            _required(query.receiver or query.user2, "receiver"),
        )
        users = await self.people(reader, *names)
        if users is None:
            return NamedMessages(messages=[], next_before=None, has_more=False)
        viewer, other = (user.id for user in users)
        if reader is not None and other == reader.user.id:
            viewer, other = other, viewer
        page = await self.services.conversations.before(
            viewer, other, _in_utc(query.before), limit=cut(query.limit, MAX_LINES)
        )
        return NamedMessages(
            messages=[register.message(line) for line in self.whole(page.lines)],
            next_before=page.next,
            has_more=page.next is not None,
        )


class WaitingHandler(NamedHandler):
    """What waits for somebody."""

    async def whom(self, reader: Identity | None, name: str) -> tuple[User | None, Whom | None]:
        """Whom it waits for, if that is anybody; and of whom it may be shown."""
        users = await self.people(reader, name)
        return (users[0] if users else None), (is_guest if reader is None else None)


class UndeliveredHandler(WaitingHandler):
    """What somebody has not received."""

    @call(codes=("missing_field", "invalid_name", "room_not_found"))
    async def get(self, reader: Identity | None, query: ReceiverQuery) -> list[register.Message]:
        """Show what somebody has not received, the oldest first."""
        user, whom = await self.whom(reader, _required(query.receiver, "receiver"))
        if user is None:
            return []
        lines = await self.services.conversations.undelivered(user.id, limit=MAX_WAITING, whom=whom)
        return [register.message(line) for line in self.whole(lines)]


class UnreadHandler(WaitingHandler):
    """What somebody has not read."""

    @call(codes=("missing_field", "invalid_name", "room_not_found"))
    async def get(self, reader: Identity | None, query: ReceiverQuery) -> list[register.Message]:
        """Show what somebody has not read, the oldest first."""
        user, whom = await self.whom(reader, _required(query.receiver, "receiver"))
        if user is None:
            return []
        lines = await self.services.conversations.unread(user.id, limit=MAX_WAITING, whom=whom)
        return [register.message(line) for line in self.whole(lines)]


class UnreadCountsHandler(WaitingHandler):
    """How much somebody has not read, in the words of dialect J."""

    @call(codes=("invalid_name", "room_not_found"))
    async def get(self, reader: Identity | None, name: Name) -> list[UnreadCount]:
        """Count what somebody has not read, by sender."""
        user, whom = await self.whom(reader, name)
        if user is None:
            return []
        counts = await self.services.conversations.unread_counts(user.id, whom=whom)
        return [UnreadCount(underscore_id=who, count=count) for who, count in counts.items()]


def _required(name: str, place: str) -> str:
    if name:
        return name
    raise Invalid("missing_field", f"{place} is needed", details={"field": place})


def _in_utc(moment: datetime | None) -> datetime | None:
    try:
        if moment is None or moment.tzinfo is None:
            return moment and moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(
            "invalid_query", "there is no such time", details={"field": "before"}
        ) from None
