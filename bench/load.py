"""The load generator: a closed loop of HTTP/1.1 requests over connections that are kept.

Each connection sends its next request when it has the whole answer to its last. Requests come
encoded from an iterator, and an answer is read no further than its status and its length: that
costs 7 µs a request, so one CPU of load is enough to fill one CPU of any server here.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import cast

import uvloop
from msgspec import Struct

from bench.processes import HOST

# Seconds that the last answers may take: eight hashes of cost 12 on one CPU take less than two.
PATIENCE = 30.0


class LoadFailed(Exception):
    """An answer was wrong or missing: a figure over failing requests is no figure."""


class Load(Struct, frozen=True):
    """What to send, over how many connections, and the status of every answer."""

    connections: int
    requests: Iterator[bytes]
    status: int


class Result(Struct, frozen=True):
    """What was measured: latencies in seconds, and the generator's own share of a CPU."""

    requests: int
    seconds: float
    p50: float | None
    p99: float | None
    own_cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def get(path: str, headers: str = "") -> bytes:
    """Encode a GET; each header ends in CRLF."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n".encode()


def post(path: str, body: dict[str, str]) -> bytes:
    """Encode a POST of JSON."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def bearer(token: str) -> str:
    """Write the header that carries a token."""
    return f"Authorization: Bearer {token}\r\n"


class Course:
    """One measurement under way: its deadline, what is still out, and what came back."""

    def __init__(self, load: Load, seconds: float) -> None:
        self.status = str(load.status).encode()
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = load.requests
        self._out = load.connections
        self._deadline = time.perf_counter() + seconds

    def next(self) -> bytes | None:
        """Hand out the next request, or None when the time is up."""
        if time.perf_counter() < self._deadline:
            return next(self._requests)
        self._out -= 1
        if not self._out and not self.done.done():
            self.done.set_result(None)
        return None

    def fail(self, reason: str) -> None:
        """End the measurement without a figure."""
        if not self.done.done():
            self.done.set_exception(LoadFailed(reason))


class Connection(asyncio.Protocol):
    """One connection, with one request out at a time."""

    def __init__(self) -> None:
        self._answer = b""
        self._began = 0.0
        self._course: Course | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; nothing is sent before all connections stand."""
        self._transport = cast(asyncio.Transport, transport)

    def start(self, course: Course) -> None:
        """Begin to take requests from a measurement."""
        self._course = course
        self._send(course)

    def close(self) -> None:
        """Hang up."""
        self._course = None
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the measurement, unless this side hung up."""
        if self._course is not None:
            self._course.fail(f"the server closed a connection: {exc or 'end of stream'}")

    def data_received(self, data: bytes) -> None:
        """Count an answer when it is whole, and send the next request."""
        course = self._course
        if course is None:
            return
        answer = self._answer = self._answer + data
        try:
            length = whole_length(answer)
        except ValueError as error:
            course.fail(f"{error}: {excerpt(answer)}")
            return
        if length is None or len(answer) < length:
            return
        if answer[9:12] != course.status or len(answer) > length:
            course.fail(f"an answer other than one {course.status.decode()}: {excerpt(answer)}")
            return
        self._answer = b""
        course.latencies.append(time.perf_counter() - self._began)
        self._send(course)

    def _send(self, course: Course) -> None:
        request = course.next()
        if request is not None:
            self._began = time.perf_counter()
            self._transport.write(request)


def whole_length(answer: bytes) -> int | None:
    """Return how long an answer will be, once its headers are there."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    _, found, rest = answer[:end].lower().partition(b"\r\ncontent-length:")
    if not found:
        raise ValueError("an answer without a length")
    return end + 4 + int(rest.partition(b"\r\n")[0])


def excerpt(answer: bytes) -> str:
    """Return the first line and the beginning of the body, on one line."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return (head.partition(b"\r\n")[0] + b" " + body[:200]).decode(errors="replace")


async def _run(port: int, load: Load, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(Connection, HOST, port))[1] for _ in range(load.connections)
    ]
    course = Course(load, seconds)
    wall, own = time.perf_counter(), time.process_time()
    try:
        for connection in connections:
            connection.start(course)
        await asyncio.wait_for(course.done, seconds + PATIENCE)
    except TimeoutError:
        raise LoadFailed(f"no answer in the {PATIENCE:.0f} s after the last request") from None
    finally:
        wall, own = time.perf_counter() - wall, time.process_time() - own
        for connection in connections:
            connection.close()
    latencies = sorted(course.latencies)
    return Result(
        requests=len(latencies),
        seconds=wall,
        p50=latencies[len(latencies) // 2],
        p99=latencies[len(latencies) * 99 // 100],
        own_cpu=own / wall,
    )


def run(port: int, load: Load, seconds: float) -> Result:
    """Measure a server for some seconds, and wait for the requests that are out at the end."""
    return uvloop.run(_run(port, load, seconds))
