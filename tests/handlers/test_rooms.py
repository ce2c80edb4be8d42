"""REST for rooms, and for what was said in them."""

import pytest

from models.records import EVERYONE
from models.store import Unavailable
from tests.handlers.conftest import Answer, Hubbub, Person

pytestmark = pytest.mark.gen_test(timeout=20)

DIRECT = {"type": "private"}


async def make(hub: Hubbub, by: Person, *others: Person, **fields: object) -> Answer:
    body = {"type": "group", "participantIds": [other.id for other in others], **fields}
    return await hub.post("/api/rooms", body, token=by.token)


async def say(hub: Hubbub, by: Person, room: str, content: str, **fields: object) -> Answer:
    body = {"content": content, **fields}
    return await hub.post(f"/api/rooms/{room}/messages", body, token=by.token)


async def test_a_private_room_is_made_once_for_two(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    made, found = await make(hub, ann, bob, **DIRECT), await make(hub, bob, ann, **DIRECT)
    assert (made.status, found.status) == (201, 200)
    assert made.json["id"] == found.json["id"]
    assert (made.json["kind"], made.json["type"]) == ("direct", "private")
    assert {one["username"] for one in made.json["participants"]} == {"ann", "bob"}


async def test_a_group_has_a_name_and_its_people(hub: Hubbub) -> None:
    ann, bob, eve = [await hub.person(name) for name in ("ann", "bob", "eve")]
    room = (await make(hub, ann, bob, name=" Book  club ")).json
    assert (room["name"], room["type"], room["kind"]) == ("Book  club", "group", "private")
    for person, status in ((ann, 200), (bob, 200), (eve, 404)):
        answer = await hub.get(f"/api/rooms/{room['id']}", person.token)
        assert answer.status == status


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_field"),
        ({"type": "private"}, 400, "invalid_participants"),
        ({"type": "secret"}, 400, "invalid_body"),
        ({"kind": "public", "name": ""}, 400, "invalid_room_name"),
        ({"type": "group", "name": "a\u202eb"}, 400, "invalid_room_name"),
        ({"type": "group", "participantIds": ["0" * 24]}, 404, "user_not_found"),
        ({"type": "group", "participantIds": [{"$ne": 1}]}, 400, "invalid_body"),
    ],
)
async def test_a_room_that_makes_no_sense_is_refused(
    hub: Hubbub, body: dict[str, object], status: int, code: str
) -> None:
    ann = await hub.person("ann")
    answer = await hub.post("/api/rooms", body, token=ann.token)
    assert (answer.status, answer.code) == (status, code)
    assert (await hub.get("/api/rooms", ann.token)).json == []


