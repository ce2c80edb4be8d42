"""Dialect P with the real JavaScript client: `private_message` between two who have logged in."""

import pytest

from tests.chat.engine import until
from tests.conversations.puppets import Puppet, Puppets, Theatre
from tests.handlers.conftest import Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test(timeout=60)


def auth(person: Person) -> dict[str, str]:
    return {"token": person.token, "dialect": "P"}


async def both(hub: Hubbub, puppets: Puppets) -> tuple[Person, Person, Puppet, Puppet]:
    """Two who are there, and have forgotten what they heard of one another."""
    ann, bob = await hub.residents("ann", "bob")
    one = await puppets.connect("ann", auth(ann))
    assert await one.hear("online_users") == []
    two = await puppets.connect("bob", auth(bob))
    await two.hear("online_users")
    await one.hear("user_online", userId=bob.id)
    assert await one.silence() == await two.silence() == []
    return ann, bob, one, two


async def test_who_connects_hears_who_is_there_and_the_others_hear_of_them(
    hub: Hubbub, puppets: Puppets
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one = await puppets.connect("ann", auth(ann))
    assert await one.hear("online_users") == []
    early = ["private_message", {"receiverId": ann.id, "message": "at once"}]
    two = puppets.begin("bob", {"token": bob.token, "dialect": "p"}, first=[early])
    [there] = await two.hear("online_users")
    assert there.keys() == {"userId", "username", "socketId"}
    assert (there["userId"], there["username"]) == (ann.id, "ann")
    assert await one.hear("user_online") == {"userId": bob.id, "username": "bob"}
    assert (await one.hear("private_message"))["message"] == "at once"
    # A second socket is no news, and neither is that it goes.
    tab = await puppets.connect("bob", auth(bob))
    await tab.hear("online_users")
    await tab.leave()
    assert await one.silence() == []
    await two.leave()
    assert await one.hear("user_offline") == {"userId": bob.id, "username": "bob"}


async def test_what_is_said_comes_to_both(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    tab = await puppets.connect("ann", auth(ann))
    answer = await one.ask("private_message", {"receiverId": bob.id, "message": " hi\n<b>"})
    assert answer["ok"]
    said = await two.hear("private_message")
    assert said == {
        "id": answer["id"],
        "senderId": ann.id,
        "receiverId": bob.id,
        "message": said["message"],
        "timestamp": answer["timestamp"],
        "isRead": False,
        "roomId": answer["roomId"],
        "rev": answer["rev"],
    }
    assert len(said["id"]) == 24
    assert said["timestamp"].endswith("Z")
    assert await one.hear("private_message") == said
    assert await tab.hear("private_message") == said
    # Under the same client id nothing is said twice.
    twice = {"receiverId": bob.id, "message": "once", "clientId": "c1"}
    first, second = [await one.ask("private_message", twice) for _ in range(2)]
    assert first["id"] == second["id"]
    await two.hear("private_message", id=first["id"])
    assert await two.silence() == []


async def test_receipts_and_typing(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    for text in ("one", "two"):
        one.emit("private_message", {"receiverId": bob.id, "message": text})
    ids = [(await two.hear("private_message"))["id"] for _ in range(2)]
    for is_typing in (True, False):
        sent = {"receiverId": ann.id, "isTyping": is_typing}
        assert await two.ask("typing", sent) == {"ok": True}
        told = {"senderId": bob.id, "username": "bob", "isTyping": is_typing}
        assert await one.hear("typing") == told
    answer = await two.ask("message_read", {"messageId": ids[1]})
    assert answer == {"ok": True, "messageId": ids[1]}
    for message_id in ids:
        assert await one.hear("message_read") == {"messageId": message_id}
    assert "message_read" not in await two.silence()
    assert "typing" not in two.events()


async def test_histories(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    for number in range(5):
        await one.ask("private_message", {"receiverId": bob.id, "message": f"{number}"})
        said = await two.hear("private_message")
    await two.ask("message_read", {"messageId": said["id"]})
    answer = await one.ask("get_chat_history", {"otherUserId": bob.id})
    assert answer == {"ok": True, "otherUserId": bob.id}
    history = await one.hear("chat_history")
    assert history["otherUserId"] == bob.id
    assert [item["message"] for item in history["messages"]] == ["0", "1", "2", "3", "4"]
    assert history["messages"][-1] == {
        **said,
        "isRead": True,
        "_id": said["id"],
        "sender": {"_id": ann.id, "username": "ann"},
        "receiver": {"_id": bob.id, "username": "bob"},
    }
    two.emit("get_chat_history", {"otherUserId": ann.id, "limit": 2, "skip": 1})
    history = await two.hear("chat_history")
    assert [item["message"] for item in history["messages"]] == ["2", "3"]
    by_rest = await hub.get(f"/api/chat/history/{ann.id}?limit=2&skip=1", bob.token)
    assert by_rest.json == history


async def test_what_was_said_meanwhile_comes_after_connecting(
    hub: Hubbub, puppets: Puppets
) -> None:
    _, bob, one, two = await both(hub, puppets)
    await two.drop()
    for text in ("one", "two"):
        await one.ask("private_message", {"receiverId": bob.id, "message": text})
    await two.reconnect()
    await two.hear("online_users")
    assert [(await two.hear("private_message"))["message"] for _ in range(2)] == ["one", "two"]
    assert await two.silence() == []
    await two.drop()
    await two.reconnect()
    await two.hear("online_users")
    assert "private_message" not in await two.silence()


async def test_what_was_missed_in_a_room_is_asked_for(hub: Hubbub, puppets: Puppets) -> None:
    _, bob, one, two = await both(hub, puppets)
    first = await one.ask("private_message", {"receiverId": bob.id, "message": "one"})
    await two.hear("private_message")
    await one.ask("private_message", {"receiverId": bob.id, "message": "two"})
    second = await two.hear("private_message")
    room = first["roomId"]
    answer = await two.ask("sync", {"roomId": room, "since": first["rev"]})
    assert await two.hear("private_message") == second
    synced = {"roomId": room, "rev": second["rev"], "complete": True}
    assert await two.hear("synced") == synced
    assert answer == {"ok": True, **synced}
    await two.drop()
    await one.ask("private_message", {"receiverId": bob.id, "message": "three"})
    await two.reconnect({**auth(bob), "rooms": {room: second["rev"]}})
    assert (await two.hear("private_message"))["message"] == "three"
    assert (await two.hear("synced"))["rev"] == second["rev"] + 1
    assert "private_message" not in await two.silence()


async def test_a_token_may_come_in_other_places(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob = await hub.residents("ann", "bob")
    headers = {"Authorization": f"Bearer {ann.token}"}
    one = await puppets.connect("ann", extraHeaders=headers, dialects=("P", "C"))
    two = await puppets.connect("bob", query={"token": bob.token}, dialects=("P", "C"))
    assert await one.hear("user_online", userId=bob.id)
    [there] = await two.hear("online_users")
    assert there["userId"] == ann.id


@pytest.mark.parametrize("given", [{"token": "nonsense"}, {"token": 5}])
async def test_whoever_has_no_good_token_stays_out(
    puppets: Puppets, given: dict[str, object]
) -> None:
    bad = puppets.begin("bad", given)
    refused = await bad.hear("connect_error")
    assert refused["data"]["code"] in ("invalid_token", "invalid_auth")
    assert refused["message"] == refused["data"]["message"]
    assert bad.events() == []


async def test_whoever_has_too_many_sockets_is_told_so_and_comes_in_when_one_has_gone(
    start: Starter, theatre: Theatre, way: tuple[str, str]
) -> None:
    hub = start(rate_limits=True, sockets_per_user=1)
    puppets = Puppets(theatre, f"http://127.0.0.1:{hub.port}", way[0])
    ann = await hub.resident("ann")
    one = await puppets.connect("ann", auth(ann))
    two = puppets.begin("ann", auth(ann))
    refused = await two.hear("connect_error")
    assert refused["message"] == "too many sockets of this user"
    assert (refused["data"]["code"], refused["data"]["retryAfter"]) == ("too_many_sockets", 30)
    assert two.events() == []
    await one.leave()
    await until(lambda: not hub.services.hub.of_user(ann.id))
    await two.reconnect()
    assert await two.hear("online_users") == []


async def test_a_login_that_ends_ends_its_socket(hub: Hubbub, puppets: Puppets) -> None:
    ann, _, one, two = await both(hub, puppets)
    assert (await hub.post("/api/auth/logout", token=ann.token)).status == 200
    assert await one.hear("disconnect") == "transport close"
    assert await two.hear("user_offline", userId=ann.id)


async def test_what_is_refused(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    eve = await hub.resident("eve")
    three = await puppets.connect("eve", auth(eve))
    said = await one.ask("private_message", {"receiverId": bob.id, "message": "for bob alone"})
    await two.hear("private_message")
    to_bob = {"receiverId": bob.id, "message": "x"}
    refused = [
        ("user_not_found", "private_message", {**to_bob, "receiverId": "0" * 24}),
        ("invalid_participants", "private_message", {**to_bob, "receiverId": eve.id}),
        ("empty_message", "private_message", {**to_bob, "message": "  "}),
        ("invalid_event", "private_message", {**to_bob, "message": {"$ne": 1}}),
        ("invalid_event", "private_message", {"message": "to nobody"}),
        ("invalid_json", "private_message", {**to_bob, "message": "half of an emoji: \ud83c"}),
        ("message_not_found", "message_read", {"messageId": said["id"]}),
        ("message_not_found", "message_read", {"messageId": "0" * 24}),
        ("invalid_event", "typing", {"receiverId": bob.id, "isTyping": "yes"}),
        ("invalid_event", "get_chat_history", {"otherUserId": bob.id, "limit": 0}),
        ("invalid_event", "get_chat_history", None),
    ]
    for code, event, payload in refused:
        assert await three.code_of(event, payload) == code
        three.emit(event, payload)
        assert (await three.hear("error"))["code"] == code
    three.emit("join", "ann")
    assert (await three.hear("error"))["code"] == "unknown_event"
    # The sender is who the token says; nothing of all this has reached anybody.
    await three.ask("private_message", {**to_bob, "senderId": ann.id})
    assert (await two.hear("private_message"))["senderId"] == eve.id
    await three.ask("get_chat_history", {"otherUserId": ann.id})
    assert (await three.hear("chat_history"))["messages"] == []
    assert set(await two.silence()) <= {"user_online"}
    assert "message_read" not in await one.silence()


async def test_nothing_is_lost_or_turned_around_while_the_transport_changes(
    hub: Hubbub, puppets: Puppets, way: tuple[str, str]
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    texts = [f"{number}" for number in range(30)]
    one = await puppets.connect("ann", auth(ann))
    said = [["private_message", {"receiverId": ann.id, "message": text}] for text in texts]
    two = puppets.begin("bob", auth(bob), first=said)
    for text in texts:
        one.emit("private_message", {"receiverId": bob.id, "message": text})
    assert await two.transport() == way[0].rpartition(",")[2]
    for puppet in (one, two):
        heard = [await puppet.hear("private_message") for _ in range(2 * len(texts))]
        for sender in (ann, bob):
            theirs = [each["message"] for each in heard if each["senderId"] == sender.id]
            assert theirs == texts
