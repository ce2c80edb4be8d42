"""The handlers under Engine.IO: long polling, and WebSockets."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

from chat.errors import Refusal
from handlers.addresses import Network, client_address, limit_key
from handlers.base import MAX_DIGITS, MAX_DISCARDED
from handlers.frames import FastProtocol, protocol_of
from handlers.origins import Origins
from handlers.socketio.kept import KeptConnection
from handlers.socketio.reasons import (
    TOO_LARGE,
    TOO_SLOW,
    TRANSPORT_ERROR,
    Denied,
    bad_handshake_method,
    bad_request,
    forbidden,
    unknown_transport,
    unsupported_version,
)
from handlers.socketio.sessions import Carrier, Handshake, Sessions
from handlers.sockets import Closing

log = logging.getLogger("hubbub.socketio")

PROTOCOL = "4"

JSON = "application/json"
TEXT = "text/plain; charset=UTF-8"
# What the reference server says to a POST: with text/plain, old phones would offer a download.
OK_TYPE = "text/html"


class Edge:
    """What both transports need to know of where they are."""

    __slots__ = ("origins", "proxies", "sessions")

    def __init__(
        self, sessions: Sessions, origins: Origins, proxies: tuple[Network, ...] = ()
    ) -> None:
        self.sessions = sessions
        self.origins = origins
        self.proxies = proxies

    def require_origin(self, request: HTTPServerRequest) -> None:
        """Refuse pages that may not call."""
        origin = request.headers.get("Origin")
        if origin is not None and not self.origins.allows(origin, request.host):
            raise forbidden()

    def admit(self, request: HTTPServerRequest, query: dict[str, str]) -> "Arrival":
        """Refuse who may not open a session, by Denied."""
        if request.method != "GET":
            raise bad_handshake_method()
        if query.get("EIO") != PROTOCOL:
            raise unsupported_version()
        forwarded = request.headers.get("X-Forwarded-For")
        address = client_address(request.remote_ip or "", forwarded, self.proxies)
        arrival = Arrival(address, limit_key(address), Handshake.of(request.headers, query))
        try:
            self.sessions.admit(arrival.address_key, arrival.handshake)
        except Refusal as refusal:
            raise forbidden(refusal.message) from refusal
        return arrival


class Arrival:
    """Somebody who may open a session."""

    __slots__ = ("address", "address_key", "handshake")

    def __init__(self, address: str, address_key: str, handshake: Handshake) -> None:
        self.address = address
        self.address_key = address_key
        self.handshake = handshake


def query_of(request: HTTPServerRequest) -> dict[str, str]:
    """The query of a request; of names that come twice, the last."""
    return {
        name: values[-1].decode(errors="replace")
        for name, values in request.query_arguments.items()
        if values
    }


def deny(handler: RequestHandler, status: int, error: BaseException | None) -> None:
    """Answer in the words of the reference server."""
    if isinstance(error, Denied):
        handler.set_status(error.status)
        denied = error
    elif status < 500:
        denied = bad_request()
    else:
        denied = Denied(3, "Something went wrong here")
    handler.set_header("Content-Type", JSON)
    handler.finish(denied.body)


def _is_kept(request: HTTPServerRequest) -> bool:
    said = request.headers.get("Connection", "keep-alive").lower()
    return request.version == "HTTP/1.1" and said == "keep-alive"


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
        self._posts = False

    def set_default_headers(self) -> None:
        """Put the headers on that every answer carries, errors included."""
        self.set_header("Server", "Hubbub")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        """Find out what is wanted, and refuse what may not be, before a body comes."""
        edge, request = self._edge, self.request
        self._let_page_read()
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
            raise bad_request()
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
        if self._posts:
            carrier.end(TRANSPORT_ERROR)
        else:
            carrier.drop_poll(self)
        self._release()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with what went wrong."""
        self._let_page_read()
        deny(self, status_code, kwargs["exc_info"][1] if "exc_info" in kwargs else None)

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

    def _let_page_read(self) -> None:
        for name, value in self._edge.origins.headers(self.request.headers.get("Origin")).items():
            self.set_header(name, value)

    def _open(self, query: dict[str, str]) -> None:
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


