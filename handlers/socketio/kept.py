"""The connections that clients of long polling keep: their usual requests, past Tornado.

Who polls makes a request for every answer, and Tornado takes some 190 µs for one, where Node takes
30. So once such a client has been answered by a handler, its connection is served here: the polls
and posts of sessions that are as they should be, whatever client they are of, take some 20 µs. All
else is left in the buffer and handed back to Tornado, refusals included: another path, a session
that is not known, an origin that is not listed, a second poll.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable
from email.utils import formatdate
from enum import Enum, auto
from functools import lru_cache
from time import time
from typing import NamedTuple

from tornado.http1connection import (
    HTTP1Connection,
    HTTP1ConnectionParameters,
    HTTP1ServerConnection,
)
from tornado.httputil import (
    HTTPConnection,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
)
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from handlers.origins import Origins
from handlers.socketio.carriers import Carrier
from handlers.socketio.framing import POLLING
from handlers.socketio.reasons import TRANSPORT_ERROR, Denied
from handlers.socketio.sessions import Sessions

_CHUNK = 65536

# The head of a request, and what may be sent ahead while a poll is held.
MAX_AHEAD = 65536

_LINE = re.compile(rb"(GET|POST) ([^ ?#]+)\?([^ #]*) HTTP/1\.1\Z")
_FIELDS = re.compile(
    rb"\r\n(host|origin|content-length|connection|transfer-encoding|expect|upgrade)"
    rb"[ \t]*:[ \t]*([^\r]*)",
    re.IGNORECASE,
)
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade"})

TEXT = b"text/plain; charset=UTF-8"
HTML = b"text/html"


class Part(Enum):
    """What stands at the head of a buffer, where it is no request that is served here."""

    INCOMPLETE = auto()
    OTHER = auto()


class Request(NamedTuple):
    """A poll, or a post with its body if that is here already."""

    posts: bool
    sid: str
    host: str
    origin: str | None
    length: int
    # Where the body begins.
    start: int


def request_at_head(data: bytes, path: bytes) -> Request | Part:
    """Read the request at the head of a buffer, if it is a usual one."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return Part.INCOMPLETE if len(data) <= MAX_AHEAD else Part.OTHER
    head = data[:end]
    if not head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r"):
        return Part.OTHER
    line, _, _ = head.partition(b"\r\n")
    found = _LINE.match(line)
    if found is None or found[2] != path or b"\r\n " in head or b"\r\n\t" in head:
        return Part.OTHER
    query = dict(pair.split(b"=", 1) for pair in found[3].split(b"&") if b"=" in pair)
    fields = _FIELDS.findall(head)
    known = {name.lower(): value.strip() for name, value in fields}
    length = known.get(b"content-length", b"0")
    if (
        query.get(b"transport") != b"polling"
        or len(known) != len(fields)
        or not _UNUSUAL.isdisjoint(known)
        or known.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or not (length.isdigit() and len(length) < 10)
        or (found[1] == b"GET" and int(length))
    ):
        return Part.OTHER
    origin = known.get(b"origin")
    return Request(
        found[1] == b"POST",
        query.get(b"sid", b"").decode("latin-1"),
        known.get(b"host", b"").decode("latin-1"),
        None if origin is None else origin.decode("latin-1"),
        int(length),
        end + 4,
    )


