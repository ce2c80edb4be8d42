"""Listening: the HTTP server, its limits, and the descriptors that it lives on."""

import resource
from contextlib import suppress
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.iostream import IOStream
from tornado.web import Application

from handlers.heads import read_quickly

# A request's headers come at once or never; a connection that waits for its next request counts as
# waiting for headers, and any client opens another when it is gone.
HEADER_SECONDS = 10
MAX_HEADER_BYTES = 16 * 1024

# Bodies are bounded by their handlers, which can say why; Tornado would only hang up.
NO_BODY_LIMIT = 1 << 40
BUFFER_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024

# For the store, the log and what else a process opens while it serves.
SPARE_DESCRIPTORS = 32
MAX_DESCRIPTORS = 200_000


class Server(HTTPServer):
    """Tornado's server, which hangs up while it still can.

    With no descriptor left, accepting fails over and over, and so does whatever opens a file. The
    kernel gives the smallest number that is free, so a large one says that nearly all are in use.
    """

    def handle_stream(self, stream: IOStream, address: tuple[str, ...]) -> Any:
        """Take a connection, unless it is one too many."""
        if stream.socket.fileno() >= descriptors() - SPARE_DESCRIPTORS:
            stream.close()
            return None
        return super().handle_stream(stream, address)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Take a request, of which nothing has been read yet."""
        if isinstance(request_conn, HTTP1Connection):
            read_quickly(request_conn)
        return super().start_request(server_conn, request_conn)


def make_server(application: Application, body_timeout: float) -> Server:
    """A server with limits, which listens to nothing yet."""
    return Server(
        application,
        idle_connection_timeout=HEADER_SECONDS,
        body_timeout=body_timeout,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=NO_BODY_LIMIT,
        max_buffer_size=BUFFER_BYTES,
        chunk_size=CHUNK_BYTES,
    )


def descriptors() -> int:
    """How many descriptors this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptors() -> None:
    """Take as many descriptors as may be had: each socket needs one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Without a bound, some systems take the number but not the sense of it.
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(descriptors(), wanted), hard))
