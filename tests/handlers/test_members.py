"""REST for who is in a room, and as what."""

import pytest

from models.records import EVERYONE
from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=20)


async def test_people_are_brought_in_promoted_and_sent_out(hub: Hubbub) -> None:
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    path = f"/api/rooms/{room.id}/members"
    answer = await hub.post(path, {"userId": cat.id}, token=ann.token)
    assert {one["id"] for one in answer.json["participants"]} == {ann.id, bob.id, cat.id}
    for role in ("admin", "owner"):
        answer = await hub.call("PATCH", f"{path}/{bob.id}", {"role": role}, token=ann.token)
        assert answer.status == 200
    roles = {one["id"]: one["role"] for one in (await hub.get(path, cat.token)).json}
    assert roles == {ann.id: "admin", bob.id: "owner", cat.id: "member"}
    answer = await hub.call("DELETE", f"{path}/{cat.id}", token=bob.token)
    assert {one["id"] for one in answer.json["participants"]} == {ann.id, bob.id}
    assert (await hub.get(path, cat.token)).code == "room_not_found"


async def test_members_are_listed_in_pages(hub: Hubbub) -> None:
    people = await hub.residents("ann", "bob", "cat", "dan", "eve")
    room = await hub.room({person.id: "member" for person in people})
    seen, path = [], f"/api/rooms/{room.id}/members?limit=2"
    while path:
        answer = await hub.get(path, people[0].token)
        assert len(answer.json) <= 2
        seen += [one["username"] for one in answer.json]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert sorted(seen) == ["ann", "bob", "cat", "dan", "eve"]


async def test_everybody_is_a_member_of_the_room_of_everybody(hub: Hubbub) -> None:
    ann, _ = await hub.residents("ann", "bob")
    listed = (await hub.get(f"/api/rooms/{EVERYONE}/members", ann.token)).json
    assert [one["username"] for one in listed] == ["ann", "bob"]


async def test_marks_are_those_of_people_who_tell_them(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    shy = await hub.resident("shy", receipts=False)
    room = await hub.room({one.id: "member" for one in (ann, bob, shy)})
    await hub.say(ann, room.id)
    for person in (bob, shy):
        await hub.post(f"/api/rooms/{room.id}/read", {}, token=person.token)
    read = {
        one["username"]: one["read"]
        for one in (await hub.get(f"/api/rooms/{room.id}/members", ann.token)).json
    }
    assert read == {"ann": 1, "bob": 1, "shy": 0}
