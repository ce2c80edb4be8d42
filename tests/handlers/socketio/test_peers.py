"""What is sent to one client, and what it answers."""

import pytest
from msgspec import Raw

from tests.handlers.socketio.wires import Noted, connected

pytestmark = pytest.mark.gen_test

PLACE = '{"_placeholder":true,"num":0}'


@pytest.fixture
def application() -> Noted:
    return Noted()


async def test_an_acknowledgement_is_given_once(application: Noted) -> None:
    wire, connection = connected(application)
    connection.receive('27["say"]')
    acknowledge = application.acknowledges[0]
    assert acknowledge is not None
    acknowledge({"ok": True})
    acknowledge({"ok": False})
    acknowledge.with_binary(b"no")
    assert wire.taken() == ['437[{"ok":true}]']


async def test_an_acknowledgement_may_wait_for_what_else_is_sent(application: Noted) -> None:
    wire, connection = connected(application)
    for number in (7, 8):
        connection.receive(f'2{number}["say"]')
    for acknowledge, soon in zip(application.acknowledges, (True, False), strict=True):
        assert acknowledge is not None
        acknowledge(1, soon=soon)
    assert wire.taken() == ["437[1]", "438[1]"]
    assert wire.soon == 1


async def test_an_acknowledgement_with_bytes(application: Noted) -> None:
    wire, connection = connected(application)
    connection.receive('27["say"]')
    connection.receive('28["say"]')
    for acknowledge, value in zip(application.acknowledges, (b"\x01", 1), strict=True):
        assert acknowledge is not None
        acknowledge.with_binary(value)
    assert wire.taken() == [f"461-7[{PLACE}]", "bAQ==", "438[1]"]


async def test_nobody_is_acknowledged_who_has_left(application: Noted) -> None:
    wire, connection = connected(application)
    connection.receive('27["say"]')
    connection.receive("1")
    acknowledge = application.acknowledges[0]
    assert acknowledge is not None
    acknowledge(1)
    application.sockets[0].emit("a")
    assert wire.taken() == []


async def test_a_client_is_asked(application: Noted) -> None:
    wire, connection = connected(application)
    answers: list[list[bytes]] = []

    def answered(arguments: tuple[Raw, ...]) -> None:
        answers.append([bytes(one) for one in arguments])

    socket = application.sockets[0]
    socket.ask("where", answered=answered)
    socket.ask("who", 1, answered=answered)
    assert wire.taken() == ['420["where"]', '421["who",1]']
    for packet in ('31["me"]', '31["twice"]', '39["nobody asked"]', "30[]"):
        connection.receive(packet)
    assert answers == [[b'"me"'], []]
    assert wire.closing is None
