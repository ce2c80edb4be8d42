"""The handlers under Engine.IO: long polling here, and what leads to it and to WebSockets."""

import asyncio
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.base import MAX_DIGITS, MAX_DISCARDED
from handlers.edge import announce_close
from handlers.socketio.carriers import Carrier
from handlers.socketio.entrance import Edge, deny, query_of, set_head
from handlers.socketio.kept import KeptConnection
from handlers.socketio.reasons import (
    TOO_LARGE,
    TRANSPORT_ERROR,
    Denied,
    bad_request,
    unknown_transport,
)
from handlers.socketio.websockets import EngineSocketHandler

__all__ = ["Edge", "PollingHandler", "routes"]

TEXT = "text/plain; charset=UTF-8"
# What the reference server says to a POST: with text/plain, old phones would offer a download.
OK_TYPE = "text/html"


@stream_request_body
class PollingHandler(RequestHandler):
    """Long polling: a GET waits for packets, a POST brings some."""

    SUPPORTED_METHODS = ("GET", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "HEAD")

    _edge: Edge

    def initialize(self, edge: Edge) -> None:
        """Take what the handler works with."""
        self._edge = edge
        self._carrier: Carrier | None = None
        self._answered: asyncio.Future[bytes] | None = None
        self._body = bytearray()
        self._received = 0
        # Whether the request takes packets, or is to open a session.
        self._posts = self._opens = False

    def prepare(self) -> None:
        """Find out what is wanted, and refuse what may not be, before a body comes."""
        edge, request = self._edge, self.request
        set_head(self, edge.origins)
        edge.require_origin(request)
        if request.method == "OPTIONS":
            return
        query = query_of(request)
        if query.get("transport") not in ("polling", "websocket"):
            raise unknown_transport()
        if "sid" not in query:
            self._open(query)
            return
        carrier = edge.sessions.find(query["sid"])
        carrier.session.require_polling()
        if query["transport"] != "polling" or request.method not in ("GET", "POST"):
            raise bad_request(wrong_method=request.method not in ("GET", "POST"))
        self._carrier = carrier
        if request.method == "POST":
            self._begin_post(carrier)

    async def get(self) -> None:
        """Answer with what waits, or as soon as something does."""
        if self._carrier is None:
            raise bad_request()
        self._answered = asyncio.get_running_loop().create_future()
        self._carrier.poll(self)
        try:
            payload = await self._answered
        except asyncio.CancelledError:
            return  # nobody waits any more
        self.set_header("Content-Type", TEXT)
        self.finish(payload)
        if self._stream_failed():
            self._carrier.end(TRANSPORT_ERROR)
        self._keep()

    async def post(self) -> None:
        """Take packets."""
        carrier = self._carrier
        if carrier is None:
            raise bad_request()
        if self._received > self._edge.sessions.limits.max_payload:
            raise self._too_large()
        work = carrier.receive_payload(bytes(self._body))
        if work is not None:
            await work
        self.set_header("Content-Type", OK_TYPE)
        self.finish(b"ok")
        self._keep()

    def options(self) -> None:
        """Say what may be asked here, to whoever may ask."""
        for name, value in self._edge.origins.preflight_headers().items():
            self.set_header(name, value)
        self.set_status(204)

    def data_received(self, chunk: bytes) -> None:
        """Keep a body while it arrives, as far as it may go."""
        self._received += len(chunk)
        if self._received <= self._edge.sessions.limits.max_payload:
            self._body += chunk
            return
        self._body.clear()
        if self._received > MAX_DISCARDED and not self._finished:
            self.send_error(413, exc_info=(Denied, self._too_large(), None))

    def answer(self, payload: bytes) -> None:
        """Answer the GET."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(payload)

    def on_finish(self) -> None:
        """Let the next POST come."""
        self._release()

    def on_connection_close(self) -> None:
        """Note that nobody waits any more; what was being sent or taken is lost, and so is all."""
        super().on_connection_close()
        carrier = self._carrier
        if self._answered is not None:
            self._answered.cancel()
        if carrier is None:
            return
        if self._posts or (self._answered is not None and not self._answered.cancelled()):
            carrier.end(TRANSPORT_ERROR)
        else:
            carrier.drop_poll(self)
        self._release()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with what went wrong."""
        set_head(self, self._edge.origins)
        announce_close(self)
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        methods = ("GET", "OPTIONS") if self._opens else ("GET", "POST", "OPTIONS")
        deny(self, status_code, error, methods)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a fault of ours, and nothing that is the client's."""
        if not isinstance(value, Denied | HTTPError):
            super().log_exception(typ, value, tb)

    def compute_etag(self) -> str | None:
        """Hash no answer."""
        return None

    def _keep(self) -> None:
        """Serve what comes next on this connection past Tornado, if that can be done."""
        connection, request = self.request.connection, self.request
        if not isinstance(connection, HTTP1Connection) or not _is_kept(request):
            return
        stream = connection.stream
        if type(stream) is IOStream and not stream.closed() and not stream.writing():
            edge = self._edge
            KeptConnection(
                connection.detach(),
                connection,
                request,
                self.application,
                edge.sessions,
                edge.origins,
            )

    def _stream_failed(self) -> bool:
        connection = self.request.connection
        return isinstance(connection, HTTP1Connection) and connection.stream.error is not None

    def _open(self, query: dict[str, str]) -> None:
        self._opens = True
        arrival = self._edge.admit(self.request, query)
        if query["transport"] != "polling":
            raise bad_request()
        sessions = self._edge.sessions
        self._carrier = sessions.open(arrival.address, arrival.address_key, arrival.handshake)

    def _begin_post(self, carrier: Carrier) -> None:
        if carrier.is_posting:
            carrier.end(TRANSPORT_ERROR)
            raise bad_request()
        carrier.is_posting = self._posts = True
        self._edge.sessions.running.begin(self)
        length = self.request.headers.get("Content-Length", "0")
        # By its digits first: Python refuses to read a number of more than 4,300.
        if length.isdecimal() and (len(length) > MAX_DIGITS or int(length) > MAX_DISCARDED):
            raise self._too_large()

    def _too_large(self) -> Denied:
        """What the body said is lost, and so is the session."""
        if self._carrier is not None:
            self._carrier.end(TOO_LARGE)
        return Denied(3, "Payload too large", 413)

    def _release(self) -> None:
        if self._posts and self._carrier is not None:
            self._posts = self._carrier.is_posting = False
            self._edge.sessions.running.end(self)


def _is_kept(request: HTTPServerRequest) -> bool:
    said = request.headers.get("Connection", "keep-alive").lower()
    return request.version == "HTTP/1.1" and said == "keep-alive"


class _Upgrades(Matcher):
    """The requests to a path that want to become WebSockets."""

    def __init__(self, path: str) -> None:
        self._path = PathMatches(path)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Match by path and by what is asked for."""
        wanted = request.headers.get("Upgrade", "").lower() == "websocket"
        return self._path.match(request) if wanted else None


def routes(path: str, edge: Edge) -> list[Rule]:
    """The rules of an application that serves sessions on a path, as `/socket.io/`."""
    pattern = rf"{path.rstrip('/')}/?"
    fields = {"edge": edge}
    return [
        Rule(_Upgrades(pattern), EngineSocketHandler, fields),
        Rule(PathMatches(pattern), PollingHandler, fields),
    ]
