"""All sessions: their ids, their clocks, and what carries each of them at the moment."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from typing import Protocol, Self
from urllib.parse import parse_qsl, urlencode

from tornado.httputil import HTTPHeaders

from handlers.socketio.deadlines import Deadlines
from handlers.socketio.engine import Limits, Session, State
from handlers.socketio.framing import POLLING, WEBSOCKET, Framing, Packet
from handlers.socketio.reasons import (
    PING_TIMEOUT,
    SERVER_STOPS,
    TOO_SLOW,
    TRANSPORT_CLOSE,
    TRANSPORT_ERROR,
    UPGRADE_FAILED,
    UPGRADE_TIMEOUT,
    Broken,
    bad_request,
    forbidden,
    unknown_session,
)
from handlers.sockets import Closing

# A connection that nothing is asked on, or half a request, is closed after this.
IDLE_SECONDS = 60.0


class Receiver(Protocol):
    """What takes the messages of a session."""

    def receive(self, message: Packet) -> Awaitable[None] | None:
        """Take a message. What is returned is awaited before the next; never raises."""

    def closed(self, closing: Closing) -> None:
        """The session has ended."""


class Endpoint(Protocol):
    """What makes a receiver for each session: Socket.IO, or an application of Engine.IO alone."""

    def admit(self, address_key: str, handshake: "Handshake") -> None:
        """Refuse a client before it has a session, by raising a `chat.errors.Refusal`."""

    def open(self, link: "Carrier") -> Receiver:
        """Take a new session."""


class Poll(Protocol):
    """A GET that is held."""

    def answer(self, payload: bytes) -> None:
        """Answer it."""


class WebSocket(Protocol):
    """A WebSocket that carries a session, or wants to."""

    @property
    def waiting(self) -> int:
        """How many bytes the client has not taken yet."""

    def write_frames(self, data: bytes) -> bool:
        """Write finished frames; False if more than may wait is waiting."""

    def write_frames_soon(self, data: bytes, carrier: "Carrier") -> None:
        """Write finished frames with what else comes in this turn; too much cuts the carrier."""

    def end(self, closing: Closing) -> None:
        """Close it behind what was written."""


class Kept(Protocol):
    """A connection that is served past Tornado."""

    def close(self) -> None:
        """Hang up."""


class Handshake:
    """How a client came, kept as two texts: as mappings they would be 2 KiB."""

    __slots__ = ("_headers", "_query")

    def __init__(self, headers: str = "", query: str = "") -> None:
        self._headers = headers
        self._query = query

    @classmethod
    def of(cls, headers: Mapping[str, str], query: Mapping[str, str]) -> Self:
        """Keep what a request says."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return cls(lines, urlencode(query))

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the first request; their names have no case."""
        return HTTPHeaders.parse(self._headers)

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the first request; of names that come twice, the last."""
        return dict(parse_qsl(self._query, keep_blank_values=True))


