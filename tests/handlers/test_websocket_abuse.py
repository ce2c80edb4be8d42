"""What no client should send: it is answered or ends the socket, and harms nobody else."""

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from chat.errors import Refusal
from handlers.dialects.native import COMMANDS
from handlers.dialects.words import FrameId
from handlers.websocket import SocketHandler
from models.records import EVERYONE
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.sockets import (
    ABNORMAL,
    BINARY,
    CLOSE,
    FIN,
    PING,
    TEXT,
    Client,
    Gone,
    Turns,
    frame,
    said,
    text,
)

pytestmark = pytest.mark.gen_test(timeout=60)

DEEP = 20_000


class Neighbours:
    """Two who talk to each other, whatever somebody else does meanwhile."""

    def __init__(self, hub: Hubbub, one: Client, other: Client) -> None:
        self._hub = hub
        self._one, self._other = one, other
        self._said = 0

    async def talk(self) -> None:
        """Say something, and see that it arrives."""
        self._said += 1
        content = f"undisturbed {self._said}"
        await self._one.ask("SEND_MESSAGE", roomId=EVERYONE, content=content)
        await self._other.hear("MESSAGE", content=content)


async def neighbours(hub: Hubbub) -> Neighbours:
    return Neighbours(hub, *await hub.sockets(*await hub.residents("one", "other")))


async def attacker(hub: Hubbub) -> Client:
    return await hub.socket(await hub.resident(f"eve{len(hub.clients)}"))


# What is wrong with a frame, and the code that says so.
SENSELESS: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "invalid_json"),
    "not JSON": ("hello", "invalid_json"),
    "half of JSON": ('{"type":"READ"', "invalid_json"),
    "two objects": ('{"type":"PRESENCE"}{"type":"PRESENCE"}', "invalid_json"),
    "not a number": ('{"type":"READ","payload":{"seq":NaN}}', "invalid_json"),
    "infinity": ('{"type":"READ","payload":{"seq":Infinity}}', "invalid_json"),
    "a lone surrogate": ('{"type":"PRESENCE","id":"\\ud800"}', "invalid_json"),
    "a surrogate and a letter": ('{"type":"PRESENCE","id":"\\ud800x"}', "invalid_json"),
    "a raw NUL": ('{"type":"PRESENCE","id":"\0"}', "invalid_json"),
    "a list": ("[]", "invalid_frame"),
    "a text": ('"PRESENCE"', "invalid_frame"),
    "null": ("null", "invalid_frame"),
    "a number": ("1", "invalid_frame"),
    "no type": ('{"payload":{}}', "invalid_frame"),
    "an unknown type": ('{"type":"BECOME_ADMIN","payload":{}}', "invalid_frame"),
    "a type in lower case": ('{"type":"presence","payload":{}}', "invalid_frame"),
    "a type that is no text": ('{"type":{"$ne":1},"payload":{}}', "invalid_frame"),
    "a type from a prototype": ('{"type":"__proto__","payload":{}}', "invalid_frame"),
    "no payload": ('{"type":"READ","payload":null}', "invalid_frame"),
    "a payload that is a list": ('{"type":"READ","payload":[]}', "invalid_frame"),
    "an operator for an id": (
        '{"type":"HISTORY","payload":{"roomId":{"$ne":null}}}',
        "invalid_frame",
    ),
    "a missing field": ('{"type":"TYPING","payload":{}}', "invalid_frame"),
    "a number for a text": (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"x","content":1}}',
        "invalid_frame",
    ),
    "a text for a number": (
        '{"type":"SYNC","payload":{"roomId":"x","since":"0"}}',
        "invalid_frame",
    ),
    "a negative number": ('{"type":"SYNC","payload":{"roomId":"x","since":-1}}', "invalid_frame"),
    "a fraction": ('{"type":"SYNC","payload":{"roomId":"x","since":0.5}}', "invalid_frame"),
    "a huge number": (
        '{"type":"SYNC","payload":{"roomId":"x","since":' + "9" * 400 + "}}",
        "invalid_frame",
    ),
    "a huge exponent": (
        '{"type":"SYNC","payload":{"roomId":"x","since":1e999}}',
        "invalid_frame",
    ),
    "a huge id": ('{"type":"PRESENCE","id":' + "9" * 5000 + "}", "invalid_frame"),
    "a list for an id": ('{"type":"PRESENCE","id":[]}', "invalid_frame"),
    "too long a text": (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"x","content":"' + "x" * 5001 + '"}}',
        "invalid_frame",
    ),
    "too many attachments": (
        json.dumps(
            {
                "type": "SEND_MESSAGE",
                "payload": {"roomId": EVERYONE, "attachments": ["0" * 24] * 11},
            }
        ),
        "invalid_frame",
    ),
    "a deep list": ("[" * DEEP + "]" * DEEP, "invalid_frame"),
    "a deep object": ('{"a":' * 5000 + "1" + "}" * 5000, "invalid_json"),
    "a deep payload": ('{"type":"READ","payload":' + "[" * DEEP, "invalid_frame"),
    "something deep that nobody asked for": (
        '{"type":"PRESENCE","more":' + "[" * DEEP + "]" * DEEP + "}",
        "invalid_json",
    ),
    "binary": (b"\x00\xff", "binary_frame"),
    "JSON in binary": (b'{"type":"PRESENCE"}', "binary_frame"),
    "nothing in binary": (b"", "binary_frame"),
}


