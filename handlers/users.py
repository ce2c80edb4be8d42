"""REST for other people's accounts."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from msgspec import Meta

from chat.commands import Id
from chat.sessions import Identity
from handlers.accounts import AccountHandler, Profile
from handlers.base import JsonHandler
from handlers.calls import REVALIDATED, call
from handlers.pagination import Query, Size, cut
from handlers.views import OwnUserView, UserView, View, user_view
from models.records import User

# The clients that exist ask once and expect everybody, so a page is as large as it may be.
MAX_PAGE = 1000


class UserPage(Query, frozen=True):
    """A part of the list of everybody."""

    limit: Annotated[Size, Meta(description="People in a page, up to 1000.")] = MAX_PAGE
    after: Annotated[Id, Meta(description="The id of the last one of the page before.")] = ""


class UserSearch(Query, frozen=True):
    """A part of a name."""

    q: Annotated[str, Meta(description="A part of a name; an empty one finds nobody.")] = ""


class OnlineUsers(View, frozen=True):
    """The names of those who are online, and their ids in the same order."""

    online_users: list[str]
    user_ids: list[str]


class UserHandler(JsonHandler):
    """A handler that shows people to others."""

    def seen(self, user: User) -> UserView:
        """The view of somebody else."""
        online = self.services.presence.is_online(user.id)
        avatars = self.services.attachments.links.avatars(user.avatar)
        return user_view(user, online=online, avatars=avatars)

    async def page(self, query: UserPage) -> list[User]:
        """The users that the query asks for; a header names the next page if there is one."""
        limit = cut(query.limit, MAX_PAGE)
        # One more than asked for tells whether there is a next page.
        users = await self.services.directory.page(after=query.after or None, limit=limit + 1)
        if len(users) > limit:
            following = urlencode({"limit": limit, "after": users[limit - 1].id})
            self.set_header("Link", f'<{self.request.path}?{following}>; rel="next"')
        return users[:limit]


class UsersHandler(UserHandler):
    """Everybody."""

    @call(keeping=REVALIDATED)
    async def get(self, reader: Identity | None, query: UserPage) -> list[UserView]:
        """List users in the order in which they came."""
        return [self.seen(user) for user in await self.page(query)]


class UserSearchHandler(UserHandler):
    """Finding people."""

    @call()
    async def get(self, identity: Identity, query: UserSearch) -> list[UserView]:
        """Find others by a part of their name."""
        users = await self.services.directory.search(identity, query.q)
        return [self.seen(user) for user in users]


class OnlineUsersHandler(UserHandler):
    """Who is online."""

    @call()
    async def get(self, reader: Identity | None, query: UserPage) -> OnlineUsers:
        """List their names, and their ids in the same order; a header names the next page."""
        limit = cut(query.limit, MAX_PAGE)
        page = self.services.presence.page(after=query.after or None, limit=limit)
        if page.has_more:
            following = urlencode({"limit": limit, "after": page.users[-1]})
            self.set_header("Link", f'<{self.request.path}?{following}>; rel="next"')
        users = await self.services.people.users(page.users)
        return OnlineUsers(
            online_users=[user.name for user in users], user_ids=[user.id for user in users]
        )


class OneUserHandler(UserHandler):
    """One person."""

    @call(codes=("user_not_found",))
    async def get(self, identity: Identity, user_id: Id) -> UserView:
        """Show somebody."""
        return self.seen(await self.services.directory.get(user_id))


class AdminUsersHandler(AccountHandler, UserHandler):
    """Everybody, for administrators."""

    @call()
    async def get(self, administrator: Identity, query: UserPage) -> list[OwnUserView]:
        """List users with what only they and administrators see."""
        return [self.own(user) for user in await self.page(query)]


async def _account_again(handler: AccountHandler, user_id: str, **_: object) -> Profile:
    """The account that an administrator has changed before, by a call with a key."""
    return Profile(user=handler.own(await handler.services.directory.get(user_id)))


class AdminUserHandler(AccountHandler):
    """What an administrator does with an account."""

    @call(codes=("user_not_found", "last_administrator"), again=_account_again)
    async def post(
        self,
        administrator: Identity,
        user_id: Id,
        action: Literal["disable", "enable", "promote", "demote"],
    ) -> Profile:
        """Disable, enable, promote or demote somebody."""
        administration = self.services.administration
        actions = {
            "disable": administration.disable,
            "enable": administration.enable,
            "promote": administration.promote,
            "demote": administration.demote,
        }
        return Profile(user=self.own(await actions[action](user_id)))
