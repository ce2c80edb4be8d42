"""What is new in many rooms at once, and waiting for it."""

import asyncio
import random
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


class Poller:
    """A client without a socket: it asks for news again and again, and keeps what it is told."""

    def __init__(self, hub: Hubbub, person: Person) -> None:
        self.seen: dict[str, dict[str, Any]] = {}
        self._hub = hub
        self._token = person.token
        self._revs: dict[str, int] = {}
        self._list = ""

    async def follow(self, *, wait: float) -> bool:
        """Ask once, and note what is new; tell whether something is."""
        rooms = ",".join(f"{room}:{rev}" for room, rev in self._revs.items())
        path = f"/api/sync?rooms={rooms}&list={self._list}&wait={wait}&limit=1"
        news = (await self._hub.get(path, self._token)).json
        if news["listChanged"] or not self._list:
            for room in (await self._hub.get("/api/rooms", self._token)).json:
                self._revs.setdefault(room["id"], 0)
                self.seen.setdefault(room["id"], {})
        self._list = news["list"]
        for room in news["gone"]:
            del self._revs[room], self.seen[room]
        for room in news["rooms"]:
            assert not room["reset"]
            self._revs[room["roomId"]] = room["rev"]
            told = {message["id"]: message for message in room["messages"]}
            self.seen[room["roomId"]] |= told
        return bool(news["rooms"] or news["gone"] or news["listChanged"] or news["more"])


async def talk(hub: Hubbub, person: Person, other: Person, chance: random.Random) -> None:
    """Say and change this and that, in rooms that come and go."""
    said: list[str] = []
    rooms: list[str] = []
    for number in range(60):
        deed = chance.choice(["say", "say", "say", "edit", "delete", "react", "pin", "room"])
        message = f"/api/messages/{chance.choice(said)}" if said else ""
        if deed == "room" or not rooms:
            body = {"kind": "private", "name": str(number), "participantIds": [other.id]}
            made = await hub.post("/api/rooms", body, token=person.token)
            rooms.append(made.json["id"])
        elif deed == "say" or not said:
            path = f"/api/rooms/{chance.choice(rooms[-2:])}/messages"
            answer = await hub.post(path, {"content": str(number)}, token=person.token)
            said.append(answer.json["id"])
        elif deed == "edit":
            body = {"content": f"edited {number}"}
            answer = await hub.call("PATCH", message, body, token=person.token)
            assert answer.status in (200, 409)
        elif deed == "delete":
            await hub.call("DELETE", message, token=person.token)
        elif deed == "react":
            await hub.call("PUT", f"{message}/reactions/%F0%9F%8D%B5", token=other.token)
        else:
            await hub.call("PUT", f"{message}/pin", token=person.token)
    out = f"/api/rooms/{rooms[0]}/members/{other.id}"
    assert (await hub.call("DELETE", out, token=person.token)).status == 200


@pytest.mark.parametrize("seed", [1, 2])
async def test_whoever_polls_knows_in_the_end_what_there_is(hub: Hubbub, seed: int) -> None:
    ann, bob = await hub.residents("ann", "bob")
    poller, chance = Poller(hub, bob), random.Random(seed)
    talking = asyncio.gather(*(talk(hub, ann, bob, chance) for _ in range(3)))
    while not talking.done():
        await poller.follow(wait=0.2)
    await talking
    while await poller.follow(wait=0):
        pass
    there: dict[str, dict[str, Any]] = {}
    for room in (await hub.get("/api/rooms", bob.token)).json:
        page = (await hub.get(f"/api/rooms/{room['id']}/messages?limit=100", bob.token)).json
        there[room["id"]] = {message["id"]: message for message in page["messages"]}
    assert poller.seen == there
    assert sum(map(len, there.values())) > 5


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
