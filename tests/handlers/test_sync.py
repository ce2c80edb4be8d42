"""What is new in many rooms at once, and waiting for it."""

import asyncio
from typing import Any

import pytest

from handlers.polls import Poll
from models.records import Room
from tests.handlers.conftest import Answer, Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test(timeout=20)

LONG = 30


async def friends(hub: Hubbub) -> tuple[Room, Person, Person]:
    ann, bob = await hub.residents("ann", "bob")
    return await hub.room({ann.id: "owner", bob.id: "member"}), ann, bob


def waiting(hub: Hubbub, person: Person, rooms: str, **more: Any) -> asyncio.Task[Answer]:
    query = "&".join(f"{name}={value}" for name, value in {"wait": LONG, **more}.items())
    return asyncio.create_task(hub.get(f"/api/sync?rooms={rooms}&{query}", person.token))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Semaphore:
    """Counts the polls that have found nothing and wait."""
    begun = asyncio.Semaphore(0)
    wait = Poll.wait

    async def noted(poll: Poll, seconds: float) -> bool:
        begun.release()
        return await wait(poll, seconds)

    monkeypatch.setattr(Poll, "wait", noted)
    return begun


async def test_rooms_with_news_are_told_and_no_others(hub: Hubbub) -> None:
    room, ann, bob = await friends(hub)
    quiet = await hub.room({ann.id: "owner"})
    for number in range(3):
        await hub.say(bob, room.id, str(number))
    answer = (await hub.get(f"/api/sync?rooms={room.id}:1,{quiet.id}:0", ann.token)).json
    [news] = answer["rooms"]
    assert [message["content"] for message in news["messages"]] == ["1", "2"]
    assert (news["roomId"], news["rev"], news["unread"], news["hasMore"]) == (room.id, 3, 3, False)
    answer = (await hub.get(f"/api/sync?rooms={room.id}:3,{quiet.id}:0", ann.token)).json
    assert (answer["rooms"], answer["gone"], answer["more"]) == ([], [], False)
    answer = (await hub.get(f"/api/sync?rooms={room.id}:9", ann.token)).json
    assert answer["rooms"][0]["reset"] is True


async def test_what_does_not_fit_is_asked_for_again(hub: Hubbub) -> None:
    room, ann, _ = await friends(hub)
    for number in range(5):
        await hub.say(ann, room.id, str(number))
    seen, rev, more = [], 0, True
    while more:
        answer = (await hub.get(f"/api/sync?rooms={room.id}:{rev}&limit=2", ann.token)).json
        [news] = answer["rooms"]
        seen += [message["content"] for message in news["messages"]]
        rev, more = news["rev"], answer["more"]
    assert (seen, rev) == (list("01234"), 5)


async def test_rooms_of_others_are_gone_as_those_that_never_were(hub: Hubbub) -> None:
    room, *_ = await friends(hub)
    eve = await hub.resident("eve")
    other = "0" * 24
    answer = (await hub.get(f"/api/sync?rooms={room.id}:0,{other}:0", eve.token)).json
    assert (answer["gone"], answer["rooms"]) == ([room.id, other], [])


async def test_a_wait_ends_with_the_first_news(hub: Hubbub, waits: asyncio.Semaphore) -> None:
    room, ann, bob = await friends(hub)
    asked = waiting(hub, ann, f"{room.id}:0")
    await waits.acquire()
    await hub.say(bob, room.id, "news")
    [news] = (await asked).json["rooms"]
    assert [message["content"] for message in news["messages"]] == ["news"]
    assert not hub.core.hub.is_connected(ann.id)
    assert len(hub.services.sockets) == 0


async def test_what_is_said_elsewhere_wakes_nobody(hub: Hubbub, waits: asyncio.Semaphore) -> None:
    room, ann, bob = await friends(hub)
    other = await hub.room({ann.id: "owner", bob.id: "member"})
    asked = waiting(hub, ann, f"{room.id}:0")
    await waits.acquire()
    await hub.say(bob, other.id, "elsewhere")
    await hub.say(bob, room.id, "here")
    [news] = (await asked).json["rooms"]
    assert news["roomId"] == room.id


