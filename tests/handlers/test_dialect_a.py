"""Dialect A over a socket, in both of its vocabularies, as its clients rely on it."""

import json
from typing import Any

import pytest

from chat import typing
from handlers import websocket
from models.records import Room
from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.sockets import Client, said, text

pytestmark = pytest.mark.gen_test(timeout=30)

BOTH = pytest.mark.parametrize("words", ["AUTH", "AUTHENTICATE"])
PATHS = ("/", "/ws", "/socket")


async def enter(hub: Hubbub, person: Person, *rooms: Room, words: str = "AUTHENTICATE") -> Client:
    """Log a socket in, and join rooms, in one of the vocabularies."""
    socket = await hub.dial()
    socket.tell(words, token=person.token)
    await socket.hear("ONLINE_USERS")
    for room in rooms:
        socket.tell("JOIN_ROOM", roomId=room.id)
        await socket.hear("ROOM_JOINED", roomId=room.id)
    socket.forget()
    return socket


async def friends(hub: Hubbub, *names: str) -> tuple[Room, list[Person]]:
    people = await hub.residents(*names)
    roles = {person.id: "owner" if person is people[0] else "member" for person in people}
    return await hub.room(roles), people


@pytest.mark.parametrize("path", PATHS)
async def test_logging_in_as_it_is_coded(hub: Hubbub, path: str) -> None:
    ann, bob = await hub.residents("ann", "bob")
    await hub.socket(bob)
    socket = await hub.dial(path)
    socket.tell("AUTHENTICATE", token=ann.token)
    await socket.hear("ONLINE_USERS")
    assert socket.frames == [
        {"type": "AUTHENTICATED", "payload": {"userId": ann.id, "username": "ann"}},
        {"type": "ONLINE_USERS", "payload": {"userIds": sorted([ann.id, bob.id])}},
    ]


