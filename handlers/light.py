"""Sockets that forget how they came about, once they are open.

The request, its headers and the coroutines that have answered it are 8 KiB of the 20 that an idle
socket of Tornado's holds.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.iostream import IOStream
from tornado.web import Application, OutputTransform
from tornado.websocket import WebSocketHandler

from handlers.frames import FastProtocol, Handled, protocol_of

# What Tornado still asks of a handler that has become a socket.
_NEEDED = frozenset(
    {
        "_auto_finish",
        "_finished",
        "_on_close_called",
        "_prepared_future",
        "_status_code",
        "application",
        "close_code",
        "close_reason",
        "ui",
        "ws_connection",
    }
)

VERSIONS = ("7", "8", "13")

_ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: "
)


class LightProtocol(FastProtocol):
    """Reads in a task of its own, so that what has led to it is over."""

    __slots__ = ("_first", "_reading")

    handler: "LightSocket"
    # What is read before the task has begun.
    _first: Awaitable[Handled] | None

    def begin(self, stream: IOStream, answer: bytes) -> None:
        """Say that there is a socket, let the handler open it, and read from then on."""
        self.stream = stream
        self.write_frames(answer, bounded=False)
        try:
            opening = self.handler.open()
        except Exception:  # noqa: BLE001 - as Tornado does
            self._fail()
            return
        if opening is None:
            self._read()
        else:
            self._reading = asyncio.ensure_future(self._begin_later(opening))
            self._reading.add_done_callback(self._have_read)

    async def _begin_later(self, opening: Awaitable[None]) -> None:
        try:
            await opening
        except Exception:  # noqa: BLE001 - as Tornado does
            self._fail()
        else:
            self._read()

    def _fail(self) -> None:
        self.handler.log_exception(*sys.exc_info())
        self._abort()

    async def _receive_frame_loop(self) -> None:
        self._read()

    def _read(self) -> None:
        self.handler.shed()
        # The kernel is asked at once: until the task has its turn, what the client says here would
        # be overtaken by what it says a moment later on a connection that it keeps.
        self._first = None if self.stream.closed() else super()._more()
        self._reading = asyncio.create_task(super()._receive_frame_loop())
        self._reading.add_done_callback(self._have_read)

    def _more(self) -> Awaitable[Handled]:
        first, self._first = self._first, None
        return super()._more() if first is None else first

    def _have_read(self, reading: asyncio.Task[None]) -> None:
        if reading.cancelled() or reading.exception() is not None:
            self._abort()


class LightSocket(WebSocketHandler):
    """A WebSocket on the fast reader and writer.

    What a subclass keeps for the life of the socket is in its `__slots__`. What is in `__dict__` is
    Tornado's, and most of it is gone once `open` has been called, `self.request` as well.
    """

    __slots__ = ("_protocol",)

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        super().__init__(application, request, **kwargs)
        self._protocol: FastProtocol | None = None

    def clear(self) -> None:
        """Begin an answer; the first time without a head, for few need another than `_ACCEPTED`."""
        if "_headers" in self.__dict__:
            super().clear()
            return
        self._headers = HTTPHeaders()
        self._write_buffer: list[bytes] = []
        self.set_status(200)

    async def _execute(self, *args: Any, **kwargs: Any) -> None:
        self.clear()
        await super()._execute(*args, **kwargs)

    def become_socket(self) -> None:
        """Open at once, where the request is known to ask for a socket; or answer why not."""
        self._transforms: list[OutputTransform] = []
        try:
            self.prepare()
            if self._check_cross_origin(self.check_origin) is not None:
                self.clear()
                self.set_status(403)
                self.finish("Cross origin websockets not allowed")
                return
            self.ws_connection = self.get_websocket_protocol()
        except Exception as error:  # noqa: BLE001 - as Tornado does
            self._handle_request_exception(error)
            return
        protocol = self._protocol
        if not isinstance(protocol, LightProtocol):
            self.send_error(426)
            return
        head = _ACCEPTED + protocol._challenge_response(self) + "\r\n"  # noqa: SLF001
        offered = self.request.headers.get("Sec-WebSocket-Protocol")
        if offered is not None:
            chosen = self.select_subprotocol([name.strip() for name in offered.split(",")])
            head += "" if chosen is None else f"Sec-WebSocket-Protocol: {chosen}\r\n"
        self.set_status(101)
        self._log()
        protocol.begin(self.detach(), f"{head}\r\n".encode())

    def protocol_for(self, *, max_message: int, max_waiting: int) -> FastProtocol | None:
        """Put the fast reader and writer under the socket, in a version that there is."""
        if self.request.headers.get("Sec-WebSocket-Version") in VERSIONS:
            self._protocol = protocol_of(
                self, max_message=max_message, max_waiting=max_waiting, kind=LightProtocol
            )
        return self._protocol

    @property
    def has_taken(self) -> bool:
        """Whether it is open, and all that was written is out."""
        return self._protocol is not None and self._protocol.has_taken

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once what was written is out; never, if it is closed before."""
        if self._protocol is not None:
            self._protocol.once_taken(call)

    def shed(self) -> None:
        """Forget the request, and the answer to it."""
        held: dict[str, Any] = self.__dict__
        self.__dict__ = {name: held[name] for name in _NEEDED & held.keys()}
