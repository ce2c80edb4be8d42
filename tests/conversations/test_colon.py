"""Dialect C with the real JavaScript client: events with colons, to one person or to everybody."""

import pytest

from tests.conversations.puppets import Puppet, Puppets
from tests.handlers.conftest import Hubbub, Person

pytestmark = pytest.mark.gen_test(timeout=60)


def auth(person: Person) -> dict[str, str]:
    return {"token": person.token, "dialect": "C"}


async def entered(puppets: Puppets, person: Person) -> Puppet:
    """Somebody who is there, and has heard of it."""
    puppet = await puppets.connect(person.name, auth(person))
    online = {"userId": person.id, "status": "online"}
    assert await puppet.hear("user:status", userId=person.id) == online
    return puppet


async def both(hub: Hubbub, puppets: Puppets) -> tuple[Person, Person, Puppet, Puppet]:
    """Two who are there, and have forgotten what they heard of one another."""
    ann, bob = await hub.residents("ann", "bob")
    one, two = await entered(puppets, ann), await entered(puppets, bob)
    assert await one.hear("user:status") == {"userId": bob.id, "status": "online"}
    assert await one.silence() == await two.silence() == []
    return ann, bob, one, two


async def test_who_comes_and_goes(hub: Hubbub, puppets: Puppets) -> None:
    _, bob, one, two = await both(hub, puppets)
    tab = await entered(puppets, bob)
    assert await one.silence() == await two.silence() == []
    await tab.leave()
    await two.leave()
    assert await one.hear("user:status") == {"userId": bob.id, "status": "offline"}
    assert await one.silence() == []
    await entered(puppets, bob)
    assert await one.hear("user:status") == {"userId": bob.id, "status": "online"}


async def test_what_is_said_to_one_is_told_to_their_sockets(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    tab, own = await entered(puppets, bob), await entered(puppets, ann)
    said = {"recipient": bob.id, "content": " hi <b>", "type": "text", "sender": bob.id, "x": 1}
    answer = await one.ask("message:send", said)
    told = await two.hear("message:received")
    assert told == {
        "_id": answer["id"],
        "id": answer["_id"],
        "sender": ann.id,
        "recipient": bob.id,
        "content": told["content"],
        "type": "text",
        "timestamp": answer["timestamp"],
        "status": "sent",
        "roomId": answer["roomId"],
        "rev": answer["rev"],
    }
    assert await tab.hear("message:received") == told
    assert await one.silence() == await own.silence() == await two.silence() == []


@pytest.mark.parametrize("recipient", [{}, {"recipient": ""}, {"recipient": None}])
async def test_what_is_said_to_everybody_is_told_to_all_other_sockets(
    hub: Hubbub, puppets: Puppets, recipient: dict[str, object]
) -> None:
    ann, _, one, two = await both(hub, puppets)
    own = await entered(puppets, ann)
    answer = await one.ask("message:send", {**recipient, "content": "to all"})
    told = await two.hear("message:received")
    assert told["id"] == answer["id"]
    assert (told["sender"], told["recipient"], told["status"]) == (ann.id, None, "sent")
    assert await own.hear("message:received") == told
    assert await one.silence() == []


async def test_histories(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob, one, two = await both(hub, puppets)
    eve = await hub.resident("eve")
    for recipient, text in ((bob.id, "one"), (None, "two"), (bob.id, "three")):
        await one.ask("message:send", {"recipient": recipient, "content": text, "type": "text"})
    await two.ask("message:send", {"recipient": ann.id, "content": "four", "type": "text"})
    heard = [await two.hear("message:received") for _ in range(3)]
    for reader, texts in (
        (ann, ["four", "three", "two", "one"]),
        (bob, ["four", "three", "two", "one"]),
        (eve, ["two"]),
    ):
        listed = (await hub.get("/messages", reader.token)).json
        assert [line["content"] for line in listed] == texts
    assert listed[0] == heard[1]
    pair = (await hub.get(f"/messages/{ann.id}", bob.token)).json
    assert [line["content"] for line in pair] == ["four", "three", "one"]


async def test_what_was_said_meanwhile_comes_after_connecting(
    hub: Hubbub, puppets: Puppets
) -> None:
    _, bob, one, two = await both(hub, puppets)
    await two.drop()
    for text in ("one", "two"):
        await one.ask("message:send", {"recipient": bob.id, "content": text, "type": "text"})
    everyone = await one.ask("message:send", {"content": "to all", "type": "text"})
    await two.reconnect({**auth(bob), "rooms": {everyone["roomId"]: everyone["rev"] - 1}})
    await two.hear("user:status", userId=bob.id)
    texts = [(await two.hear("message:received"))["content"] for _ in range(3)]
    assert sorted(texts) == ["one", "to all", "two"]
    assert texts.index("one") < texts.index("two")
    assert (await two.hear("synced"))["roomId"] == everyone["roomId"]
    await one.ask("message:send", {"recipient": bob.id, "content": "three", "type": "text"})
    assert (await two.hear("message:received"))["content"] == "three"
    assert "message:received" not in await two.silence()


async def test_what_is_refused(hub: Hubbub, puppets: Puppets) -> None:
    _, bob, one, two = await both(hub, puppets)
    to_bob = {"recipient": bob.id, "content": "x", "type": "text"}
    refused = [
        ("user_not_found", {**to_bob, "recipient": "0" * 24}),
        ("empty_message", {**to_bob, "content": " "}),
        ("invalid_event", {**to_bob, "type": "audio"}),
        ("invalid_event", {**to_bob, "content": ["x"]}),
        ("invalid_event", "hello"),
        ("unknown_upload", {**to_bob, "type": "image", "content": "https://elsewhere.example/x"}),
    ]
    for code, payload in refused:
        assert await one.code_of("message:send", payload) == code
        one.emit("message:send", payload)
        assert (await one.hear("error"))["code"] == code
    assert await two.silence() == []