class KeptConnection(HTTPServerConnectionDelegate):
    """One connection; while a poll is held on it, nothing else of it is served."""

    def __init__(
        self,
        stream: IOStream,
        connection: HTTP1Connection,
        request: HTTPServerRequest,
        application: HTTPServerConnectionDelegate,
        sessions: Sessions,
        origins: Origins,
    ) -> None:
        self._stream: IOStream | None = stream
        self._loop: IOLoop = stream.io_loop
        self._socket: socket.socket = stream.socket
        self._params: HTTP1ConnectionParameters = connection.params
        self._context = connection.context
        self._application = application
        self._sessions = sessions
        self._origins = origins
        self._path = request.path.encode()
        self._in = bytes(stream._read_buffer)
        self._out = b""
        # The sessions whose poll is held, whose answer is not out yet, whose post is not whole yet.
        self._polled: Carrier | None = None
        self._answered: Carrier | None = None
        self._posting: Carrier | None = None
        self._works: asyncio.Task[None] | None = None
        self._handed_back: HTTP1ServerConnection | None = None
        self._origin: str | None = None
        self._cors = self._cors_of(None)
        self._was_used = False
        self._begin(stream)

    def close(self) -> None:
        """Hang up."""
        stream = self._released()
        if stream is not None:
            stream.close()
        if self._handed_back is not None:
            self._handed_back.stream.close()

    def close_if_idle(self) -> bool:
        """Hang up if nothing has been answered since the last time; tell whether it was so."""
        used, self._was_used = self._was_used, False
        if used or self._is_busy or self._handed_back is not None:
            return False
        self._lose()
        return True

    def answer(self, payload: bytes) -> None:
        """Answer the poll that is held."""
        self._answered, self._polled = self._polled, None
        self._write(b"200 OK", TEXT, payload)
        if not self._out:
            self._answered = None
        if self._in:
            # Not here: who answers is in the middle of telling many.
            self._loop.add_callback(self._serve)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Let Tornado answer a request."""
        return self._application.start_request(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Tornado serves this connection no more."""
        self._handed_back = None
        self._sessions.let_go(self)

    def _begin(self, stream: IOStream) -> None:
        stream._read_buffer.clear()
        stream._read_buffer_size = 0
        if stream._state is not None:
            self._loop.remove_handler(stream.fileno())
            stream._state = None
        self._loop.add_handler(self._socket.fileno(), self._ready, IOLoop.READ)
        self._sessions.keep(self)
        if self._in:
            self._loop.add_callback(self._serve)

    def _released(self) -> IOStream | None:
        """Let go of the stream, once."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._loop.remove_handler(self._socket.fileno())
            self._sessions.let_go(self)
        return stream

    def _hand_back(self) -> None:
        stream = self._released()
        if stream is not None:
            stream._read_buffer += self._in
            stream._read_buffer_size += len(self._in)
            self._end_post()
            self._sessions.keep(self)
            self._handed_back = HTTP1ServerConnection(stream, self._params, self._context)
            self._handed_back.start_serving(self)

    # What the kernel has to say.

    def _ready(self, _: object, events: int) -> None:
        if events & IOLoop.WRITE:
            self._write_rest()
        if events & ~IOLoop.WRITE and self._stream is not None:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._in += data
        if not self._is_busy:
            self._serve()
        elif len(self._in) > MAX_AHEAD:
            self._lose()

    def _lose(self) -> None:
        """The client has gone; what it was told or was telling is lost, and so is its session."""
        self.close()
        polled, self._polled = self._polled, None
        answered, self._answered = self._answered, None
        posting = self._end_post()
        if polled is not None:
            polled.drop_poll(self)
        for carrier in (answered, posting):
            if carrier is not None:
                carrier.end(TRANSPORT_ERROR)

    # Requests.

    @property
    def _is_busy(self) -> bool:
        return self._polled is not None or self._works is not None or self._out != b""

    def _serve(self) -> None:
        while self._in and self._stream is not None and not self._is_busy:
            request = request_at_head(self._in, self._path)
            if request is Part.INCOMPLETE:
                return
            carrier = None if isinstance(request, Part) else self._usual(request)
            if carrier is None or isinstance(request, Part):
                self._hand_back()
                return
            end = request.start + request.length
            if len(self._in) < end:
                self._begin_post(carrier)
                return
            body, self._in = self._in[request.start : end], self._in[end:]
            if request.origin != self._origin:
                self._origin, self._cors = request.origin, self._cors_of(request.origin)
            self._end_post()
            if request.posts:
                self._post(carrier, body)
            else:
                self._polled = carrier
                carrier.poll(self)

    def _usual(self, request: Request) -> Carrier | None:
        """The session of a request that is to be served here, if it is."""
        carrier = self._sessions.get(request.sid)
        if carrier is None or carrier.session.framing is not POLLING:
            return None
        if request.posts and carrier.is_posting and carrier is not self._posting:
            return None
        if not request.posts and carrier.session.is_polled:
            return None
        if request.length > self._sessions.limits.max_payload:
            return None
        if request.origin is not None and not self._origins.allows(request.origin, request.host):
            return None
        return carrier

    def _begin_post(self, carrier: Carrier) -> None:
        """Let no other post of the session begin while this one comes, here or elsewhere."""
        self._posting = carrier
        carrier.is_posting = True

    def _end_post(self) -> Carrier | None:
        posting, self._posting = self._posting, None
        if posting is not None:
            posting.is_posting = False
        return posting

    def _post(self, carrier: Carrier, body: bytes) -> None:
        try:
            work = carrier.receive_payload(body)
        except Denied as denied:
            self._write_denial(denied)
            return
        if work is None:
            self._write(b"200 OK", HTML, b"ok")
        else:
            carrier.is_posting = True
            self._sessions.running.begin(self)
            self._works = asyncio.get_running_loop().create_task(self._post_later(carrier, work))

    async def _post_later(self, carrier: Carrier, work: Awaitable[None]) -> None:
        try:
            await work
            self._write(b"200 OK", HTML, b"ok")
        except Denied as denied:
            self._write_denial(denied)
        finally:
            carrier.is_posting = False
            self._works = None
            self._sessions.running.end(self)
        self._serve()

    # Answers.

    def _cors_of(self, origin: str | None) -> bytes:
        fields = self._origins.headers(origin)
        return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("latin-1")

    def _write_denial(self, denied: Denied) -> None:
        self._write(b"400 Bad Request", b"application/json", denied.body)

    def _write(self, status: bytes, kind: bytes, body: bytes) -> None:
        if self._stream is None:
            return
        data = (
            b"HTTP/1.1 %b\r\nServer: Hubbub\r\nDate: %b\r\nCache-Control: no-store\r\n"
            b"X-Content-Type-Options: nosniff\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b"
        ) % (status, _date(int(time())), kind, self._cors, len(body), body)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        self._was_used = True
        if sent < len(data):
            self._out = data[sent:]
            self._loop.update_handler(self._socket.fileno(), IOLoop.READ | IOLoop.WRITE)

    def _write_rest(self) -> None:
        try:
            self._out = self._out[self._socket.send(self._out) :]
        except BlockingIOError:
            return
        except OSError:
            self._lose()
            return
        if not self._out:
            self._answered = None
            self._loop.update_handler(self._socket.fileno(), IOLoop.READ)
            self._serve()


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
