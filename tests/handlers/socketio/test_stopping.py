"""What becomes of a post that is carried out as the server stops."""

import asyncio
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop
from tornado.web import Application

from handlers.origins import Origins
from handlers.socketio.carriers import Carrier, Handshake
from handlers.socketio.engine import Limits
from handlers.socketio.framing import Packet
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes
from handlers.sockets import Closing
from tests.chat.engine import until
from tests.handlers.socketio.clients import Site
from tests.handlers.socketio.keeping import make_keeps as make_keeps

pytestmark = pytest.mark.gen_test(timeout=30)

# Longer than any test may take: a wait that ends did not end by itself.
LONG = 3600


class Slow:
    """Takes all messages of all sessions, and is not done with one before its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.taken: list[Packet] = []

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Let everybody in."""

    def open(self, carrier: Carrier) -> "Slow":
        """Take everybody's messages."""
        return self

    async def receive(self, message: Packet) -> None:
        """Take a message."""
        self.taken.append(message)
        await self.gate.wait()

    def closed(self, closing: Closing) -> None:
        """Do nothing more."""


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def site(io_loop: IOLoop, slow: Slow, keeps: bool) -> Iterator[Site]:
    sessions = Sessions(slow, Limits())
    rules = routes("/engine.io/", Edge(sessions, Origins(())))
    made = Site(Application(rules), sessions, "/engine.io/", keeps=keeps)
    yield made
    io_loop.run_sync(made.stop)


async def test_a_stop_waits_for_what_a_post_has_begun(site: Site, slow: Slow) -> None:
    client = await site.poller()
    post = asyncio.ensure_future(client.post("4one\x1e4two"))
    await until(lambda: slow.taken)
    site.sessions.close_all()
    stop = asyncio.ensure_future(site.sessions.running.drained(LONG))
    await asyncio.sleep(0)
    assert not stop.done()
    slow.gate.set()
    assert await stop == 0
    assert (await post).text == "ok"
    # The session has ended: what was behind it is for another one.
    assert slow.taken == ["one"]


async def test_a_stop_waits_for_no_poll(site: Site) -> None:
    client = await site.poller()
    poll = await client.held()
    site.sessions.close_all()
    assert await site.sessions.running.drained(LONG) == 0
    assert (await poll).text == "1"
