"""Far more than anybody sends: it is answered in order or refused, and others get their turn."""

import pytest

from chat.errors import Refusal
from handlers.dialects.words import FrameId
from handlers.websocket import SocketHandler
from models.records import EVERYONE
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.neighbours import attacker, neighbours
from tests.handlers.sockets import PING, Turns, frame, said, text

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_ten_thousand_frames_at_once(hub: Hubbub) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(b"".join(said("PRESENCE", n) for n in range(10_000)))
    await both.talk()
    await socket.caught_up()
    assert [heard["id"] for heard in socket.frames if "id" in heard] == list(range(10_000))


async def test_a_thousand_messages_at_once_keep_their_order(hub: Hubbub) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(
        b"".join(
            said("SEND_MESSAGE", n, roomId=EVERYONE, content=str(n), clientId=f"c{n}")
            for n in range(1000)
        )
    )
    await both.talk()
    await socket.until(lambda: sum(one["type"] == "ACK" for one in socket.frames) == 1000)
    messages = [one["payload"] for one in socket.frames if one["type"] == "MESSAGE"]
    said_by_eve = [one["content"] for one in messages if "clientId" in one]
    assert said_by_eve == [str(n) for n in range(1000)]
    assert [one["seq"] for one in messages] == sorted(one["seq"] for one in messages)


async def test_messages_that_must_be_looked_up_keep_their_order_with_those_that_need_not(
    hub: Hubbub,
) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    first = (await socket.ask("SEND_MESSAGE", roomId=EVERYONE, content="0"))["message"]["id"]
    kinds: list[dict[str, str]] = [
        {},
        {"replyTo": first},
        {"content": "@nobody and @eve0"},
        {"tempId": "t"},
    ]
    wanted = [{"roomId": EVERYONE, "content": str(n), **kinds[n % 4]} for n in range(200)]
    socket.write(b"".join(said("SEND_MESSAGE", n, **one) for n, one in enumerate(wanted)))
    await both.talk()
    await socket.until(lambda: sum(one["type"] == "ACK" for one in socket.frames) == 201)
    acks = [one["payload"]["message"] for one in socket.frames if one["type"] == "ACK"]
    assert [one["content"] for one in acks[1:]] == [one["content"] for one in wanted]
    assert [one["seq"] for one in acks] == sorted(one["seq"] for one in acks)


async def test_a_flood_of_nonsense_ends_the_socket(start: Starter) -> None:
    hub = start(rate_limits=True)
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(text("nonsense") * 10_000)
    assert await socket.closed() == 4009
    assert 100 <= len([one for one in socket.frames if one["type"] == "ERROR"]) < 200
    nobody = await hub.dial()
    nobody.write(text("nonsense") * 10_000)
    assert await nobody.closed() == 4009
    await both.talk()


async def test_a_flood_of_commands_is_refused_one_by_one(start: Starter) -> None:
    hub = start(rate_limits=True)
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(b"".join(said("TYPING", n, roomId=EVERYONE) for n in range(2_000)))
    await socket.caught_up()
    codes = [one["payload"].get("code") for one in socket.frames if one["type"] == "ERROR"]
    assert set(codes) == {"rate_limited"}
    assert len(codes) > 1_000
    await both.talk()


@pytest.mark.parametrize(
    "refused",
    [said("SEND_MESSAGE", 1, roomId=EVERYONE, content="x"), said("AUTH", 1, token="x")],
    ids=["messages", "logins"],
)
async def test_whoever_goes_beyond_the_limits_leaves_the_others_their_turn(
    start: Starter, monkeypatch: pytest.MonkeyPatch, refused: bytes
) -> None:
    hub, turns = start(rate_limits=True), Turns()
    both, socket = await neighbours(hub), await attacker(hub)
    refuse = SocketHandler._refuse

    def noted(handler: SocketHandler, refusal: Refusal, frame_id: FrameId) -> None:
        turns.note()
        refuse(handler, refusal, frame_id)

    monkeypatch.setattr(SocketHandler, "_refuse", noted)
    socket.write(refused * 2_000)
    await both.talk()
    await socket.caught_up()
    assert turns.most == 1


async def test_a_flood_of_pings_leaves_the_others_their_turn(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, socket, turns = await neighbours(hub), await attacker(hub), Turns()
    monkeypatch.setattr(SocketHandler, "on_ping", lambda *_: turns.note())
    socket.write(frame(PING, b"x" * 125) * 2_000)
    await both.talk()
    await socket.caught_up()
    assert turns.most <= 20
