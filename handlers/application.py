"""The one table of paths, and the application that is made of it."""

from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import url

from handlers import accounts, operations, rooms, users
from handlers.actions import Actions
from handlers.base import Nothing
from handlers.edge import HubbubApplication
from handlers.pages import HomeHandler, StaticHandler
from handlers.services import Services
from handlers.websocket import SocketHandler

# An id, or whatever stands where one belongs: it is for the store to say that it is nobody's.
ID = r"([^/]{1,64})"

ROUTES = (
    (r"/(?:api/)?auth/register", accounts.RegisterHandler),
    (r"/(?:api/)?auth/login", accounts.LoginHandler),
    (r"/api/auth/logout", accounts.LogoutHandler),
    (r"/api/auth/logout-all", accounts.LogoutAllHandler),
    (r"/api/auth/password", accounts.PasswordHandler),
    (r"/api/auth/profile", accounts.ProfileHandler),
    (r"/api/auth/me", accounts.MeHandler),
    (r"/api/auth/sessions", accounts.SessionsHandler),
    (rf"/api/auth/sessions/{ID}", accounts.SessionHandler),
    (r"/api/users", users.UsersHandler),
    (r"/api/users/search", users.UserSearchHandler),
    (rf"/api/users/{ID}", users.OneUserHandler),
    (r"/api/admin/users", users.AdminUsersHandler),
    (rf"/api/admin/users/{ID}/(disable|enable|promote|demote)", users.AdminUserHandler),
    (r"/api/online-users", users.OnlineUsersHandler),
    (r"/api/rooms", rooms.RoomsHandler),
    (rf"/api/rooms/{ID}", rooms.OneRoomHandler),
    (rf"/api/rooms/{ID}/leave", rooms.LeaveRoomHandler),
    (rf"/api/rooms/{ID}/messages", rooms.MessagesHandler),
    (r"/health", operations.HealthHandler),
    (r"/ready", operations.ReadyHandler),
)


SOCKET_PATHS = frozenset({"/", "/ws", "/socket"})


class SocketPaths(Matcher):
    """The requests that want to become native sockets; `/` is the page to everybody else."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Match by path and by what is asked for."""
        wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        return {} if wanted and request.path in SOCKET_PATHS else None


def make_application(services: Services) -> HubbubApplication:
    """Make the application that answers on every path."""
    folder = {"path": str(services.static_dir)}
    pages = [
        url(r"/()", HomeHandler, folder),
        url(r"/static/(.*)", StaticHandler, folder),
    ]
    sockets = Rule(SocketPaths(), SocketHandler, {"actions": Actions(services)})
    application = HubbubApplication(
        [sockets, *(url(path, handler) for path, handler in ROUTES), *pages],
        default_handler_class=Nothing,
    )
    application.services = services
    return application