async def test_logging_in_as_it_is_documented(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial()
    socket.tell("AUTH", token=ann.token)
    await socket.hear("ONLINE_USERS")
    assert [heard["type"] for heard in socket.frames] == ["AUTH_SUCCESS", "ONLINE_USERS"]


@pytest.mark.parametrize(("words", "answer"), [("AUTH", "AUTH_ERROR"), ("AUTHENTICATE", "ERROR")])
async def test_a_token_that_is_refused(hub: Hubbub, words: str, answer: str) -> None:
    socket = await hub.dial()
    socket.tell(words, token="nobody's")
    refusal = await socket.hear(answer)
    assert refusal["message"] == "this token is not valid"
    assert await socket.closed() == 4002


@BOTH
async def test_joining_may_come_before_the_answer_and_may_be_repeated(
    hub: Hubbub, words: str
) -> None:
    room, [ann] = await friends(hub, "ann")
    join = said("JOIN_ROOM", roomId=room.id)
    socket = await hub.dial(behind=said(words, token=ann.token) + join + join)
    await socket.until(lambda: len(socket.frames) == 4)
    welcome = "AUTHENTICATED" if words == "AUTHENTICATE" else "AUTH_SUCCESS"
    kinds = [heard["type"] for heard in socket.frames]
    assert kinds == [welcome, "ONLINE_USERS", "ROOM_JOINED", "ROOM_JOINED"]
    assert socket.frames[2] == {"type": "ROOM_JOINED", "payload": {"roomId": room.id}}


async def test_a_socket_hears_only_the_rooms_that_it_has_joined(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    other, joined = await enter(hub, bob), await enter(hub, bob, room)
    speaker = await enter(hub, ann, room)
    speaker.tell("SEND_MESSAGE", roomId=room.id, content="hi")
    await joined.hear("MESSAGE", content="hi")
    speaker.tell("TYPING", roomId=room.id)
    await joined.hear("TYPING")
    joined.tell("LEAVE_ROOM", roomId=room.id)
    await joined.hear("ROOM_LEFT", roomId=room.id)
    joined.forget()
    speaker.tell("SEND_MESSAGE", roomId=room.id, content="ho")
    await speaker.hear("MESSAGE", content="ho")
    for socket in (joined, other):
        await socket.caught_up()
        assert [kind for kind in socket.kinds() if kind != "USER_ONLINE"] == []


async def test_with_auth_all_rooms_are_heard(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    listener, speaker = await enter(hub, bob, words="AUTH"), await enter(hub, ann)
    speaker.tell("SEND_MESSAGE", roomId=room.id, content="hi")
    assert (await listener.hear("MESSAGE"))["content"] == "hi"


async def test_what_a_message_looks_like(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    here, there, other = [await enter(hub, one, room) for one in (ann, ann, bob)]
    here.tell("SEND_MESSAGE", roomId=room.id, content="  hi \n", tempId="t1")
    heard = [await socket.hear("MESSAGE") for socket in (here, there, other)]
    old = {"id", "roomId", "senderId", "senderUsername", "content", "imageUrl", "createdAt"}
    for message in heard:
        assert message.keys() >= old
        assert "clientId" not in message
        assert (message["content"], message["senderUsername"]) == ("hi", "ann")
        assert message["imageUrl"] is None
    assert [message.get("tempId") for message in heard] == ["t1", None, None]
    for socket in (here, there, other):
        await socket.caught_up()
        assert [kind for kind in socket.kinds() if kind != "USER_ONLINE"] == []


@BOTH
async def test_a_message_that_is_sent_again_is_told_to_its_socket_alone(
    hub: Hubbub, words: str
) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    listener = await enter(hub, bob, room, words=words)
    told: list[dict[str, Any]] = []
    for _ in range(2):
        socket = await enter(hub, ann, room, words=words)
        socket.tell("SEND_MESSAGE", roomId=room.id, content="once", tempId="t1")
        told.append(await socket.hear("MESSAGE", tempId="t1"))
    assert told[0]["id"] == told[1]["id"]
    await listener.caught_up()
    assert len(listener.heard("MESSAGE")) == 1


@BOTH
async def test_a_page_that_counts_from_one_again_loses_nothing(hub: Hubbub, words: str) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    listener = await enter(hub, bob, room, words=words)
    for content in ("before", "after a reload"):
        socket = await enter(hub, ann, room, words=words)
        socket.tell("SEND_MESSAGE", roomId=room.id, content=content, tempId="1")
        assert (await socket.hear("MESSAGE", tempId="1"))["content"] == content
        await listener.hear("MESSAGE", content=content)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content": ""}, "empty_message"),
        ({"content": " \n\t "}, "empty_message"),
        ({}, "empty_message"),
        ({"content": None}, "empty_message"),
        ({"content": "x" * 5001}, "invalid_frame"),
        ({"content": 5}, "invalid_frame"),
        ({"content": "x", "imageUrl": "https://evil.example/x.png"}, "unknown_upload"),
    ],
)
async def test_messages_that_are_refused(hub: Hubbub, fields: dict[str, Any], code: str) -> None:
    room, [ann] = await friends(hub, "ann")
    socket = await enter(hub, ann, room)
    socket.tell("SEND_MESSAGE", roomId=room.id, **fields)
    refusal = await socket.hear("ERROR")
    assert refusal["code"] == code
    assert refusal["message"]
    socket.tell("SEND_MESSAGE", roomId=room.id, content=" " * 100 + "x" * 5000, imageUrl=None)
    assert len((await socket.hear("MESSAGE"))["content"]) == 5000


async def test_a_member_may_send_without_joining(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    speaker, listener = await enter(hub, ann), await enter(hub, bob, room)
    speaker.tell("SEND_MESSAGE", roomId=room.id, content="hi")
    await listener.hear("MESSAGE", content="hi")
    await speaker.caught_up()
    assert "ERROR" not in speaker.kinds()


async def test_a_socket_hears_so_many_rooms(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_HEARD", 1)
    room, [ann] = await friends(hub, "ann")
    socket = await enter(hub, ann, room)
    other = (await hub.room({ann.id: "owner"})).id
    socket.tell("JOIN_ROOM", roomId=other)
    assert (await socket.hear("ERROR"))["code"] == "too_many_rooms"
    socket.tell("LEAVE_ROOM", roomId=room.id)
    socket.tell("JOIN_ROOM", roomId=other)
    await socket.hear("ROOM_JOINED", roomId=other)


async def test_rooms_of_others_are_refused(hub: Hubbub) -> None:
    room, _ = await friends(hub, "ann")
    [eve] = await hub.residents("eve")
    socket = await enter(hub, eve)
    for kind, more in (("JOIN_ROOM", {}), ("SEND_MESSAGE", {"content": "x"}), ("TYPING", {})):
        for room_id in (room.id, "0" * 24, "{}"):
            socket.tell(kind, roomId=room_id, **more)
            assert (await socket.hear("ERROR"))["code"] == "room_not_found"


@BOTH
async def test_nobody_is_told_of_a_room_that_is_gone_as_they_stop_typing(
    hub: Hubbub, words: str
) -> None:
    room, [ann] = await friends(hub, "ann")
    socket = await enter(hub, ann, room, words=words)
    await hub.call("POST", f"/api/rooms/{room.id}/leave", {}, token=ann.token)
    for kind in ("STOP_TYPING", "LEAVE_ROOM"):
        socket.tell(kind, roomId=room.id)
    await socket.caught_up()
    assert "ERROR" not in socket.kinds()


@BOTH
@pytest.mark.parametrize("kind", ["TYPING", "START_TYPING"])
async def test_typing_in_either_word(hub: Hubbub, words: str, kind: str) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    one, other = [await enter(hub, person, room, words=words) for person in (ann, bob)]
    one.tell(kind, roomId=room.id)
    started = {"userId": ann.id, "username": "ann", "roomId": room.id}
    assert await other.hear("TYPING") == started
    one.tell("STOP_TYPING", roomId=room.id)
    assert await other.hear("STOP_TYPING") == {"userId": ann.id, "roomId": room.id}
    await one.caught_up()
    assert not {"TYPING", "STOP_TYPING", "ERROR"} & set(one.kinds())


async def test_typing_ends_by_itself(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing, "TYPING_SECONDS", 0.05)
    room, [ann, bob] = await friends(hub, "ann", "bob")
    one, other = [await enter(hub, person, room) for person in (ann, bob)]
    one.tell("START_TYPING", roomId=room.id)
    await other.hear("STOP_TYPING")


@BOTH
async def test_leaving_a_page_ends_nothing_for_good(hub: Hubbub, words: str) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    socket = await enter(hub, bob, room, words=words)
    for room_id in (room.id, room.id, "0" * 24):
        socket.tell("LEAVE_ROOM", roomId=room_id)
        await socket.hear("ROOM_LEFT", roomId=room_id)
    await socket.caught_up()
    assert "ERROR" not in socket.kinds()
    assert {m.user for m in hub.core.store.rooms.members(room.id)} == {ann.id, bob.id}
    back = await enter(hub, bob, room, words=words)
    await hub.say(ann, room.id, "still here?")
    await back.hear("MESSAGE", content="still here?")


async def test_who_comes_and_goes(start: Starter) -> None:
    hub = start(presence_grace=0.0)
    ann, bob = await hub.residents("ann", "bob")
    one = await enter(hub, ann)
    first, second = await enter(hub, bob), await enter(hub, bob)
    assert await one.hear("USER_ONLINE") == {"userId": bob.id, "username": "bob"}
    first.close()
    await first.closed()
    second.close()
    assert (await one.hear("USER_OFFLINE"))["userId"] == bob.id
    await one.caught_up()
    assert one.kinds() == []


@BOTH
async def test_rooms_that_are_made_changed_and_deleted(hub: Hubbub, words: str) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, other = await enter(hub, ann, words=words), await enter(hub, bob, words=words)
    body = {"type": "group", "participantIds": [bob.id], "name": "Club"}
    room = (await hub.post("/api/rooms", body, token=ann.token)).json
    made = await other.hear("ROOM_CREATED")
    names = ("id", "name", "type", "participants", "createdAt")
    assert {name: made[name] for name in names} == {name: room[name] for name in names}
    assert (made["name"], made["type"]) == ("Club", "group")
    assert {"id": bob.id, "username": "bob"}.items() <= made["participants"][1].items()
    leave = f"/api/rooms/{room['id']}/leave"
    assert (await hub.post(leave, token=ann.token)).status == 200
    changed = await other.hear("ROOM_UPDATED")
    assert [person["id"] for person in changed["participants"]] == [bob.id]
    await one.hear("ROOM_DELETED", roomId=room["id"])
    assert one.heard("ROOM_CREATED") == []
    await hub.post(leave, token=bob.token)
    assert await other.hear("ROOM_DELETED") == {"roomId": room["id"]}


async def test_events_of_others_words_are_not_told(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    native, old = await hub.socket(ann), await enter(hub, bob, room)
    sent = (await native.ask("SEND_MESSAGE", roomId=room.id, content="@bob"))["message"]
    await native.ask("EDIT_MESSAGE", messageId=sent["id"], content="@bob!")
    await native.ask("READ", roomId=room.id, seq=1)
    await native.ask("INVITE", roomId=room.id, userId=(await hub.resident("cat")).id)
    await old.caught_up()
    known = {"MESSAGE", "ROOM_UPDATED", "USER_ONLINE"}
    assert set(old.kinds()) <= known
    assert len(old.heard("MESSAGE")) == 1


async def test_what_is_told_counts_as_delivered(hub: Hubbub) -> None:
    room, [ann, bob] = await friends(hub, "ann", "bob")
    native, _ = await hub.socket(ann), await enter(hub, bob, room)
    await native.ask("SEND_MESSAGE", roomId=room.id, content="hi")
    receipt = await native.hear("RECEIPT", userId=bob.id)
    assert (receipt["delivered"], receipt["read"]) == (1, 0)


async def test_frames_that_make_no_sense_to_it(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await enter(hub, ann)
    for words in ({"type": "NOTHING"}, {"type": "HISTORY", "payload": {"roomId": "x"}}, [], "x"):
        socket.write(text(json.dumps(words)))
        refusal = await socket.hear("ERROR")
        assert refusal["code"] == "invalid_frame"
    await socket.caught_up()
    assert socket.kinds() == []


async def test_a_ping_is_sent_now_and_then(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.sockets.HEARTBEAT_SECONDS", 0.5)
    hub = start()
    [ann] = await hub.residents("ann")
    socket = await enter(hub, ann)
    await socket.until(lambda: socket.pings >= 3)
    socket.tell("SEND_MESSAGE", roomId="x", content="")
    await socket.hear("ERROR")
