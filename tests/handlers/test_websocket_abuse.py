"""What no client should send: it is answered or ends the socket, and harms nobody else."""

import asyncio
import json
from contextlib import suppress

import pytest

from models.records import EVERYONE
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub
from tests.handlers.neighbours import attacker, neighbours
from tests.handlers.sockets import ABNORMAL, BINARY, CLOSE, FIN, PING, TEXT, Gone, frame, said, text

pytestmark = pytest.mark.gen_test(timeout=60)

DEEP = 20_000


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