class Carrier:
    """A session, on whichever transport it is at the moment."""

    __slots__ = (
        "_answers_soon",
        "_poll",
        "_probe",
        "_receiver",
        "_sessions",
        "_socket",
        "address",
        "address_key",
        "handshake",
        "is_posting",
        "session",
    )

    def __init__(
        self,
        sessions: "Sessions",
        session: Session,
        address: str,
        address_key: str,
        handshake: Handshake,
    ) -> None:
        self.session = session
        self.address = address
        self.address_key = address_key
        self.handshake = handshake
        self.is_posting = False
        self._sessions = sessions
        self._receiver: Receiver | None = None
        self._poll: Poll | None = None
        self._socket: WebSocket | None = None
        self._probe: WebSocket | None = None
        self._answers_soon = False

    # What the application does.

    @property
    def framing(self) -> Framing:
        """How bytes must be made to be sent now."""
        return self.session.framing

    @property
    def waiting_bytes(self) -> int:
        """How much the client has not taken yet."""
        socket = self._socket
        return self.session.waiting_bytes if socket is None else socket.waiting

    def send(self, data: bytes) -> None:
        """Send finished bytes, or keep them; whoever leaves too many untaken is cut."""
        socket = self._socket
        if socket is not None:
            if not socket.write_frames(data):
                self.end(TOO_SLOW)
        elif not self.session.keep(data):
            self.end(TOO_SLOW)
        elif self.session.is_polled and not self._answers_soon:
            # What else is sent in this turn goes into the same answer.
            self._answers_soon = True
            asyncio.get_running_loop().call_soon(self._answer)

    def send_soon(self, data: bytes) -> None:
        """Send finished bytes together with what else is sent in this turn of the loop."""
        socket = self._socket
        if socket is None:
            self.send(data)
        else:
            socket.write_frames_soon(data, self)

    def close(self, closing: Closing) -> None:
        """End the session once what was sent has been taken, or left for too long."""
        self.session.close(closing)
        self._settle()

    def end(self, closing: Closing) -> None:
        """End the session now."""
        self.session.end(closing)
        self._settle()

    # What comes in.

    def begin(self, receiver: Receiver) -> None:
        """Let messages come."""
        self._receiver = receiver

    def receive(self, packet: Packet) -> Awaitable[None] | None:
        """Take a packet of the transport that carries the session."""
        if self._receiver is None:
            return None
        try:
            message = self.session.receive(packet)
        except Broken as broken:
            self.end(broken.closing)
            return None
        if message is not None:
            return self._receiver.receive(message)
        if not self.session.expects_pong:
            self._sessions.heard(self)
        self._settle()
        return None

    def receive_payload(self, body: bytes) -> Awaitable[None] | None:
        """Take the body of a POST; Denied if it ends the session.

        What is returned is awaited before the POST is answered, and may be Denied as well.
        """
        messages = self.session.receive_payload(body)
        work = self._next_work(messages)
        return None if work is None else self._take_rest(work, messages)

    async def _take_rest(self, work: Awaitable[None] | None, messages: Iterator[Packet]) -> None:
        while work is not None:
            await work
            work = self._next_work(messages)

    def _next_work(self, messages: Iterator[Packet]) -> Awaitable[None] | None:
        """Take messages up to one that is to be waited for, or all of them."""
        try:
            for message in messages:
                if self._receiver is None:
                    break
                work = self._receiver.receive(message)
                if work is not None:
                    return work
        except Broken as broken:
            self.end(broken.closing)
            raise bad_request() from None
        if self._receiver is not None and not self.session.expects_pong:
            self._sessions.heard(self)
        self._settle()
        return None

    def poll(self, poll: Poll) -> None:
        """Take a GET. Denied if another is held, and then both have ended the session."""
        try:
            self.session.poll()
        except Broken as broken:
            self.end(broken.closing)
            raise bad_request() from None
        self._poll = poll
        self._answer()

    def drop_poll(self, poll: Poll) -> None:
        """A GET was given up by its client, who may have missed what it was answered."""
        if self._poll is poll:
            self._poll = None
            self.end(TRANSPORT_ERROR)

    # WebSockets.

    def carry_by(self, socket: WebSocket) -> None:
        """Begin on a WebSocket."""
        self._socket = socket

    def begin_upgrade(self, socket: WebSocket) -> None:
        """Let a WebSocket try to take over, for some seconds. Denied if one does already."""
        self.session.begin_upgrade()
        self._probe = socket
        self._sessions.probes.add(self)

    def receive_by(self, socket: WebSocket, packet: Packet) -> Awaitable[None] | None:
        """Take a packet that came by a WebSocket."""
        if socket is self._socket:
            return self.receive(packet)
        if socket is self._probe:
            self._take_probe(socket, packet)
        return None

    def lose(self, socket: WebSocket) -> None:
        """A WebSocket was closed."""
        if socket is self._socket:
            self.end(TRANSPORT_CLOSE)
        elif socket is self._probe:
            self.give_upgrade_up(UPGRADE_FAILED)

    def give_upgrade_up(self, closing: Closing) -> None:
        """Stay with polling, and close the WebSocket that did not take over."""
        socket, self._probe = self._probe, None
        self._sessions.probes.remove(self)
        self.session.give_upgrade_up()
        if socket is not None:
            socket.end(closing)

    def _take_probe(self, socket: WebSocket, packet: Packet) -> None:
        frames = self.session.receive_probe(packet)
        if frames is None:
            self.give_upgrade_up(UPGRADE_FAILED)
            return
        if self.session.framing is WEBSOCKET:
            self._socket, self._probe = socket, None
            self._sessions.probes.remove(self)
        if frames and not socket.write_frames(frames):
            self.end(TOO_SLOW)
        self._answer()

    # What follows from it.

    def _answer(self) -> None:
        self._answers_soon = False
        payload = self.session.answer()
        poll = self._poll
        if payload is not None and poll is not None:
            self._poll = None
            poll.answer(payload)
        self._settle()

    def _settle(self) -> None:
        """Let everybody know, once, that the session has ended."""
        session, receiver = self.session, self._receiver
        if session.state is State.OPEN or session.closing is None:
            return
        if receiver is not None:
            self._receiver = None
            self._sessions.quieten(self)
            receiver.closed(session.closing)
            if self._probe is not None:
                self.give_upgrade_up(session.closing)
        if session.is_polled:
            self._answer()
        if session.state is State.CLOSED:
            self._sessions.remove(self)
            socket, self._socket = self._socket, None
            if socket is not None:
                socket.end(session.closing)