async def test_a_wait_without_news_ends_by_itself(hub: Hubbub) -> None:
    room, ann, _ = await friends(hub)
    answer = await waiting(hub, ann, f"{room.id}:0", wait=0.05)
    assert (answer.status, answer.json["rooms"]) == (200, [])


async def test_a_new_room_changes_the_list(hub: Hubbub, waits: asyncio.Semaphore) -> None:
    room, ann, bob = await friends(hub)
    known = (await hub.get("/api/sync", ann.token)).json
    assert known["listChanged"] is False
    asked = waiting(hub, ann, f"{room.id}:0", list=known["list"])
    await waits.acquire()
    await hub.post("/api/rooms", {"type": "private", "participantIds": [ann.id]}, token=bob.token)
    told = (await asked).json
    assert (told["listChanged"], told["list"] != known["list"]) == (True, True)
    # It is not missed by whoever asks only afterwards, either.
    late = (await hub.get(f"/api/sync?list={known['list']}", ann.token)).json
    assert late["listChanged"] is True


async def test_ones_own_marks_from_elsewhere_are_news(
    hub: Hubbub, waits: asyncio.Semaphore
) -> None:
    room, ann, bob = await friends(hub)
    await hub.say(bob, room.id)
    asked = waiting(hub, ann, f"{room.id}:1")
    await waits.acquire()
    await hub.post(f"/api/rooms/{room.id}/read", {}, token=ann.token)
    [news] = (await asked).json["rooms"]
    assert (news["messages"], news["read"], news["unread"]) == ([], 1, 0)


async def test_a_wait_ends_with_its_login(hub: Hubbub, waits: asyncio.Semaphore) -> None:
    room, ann, _ = await friends(hub)
    asked = waiting(hub, ann, f"{room.id}:0")
    await waits.acquire()
    await hub.post("/api/auth/logout-all", token=ann.token)
    answer = await asked
    assert (answer.status, answer.code) == (401, "invalid_token")


async def test_a_wait_ends_with_the_server(hub: Hubbub, waits: asyncio.Semaphore) -> None:
    room, ann, _ = await friends(hub)
    asked = waiting(hub, ann, f"{room.id}:0")
    await waits.acquire()
    hub.services.sockets.close_all()
    assert (await asked).json["rooms"] == []


async def test_whoever_hangs_up_waits_no_longer(
    hub: Hubbub, waits: asyncio.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, ann, _ = await friends(hub)
    _, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    line = f"GET /api/sync?wait=30&rooms={room.id}:0 HTTP/1.1\r\nHost: x\r\n"
    writer.write(f"{line}Authorization: Bearer {ann.token}\r\n\r\n".encode())
    await waits.acquire()
    ended = asyncio.Event()
    presence = hub.services.presence
    leave = presence.disconnect
    monkeypatch.setattr(presence, "disconnect", lambda poll: (leave(poll), ended.set()))
    writer.close()
    await ended.wait()
    assert not hub.core.hub.is_connected(ann.id)


async def test_waiting_calls_count_as_sockets(start: Starter, waits: asyncio.Semaphore) -> None:
    hub = start(rate_limits=True, sockets_per_user=1)
    room, ann, _ = await friends(hub)
    asked = waiting(hub, ann, f"{room.id}:0")
    await waits.acquire()
    refused = await hub.get("/api/sync?wait=1", ann.token)
    assert (refused.status, refused.code) == (429, "too_many_sockets")
    hub.services.sockets.close_all()
    await asked


@pytest.mark.parametrize(
    "query",
    ["rooms=x", "rooms=" + "0" * 24, "rooms=" + "0" * 24 + ":-1", "wait=x", "wait=-1", "wait=nan"],
)
async def test_questions_that_make_no_sense_are_refused(hub: Hubbub, query: str) -> None:
    ann = await hub.resident("ann")
    answer = await hub.get(f"/api/sync?{query}", ann.token)
    assert (answer.status, answer.code) == (400, "invalid_query")


async def test_too_many_rooms_at_once_are_refused(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    rooms = ",".join(f"{number:024x}:0" for number in range(101))
    answer = await hub.get(f"/api/sync?rooms={rooms}", ann.token)
    assert (answer.status, answer.code) == (400, "invalid_query")
