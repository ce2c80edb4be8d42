"""A WebSocket under Engine.IO: a session of its own, or one that takes over from polling."""

import logging
from collections.abc import Awaitable
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError

from handlers.frames import FastProtocol
from handlers.light import LightSocket
from handlers.socketio.carriers import Carrier
from handlers.socketio.entrance import PROTOCOL, Arrival, Edge, deny, query_of, set_head
from handlers.socketio.reasons import TOO_SLOW, Denied, bad_request, unknown_transport
from handlers.sockets import Closing

log = logging.getLogger("hubbub.socketio")


class EngineSocketHandler(LightSocket):
    """A WebSocket, which is a session of its own or takes one over from polling."""

    __slots__ = ("_arrival", "_carrier", "_edge")

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)
        self._carrier: Carrier | None = None
        self._arrival: Arrival | None = None

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

    def get_websocket_protocol(self) -> FastProtocol | None:
        """Put the fast reader and writer under the socket."""
        limits = self._edge.sessions.limits
        return self.protocol_for(max_message=limits.max_payload, max_waiting=limits.waiting_bytes)

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
            except Denied:
                # Another one was faster, or has taken over already. As with the reference server it
                # is closed: a handshake that is refused would be an error to its client.
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

    def write_frames_soon(self, data: bytes) -> None:
        """Write finished frames together with what else comes in this turn of the loop."""
        if self._protocol is not None:
            self._protocol.write_soon(data, self._too_slow)

    def _too_slow(self) -> None:
        if self._carrier is not None:
            self._carrier.end(TOO_SLOW)

    def end(self, closing: Closing) -> None:
        """Close the socket."""
        self._carrier = None
        self.close(closing.code, closing.reason)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with why this does not become a socket."""
        set_head(self, self._edge.origins)
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        deny(self, status_code, error, ("GET",))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a fault of ours, and nothing that is the client's."""
        if not isinstance(value, Denied | HTTPError):
            log.error("uncaught exception", exc_info=(typ, value, tb))
