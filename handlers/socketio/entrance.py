"""Who may come in: origins, versions, numbers, and how a refusal is said over HTTP."""

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from chat.errors import Refusal
from handlers.addresses import Network, believed, client_address, limit_key
from handlers.origins import Origins
from handlers.socketio.carriers import Handshake
from handlers.socketio.reasons import (
    Denied,
    bad_handshake_method,
    bad_request,
    forbidden,
    stopping,
    unsupported_version,
)
from handlers.socketio.sessions import Sessions

PROTOCOL = "4"

JSON = "application/json"

# What every answer carries, errors included.
HEAD = {"Server": "Hubbub", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


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
        if self.sessions.running.stopping:
            raise stopping()
        forwarded = request.headers.get("X-Forwarded-For")
        peer = request.remote_ip or ""
        address = client_address(peer, forwarded, self.proxies)
        headers = believed(request.headers, peer, self.proxies)
        arrival = Arrival(address, limit_key(address), Handshake.of(headers, query))
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


def set_head(handler: RequestHandler, origins: Origins) -> None:
    """Put the headers on that every answer carries, and those by which a page may read it."""
    origin = handler.request.headers.get("Origin")
    for name, value in {**HEAD, **origins.headers(origin)}.items():
        handler.set_header(name, value)


def deny(
    handler: RequestHandler, status: int, error: BaseException | None, methods: tuple[str, ...]
) -> None:
    """Answer in the words of the reference server, and say which methods there are at need."""
    if isinstance(error, Denied):
        handler.set_status(error.status)
        denied = error
    elif status < 500:
        denied = bad_request(wrong_method=status == 405)
    else:
        denied = Denied(3, "Something went wrong here")
    if denied.status == 503:
        # Whoever comes again on this connection would not come to the server that starts next.
        handler.set_header("Connection", "close")
    if denied.wrong_method:
        handler.set_header("Allow", ", ".join(methods))
    handler.set_header("Content-Type", JSON)
    handler.finish(denied.body)
