"""Requests that become sockets, in one step where nothing about them is unusual.

Tornado makes a task for each, and an answer like any other: 60 µs of the 400 that it takes to open
a socket and log it in. Whatever is unusual goes Tornado's own way, which refuses what there is to
refuse; so nothing is refused here but by the handler itself.
"""

from tornado.httputil import HTTPServerRequest
from tornado.web import _HandlerDelegate

from handlers.light import VERSIONS, LightSocket


class Upgrade(_HandlerDelegate):
    """Takes a request for a handler of sockets."""

    handler_class: type[LightSocket]

    def finish(self) -> None:
        """Make a socket of the request, which is here in full."""
        if self.path_args or self.path_kwargs or self.chunks or not is_usual(self.request):
            super().finish()
            return
        self.handler = self.handler_class(self.application, self.request, **self.handler_kwargs)
        self.handler.become_socket()


def is_usual(request: HTTPServerRequest) -> bool:
    """Tell whether a request asks for a socket in the way that nearly all do."""
    headers = request.headers
    return (
        request.method == "GET"
        and request.version == "HTTP/1.1"
        and headers.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in headers.get("Connection", "").lower().replace(" ", "").split(",")
        and headers.get("Sec-WebSocket-Version") in VERSIONS
        and bool(headers.get("Sec-WebSocket-Key"))
        and bool(headers.get("Host"))
    )