async def test_rooms_are_listed_the_latest_first_and_in_pages(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    made = [(await make(hub, ann, name=f"room {n}")).json["id"] for n in range(5)]
    await say(hub, ann, made[1], "hello")
    await hub.core.chat.hints.write()
    seen, path = [], "/api/rooms?limit=2"
    while path:
        answer = await hub.get(path, ann.token)
        seen += [room["id"] for room in answer.json]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == [made[1], made[4], made[3], made[2], made[0]]


async def test_a_room_that_is_deleted_meanwhile_ends_no_list(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    made = [(await make(hub, ann)).json["id"] for _ in range(3)]
    hub.core.rooms.drop(made[2])
    read = hub.core.store.rooms.get
    hub.core.store.rooms.get = lambda room: None if room == made[2] else read(room)
    answer = await hub.get("/api/rooms?limit=2", ann.token)
    assert [room["id"] for room in answer.json] == [made[1]]
    hub.core.store.rooms.get = read
    path = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert [room["id"] for room in (await hub.get(path, ann.token)).json] == [made[0]]


@pytest.mark.parametrize("before", ["x", "2026,", ",", "now,abc"])
async def test_a_place_in_the_list_that_is_none_is_refused(hub: Hubbub, before: str) -> None:
    ann = await hub.person("ann")
    answer = await hub.get(f"/api/rooms?before={before}", ann.token)
    assert (answer.status, answer.code) == (400, "invalid_query")


async def test_public_rooms_are_found_by_whoever_asks(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    made = [
        (await hub.post("/api/rooms", {"kind": kind}, token=ann.token)).json["id"]
        for kind in ("public", "private", "public", "public")
    ]
    await say(hub, ann, made[3], "hello")
    seen, path = [], "/api/rooms?public=1&limit=2"
    while path:
        answer = await hub.get(path, bob.token)
        seen += answer.json
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert [room["id"] for room in seen] == [made[3], made[2], made[0]]
    assert (seen[0]["unread"], seen[0]["seq"]) == (0, 1)
    assert (await hub.get("/api/rooms", bob.token)).json == []


async def test_the_room_of_everybody_is_listed_if_asked_for(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    assert (await hub.get("/api/rooms", ann.token)).json == []
    [everyone] = (await hub.get("/api/rooms?everyone=1", ann.token)).json
    assert everyone["id"] == EVERYONE


async def test_a_message_is_said_and_read(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    room = (await make(hub, ann, bob, **DIRECT)).json["id"]
    said = await say(hub, ann, room, "hello", clientId="c1")
    assert said.status == 201
    assert (said.json["seq"], said.json["senderUsername"]) == (1, "ann")
    again = await say(hub, ann, room, "hello again", clientId="c1")
    assert (again.status, again.json) == (200, said.json)
    [heard] = (await hub.get(f"/api/rooms/{room}/messages", bob.token)).json["messages"]
    assert heard["content"] == "hello"
    assert "clientId" not in heard
    [state] = (await hub.get("/api/rooms", bob.token)).json
    assert (state["unread"], state["lastMessage"]["content"]) == (1, "hello")


async def test_history_comes_in_pages_of_either_kind(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    room = (await make(hub, ann)).json["id"]
    for number in range(1, 6):
        await say(hub, ann, room, str(number))

    async def page(query: str) -> tuple[str, bool]:
        answer = (await hub.get(f"/api/rooms/{room}/messages?{query}", ann.token)).json
        return " ".join(m["content"] for m in answer["messages"]), answer["hasMore"]

    assert await page("limit=2") == ("4 5", True)
    assert await page("limit=2&page=2") == ("2 3", True)
    assert await page("limit=2&page=3") == ("1", False)
    assert await page("limit=2&page=4") == ("", False)
    assert await page("limit=2&before=4") == ("2 3", True)
    assert await page("limit=2&after=3") == ("4 5", False)
    assert await page("limit=500") == ("1 2 3 4 5", False)


async def test_strangers_find_nothing(hub: Hubbub) -> None:
    ann, eve = await hub.person("ann"), await hub.person("eve")
    room = (await make(hub, ann)).json["id"]
    for known in (room, "0" * 24, "x"):
        for answer in (
            await hub.get(f"/api/rooms/{known}", eve.token),
            await hub.get(f"/api/rooms/{known}/messages", eve.token),
            await say(hub, eve, known, "hello"),
            await hub.post(f"/api/rooms/{known}/leave", token=eve.token),
        ):
            assert (answer.status, answer.code) == (404, "room_not_found")


async def test_leaving_tells_no_more_and_the_last_one_takes_the_room_along(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    room = (await make(hub, ann, bob)).json["id"]
    left = await hub.post(f"/api/rooms/{room}/leave", token=ann.token)
    assert (left.status, set(left.json)) == (200, {"message"})
    assert (await hub.get(f"/api/rooms/{room}/messages", ann.token)).status == 404
    assert (await hub.get(f"/api/rooms/{room}", bob.token)).status == 200
    await hub.post(f"/api/rooms/{room}/leave", token=bob.token)
    assert hub.core.store.rooms.get(room) is None


async def test_a_deleted_account_leaves_its_groups_and_its_words(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    room = (await make(hub, ann, bob)).json["id"]
    await say(hub, bob, room, "remember me")
    gone = await hub.call(
        "DELETE", "/api/auth/me", {"password": "correct horse 42"}, token=bob.token
    )
    assert gone.status == 200
    state = (await hub.get(f"/api/rooms/{room}", ann.token)).json
    assert [one["username"] for one in state["participants"]] == ["ann"]
    [said] = (await hub.get(f"/api/rooms/{room}/messages", ann.token)).json["messages"]
    assert (said["content"], said["senderUsername"]) == ("remember me", "Deleted user")


@pytest.mark.parametrize("content", ["", "   ", "x" * 5001])
async def test_a_message_that_says_nothing_or_too_much_is_refused(
    hub: Hubbub, content: str
) -> None:
    ann = await hub.person("ann")
    room = (await make(hub, ann)).json["id"]
    assert (await say(hub, ann, room, content)).status == 400
    assert (await hub.get(f"/api/rooms/{room}/messages", ann.token)).json["messages"] == []


async def test_nobody_is_online_without_a_socket(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    answer = await hub.get("/api/online-users", ann.token)
    assert answer.json == {"onlineUsers": [], "userIds": []}


async def test_a_deletion_that_broke_off_in_the_middle_can_be_repeated(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.person("ann")
    bob = await hub.person("bob")
    room = (await make(hub, bob)).json["id"]
    password = {"password": "correct horse 42"}

    def fails(*_: object) -> None:
        raise Unavailable("for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(hub.core.store.rooms, "delete", fails)
        answer = await hub.call("DELETE", "/api/auth/me", password, token=bob.token)
    assert (answer.status, await hub.is_in(bob.token)) == (503, True)
    again = await hub.call("DELETE", "/api/auth/me", password, token=bob.token)
    assert again.status == 200
    assert hub.core.store.rooms.get(room) is None
