"""What carries a session at the moment: polls that are held, or a WebSocket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol, Self
from urllib.parse import parse_qsl, urlencode

from tornado.httputil import HTTPHeaders

from handlers.socketio.deadlines import Deadlines
from handlers.socketio.engine import Session, State
from handlers.socketio.framing import WEBSOCKET, Framing, Packet
from handlers.socketio.reasons import (
    TOO_SLOW,
    TRANSPORT_CLOSE,
    TRANSPORT_ERROR,
    UPGRADE_FAILED,
    Broken,
    bad_request,
)
from handlers.sockets import Closing


class Receiver(Protocol):
    """What takes the messages of a session."""

    def receive(self, message: Packet) -> Awaitable[None] | None:
        """Take a message. What is returned is awaited before the next; never raises."""

    def closed(self, closing: Closing) -> None:
        """The session has ended."""


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

    def write_frames_soon(self, data: bytes) -> None:
        """Write finished frames with what else comes in this turn; too much cuts the session."""

    @property
    def has_taken(self) -> bool:
        """Whether it is open, and all that was written is out."""

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once what was written is out; never, if it is closed before."""

    def end(self, closing: Closing) -> None:
        """Close it behind what was written."""


class Clocks(Protocol):
    """What looks after all sessions."""

    probes: Deadlines["Carrier"]

    def heard(self, carrier: "Carrier") -> None:
        """A ping was answered, if there was one."""

    def quieten(self, carrier: "Carrier") -> None:
        """Ask a session for signs of life no more; it may have a last word to take still."""

    def remove(self, carrier: "Carrier") -> None:
        """Forget a session; twice does no harm."""


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
        "_untaken",
        "address",
        "address_key",
        "handshake",
        "is_posting",
        "session",
    )

    def __init__(
        self,
        sessions: Clocks,
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
        # What is to be called once the client has taken an answer to a poll, by its number.
        self._untaken: deque[tuple[int, Callable[[], None]]] | None = None

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
            socket.write_frames_soon(data)

    @property
    def has_taken(self) -> bool:
        """Whether the client is there, and has taken what was sent."""
        socket = self._socket
        if socket is not None:
            return socket.has_taken
        return self.session.state is State.OPEN and not self.session.waiting_bytes

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once the client has taken what was sent; never, if it goes before."""
        socket = self._socket
        if socket is not None:
            socket.once_taken(call)
        elif self.has_taken:
            call()
        elif self.session.state is State.OPEN:
            if self._untaken is None:
                self._untaken = deque()
            self._untaken.append((self.session.unanswered, call))

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
        receiver = self._receiver
        if receiver is None:
            return None
        try:
            message = self.session.receive(packet)
        except Broken as broken:
            self.end(broken.closing)
            return None
        if message is not None:
            return receiver.receive(message)
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
        # Whoever polls has the answer to the poll before.
        self._take_note(self.session.answers)
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
            # A client lets go of polling when it has the answer to the last poll.
            self._take_note(self.session.answers)
        if frames and not socket.write_frames(frames):
            self.end(TOO_SLOW)
        if self._socket is socket and self._untaken is not None:
            for _, call in self._untaken:
                socket.once_taken(call)
            self._untaken = None
        self._answer()

    # What follows from it.

    def _take_note(self, answer: int) -> None:
        """Call what waits for the client to have an answer."""
        untaken = self._untaken
        while untaken and untaken[0][0] <= answer:
            untaken.popleft()[1]()
        self._untaken = untaken or None

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
            self._receiver = self._untaken = None
            self._sessions.quieten(self)
            receiver.closed(session.closing)
            # One that was answered may have let go of polling: it takes the last word along.
            if self._probe is not None and not (session.probed and session.state is State.CLOSING):
                self.give_upgrade_up(session.closing)
        if session.is_polled:
            self._answer()
        if session.state is State.CLOSED:
            self._sessions.remove(self)
            socket, self._socket = self._socket, None
            if socket is not None:
                socket.end(session.closing)
