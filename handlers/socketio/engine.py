"""One Engine.IO session, without any I/O: what comes in changes it, what is to go out is taken.

    polling ──probe──▶ polling, upgrading ──5──▶ websocket
       │                       │                     │
       └──────── end, or close and the last poll ────┴──▶ closed

Whoever carries the bytes asks `answer()` after each step whether the poll that is held is to be
answered now. Over a WebSocket nothing waits here: what is sent goes out at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from handlers.socketio.framing import (
    CLOSE,
    NOOP,
    OPEN,
    PING,
    POLLING,
    PONG,
    PROBE,
    UPGRADE,
    WEBSOCKET,
    Framing,
    Packet,
    packets_of,
    payload_of,
    reframed,
)
from handlers.socketio.reasons import (
    CONNECT_REFUSED,
    PARSE_ERROR,
    TRANSPORT_CLOSE,
    TRANSPORT_ERROR,
    Broken,
    Malformed,
    bad_request,
)
from handlers.sockets import Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one session may do, and how long it may take; see docs/socketio.md."""

    # Seconds; these two are told to clients, and so are all of the reference server.
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    upgrade_timeout: float = 10.0
    connect_timeout: float = 45.0
    # Bytes of a packet, or of a body with several.
    max_payload: int = 1_000_000
    packets_per_payload: int = 1_000
    # Bytes that a client may leave untaken before it is cut.
    waiting_bytes: int = 1 << 20
    attachments: int = 10
    namespaces: int = 16
    # Events that may come before the connect that they depend on is decided.
    pending_events: int = 100
    sessions_per_address: int = 1_000
    sessions: int = 100_000


class State(Enum):
    """Where a session is in its life."""

    OPEN = auto()
    # Nothing is taken any more, but the next poll gets what is left, and the word that this is all.
    CLOSING = auto()
    CLOSED = auto()


