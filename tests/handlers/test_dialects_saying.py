"""What clients of the Socket.IO dialects say: stored once, and answered either way."""

from typing import Any

import pytest

from handlers.dialects.client import SocketIoClient
from tests import pictures
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.forms import File
from tests.handlers.sockets import Turns
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_what_cannot_be_said_is_answered(open_hub: Hubbub, speakers: Speakers) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "P")
    for receiver, message, code in (
        ("0" * 24, "hi", "user_not_found"),
        (bob.id, "", "empty_message"),
        (bob.id, "x" * 5001, "invalid_event"),
        (ann.id, "hi", "invalid_participants"),
    ):
        said = {"receiverId": receiver, "message": message}
        assert await one.code_of("private_message", said) == code
    assert await one.code_of("message_read", {"messageId": "0" * 24}) == "message_not_found"
    assert await one.code_of("sync", {"roomId": "0" * 24, "since": 0}) == "room_not_found"


async def test_a_limit_is_answered(start: Starter) -> None:
    hub = start(rate_limits=True, message_burst=2, message_rate=1)
    clients = Speakers(hub)
    ann, bob = await hub.residents("ann", "bob")
    one = await clients.by_token(ann, "P")
    said = {"receiverId": bob.id, "message": "hi"}
    codes = [await one.code_of("private_message", said) for _ in range(4)]
    assert "rate_limited" in codes
    assert codes[0] == "ok"
    await clients.close()


async def test_whoever_goes_beyond_the_limits_leaves_the_others_their_turn(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, turns = start(rate_limits=True, message_burst=2, message_rate=1), Turns()
    clients = Speakers(hub)
    ann, bob = await hub.residents("ann", "bob")
    one = await clients.by_token(ann, "P")
    refuse = SocketIoClient.refuse

    def noted(client: SocketIoClient, *refused: Any) -> None:
        turns.note()
        refuse(client, *refused)

    monkeypatch.setattr(SocketIoClient, "refuse", noted)
    for _ in range(200):
        one.emit("private_message", {"receiverId": bob.id, "message": "hi"})
    assert await one.code_of("private_message", {"receiverId": bob.id, "message": ""}) != "ok"
    assert turns.most == 1
    await clients.close()


async def test_a_message_is_stored_once_for_its_client_id(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "P")
    said = {"receiverId": bob.id, "message": "hi", "clientId": "c1"}
    first, again = await one.ask("private_message", said), await one.ask("private_message", said)
    assert first == again
    await one.hear("private_message")
    assert await one.silence() == []


@pytest.mark.parametrize("kind", ["image", "video", "file"])
async def test_only_what_one_has_uploaded_is_sent(
    open_hub: Hubbub, speakers: Speakers, kind: str
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "C")
    [kept] = await open_hub.uploads(bob, File("x.png", pictures.plain("PNG")))
    for address in (kept["url"], "https://example.com/x.png", "x.png", "javascript:alert(1)", ""):
        sent = {"recipient": bob.id, "content": address, "type": kind}
        code = await one.code_of("message:send", sent)
        assert code == ("unknown_upload" if address else "empty_message")
