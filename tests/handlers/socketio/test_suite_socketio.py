"""The cases of the public test suite of Socket.IO 5, against the echo application.

Those of Engine.IO in it are in `test_suite_engineio.py`; what differs here is the path.
"""

import json

import pytest

from tests import socketio_echo
from tests.handlers.socketio.clients import Site, WebSocket
from tests.handlers.socketio.conftest import Starter

pytestmark = pytest.mark.gen_test(timeout=30)

PLACES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
ATTACHMENTS = (b"\x01\x02\x03", b"\x04\x05\x06")


@pytest.fixture
def site(quick_socketio: Site) -> Site:
    return quick_socketio


@pytest.fixture
def without_pings(start: Starter) -> Site:
    return start(socketio_echo, connect_timeout=0.1)


@pytest.fixture
def hasty(start: Starter) -> Site:
    """Ends whoever does not answer its first ping at once."""
    return start(socketio_echo, ping_interval=1.0, ping_timeout=0.1)


async def connected(site: Site) -> WebSocket:
    """A client in the main namespace."""
    socket = await site.opened()
    socket.send("40")
    assert (await socket.text()).startswith("40")
    assert await socket.text() == '42["auth",{}]'
    return socket


class TestConnect:
    @pytest.mark.parametrize("auth", ["{}", '{"token":"123"}'])
    @pytest.mark.parametrize("namespace", ["", "/custom,"])
    async def test_to_a_namespace(self, site: Site, namespace: str, auth: str) -> None:
        socket = await site.opened()
        socket.send(f"40{namespace}" + ("" if auth == "{}" else auth))
        answer = await socket.text()
        head = f"40{namespace}"
        assert answer.startswith(head)
        handshake = json.loads(answer[len(head) :])
        assert list(handshake) == ["sid"]
        assert isinstance(handshake["sid"], str)
        assert await socket.text() == f'42{namespace}["auth",{auth}]'

    async def test_to_an_unknown_namespace(self, site: Site) -> None:
        socket = await site.opened()
        socket.send("40/random")
        assert await socket.text() == '44/random,{"message":"Invalid namespace"}'

    async def test_with_something_else(self, site: Site) -> None:
        socket = await site.opened()
        socket.send("4abc")
        assert await socket.closed() == (1002, "parse error")

    async def test_never(self, without_pings: Site) -> None:
        socket = await without_pings.opened()
        assert await socket.closed() == (4001, "no CONNECT in time")


class TestDisconnect:
    async def test_from_the_main_namespace(self, hasty: Site) -> None:
        socket = await connected(hasty)
        socket.send("41")
        await socket.closed()

    async def test_from_a_custom_namespace(self, site: Site) -> None:
        socket = await connected(site)
        socket.send("40/custom")
        assert (await socket.text()).startswith("40/custom,")
        assert await socket.text() == '42/custom,["auth",{}]'
        socket.send("41/custom", '42["message","message to main namespace"]')
        assert await socket.text() == '42["message-back","message to main namespace"]'


class TestMessage:
    async def test_of_plain_text(self, site: Site) -> None:
        socket = await connected(site)
        socket.send('42["message",1,"2",{"3":[true]}]')
        assert await socket.text() == '42["message-back",1,"2",{"3":[true]}]'

    async def test_with_attachments(self, site: Site) -> None:
        socket = await connected(site)
        socket.send(f'452-["message",{PLACES}]', *ATTACHMENTS)
        assert await socket.text() == f'452-["message-back",{PLACES}]'
        assert (await socket.next(), await socket.next()) == ATTACHMENTS

    async def test_with_an_acknowledgement(self, site: Site) -> None:
        socket = await connected(site)
        socket.send('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert await socket.text() == '43456[1,"2",{"3":[false]}]'

    async def test_with_attachments_and_an_acknowledgement(self, site: Site) -> None:
        socket = await connected(site)
        socket.send(f'452-789["message-with-ack",{PLACES}]', *ATTACHMENTS)
        assert await socket.text() == f"462-789[{PLACES}]"
        assert (await socket.next(), await socket.next()) == ATTACHMENTS

    @pytest.mark.parametrize(
        "packet", ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]']
    )
    async def test_that_is_none(self, site: Site, packet: str) -> None:
        socket = await connected(site)
        socket.send(packet)
        assert await socket.closed() == (1002, "parse error")