class Session:
    """A session; its `framing` says which transport it is on."""

    __slots__ = (
        "_expects_pong",
        "_limits",
        "_under_way",
        "_waiting",
        "_waiting_bytes",
        "answers",
        "closing",
        "framing",
        "is_polled",
        "probed",
        "sid",
        "state",
        "upgrading",
    )

    def __init__(self, sid: str, framing: Framing, limits: Limits) -> None:
        self.sid = sid
        self.framing = framing
        self.state = State.OPEN
        self.closing: Closing | None = None
        # Whether a GET is held; whether a WebSocket wants to take over, and has been answered.
        self.is_polled = False
        self.upgrading = False
        self.probed = False
        self._expects_pong = False
        self._limits = limits
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        # How many polls were answered, and the bytes of the last answer until it is known to have
        # come: whoever polls again has it.
        self.answers = 0
        self._under_way = 0

    def opening(self) -> bytes:
        """The packet that opens the session."""
        fields = {
            "sid": self.sid,
            "upgrades": ["websocket"] if self.framing is POLLING else [],
            "pingInterval": round(self._limits.ping_interval * 1000),
            "pingTimeout": round(self._limits.ping_timeout * 1000),
            "maxPayload": self._limits.max_payload,
        }
        return OPEN.encode() + msgspec.json.encode(fields)

    # What comes in.

    def receive(self, packet: Packet) -> Packet | None:
        """Take a packet; return the message that it carries, if any. Broken ends the session."""
        if self.state is not State.OPEN:
            return None
        if isinstance(packet, bytes):
            return packet
        match packet[:1]:
            case "4":
                return packet[1:]
            case "3":
                self._expects_pong = False
            case "1":
                self.end(TRANSPORT_CLOSE)
            case "0" | "5" | "6":
                pass  # known, and of no use at this point
            case _:  # a ping comes from the server in this version, and from nobody else
                raise Broken(PARSE_ERROR)
        return None

    def receive_payload(self, body: bytes) -> Iterator[Packet]:
        """Take the body of a POST; return the messages in it. Broken ends the session."""
        try:
            packets = packets_of(body, self._limits.packets_per_payload)
        except Malformed:
            raise Broken(PARSE_ERROR) from None
        for packet in packets:
            message = self.receive(packet)
            if message is not None:
                yield message

    def poll(self) -> None:
        """Take a GET, to be answered when there is something. A second one ends the session."""
        if self.is_polled:
            raise Broken(TRANSPORT_ERROR)
        self.is_polled = True
        self._under_way = 0

    def require_polling(self) -> None:
        """Refuse requests of long polling once another transport has taken over."""
        if self.framing is not POLLING:
            raise bad_request()

    # What goes out.

    def keep(self, data: bytes) -> bool:
        """Keep finished packets for the next answer to a poll; False if too much is waiting."""
        if self.state is not State.OPEN:
            return True
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._limits.waiting_bytes:
            return False
        self._waiting.append(data)
        return True

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait for a poll, or are on their way in the answer to one."""
        return self._waiting_bytes + self._under_way

    @property
    def unanswered(self) -> int:
        """The number of the answer that holds what was sent last, or is going to."""
        return self.answers + bool(self._waiting)

    def answer(self) -> bytes | None:
        """The body that answers the poll which is held, if it is to be answered now."""
        if not self.is_polled:
            return None
        if self.state is not State.OPEN and not self._tells_why:
            self._waiting.append(POLLING.text(self._farewell()))
            self.state = State.CLOSED
        elif not self._waiting and self.probed:
            # The client lets go of polling as soon as the poll that is out has been answered.
            self._waiting.append(POLLING.text(NOOP.encode()))
        if not self._waiting:
            return None
        self.is_polled = False
        self.answers += 1
        self._under_way = self._waiting_bytes
        return payload_of(self._taken())

    def ping(self) -> bytes:
        """Ask for a sign of life."""
        self._expects_pong = True
        return self.framing.text(PING.encode())

    @property
    def expects_pong(self) -> bool:
        """Whether a ping has not been answered yet."""
        return self._expects_pong

    # From polling to a WebSocket.

    def begin_upgrade(self) -> None:
        """Let a WebSocket try to take over. Denied where there is nothing to take over."""
        if self.framing is not POLLING or self.upgrading or self.state is not State.OPEN:
            raise bad_request()
        self.upgrading = True

    def receive_probe(self, packet: Packet) -> bytes | None:
        """Take a packet of the WebSocket that tries: its frames to be written, None if it failed.

        It has taken over when `framing` says so.
        """
        if self.state is State.CLOSED:
            return None
        if packet == PING + PROBE and self.state is State.OPEN:
            self.probed = True
            return WEBSOCKET.text((PONG + PROBE).encode())
        if packet != UPGRADE or not self.probed:
            return None
        self.framing = WEBSOCKET
        self.upgrading = self.probed = False
        self._under_way = 0
        if self.state is State.CLOSING:
            self.state = State.CLOSED
        return reframed(self._taken())

    def give_upgrade_up(self) -> None:
        """Stay with polling."""
        self.upgrading = self.probed = False

    # The end.

    def close(self, closing: Closing) -> None:
        """End the session once the client has been told what waits for it."""
        if self.state is State.OPEN:
            orderly = self.framing is POLLING
            self.state, self.closing = State.CLOSING if orderly else State.CLOSED, closing

    def end(self, closing: Closing) -> None:
        """End the session now; a poll that is held is answered still."""
        if self.state is State.OPEN:
            self.closing = closing
        self.state = State.CLOSED
        self._waiting.clear()

    def _farewell(self) -> bytes:
        """To a client that has said goodbye itself, nothing is left to be said."""
        return (NOOP if self.closing is TRANSPORT_CLOSE else CLOSE).encode()

    @property
    def _tells_why(self) -> bool:
        """Whether the end waits for the poll behind this one.

        Clients take a close at once, and only then what came before it: they would be told that
        the connection was lost before they are told that they were refused.
        """
        return bool(self._waiting) and self.closing is CONNECT_REFUSED

    def _taken(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return data