# What a handler needs of all that Tornado has given it, once it has become a socket.
_NEEDED = frozenset(
    {
        "_auto_finish", "_carrier", "_edge", "_finished", "_on_close_called", "_prepared_future",
        "_protocol", "_status_code", "application", "close_code", "close_reason", "ui",
        "ws_connection",
    }
)  # fmt: skip


class _LightProtocol(FastProtocol):
    """Reads in a task of its own, so that what has led to it is over and takes no memory.

    The request, its headers and the coroutines that have answered it are 8 KiB of the 18 that an
    idle socket had.
    """

    handler: "EngineSocketHandler"

    async def _receive_frame_loop(self) -> None:
        self.handler.shed()
        self._reading = asyncio.create_task(super()._receive_frame_loop())
        self._reading.add_done_callback(self._have_read)

    def _have_read(self, reading: asyncio.Task[None]) -> None:
        if reading.cancelled() or reading.exception() is not None:
            self._abort()


class EngineSocketHandler(WebSocketHandler):
    """A WebSocket, which is a session of its own or takes one over from polling."""

    _edge: Edge

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)
        self._carrier: Carrier | None = None
        self._arrival: Arrival | None = None
        self._protocol: FastProtocol | None = None

    def initialize(self, edge: Edge) -> None:
        """Take what the handler works with."""
        self._edge = edge

    def check_origin(self, origin: str) -> bool:
        """Let all through that `prepare` has let through."""
        return True

    def prepare(self) -> None:
        """Refuse a connection before it becomes a socket."""
        edge = self._edge
        edge.require_origin(self.request)
        query = query_of(self.request)
        if query.get("transport") not in ("polling", "websocket"):
            raise unknown_transport()
        if query["transport"] != "websocket":
            raise bad_request()
        if "sid" not in query:
            self._arrival = edge.admit(self.request, query)
            return
        if query.get("EIO") != PROTOCOL:
            raise bad_request()
        self._carrier = edge.sessions.find(query["sid"])
        self._carrier.session.require_polling()

    def get_websocket_protocol(self) -> FastProtocol | None:
        """Put the fast reader and writer under the socket."""
        if self.request.headers.get("Sec-WebSocket-Version") not in ("7", "8", "13"):
            return None
        limits = self._edge.sessions.limits
        self._protocol = protocol_of(
            self,
            max_message=limits.max_payload,
            max_waiting=limits.waiting_bytes,
            kind=_LightProtocol,
        )
        return self._protocol

    def shed(self) -> None:
        """Forget the request, and the answer to it."""
        self.__dict__ = {name: self.__dict__[name] for name in _NEEDED & self.__dict__.keys()}

    def open(self, *_: str, **__: str) -> None:
        """Open a session, or try to take one over."""
        self.set_nodelay(True)
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            self._carrier = self._edge.sessions.open(
                arrival.address, arrival.address_key, arrival.handshake, self
            )
        elif self._carrier is not None:
            try:
                self._carrier.begin_upgrade(self)
            except Denied:  # another one was faster
                self._carrier = None
                self.close(1002, "no upgrade")

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Take a packet."""
        carrier = self._carrier
        return None if carrier is None else carrier.receive_by(self, message)

    def on_close(self) -> None:
        """Tell the session."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.lose(self)

    @property
    def waiting(self) -> int:
        """How many bytes the client has not taken yet."""
        return 0 if self._protocol is None else self._protocol.waiting

    def write_frames(self, data: bytes) -> bool:
        """Write finished frames; False if more than may wait is waiting."""
        return self._protocol is None or self._protocol.write_frames(data)

    def write_frames_soon(self, data: bytes, carrier: Carrier) -> None:
        """Write finished frames together with what else comes in this turn of the loop."""
        if self._protocol is not None:
            self._protocol.write_soon(data, lambda: carrier.end(TOO_SLOW))

    def end(self, closing: Closing) -> None:
        """Close the socket."""
        self._carrier = None
        self.close(closing.code, closing.reason)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with why this does not become a socket."""
        deny(self, status_code, kwargs["exc_info"][1] if "exc_info" in kwargs else None)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a fault of ours, and nothing that is the client's."""
        if not isinstance(value, Denied | HTTPError):
            log.error("uncaught exception", exc_info=(typ, value, tb))


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
