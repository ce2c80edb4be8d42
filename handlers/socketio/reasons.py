"""Why a session ends, and why a request to open or use one is refused.

    EngineError
    ├── Malformed  what came cannot be read
    ├── Broken     what came does not belong here: the session ends, for a reason
    └── Denied     this request is refused, and any session is as it was

`docs/socketio.md` lists the reasons; those of the reference server have its words.
"""

import msgspec

from handlers.sockets import Closing

# What the client, or the network, has done.
TRANSPORT_CLOSE = Closing(1000, "transport close")
TRANSPORT_ERROR = Closing(1002, "transport error")
PARSE_ERROR = Closing(1002, "parse error")
PING_TIMEOUT = Closing(4010, "ping timeout")
TOO_SLOW = Closing(4008, "too slow: reconnect and resume")
TOO_LARGE = Closing(1009, "payload too large")
CONNECT_TIMEOUT = Closing(4001, "no CONNECT in time")
CLIENT_DISCONNECT = Closing(1000, "client namespace disconnect")

# What the server has done.
CONNECT_REFUSED = Closing(4002, "the connect was refused")
SERVER_DISCONNECT = Closing(1000, "server namespace disconnect")
FORCED_CLOSE = Closing(1000, "forced close")
SERVER_STOPS = Closing(1001, "the server stops")
FAULT = Closing(1011, "something went wrong here")

# Of a WebSocket that was to carry a session on, and does not: the session stays where it was.
UPGRADE_TIMEOUT = Closing(4011, "no upgrade in time")
UPGRADE_FAILED = Closing(1002, "no upgrade")


class EngineError(Exception):
    """What a client sends may be answered by one of these, and by nothing else."""


class Malformed(EngineError):
    """What came cannot be read."""


class Broken(EngineError):
    """A session ends because of what came."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.reason)
        self.closing = closing


class Denied(EngineError):
    """A request is refused, in the codes of the reference server."""

    def __init__(
        self, code: int, message: str, status: int = 400, *, wrong_method: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.wrong_method = wrong_method

    @property
    def body(self) -> bytes:
        """What is answered."""
        return msgspec.json.encode({"code": self.code, "message": self.message})


def unknown_transport() -> Denied:
    """Refuse a transport that is none."""
    return Denied(0, "Transport unknown")


def unknown_session() -> Denied:
    """Refuse a session that is none, or none any more."""
    return Denied(1, "Session ID unknown")


def bad_handshake_method() -> Denied:
    """Refuse to open a session by anything but GET."""
    return Denied(2, "Bad handshake method", wrong_method=True)


def bad_request(*, wrong_method: bool = False) -> Denied:
    """Refuse what makes no sense at this point."""
    return Denied(3, "Bad request", wrong_method=wrong_method)


def forbidden(message: str = "Forbidden") -> Denied:
    """Refuse somebody who may not."""
    return Denied(4, message, 403)


def stopping() -> Denied:
    """Refuse somebody who comes as the server stops."""
    return Denied(4, "The server stops", 503)


def unsupported_version() -> Denied:
    """Refuse a client of another protocol; those of Socket.IO 2 speak version 3."""
    return Denied(5, "Unsupported protocol version")
