"""Sockets that forget how they came about, once they are open.

The request, its headers and the coroutines that have answered it are 8 KiB of the 20 that an idle
socket of Tornado's holds.
"""

import asyncio
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from handlers.frames import FastProtocol, protocol_of

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


class LightProtocol(FastProtocol):
    """Reads in a task of its own, so that what has led to it is over."""

    __slots__ = ("_reading",)

    handler: "LightSocket"

    async def _receive_frame_loop(self) -> None:
        self.handler.shed()
        self._reading = asyncio.create_task(super()._receive_frame_loop())
        self._reading.add_done_callback(self._have_read)

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

    def protocol_for(self, *, max_message: int, max_waiting: int) -> FastProtocol | None:
        """Put the fast reader and writer under the socket, in a version that there is."""
        if self.request.headers.get("Sec-WebSocket-Version") in VERSIONS:
            self._protocol = protocol_of(
                self, max_message=max_message, max_waiting=max_waiting, kind=LightProtocol
            )
        return self._protocol

    def shed(self) -> None:
        """Forget the request, and the answer to it."""
        held: dict[str, Any] = self.__dict__
        self.__dict__ = {name: held[name] for name in _NEEDED & held.keys()}
