"""The one table of paths, and the application that is made of it."""

import re
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import url

from handlers import (
    accounts,
    by_name,
    documents,
    files,
    history,
    members,
    messages,
    one_to_one,
    operations,
    rooms,
    search,
    sync,
    tus,
    uploads,
    users,
)
from handlers.actions import Actions
from handlers.base import JsonHandler, Nothing
from handlers.dialects.application import Chatting
from handlers.dialects.choice import DIALECTS, Choice
from handlers.edge import HubbubApplication
from handlers.metrics import MetricsHandler
from handlers.pages import DocsHandler, HomeHandler, StaticHandler
from handlers.services import Services
from handlers.socketio.connections import SocketIo
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes
from handlers.websocket import SocketHandler

# `{name}` stands for a part of a path; the method that is called says what it must be.
ROUTES: tuple[tuple[str, type[JsonHandler]], ...] = (
    ("/api/auth/register", accounts.RegisterHandler),
    ("/auth/register", accounts.RegisterHandler),
    ("/api/auth/login", accounts.LoginHandler),
    ("/auth/login", accounts.LoginHandler),
    ("/api/auth/logout", accounts.LogoutHandler),
    ("/api/auth/logout-all", accounts.LogoutAllHandler),
    ("/api/auth/password", accounts.PasswordHandler),
    ("/api/auth/profile", accounts.ProfileHandler),
    ("/api/auth/me", accounts.MeHandler),
    ("/api/auth/sessions", accounts.SessionsHandler),
    ("/api/auth/sessions/{session_id}", accounts.SessionHandler),
    ("/api/users", users.UsersHandler),
    ("/api/users/online", by_name.OnlineNamesHandler),
    ("/api/users/search", users.UserSearchHandler),
    ("/api/users/{user_id}", users.OneUserHandler),
    ("/api/online-users", users.OnlineUsersHandler),
    ("/api/rooms", rooms.RoomsHandler),
    ("/api/rooms/{room_id}", rooms.OneRoomHandler),
    ("/api/rooms/{room_id}/join", rooms.JoinRoomHandler),
    ("/api/rooms/{room_id}/leave", rooms.LeaveRoomHandler),
    ("/api/rooms/{room_id}/mute", rooms.MuteRoomHandler),
    ("/api/rooms/{room_id}/members", members.MembersHandler),
    ("/api/rooms/{room_id}/members/{user_id}", members.MemberHandler),
    ("/api/rooms/{room_id}/messages", history.MessagesHandler),
    ("/api/rooms/{room_id}/changes", history.ChangesHandler),
    ("/api/rooms/{room_id}/pins", history.PinsHandler),
    ("/api/rooms/{room_id}/search", search.RoomSearchHandler),
    ("/api/search", search.SearchHandler),
    ("/api/rooms/{room_id}/read", messages.ReadRoomHandler),
    ("/api/rooms/{room_id}/delivered", messages.DeliveredRoomHandler),
    ("/api/sync", sync.SyncHandler),
    ("/api/messages", messages.PostMessageHandler),
    ("/api/messages/history", by_name.NamedHistoryHandler),
    ("/api/messages/undelivered", by_name.UndeliveredHandler),
    ("/api/messages/unread", by_name.UnreadHandler),
    ("/api/messages/unseen", by_name.UnreadHandler),
    ("/api/messages/unread/{name}", by_name.UnreadCountsHandler),
    ("/api/messages/{message_id}", messages.MessageHandler),
    ("/api/messages/{message_id}/former", messages.FormerTextsHandler),
    ("/api/messages/{message_id}/reactions/{emoji}", messages.ReactionHandler),
    ("/api/messages/{message_id}/pin", messages.PinHandler),
    ("/api/messages/{message_id}/read", messages.ReadMessageHandler),
    ("/api/messages/{message_id}/delivered", messages.DeliveredMessageHandler),
    ("/api/status", by_name.StatusHandler),
    ("/api/chat/history/{user_id}", one_to_one.PersonalHistoryHandler),
    ("/messages", one_to_one.AroundHandler),
    ("/messages/{user_id}", one_to_one.WithHandler),
    ("/api/uploads", uploads.UploadsHandler),
    (tus.PLACE, tus.ResumableUploadsHandler),
    (f"{tus.PLACE}/{{upload_id}}", tus.ResumableUploadHandler),
    ("/api/uploads/{upload_id}", uploads.OneUploadHandler),
    ("/api/upload/image", uploads.UploadImageHandler),
    ("/upload", uploads.UploadFileHandler),
    ("/files/{upload_id}", files.FileHandler),
    ("/files/{upload_id}/{variant}", files.SmallFileHandler),
    ("/api/admin/users", users.AdminUsersHandler),
    ("/api/admin/users/{user_id}/{action}", users.AdminUserHandler),
    ("/health", operations.HealthHandler),
    ("/ready", operations.ReadyHandler),
    ("/openapi.json", documents.OpenApiHandler),
    ("/asyncapi.json", documents.AsyncApiHandler),
)

SOCKET_IO_PATH = "/socket.io/"
SOCKET_PATHS = frozenset({"/", "/ws", "/socket"})


class SocketPaths(Matcher):
    """The requests that want to become native sockets; `/` is the page to everybody else."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Match by path and by what is asked for."""
        wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        return {} if wanted and request.path in SOCKET_PATHS else None


def make_application(services: Services, choice: Choice = DIALECTS) -> HubbubApplication:
    """Make the application that answers on every path."""
    folder = {"path": str(services.static_dir)}
    pages = [
        url(r"/()", HomeHandler, folder),
        url(r"/(docs)", DocsHandler, folder),
        url(r"/static/(.*)", StaticHandler, folder),
        url(r"/metrics", MetricsHandler),
    ]
    sockets = Rule(SocketPaths(), SocketHandler, {"actions": Actions(services)})
    socket_io = SocketIo(Chatting(services, choice), services.engine_limits)
    sessions = Sessions(socket_io, services.engine_limits, services.running)
    edge = Edge(sessions, services.origins, services.proxies)
    application = HubbubApplication(
        [
            sockets,
            *routes(SOCKET_IO_PATH, edge),
            *(url(_pattern(path), handler) for path, handler in ROUTES),
            *pages,
        ],
        default_handler_class=Nothing,
    )
    application.services = services
    application.end_sessions = sessions.close_all
    application.hang_up = sessions.hang_up
    application.descriptions = documents.Documents(ROUTES)
    return application


def _pattern(path: str) -> str:
    """What matches a path; a part may be long, for an emoji can take a hundred bytes, escaped."""
    return re.sub(r"\{\w+\}", "([^/]{1,400})", path)
