"""REST for what was said: saying it, changing it, and having received and read it."""

from urllib.parse import quote

import pytest

from models.records import Room
from tests.handlers.conftest import Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test(timeout=20)


async def friends(hub: Hubbub) -> tuple[Room, Person, Person]:
    ann, bob = await hub.residents("ann", "bob")
    return await hub.room({ann.id: "owner", bob.id: "member"}), ann, bob


async def test_a_message_from_its_first_word_to_its_end(hub: Hubbub) -> None:
    room, ann, bob = await friends(hub)
    said = await hub.say(bob, room.id, "helo")
    path = f"/api/messages/{said.id}"
    edited = await hub.call("PATCH", path, {"content": "hello"}, token=bob.token)
    assert (edited.json["content"], edited.json["rev"]) == ("hello", 2)
    former = await hub.get(f"{path}/former", ann.token)
    assert [text["text"] for text in former.json["former"]] == ["helo"]
    smile = quote("👩‍👩‍👧‍👦")
    for method, users in (("PUT", {"👩‍👩‍👧‍👦": [ann.id]}), ("DELETE", {})):
        answer = await hub.call(method, f"{path}/reactions/{smile}", token=ann.token)
        assert answer.json["reactions"] == users
    for method, pinned in (("PUT", True), ("DELETE", False)):
        answer = await hub.call(method, f"{path}/pin", token=ann.token)
        assert answer.json["pinned"] is pinned
    gone = await hub.call("DELETE", path, token=bob.token)
    assert (gone.json["content"], gone.json["deletedAt"] is not None) == ("", True)
    assert (await hub.get(path, ann.token)).json["rev"] == 7
    refused = await hub.call("PUT", f"{path}/pin", token=ann.token)
    assert (refused.status, refused.code) == (409, "message_deleted")


async def test_only_some_may_change_or_look_behind(hub: Hubbub) -> None:
    room, ann, bob = await friends(hub)
    said = await hub.say(ann, room.id, "hello")
    path = f"/api/messages/{said.id}"
    for method, more, code in (
        ("PATCH", "", "not_yours"),
        ("DELETE", "", "not_yours"),
        ("GET", "/former", "not_yours"),
        ("PUT", "/pin", "not_in_charge"),
    ):
        body = {"content": "x"} if method == "PATCH" else None
        answer = await hub.call(method, path + more, body, token=bob.token)
        assert (answer.status, answer.code) == (403, code)


async def test_what_is_said_to_a_person_makes_the_direct_room(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    first = await hub.post("/api/messages", {"to": bob.id, "content": "hi"}, token=ann.token)
    again = await hub.post("/api/messages", {"to": ann.id, "content": "ho"}, token=bob.token)
    assert (first.status, again.status) == (201, 201)
    assert first.json["roomId"] == again.json["roomId"]
    nobody = await hub.post("/api/messages", {"content": "hi"}, token=ann.token)
    assert nobody.code == "missing_field"


async def test_marks_by_place_by_message_and_to_the_end(hub: Hubbub) -> None:
    room, ann, bob = await friends(hub)
    said = [await hub.say(ann, room.id, str(n)) for n in range(4)]
    path = f"/api/rooms/{room.id}"
    steps = (
        (f"{path}/delivered", {"seq": 1}, (1, 0)),
        (f"/api/messages/{said[1].id}/delivered", None, (2, 0)),
        (f"/api/messages/{said[2].id}/read", None, (3, 3)),
        (f"{path}/read", {"seq": 1}, (3, 3)),
        (f"{path}/read", {}, (4, 4)),
    )
    for where, body, marks in steps:
        answer = await hub.post(where, body, token=bob.token)
        assert (answer.json["delivered"], answer.json["read"]) == marks


async def test_an_emoji_that_is_none_is_not_there(hub: Hubbub) -> None:
    room, ann, _ = await friends(hub)
    said = await hub.say(ann, room.id)
    path = f"/api/messages/{said.id}/reactions"
    long = await hub.call("PUT", f"{path}/{'x' * 33}", token=ann.token)
    assert (long.status, long.code) == (404, "not_found")
    broken = await hub.call("PUT", f"{path}/%ff", token=ann.token)
    assert (broken.status, broken.code) == (400, "bad_request")


async def test_messages_and_other_calls_are_counted_apart(start: Starter) -> None:
    hub = start(rate_limits=True, message_burst=2, message_rate=1, command_burst=3, command_rate=1)
    ann = await hub.resident("ann")
    room = await hub.room({ann.id: "owner"})
    path = f"/api/rooms/{room.id}/messages"
    left = []
    for _ in range(2):
        answer = await hub.post(path, {"content": "x"}, token=ann.token)
        left.append(answer.headers["X-RateLimit-Remaining"])
    assert (left, answer.headers["X-RateLimit-Limit"]) == (["1", "0"], "2")
    refused = await hub.post(path, {"content": "x"}, token=ann.token)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert (await hub.get(path, ann.token)).headers["X-RateLimit-Limit"] == "3"
