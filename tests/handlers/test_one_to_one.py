"""REST of dialects P and C."""

import pytest

from chat.chat import Speaker
from chat.commands import DeleteMessage, SendMessage
from models.records import EVERYONE
from tests.handlers.conftest import Hubbub, Person

pytestmark = pytest.mark.gen_test(timeout=30)


async def say(hub: Hubbub, sender: Person, text: str, to: Person | None = None) -> str:
    room = EVERYONE if to is None else None
    command = SendMessage(room_id=room, to=None if to is None else to.id, content=text)
    said = await hub.core.chat.sent(Speaker(sender.id, sender.name), command)
    return said.message.id


async def test_history_in_the_words_of_p(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    ids = [await say(hub, ann, f"{n}", bob) for n in range(6)]
    await hub.core.chat.delete(Speaker(ann.id, "ann"), DeleteMessage(message_id=ids[3]))
    path = f"/api/chat/history/{ann.id}"
    answer = (await hub.get(path, bob.token)).json
    assert answer["otherUserId"] == ann.id
    assert [one["message"] for one in answer["messages"]] == ["0", "1", "2", "4", "5"]
    assert answer["messages"][0]["sender"] == {"_id": ann.id, "username": "ann"}
    page = (await hub.get(f"{path}?limit=2&skip=1", bob.token)).json
    assert [one["message"] for one in page["messages"]] == ["2", "4"]
    for query in ("limit=x", "skip=-1"):
        assert (await hub.get(f"{path}?{query}", bob.token)).status == 400


async def test_what_c_reads(hub: Hubbub) -> None:
    ann, bob, eve = await hub.residents("ann", "bob", "eve")
    await say(hub, eve, "to all")
    await say(hub, ann, "to bob", bob)
    await say(hub, bob, "to ann", ann)
    await say(hub, eve, "to bob too", bob)
    group = await hub.room({ann.id: "owner", bob.id: "member"})
    await hub.say(ann, group.id, "in a room")
    around = (await hub.get("/messages", bob.token)).json
    assert [one["content"] for one in around] == ["to bob too", "to ann", "to bob", "to all"]
    assert [one["recipient"] for one in around] == [bob.id, ann.id, bob.id, None]
    [first] = [one for one in around if one["content"] == "to bob"]
    assert {**first, "timestamp": "", "rev": 0} == {
        "_id": first["id"],
        "id": first["id"],
        "sender": ann.id,
        "recipient": bob.id,
        "content": "to bob",
        "type": "text",
        "timestamp": "",
        "status": "read",  # bob has answered since
        "roomId": first["roomId"],
        "rev": 0,
    }
    pair = (await hub.get(f"/messages/{ann.id}", bob.token)).json
    assert [one["content"] for one in pair] == ["to ann", "to bob"]


async def test_at_most_fifty_the_newest(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    for number in range(52):
        await say(hub, ann, str(number), bob if number % 2 else None)
    around = (await hub.get("/messages", bob.token)).json
    assert [one["content"] for one in around] == [str(number) for number in range(51, 1, -1)]


@pytest.mark.parametrize("path", ["/messages", "/messages/{ann}", "/api/chat/history/{ann}"])
async def test_a_stranger_reads_nothing(hub: Hubbub, path: str) -> None:
    ann, bob, eve = await hub.residents("ann", "bob", "eve")
    await say(hub, ann, "secret", bob)
    answer = await hub.get(path.format(ann=ann.id), eve.token)
    assert answer.status == 200
    assert b"secret" not in answer.body
    assert (await hub.get(path.format(ann=ann.id))).status == 401
    for nobody in ("nobody", eve.id, bob.id):
        assert (await hub.get(path.format(ann=nobody), eve.token)).status == 200
