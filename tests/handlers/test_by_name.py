"""REST of dialects J and R: what whoever brings no token may read in open mode, and what not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from chat import chat as chat_module
from chat.chat import Speaker
from chat.commands import Read, SendMessage
from chat.sessions import Client as Place
from models.records import Message, User
from tests.handlers.conftest import PASSWORD, Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test(timeout=30)

HOME = Place("127.0.0.1", "a test")


@pytest.fixture
def open_hub(start: Starter) -> Hubbub:
    """A server in open mode."""
    return start(open_mode=True)


async def guest(hub: Hubbub, name: str) -> User:
    return (await hub.core.guests.enter(name, HOME)).user


async def say(hub: Hubbub, sender: User | Person, receiver: User | Person, text: str) -> Message:
    command = SendMessage(to=receiver.id, content=text)
    said = await hub.core.chat.sent(Speaker(sender.id, sender.name), command)
    return said.message


def texts(docs: list[dict[str, Any]]) -> list[str]:
    return [doc["message"] for doc in docs]


async def test_everybody_is_listed(open_hub: Hubbub) -> None:
    ann = await guest(open_hub, "Ann Lee")
    await open_hub.person("bob", email="bob@example.com")
    [one, two] = (await open_hub.get("/api/users")).json
    assert one.keys() == two.keys() >= {"_id", "username", "isOnline", "lastSeen"}
    assert "email" not in two
    assert (one["_id"], one["username"], one["isOnline"]) == (ann.id, "Ann Lee", False)
    assert one["lastSeen"].endswith("Z")


async def test_who_is_online(open_hub: Hubbub) -> None:
    bob = await open_hub.resident("bob")
    await open_hub.socket(bob)
    await guest(open_hub, "ann")
    assert (await open_hub.get("/api/online-users")).json["onlineUsers"] == ["bob"]
    assert (await open_hub.get("/api/users/online")).json == {"online": ["bob"]}
    assert (await open_hub.get("/api/status?user=BOB")).json == {"user": "bob", "online": True}
    assert (await open_hub.get("/api/status?user=ann")).json == {"user": "ann", "online": False}
    assert (await open_hub.get("/api/status?user=eve")).json == {"user": "eve", "online": False}
    assert (await open_hub.get("/api/status")).status == 400


async def test_history_and_what_waits(open_hub: Hubbub) -> None:
    ann, bob = await guest(open_hub, "ann"), await guest(open_hub, "Bob B")
    first = await say(open_hub, ann, bob, "one")
    await say(open_hub, ann, bob, "two")
    path = f"/api/messages/history?sender=Ann&receiver={quote('bob b')}"
    page = (await open_hub.get(path)).json
    assert (page["hasMore"], page["nextBefore"]) == (False, None)
    assert texts(page["messages"]) == ["two", "one"]
    doc = page["messages"][1]
    assert {**doc, "timestamp": ""} == {
        "_id": first.id,
        "sender": "ann",
        "receiver": "Bob B",
        "message": "one",
        "timestamp": "",
        "delivered": False,
        "read": False,
    }
    assert datetime.fromisoformat(doc["timestamp"]) == first.created
    old = (await open_hub.get("/api/messages/history?user1=ann&user2=Bob%20B&limit=1")).json
    assert texts(old["messages"]) == ["two"]
    assert old["hasMore"] is True
    waiting = quote("Bob B")
    assert texts((await open_hub.get(f"/api/messages/undelivered?receiver={waiting}")).json) == [
        "one",
        "two",
    ]
    counted = (await open_hub.get(f"/api/messages/unread/{waiting}")).json
    assert counted == [{"_id": "ann", "count": 2}]
    await open_hub.core.chat.read(Speaker(bob.id, bob.name), Read(message_id=first.id))
    for name in ("unread", "unseen"):
        docs = (await open_hub.get(f"/api/messages/{name}?receiver={waiting}")).json
        assert texts(docs) == ["two"]
    assert (await open_hub.get(f"/api/messages/unread/{waiting}")).json[0]["count"] == 1
    [_, one] = (await open_hub.get(path)).json["messages"]
    assert (one["delivered"], one["read"]) == (True, True)


async def test_nothing_is_lost_between_pages(
    open_hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await guest(open_hub, "ann"), await guest(open_hub, "bob")
    start, said = datetime(2030, 1, 1, tzinfo=UTC), []
    # 1, 4, 2, 7 and 1 messages of a millisecond each.
    for step, count in enumerate((1, 4, 2, 7, 1)):
        moment = start + timedelta(milliseconds=step)
        monkeypatch.setattr(chat_module, "now", lambda moment=moment: moment)
        for number in range(count):
            said.append(f"{step}.{number}")
            await say(open_hub, ann, bob, said[-1])
    path, heard, before = "/api/messages/history?sender=ann&receiver=bob&limit=5", [], ""
    while True:
        page = (await open_hub.get(path + before)).json
        heard += texts(page["messages"])
        assert page["hasMore"] is (page["nextBefore"] is not None)
        if not page["hasMore"]:
            break
        before = f"&before={quote(page['nextBefore'])}"
    assert heard == said[::-1]


@pytest.mark.parametrize(
    "path",
    [
        "/api/messages/history",
        "/api/messages/history?sender=ann",
        "/api/messages/history?sender=ann&receiver=bob&before=yesterday",
        "/api/messages/history?sender=ann&receiver=bob&limit=many",
        "/api/messages/history?sender=ann&receiver=%07",
        "/api/messages/undelivered",
        "/api/messages/unread",
        "/api/messages/unseen?receiver=",
        "/api/messages/unread/%E2%80%AE",
    ],
)
async def test_what_makes_no_sense(open_hub: Hubbub, path: str) -> None:
    assert (await open_hub.get(path)).status == 400


async def test_names_that_are_nobodys(open_hub: Hubbub) -> None:
    page = (await open_hub.get("/api/messages/history?sender=ann&receiver=bob")).json
    assert page == {"messages": [], "nextBefore": None, "hasMore": False}
    assert (await open_hub.get("/api/messages/undelivered?receiver=ann")).json == []
    assert (await open_hub.get("/api/messages/unread?receiver=ann")).json == []
    assert (await open_hub.get("/api/messages/unread/ann")).json == []
    assert (await open_hub.get("/api/users")).json == []


PATHS = {
    "history": "/api/messages/history?sender=ann&receiver=bob",
    "undelivered": "/api/messages/undelivered?receiver=bob",
    "unread": "/api/messages/unread?receiver=bob",
    "unseen": "/api/messages/unseen?receiver=bob",
    "counts": "/api/messages/unread/bob",
    "users": "/api/users",
    "online": "/api/users/online",
    "online users": "/api/online-users",
    "status": "/api/status?user=bob",
}
PRIVATE = {"history", "undelivered", "unread", "unseen", "counts"}


@pytest.mark.parametrize("name", PATHS)
async def test_who_may_read_in_open_mode(open_hub: Hubbub, name: str) -> None:
    """Between a guest and somebody with a password, only the latter, by their token."""
    ann, bob = await guest(open_hub, "ann"), await open_hub.person("bob")
    eve = await open_hub.resident("eve")
    await say(open_hub, ann, bob, "secret")
    statuses = [
        (await open_hub.get(PATHS[name], token)).status for token in (None, eve.token, bob.token)
    ]
    assert statuses == ([401, 404, 200] if name in PRIVATE else [200, 200, 200])
    stale = await open_hub.get(PATHS[name], "nonsense")
    assert (stale.status, stale.code) == (401, "invalid_token")


@pytest.mark.parametrize("name", PATHS)
async def test_outside_open_mode_everybody_needs_a_token(hub: Hubbub, name: str) -> None:
    bob = await hub.resident("bob")
    without = await hub.get(PATHS[name])
    assert (without.status, without.code) == (401, "missing_token")
    assert (await hub.get(PATHS[name], bob.token)).status == 200


async def test_what_somebody_with_a_password_told_a_guest_is_not_for_all(open_hub: Hubbub) -> None:
    ann, bob, eve = (
        await guest(open_hub, "ann"),
        await open_hub.person("bob"),
        await guest(open_hub, "eve"),
    )
    await say(open_hub, bob, ann, "secret")
    await say(open_hub, eve, ann, "open")
    assert texts((await open_hub.get("/api/messages/undelivered?receiver=ann")).json) == ["open"]
    assert texts((await open_hub.get("/api/messages/unread?receiver=ann")).json) == ["open"]
    assert (await open_hub.get("/api/messages/unread/ann")).json == [{"_id": "eve", "count": 1}]
    assert (await open_hub.get("/api/messages/history?sender=bob&receiver=ann")).status == 401


async def test_guests_do_not_log_in(open_hub: Hubbub) -> None:
    await guest(open_hub, "ann")
    await guest(open_hub, "a@b.cd")
    for field, name in (("username", "ann"), ("username", "a@b.cd"), ("email", "a@b.cd")):
        body = {field: name, "password": PASSWORD}
        answer = await open_hub.post("/api/auth/login", body)
        assert (answer.status, answer.code) == (401, "invalid_credentials")
    taken = await open_hub.post("/api/auth/register", {"username": "ANN", "password": PASSWORD})
    assert (taken.status, taken.code) == (409, "username_taken")


async def test_calls_without_a_token_are_counted_by_address(start: Starter) -> None:
    hub = start(open_mode=True, rate_limits=True, command_burst=2, command_rate=1)
    answers = await asyncio.gather(*(hub.get("/api/users") for _ in range(4)))
    assert max(answer.status for answer in answers) == 429