class Sessions:
    """The sessions of one path, whose heartbeat is one timer for all of them."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self.limits = limits
        self.probes: Deadlines[Carrier] = Deadlines(limits.upgrade_timeout, _upgrade_timed_out)
        self.idle: Deadlines[Kept] = Deadlines(IDLE_SECONDS, _hang_up)
        self._endpoint = endpoint
        self._kept: set[Kept] = set()
        self._carriers: dict[str, Carrier] = {}
        self._by_address: Counter[str] = Counter()
        self._pings: Deadlines[Carrier] = Deadlines(limits.ping_interval, self._ping)
        self._pongs: Deadlines[Carrier] = Deadlines(limits.ping_timeout, _ping_timed_out)
        # Those that have ended, and whose client has not been told so by a poll yet.
        self._endings: Deadlines[Carrier] = Deadlines(limits.ping_timeout, self._forget)

    def __len__(self) -> int:
        return len(self._carriers)

    def get(self, sid: str) -> Carrier | None:
        """The session of an id, if there is one."""
        return self._carriers.get(sid)

    def find(self, sid: str) -> Carrier:
        """The session of an id; Denied if there is none."""
        carrier = self._carriers.get(sid)
        if carrier is None:
            raise unknown_session()
        return carrier

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Refuse a session too many, by Denied or what the endpoint says."""
        if self._by_address[address_key] >= self.limits.sessions_per_address:
            raise forbidden("Too many sessions from this address")
        if len(self._carriers) >= self.limits.sessions:
            raise forbidden("Too many sessions")
        self._endpoint.admit(address_key, handshake)

    def open(
        self, address: str, address_key: str, handshake: Handshake, socket: WebSocket | None = None
    ) -> Carrier:
        """Open a session, on a WebSocket if it came by one, else on polling."""
        framing = POLLING if socket is None else WEBSOCKET
        session = Session(secrets.token_urlsafe(15), framing, self.limits)
        carrier = Carrier(self, session, address, address_key, handshake)
        self._carriers[session.sid] = carrier
        self._by_address[address_key] += 1
        if socket is not None:
            carrier.carry_by(socket)
        self._pings.add(carrier)
        carrier.send(framing.text(session.opening()))
        carrier.begin(self._endpoint.open(carrier))
        return carrier

    def heard(self, carrier: Carrier) -> None:
        """A ping was answered, if there was one."""
        if carrier in self._pongs:
            self._pongs.remove(carrier)
            self._pings.add(carrier)

    def quieten(self, carrier: Carrier) -> None:
        """Ask a session for signs of life no more; it may have a last word to take still."""
        self._pings.remove(carrier)
        self._pongs.remove(carrier)
        self._endings.add(carrier)

    def remove(self, carrier: Carrier) -> None:
        """Forget a session; twice does no harm."""
        self._endings.remove(carrier)
        if self._carriers.pop(carrier.session.sid, None) is None:
            return
        self._by_address[carrier.address_key] -= 1
        if not self._by_address[carrier.address_key]:
            del self._by_address[carrier.address_key]

    def close_all(self) -> None:
        """End every session, because the server stops."""
        for carrier in list(self._carriers.values()):
            carrier.end(SERVER_STOPS)
        for kept in list(self._kept):
            kept.close()

    def keep(self, kept: Kept) -> None:
        """Know of a connection, to hang up when the server stops, or it idles for too long."""
        self._kept.add(kept)

    def let_go(self, kept: Kept) -> None:
        """Forget a connection; twice does no harm."""
        self._kept.discard(kept)
        self.idle.remove(kept)

    def _ping(self, carrier: Carrier) -> None:
        self._pongs.add(carrier)
        carrier.send(carrier.session.ping())

    def _forget(self, carrier: Carrier) -> None:
        carrier.session.end(SERVER_STOPS)
        self.remove(carrier)


def _hang_up(kept: Kept) -> None:
    kept.close()


def _ping_timed_out(carrier: Carrier) -> None:
    carrier.end(PING_TIMEOUT)


def _upgrade_timed_out(carrier: Carrier) -> None:
    carrier.give_upgrade_up(UPGRADE_TIMEOUT)