def sent(words: str | bytes) -> bytes:
    return text(words) if isinstance(words, str) else frame(BINARY, words)


async def test_frames_that_make_no_sense_are_refused(hub: Hubbub) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    for name, (words, code) in SENSELESS.items():
        socket.write(sent(words))
        refusal = await socket.hear("ERROR")
        assert refusal["code"] == code, name
        assert refusal["message"], name
        assert await socket.code_of("PRESENCE") == "ok"
        await both.talk()


async def test_frames_that_make_no_sense_are_refused_before_anybody_logs_in(hub: Hubbub) -> None:
    both = await neighbours(hub)
    for name, (words, _) in SENSELESS.items():
        socket = await hub.dial()
        socket.write(sent(words))
        assert (await socket.hear("ERROR"))["code"], name
    await both.talk()


async def test_odd_but_valid_texts_are_kept_as_they_are(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, other = await hub.sockets(ann, bob)
    for content in (
        "\0", "a\0b", "\u202egnp.exe", "\ufeff", "\U0010ffff", "'; DROP TABLE messages; --",
        "{{7*7}}", "<script>alert(1)</script>", '{"$ne": 1}', "\x1b[2J", "line\nline\r\n",
        "z" + "\u0301" * 4000, "__proto__",
    ):  # fmt: skip
        said = await one.ask("SEND_MESSAGE", roomId=EVERYONE, content=content, clientId=content[:9])
        heard = await other.hear("MESSAGE")
        assert heard["content"] == said["message"]["content"] == content
        assert said["message"]["clientId"] == content[:9]
        code = await one.code_of("REACT", messageId=heard["id"], emoji=content[:9])
        assert code == "invalid_emoji"
        [last] = (await one.ask("HISTORY", roomId=EVERYONE, limit=1))["messages"]
        assert (last["content"], last["reactions"]) == (content, {})


async def test_ids_that_are_none_name_nothing(hub: Hubbub) -> None:
    socket = await attacker(hub)
    for odd in ("", "\0", "../", "0" * 24, "x" * 64, "{}", "0\n", "\u0660" * 24, "$where"):
        for kind, payload, code in (
            ("SEND_MESSAGE", {"roomId": odd, "content": "x"}, "room_not_found"),
            ("SEND_MESSAGE", {"to": odd, "content": "x"}, "user_not_found"),
            ("JOIN_ROOM", {"roomId": odd}, "room_not_found"),
            ("HISTORY", {"roomId": odd}, "room_not_found"),
            ("INVITE", {"roomId": odd, "userId": odd}, "room_not_found"),
            ("EDIT_MESSAGE", {"messageId": odd, "content": "x"}, "message_not_found"),
            ("READ", {"messageId": odd}, "message_not_found"),
            ("CREATE_ROOM", {"participantIds": [odd]}, "user_not_found"),
        ):
            assert await socket.code_of(kind, **payload) == code, (kind, odd)


async def test_ids_of_frames_come_back_as_they_were(hub: Hubbub) -> None:
    socket = await attacker(hub)
    for number in (0, -1, 2**53 + 1, 2**64, "", "a", "\0", "é" * 1000):
        socket.tell("PRESENCE", number)
        socket.tell("NOTHING", number)
        await socket.hear("ACK")
        await socket.hear("ERROR")
        assert [heard["id"] for heard in socket.frames[-2:]] == [number, number]


# Bytes that are no proper frames: what they end in, as far as that is said.
BROKEN: dict[str, tuple[bytes, int]] = {
    "broken UTF-8": (text(b"\xff\xfe"), ABNORMAL),
    "an encoded surrogate": (text(b'"\xed\xa0\x80"'), ABNORMAL),
    "a reserved bit": (text("{}", flags=FIN | 0x40), ABNORMAL),
    "an unknown kind": (frame(3, b"x"), ABNORMAL),
    "an unknown control frame": (frame(11, b""), ABNORMAL),
    "a continuation of nothing": (frame(0, b"x"), ABNORMAL),
    "a ping that is too long": (frame(PING, b"x" * 126), ABNORMAL),
    "a ping in parts": (frame(PING, b"x", flags=0), ABNORMAL),
    "a text within a text": (frame(TEXT, b"x", flags=0) + frame(TEXT, b"y"), ABNORMAL),
    "a text that is too long": (text("x" * 70_000), 1009),
    "a text that claims to be too long": (b"\x81\xff" + (1 << 40).to_bytes(8), 1009),
    "a text of a negative length": (b"\x81\xff" + b"\xff" * 8, 1009),
    "parts that are too long": (
        frame(TEXT, b"x" * 40_000, flags=0) + frame(0, b"x" * 40_000), 1009,
    ),
    "binary that is too long": (frame(BINARY, b"x" * 70_000), 1009),
    "a goodbye": (frame(CLOSE, b"\x03\xe8"), 1000),
    "a goodbye without a reason": (frame(CLOSE, b""), 1005),
    "another request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ABNORMAL),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_bytes_that_are_no_frames_end_the_socket(hub: Hubbub, name: str) -> None:
    data, code = BROKEN[name]
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(data + said("SEND_MESSAGE", 1, roomId=EVERYONE, content="behind it"))
    assert await socket.closed() == code
    await until(lambda: len(hub.services.sockets) == 2)
    await both.talk()


async def test_a_large_frame_that_comes_slowly_is_told_so(hub: Hubbub) -> None:
    socket = await attacker(hub)
    socket.write(b"\x81\xff" + (1 << 20).to_bytes(8) + b"mask")
    assert await socket.closed() == 1009


async def test_a_far_too_large_frame_ends_the_socket(hub: Hubbub) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    socket.write(text("x" * 5_000_000))
    # A client that is still sending may lose the answer to the reset of its connection.
    assert await socket.closed() in (1009, ABNORMAL)
    await both.talk()


async def test_a_mask_that_is_not_right_gives_no_sense(hub: Hubbub) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    whole = said("PRESENCE", 1)
    socket.write(whole[:2] + b"\x01\x01\x01\x01" + whole[6:])
    with suppress(Gone):
        assert (await socket.hear("ERROR"))["code"] == "invalid_json"
    await both.talk()


async def test_half_a_frame_holds_up_nobody(hub: Hubbub) -> None:
    both = await neighbours(hub)
    whole = said("PRESENCE", 1)
    for size in (1, 2, 5, 6, len(whole) - 1):
        socket = await attacker(hub)
        socket.write(whole[:size])
        await both.talk()
        socket.write(whole[size:])
        await socket.hear("ACK")
        socket.write(whole[:size])
        await both.talk()
        socket.vanish()
    await until(lambda: len(hub.services.sockets) == 2)


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


async def test_a_fault_of_ours_closes_the_socket_and_no_other(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    both, socket = await neighbours(hub), await attacker(hub)
    monkeypatch.setattr(hub.services.presence, "page", lambda *_, **__: 1 // 0)
    socket.tell("PRESENCE", 1)
    assert await socket.closed() == 1011
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "uncaught exception"
    ]
    caplog.clear()
    await both.talk()


async def test_garbage_instead_of_a_handshake(hub: Hubbub) -> None:
    both = await neighbours(hub)
    for head in (
        b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        (
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n"
        ),
        (
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        ),
        b"POST /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 5000,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(head)
        writer.write_eof()
        with suppress(ConnectionError):
            assert b" 101 " not in await reader.read()
        writer.close()
        await both.talk()
    assert len(hub.services.sockets) == 2


# Whatever is sent is answered by a frame or a close.

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ("roomId", "content", "messageId", "seq", "userId", "kind", "name", "since", "limit", "to")
VALUES = JSONS | st.sampled_from([EVERYONE, "0" * 24, 0, 1, "direct", "everyone"])
FRAMES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda words: text(words.encode("utf-8", "replace"))),
    JSONS.map(lambda words: text(json.dumps(words))),
    st.builds(
        lambda kind, number, payload: text(
            json.dumps({"type": kind, "id": number, "payload": payload})
        ),
        st.sampled_from(sorted(COMMANDS.keys() - {"AUTH"})),
        st.integers() | st.text(max_size=5),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    ),
)


@pytest.fixture
def quiet_hub(io_loop: IOLoop, start: Starter) -> tuple[Hubbub, Person]:
    hub = start()
    return hub, io_loop.run_sync(lambda: hub.resident("eve"))


@pytest.mark.gen_test(run_sync=False)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=st.lists(FRAMES, min_size=1, max_size=4))
def test_whatever_is_sent_is_answered_or_ends_the_socket(
    io_loop: IOLoop, quiet_hub: tuple[Hubbub, Person], frames: list[bytes]
) -> None:
    hub, eve = quiet_hub

    async def send() -> None:
        socket = await hub.socket(eve)
        socket.write(b"".join(frames) + frame(CLOSE, b"\x03\xe8"))
        # Half a frame waits for the rest, which never comes.
        with suppress(AssertionError):
            await socket.until(lambda: socket.code is not None, longest=0.05)
        await socket.over()
        hub.clients.remove(socket)
        await until(lambda: len(hub.services.sockets) == 0)

    io_loop.run_sync(send)
