"""REST for what was said in a room: pages of it, what has changed in it, what is pinned."""

import gzip
import json
from urllib.parse import quote

import pytest

from models.records import Message, Room
from tests.handlers.conftest import Hubbub, Person

pytestmark = pytest.mark.gen_test(timeout=20)


async def spoken(hub: Hubbub, amount: int) -> tuple[Room, Person, list[Message]]:
    ann = await hub.resident("ann")
    room = await hub.room({ann.id: "owner"})
    return room, ann, [await hub.say(ann, room.id, str(n)) for n in range(1, amount + 1)]


async def test_pages_of_every_form(hub: Hubbub) -> None:
    room, ann, said = await spoken(hub, 9)

    async def page(query: str) -> tuple[str, bool]:
        answer = (await hub.get(f"/api/rooms/{room.id}/messages?{query}", ann.token)).json
        return "".join(m["content"] for m in answer["messages"]), answer["hasMore"]

    assert await page("limit=3") == ("789", True)
    assert await page("limit=3&before=4") == ("123", False)
    assert await page("limit=3&after=4") == ("567", True)
    assert await page("limit=3&around=5") == ("456", True)
    assert await page("limit=3&page=3") == ("123", False)
    assert await page("limit=3&skip=2") == ("567", True)
    assert await page("limit=3&skip=2&page=2") == ("234", True)
    assert await page("limit=3&skip=20") == ("", False)
    for place in (said[0], said[4]):
        # Several may share a millisecond: none of them is before it.
        older = [m.text for m in said if m.created < place.created][-3:]
        moment = quote(place.created.isoformat())
        assert (await page(f"limit=3&before={moment}"))[0] == "".join(older)
    assert await page("limit=3&before=2100-01-01T00:00:00") == ("789", True)
    assert await page("limit=3&before=1970-01-01T00:00:00Z") == ("", False)


@pytest.mark.parametrize(
    "query", ["before=x", "after=-1", "around=1.5", "limit=many", "before=1&after=2", "page=x"]
)
async def test_places_that_are_none_are_refused(hub: Hubbub, query: str) -> None:
    room, ann, _ = await spoken(hub, 1)
    answer = await hub.get(f"/api/rooms/{room.id}/messages?{query}", ann.token)
    assert answer.status == 400
    assert answer.code in ("invalid_query", "invalid_body")


async def test_changes_go_on_from_a_rev(hub: Hubbub) -> None:
    room, ann, said = await spoken(hub, 5)
    await hub.call("PUT", f"/api/messages/{said[0].id}/pin", token=ann.token)
    path, since, seen = f"/api/rooms/{room.id}/changes", 2, []
    while True:
        answer = (await hub.get(f"{path}?since={since}&limit=2", ann.token)).json
        seen += [message["content"] for message in answer["messages"]]
        since = answer["rev"]
        assert not answer["reset"]
        if not answer["hasMore"]:
            break
    assert (seen, since) == (["3", "4", "5", "1"], 6)
    ahead = (await hub.get(f"{path}?since=99", ann.token)).json
    assert (ahead["reset"], ahead["rev"], ahead["hasMore"]) == (True, 6, False)


async def test_pins_are_listed_in_pages(hub: Hubbub) -> None:
    room, ann, said = await spoken(hub, 5)
    for number in (4, 0, 2):
        await hub.call("PUT", f"/api/messages/{said[number].id}/pin", token=ann.token)
    path = f"/api/rooms/{room.id}/pins"
    page = (await hub.get(f"{path}?limit=2", ann.token)).json
    assert ([m["content"] for m in page["messages"]], page["hasMore"]) == (["3", "5"], True)
    page = (await hub.get(f"{path}?limit=2&before=3", ann.token)).json
    assert ([m["content"] for m in page["messages"]], page["hasMore"]) == (["1"], False)


async def test_what_has_not_changed_is_not_sent_again(hub: Hubbub) -> None:
    room, ann, said = await spoken(hub, 2)
    path = f"/api/rooms/{room.id}/messages"
    first = await hub.get(path, ann.token)
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": f'"x", {first.headers["ETag"]}'}
    again = await hub.get(path, ann.token, headers=known)
    assert (again.status, again.body) == (304, b"")
    strong = {"If-None-Match": first.headers["ETag"].removeprefix("W/")}
    assert (await hub.get(path, ann.token, headers=strong)).status == 304
    await hub.call("DELETE", f"/api/messages/{said[0].id}", token=ann.token)
    changed = await hub.get(path, ann.token, headers=known)
    assert (changed.status, changed.headers["ETag"] != first.headers["ETag"]) == (200, True)


async def test_large_pages_come_compressed_to_whoever_takes_that(hub: Hubbub) -> None:
    room, ann, _ = await spoken(hub, 30)
    path = f"/api/rooms/{room.id}/messages"
    plain = await hub.get(path, ann.token)
    request = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {ann.token}"}
    status, headers, body = await hub.raw_get(path, request)
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(body) < len(plain.body) / 3
    assert json.loads(gzip.decompress(body)) == plain.json
    for refused in ("", "br, identity", "gzip;q=0", "br, GZIP; q=0.000"):
        _, headers, body = await hub.raw_get(path, {**request, "Accept-Encoding": refused})
        assert "Content-Encoding" not in headers
        assert json.loads(body) == plain.json
    _, headers, _ = await hub.raw_get(path, {**request, "Accept-Encoding": "br, gzip;q=0.1"})
    assert headers["Content-Encoding"] == "gzip"
    # The names of many rooms side by side are never compressed.
    _, headers, _ = await hub.raw_get("/api/rooms", request)
    assert "Content-Encoding" not in headers
