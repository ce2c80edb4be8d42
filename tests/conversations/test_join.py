"""Dialect J with the real JavaScript client: `join`, and messages between two names."""

import pytest

from tests.conversations.puppets import Puppet, Puppets, Theatre
from tests.handlers.conftest import Hubbub, Starter

pytestmark = pytest.mark.gen_test(timeout=60)

TEXT = " hi  <b>\n "


async def joined(puppets: Puppets, name: str) -> Puppet:
    """Somebody who has joined."""
    puppet = await puppets.connect(name, dialects=("J",))
    assert await puppet.ask("join", name) == {"ok": True, "username": name}
    await puppet.hear("onlineUsersList")
    return puppet


async def both(puppets: Puppets) -> tuple[Puppet, Puppet]:
    """Two who have joined, and have forgotten what they heard of one another."""
    ann, bob = await joined(puppets, "Ann Lee"), await joined(puppets, "bob")
    await ann.hear("userStatusChange", username="bob")
    assert await ann.silence() == await bob.silence() == []
    return ann, bob


async def test_who_joins_hears_who_is_there_and_the_others_hear_of_them(puppets: Puppets) -> None:
    ann = await puppets.connect("Ann Lee", dialects=("J",))
    ann.emit("join", "Ann Lee")
    assert await ann.hear("onlineUsersList") == ["Ann Lee"]
    bob = puppets.begin("bob", first=[["join", " bob "]], dialects=("J",))
    assert await bob.hear("onlineUsersList") == ["Ann Lee", "bob"]
    assert await ann.hear("userStatusChange") == {"username": "bob", "status": "online"}
    # Said again and again, in whatever letters: to whoever says it alone.
    assert (await bob.ask("join", "BOB"))["username"] == "bob"
    assert await bob.hear("onlineUsersList") == ["Ann Lee", "bob"]
    tab = await joined(puppets, "bob")
    assert await ann.silence() == []
    assert await bob.silence() == ["connect"]
    # Only with the last socket is somebody gone.
    await tab.leave()
    assert await ann.silence() == []
    await bob.leave()
    assert await ann.hear("userStatusChange") == {"username": "bob", "status": "offline"}


