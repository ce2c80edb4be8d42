"""REST for other people's accounts."""

from urllib.parse import urlencode

from chat.sessions import require_admin
from handlers.accounts import AccountHandler
from handlers.base import JsonHandler
from handlers.views import UserView, user_view
from models.records import User

# The clients that exist ask once and expect everybody, so a page is as large as it may be.
MAX_PAGE = 1000


class UserHandler(JsonHandler):
    """A handler that shows people to others."""

    def seen(self, user: User) -> UserView:
        """The view of somebody else."""
        return user_view(user, online=self.services.presence.is_online(user.id))

    async def page(self) -> list[User]:
        """The users that the query asks for; a header names the next page if there is one."""
        limit = self.number("limit", MAX_PAGE, least=1, most=MAX_PAGE)
        after = self.argument("after") or None
        # One more than asked for tells whether there is a next page.
        users = await self.services.directory.page(after=after, limit=limit + 1)
        if len(users) > limit:
            query = urlencode({"limit": limit, "after": users[limit - 1].id})
            self.set_header("Link", f'<{self.request.path}?{query}>; rel="next"')
        return users[:limit]


class UsersHandler(UserHandler):
    """Everybody."""

    async def get(self) -> None:
        """List users in the order in which they came."""
        await self.identify()
        self.answer([self.seen(user) for user in await self.page()])


class UserSearchHandler(UserHandler):
    """Finding people."""

    async def get(self) -> None:
        """Find others by a part of their name."""
        identity = await self.identify()
        users = await self.services.directory.search(identity, self.argument("q"))
        self.answer([self.seen(user) for user in users])


class OnlineUsersHandler(UserHandler):
    """Who is online."""

    async def get(self) -> None:
        """List their names, and their ids in the same order; a header names the next page."""
        await self.identify()
        limit = self.number("limit", MAX_PAGE, least=1, most=MAX_PAGE)
        page = self.services.presence.page(after=self.argument("after") or None, limit=limit)
        if page.has_more:
            query = urlencode({"limit": limit, "after": page.users[-1]})
            self.set_header("Link", f'<{self.request.path}?{query}>; rel="next"')
        users = await self.services.people.users(page.users)
        names, ids = [user.name for user in users], [user.id for user in users]
        self.answer({"onlineUsers": names, "userIds": ids})


class OneUserHandler(UserHandler):
    """One person."""

    async def get(self, user_id: str) -> None:
        """Show somebody."""
        await self.identify()
        self.answer(self.seen(await self.services.directory.get(user_id)))


class AdminUsersHandler(AccountHandler, UserHandler):
    """Everybody, for administrators."""

    async def get(self) -> None:
        """List users with what only they and administrators see."""
        require_admin(await self.identify())
        self.answer([self.own(user) for user in await self.page()])


class AdminUserHandler(AccountHandler):
    """What an administrator does with an account."""

    async def post(self, user_id: str, action: str) -> None:
        """Disable, enable, promote or demote somebody."""
        require_admin(await self.identify())
        administration = self.services.administration
        actions = {
            "disable": administration.disable,
            "enable": administration.enable,
            "promote": administration.promote,
            "demote": administration.demote,
        }
        self.answer({"user": self.own(await actions[action](user_id))})
