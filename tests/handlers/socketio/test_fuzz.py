"""Whatever comes, only the documented errors come of it, and every session ends once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import Raw

from handlers.socketio import packets
from handlers.socketio.carriers import Handshake
from handlers.socketio.connections import Application, ConnectError, Connection, SocketIo
from handlers.socketio.engine import Limits, Session, State
from handlers.socketio.framing import (
    POLLING,
    SEPARATOR,
    WEBSOCKET,
    packets_of,
    payload_of,
    reframed,
)
from handlers.socketio.kept import Part, request_at_head
from handlers.socketio.packets import Event
from handlers.socketio.peers import Acknowledge, Socket
from handlers.socketio.reasons import FORCED_CLOSE, Broken, Denied, Malformed
from handlers.sockets import Closing

names = some.sampled_from(["/", "/chat", "/unknown", "/a?b=c", "", "/ü", "//", "/,"])
numbers = some.sampled_from(["", "0", "7", "007", "9007199254740993", "1" * 20, "-1", "x", "٣"])
json_values: Any = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text()
    | some.builds(lambda num: {"_placeholder": True, "num": num}, some.integers(-1, 3)),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=5,
)
payloads = (
    some.sampled_from(
        ["", "[]", "{}", "null", '["\\ud800"]', "[1e999]", "[" * 5_000, '{"a":' * 3_000]
    )
    | some.text()
    | json_values.map(json.dumps)
    | some.lists(json_values, min_size=1).map(json.dumps)
    | some.tuples(some.text(), json_values).map(json.dumps)
)
# Texts that look like packets of Socket.IO, and others that do not.
socketio_packets = some.text() | some.builds(
    lambda kind, count, name, number, payload: f"{kind}{count}{name}{number}{payload}",
    some.sampled_from("0123456789ab-"),
    some.sampled_from(["", "0-", "1-", "2-", "10-", "11-", "999-", "1000-", "-", "1"]),
    some.builds(lambda name, end: name + end, names, some.sampled_from(["", ","])),
    numbers,
    payloads,
)
engine_packets = some.builds(
    lambda kind, rest: kind + rest,
    some.sampled_from(["4", "", "1", "2", "3", "5", "6", "b", "7"]),
    socketio_packets,
) | some.sampled_from(["3", "2probe", "5", "6", "1", "b", "bAQ==", "4"])
bodies = some.binary() | some.lists(engine_packets, max_size=6).map(
    lambda texts: "\x1e".join(texts).encode("utf-8", "surrogatepass")
)
messages = socketio_packets | some.binary(max_size=20)


def check_packet(text: str, attachments: list[bytes]) -> None:
    """Read a packet as far as it can be read."""
    try:
        packet = packets.parse(text)
        assert packet.kind in "0123456"
        assert packet.namespace.startswith("/")
        assert packet.id is None or 0 <= packet.id <= packets.MAX_ID
        assert bool(packet.attachments) == (packet.kind in "56")
        if packet.kind == packets.CONNECT:
            assert isinstance(json.loads(bytes(packets.auth_of(packet.payload))), dict)
        elif packet.kind in (packets.ACK, packets.BINARY_ACK):
            packets.resolved(packets.answer_of(packet.payload), attachments)
        else:
            event = packets.event_of(packet.payload, tuple(attachments))
            values = packets.resolved(event.arguments, attachments)
            apart, found = packets.taken_apart(values)
            made = packets.binary_event(len(found), event.name, *apart, namespace=packet.namespace)
            again = packets.event_of(packets.parse(made.decode()[1:]).payload) if found else event
            assert again.name == event.name
    except Malformed:
        pass


def check_body(body: bytes) -> None:
    """Read a payload, and write it again."""
    try:
        found = packets_of(body, 100)
    except Malformed:
        return
    finished = b"".join(
        POLLING.binary(one) if isinstance(one, bytes) else POLLING.text(one.encode())
        for one in found
    )
    assert packets_of(payload_of(finished), 100) == found
    assert len(reframed(finished)) >= len(found)


class Steps:
    """Does to a session whatever transports may do, in any order."""

    def __init__(self) -> None:
        self.session = Session("an-id", POLLING, Limits(waiting_bytes=200, packets_per_payload=5))
        self.opened = self.session.opening()

    def do(self, step: tuple[str, Any]) -> None:
        """Do one thing, as `sessions.Carrier` would."""
        name, value = step
        before = self.session.state
        try:
            getattr(self, f"_{name}")(value)
        except Broken as broken:
            self.session.end(broken.closing)
        except Denied:
            assert self.session.state is before
        payload = self.session.answer()
        assert payload is None or payload
        session = self.session
        assert session.state.value >= before.value
        assert (session.closing is None) == (session.state is State.OPEN)
        assert not (session.is_polled and session.state is State.CLOSED and payload is None)
        assert session.waiting_bytes <= 400
        if session.framing is WEBSOCKET:
            assert not session.upgrading

    def _receive(self, packet: str | bytes) -> None:
        self.session.receive(packet)

    def _payload(self, body: bytes) -> None:
        self.session.require_polling()
        list(self.session.receive_payload(body))

    def _poll(self, _: object) -> None:
        self.session.require_polling()
        self.session.poll()

    def _keep(self, data: bytes) -> None:
        text = POLLING.text(b"4" + data.replace(SEPARATOR, b""))
        if self.session.framing is POLLING and not self.session.keep(text):
            self.session.end(FORCED_CLOSE)

    def _ping(self, _: object) -> None:
        if self.session.framing is POLLING:
            self.session.keep(self.session.ping())

    def _begin_upgrade(self, _: object) -> None:
        self.session.begin_upgrade()

    def _probe(self, packet: str | bytes) -> None:
        if self.session.upgrading and self.session.receive_probe(packet) is None:
            self.session.give_upgrade_up()

    def _close(self, _: object) -> None:
        self.session.close(FORCED_CLOSE)


steps = some.lists(
    some.tuples(some.just("receive"), engine_packets | some.binary(max_size=5))
    | some.tuples(some.just("payload"), bodies)
    | some.tuples(some.just("keep"), some.binary(max_size=120))
    | some.tuples(some.just("probe"), some.sampled_from(["2probe", "5", "4a", b"5"]))
    | some.tuples(some.sampled_from(["poll", "ping", "begin_upgrade", "close"]), some.none()),
    max_size=12,
)


def check_session(taken: list[tuple[str, Any]]) -> None:
    """Do some steps."""
    machine = Steps()
    for step in taken:
        machine.do(step)


class Anything(Application):
    """Does something different with each socket, and counts what it is told."""

    namespaces = frozenset({"/", "/chat"})

    def __init__(self, sync: bool) -> None:
        self.sync = sync
        self.present: set[Socket] = set()
        self.ends = 0

    def connect(self, socket: Socket, auth: Raw) -> Awaitable[None] | None:
        if len(auth) > 30:
            raise ConnectError("too long")
        return None if self.sync else asyncio.sleep(0)

    def connected(self, socket: Socket) -> None:
        assert socket not in self.present
        self.present.add(socket)

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        assert socket in self.present
        values = packets.resolved(event.arguments, event.attachments)
        socket.emit_binary("back", *values)
        if acknowledge is not None:
            acknowledge.with_binary(*values)
        return None if self.sync else asyncio.sleep(0)

    def disconnected(self, socket: Socket, closing: Closing) -> None:
        self.present.remove(socket)

    def closed(self, connection: Connection, closing: Closing) -> None:
        self.ends += 1


class Wire:
    """A link that takes everything."""

    framing = WEBSOCKET
    address = address_key = "192.0.2.1"
    handshake = Handshake()
    waiting_bytes = 0
    has_taken = True
    connection: Connection

    def send(self, data: bytes) -> None:
        assert data[0] in (0x81, 0x82)

    send_soon = send

    def once_taken(self, call: Callable[[], None]) -> None:
        call()

    def close(self, closing: Closing) -> None:
        assert closing.reason != "something went wrong here"
        self.connection.closed(closing)


async def _converse(said: list[str | bytes], sync: bool) -> None:
    application = Anything(sync)
    wire = Wire()
    wire.connection = SocketIo(application, Limits(pending_events=2)).open(wire)
    wire.connection.receive("0")
    for message in said:
        work = wire.connection.receive(message)
        if work is not None:
            await work
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    wire.connection.closed(FORCED_CLOSE)
    assert (application.present, application.ends) == (set(), 1)


def check_connection(said: list[str | bytes], sync: bool) -> None:
    """Say something to an application."""
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(_converse(said, sync))


# Heads of requests, of which some lines are as they should be.
heads = some.lists(
    some.sampled_from(
        [
            b"GET /s/?transport=polling&sid=x HTTP/1.1",
            b"POST /s/?sid=x&transport=polling HTTP/1.1",
            b"Host: a",
            b"Origin: b",
            b"Content-Length: 2",
            b"Content-Length: 0",
            b"content-length:9",
            b"Connection: keep-alive",
            b"Connection: close",
            b"Transfer-Encoding: chunked",
            b"",
            b" x",
        ]
    )
    | some.binary(max_size=10),
    max_size=6,
).map(b"\r\n".join)


def check_request(data: bytes) -> None:
    """Read the head of a request, which is never of two minds about where it ends."""
    found = request_at_head(data, b"/s/")
    if isinstance(found, Part):
        return
    head = data[: found.start].lower()
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1
    assert b"transfer-encoding:" not in head
    assert head.count(b"\ncontent-length") <= 1
    assert found.posts or not found.length


attachments = some.lists(some.binary(max_size=5), max_size=3)

CHECKS = {
    "packets": (check_packet, [socketio_packets, attachments]),
    "payloads": (check_body, [bodies]),
    "requests": (check_request, [heads]),
    "sessions": (check_session, [steps]),
    "connections": (check_connection, [some.lists(messages, max_size=8), some.booleans()]),
}

# How many are tried every day, and by `make test-long`. One case of a session or of a connection is
# several packets in a row.
FEW = 200
MANY = {"packets": 25_000, "payloads": 25_000, "requests": 20_000}


@pytest.mark.parametrize("many", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", CHECKS)
def test_nothing_else_escapes(name: str, many: bool) -> None:
    check, strategies = CHECKS[name]
    limits = settings(
        max_examples=MANY.get(name, 10_000) if many else FEW,
        deadline=None,
        database=None,
        derandomize=not many,  # the same every day; `make test-long` looks for new ones
        suppress_health_check=[HealthCheck.too_slow],
    )
    limits(given(*strategies)(check))()