async def test_what_is_said_comes_as_it_was_said(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    tab = await joined(puppets, "Ann Lee")
    ann.emit("sendMessage", {"to": "BOB", "from": "ann lee", "message": TEXT})
    sent = await ann.hear("messageSent")
    assert sent == {
        "_id": sent["_id"],
        "sender": "Ann Lee",
        "receiver": "bob",
        "content": TEXT,
        "status": "sent",
        "createdAt": sent["createdAt"],
        "updatedAt": sent["createdAt"],
    }
    assert len(sent["_id"]) == 24
    assert sent["createdAt"].endswith("Z")
    assert await tab.hear("messageSent") == sent
    assert await bob.hear("receiveMessage") == sent
    answer = await ann.ask("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "2"})
    second = await ann.hear("messageSent")
    assert (answer["_id"], answer["timestamp"]) == (second["_id"], second["createdAt"])
    await bob.hear("receiveMessage", _id=second["_id"])
    for one in (ann, bob, tab):
        assert "receiveMessage" not in await one.silence()


async def test_a_history_comes_in_order_and_is_read_by_that(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    for number in range(3):
        ann.emit("sendMessage", {"to": "bob", "from": "Ann Lee", "message": f"{number}"})
    for _ in range(3):
        await bob.hear("receiveMessage")
    ann.emit("loadChatHistory", {"user1": "Ann Lee", "user2": "bob"})
    assert {line["status"] for line in await ann.hear("chatHistoryLoaded")} <= {"sent", "delivered"}
    # Answers keep the order of what was asked; nobody has said a word to the second one yet.
    for other in ("Ann Lee", "nobody yet", "ann lee"):
        bob.emit("loadChatHistory", {"user1": "bob", "user2": other})
    lines = await bob.hear("chatHistoryLoaded")
    assert [line["content"] for line in lines] == ["0", "1", "2"]
    assert await bob.hear("chatHistoryLoaded") == []
    assert len(await bob.hear("chatHistoryLoaded")) == 3
    assert await ann.ask("loadChatHistory", {"user1": "Ann Lee", "user2": "bob"}) == {"ok": True}
    assert {line["status"] for line in await ann.hear("chatHistoryLoaded")} == {"read"}


async def test_whoever_writes_is_seen_to(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    ann.emit("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "hello"})
    await bob.hear("receiveMessage")
    for is_typing in (True, False):
        typing = {"to": "bob", "from": "Ann Lee", "isTyping": is_typing}
        assert await ann.ask("typing", typing) == {"ok": True}
        assert await bob.hear("userTyping") == typing
    assert "userTyping" not in await ann.silence()


@pytest.mark.parametrize("event", ["sendMessage", "loadChatHistory", "typing"])
async def test_whoever_comes_back_is_known_by_what_they_say(puppets: Puppets, event: str) -> None:
    ann, bob = await both(puppets)
    said = {
        "sendMessage": {"to": "Ann Lee", "from": "bob", "message": "here again"},
        "loadChatHistory": {"user1": "bob", "user2": "Ann Lee"},
        "typing": {"to": "Ann Lee", "from": "bob", "isTyping": True},
    }
    await bob.drop()
    assert await ann.hear("userStatusChange") == {"username": "bob", "status": "offline"}
    await bob.reconnect()
    assert (await bob.ask(event, said[event]))["ok"]
    assert await ann.hear("userStatusChange") == {"username": "bob", "status": "online"}
    ann.emit("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "welcome"})
    assert (await bob.hear("receiveMessage", sender="Ann Lee"))["content"] == "welcome"


async def test_what_was_said_meanwhile_waits_in_the_history(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    await bob.leave()
    await ann.ask("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "are you there?"})
    assert (await ann.hear("messageSent"))["status"] == "sent"
    again = await joined(puppets, "bob")
    assert "receiveMessage" not in again.events()
    await again.ask("loadChatHistory", {"user1": "bob", "user2": "Ann Lee"})
    [line] = await again.hear("chatHistoryLoaded")
    assert line["content"] == "are you there?"


async def test_what_is_refused(hub: Hubbub, puppets: Puppets) -> None:
    ann, _ = await both(puppets)
    await hub.resident("owner", password_hash="$2b$04$x")
    message = {"to": "bob", "from": "Ann Lee", "message": "x"}
    refused = {
        "not_you": ("sendMessage", {**message, "from": "bob"}),
        "empty_message": ("sendMessage", {**message, "message": " \n"}),
        "invalid_name": ("sendMessage", {**message, "to": "x" * 31}),
        "invalid_participants": ("sendMessage", {**message, "to": "ann lee"}),
        "invalid_event": ("sendMessage", {**message, "message": {"$ne": 1}}),
        "name_has_password": ("join", "Owner"),
        "unknown_event": ("shout", "hello"),
    }
    for code, said in refused.items():
        if said[0] == "shout":
            ann.emit(*said)
        else:
            assert await ann.code_of(*said) == code
            ann.emit(*said)
        assert (await ann.hear("error"))["code"] == code
    assert await ann.code_of("loadChatHistory", {"user1": "bob", "user2": "Ann Lee"}) == "not_you"
    assert await ann.code_of("typing", {"to": "bob", "from": "bob", "isTyping": True}) == "not_you"
    # Nothing of it has happened, and one is still who one was.
    assert (await ann.ask("sendMessage", message))["ok"]


async def test_nobody_says_anything_before_they_say_who_they_are(puppets: Puppets) -> None:
    one = await puppets.connect("nobody")
    assert await one.code_of("sync", {}) in ("invalid_event", "not_joined")
    room = "0" * 24
    assert await one.code_of("sync", {"roomId": room, "since": 0}) == "not_joined"
    one.emit("messageRead", {"messageId": room})
    assert (await one.hear("error"))["code"] == "not_joined"
    assert await one.code_of("join", " ") == "invalid_name"
    assert await one.code_of("join") == "invalid_event"
    assert await one.code_of("join", "Ann Lee") == "ok"


async def test_whoever_stays_silent_loses_the_transport_alone(
    start: Starter, theatre: Theatre, way: tuple[str, str]
) -> None:
    hub = start(open_mode=True, authentication_timeout=0.3)
    puppets = Puppets(theatre, f"http://127.0.0.1:{hub.port}", way[0])
    one = await puppets.connect("silent")
    # The page would take `io server disconnect` as final; after this it comes back by itself.
    assert await one.hear("disconnect") == "transport close"


async def test_nobody_comes_without_a_token_where_that_is_not_open(
    start: Starter, theatre: Theatre, way: tuple[str, str]
) -> None:
    puppets = Puppets(theatre, f"http://127.0.0.1:{start().port}", way[0])
    one = puppets.begin("ann", first=[["join", "Ann"]])
    refused = await one.hear("connect_error")
    assert refused["data"]["code"] == "missing_token"
    assert one.events() == []
