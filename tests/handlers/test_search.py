"""Searching over REST, on both stores."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from chat import search
from chat.chat import Speaker
from chat.commands import DeleteMessage, EditMessage, LeaveRoom, RemoveMember
from models.contract.messages import Found
from models.records import EVERYONE
from models.sift import place_of
from models.store import TooSlow
from tests.handlers.conftest import Answer, Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test


async def ask(
    hub: Hubbub, person: Person, q: str = "", room: str | None = None, **more: Any
) -> Answer:
    path = "/api/search" if room is None else f"/api/rooms/{room}/search"
    fields = {name: value for name, value in {"q": q, **more}.items() if value}
    return await hub.get(f"{path}?{urlencode(fields)}", person.token)


async def texts(hub: Hubbub, person: Person, q: str = "", **more: Any) -> list[str]:
    answer = await ask(hub, person, q, **more)
    assert answer.status == 200, answer.body
    return [one["message"]["content"] for one in answer.json["results"]]


async def test_messages_are_found_with_their_marks(hub: Hubbub) -> None:
    ada, bob = await hub.residents("ada", "bob")
    room = await hub.room({ada.id: "owner", bob.id: "member"})
    said = await hub.say(bob, room.id, "Trains leave from <b>the Station</b> at 7")
    await hub.say(ada, room.id, "nothing of it")
    answer = await ask(hub, ada, 'station "the station" train*')
    [result] = answer.json["results"]
    assert answer.json["next"] is None
    assert result["message"]["id"] == said.id
    assert result["message"]["senderUsername"] == "bob"
    assert result["excerpt"] == [
        {"text": "Trains", "match": True},
        {"text": " leave from <b>", "match": False},
        {"text": "the Station", "match": True},
        {"text": "</b> at 7", "match": False},
    ]


async def test_only_what_one_may_read_is_found_at_that_moment(hub: Hubbub) -> None:
    ada, bob, eve = await hub.residents("ada", "bob", "eve")
    room = await hub.room({ada.id: "owner", bob.id: "member"})
    public = await hub.room({ada.id: "owner"}, "public")
    await hub.say(ada, room.id, "hello inside")
    await hub.say(ada, public.id, "hello public")
    await hub.say(ada, EVERYONE, "hello everyone")
    assert await texts(hub, bob, "hello") == ["hello everyone", "hello inside"]
    assert await texts(hub, eve, "hello") == ["hello everyone"]
    assert await texts(hub, eve, "hello", room=public.id) == ["hello public"]
    for forbidden in (room.id, "65e0782f1c9d440000000001"):
        answer = await ask(hub, eve, "hello", room=forbidden)
        assert (answer.status, answer.code) == (404, "room_not_found")
    command = RemoveMember(room_id=room.id, user_id=bob.id)
    await hub.core.memberships.remove(ada.id, command)
    assert await texts(hub, bob, "hello") == ["hello everyone"]
    assert (await ask(hub, bob, "hello", room=room.id)).status == 404


async def test_who_is_removed_while_they_search_finds_nothing_more(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await hub.residents("ada", "bob")
    room = await hub.room({ada.id: "owner", bob.id: "member"})
    await hub.say(ada, room.id, "hello")
    store, find = hub.core.store, hub.core.store.messages.search

    def removed_meanwhile(wanted: Any) -> Found:
        found = find(wanted)
        store.rooms.leave(room.id, bob.id)
        return found

    monkeypatch.setattr(store.messages, "search", removed_meanwhile)
    assert await texts(hub, bob, "hello") == []


async def test_a_room_that_one_has_hidden_is_searched_by_its_name_alone(hub: Hubbub) -> None:
    ada, bob = await hub.residents("ada", "bob")
    room, _ = await hub.core.memberships.direct_rooms.between(ada.id, bob.id)
    await hub.say(bob, room.id, "hello")
    await hub.core.memberships.leave(ada.id, LeaveRoom(room_id=room.id))
    assert await texts(hub, ada, "hello") == []
    assert await texts(hub, ada, "hello", room=room.id) == ["hello"]
    assert await texts(hub, bob, "hello") == ["hello"]


async def test_edited_and_deleted_texts_are_not_found(hub: Hubbub) -> None:
    ada = await hub.resident("ada")
    room = await hub.room({ada.id: "owner"})
    said = await hub.say(ada, room.id, "the old text")
    speaker = Speaker(ada.id, ada.name)
    await hub.core.chat.edit(speaker, EditMessage(message_id=said.id, content="the new text"))
    assert await texts(hub, ada, "old") == []
    assert await texts(hub, ada, "new") == ["the new text"]
    await hub.core.chat.delete(speaker, DeleteMessage(message_id=said.id))
    assert await texts(hub, ada, "new") == await texts(hub, ada, sender=ada.id) == []


async def test_what_many_say_at_once_is_found_as_soon_as_it_is_acknowledged(hub: Hubbub) -> None:
    ada, bob = await hub.residents("ada", "bob")
    room = await hub.room({ada.id: "owner", bob.id: "member"})
    said = await asyncio.gather(*(hub.say(bob, room.id, f"hello {n}") for n in range(200)))
    answer = await texts(hub, ada, "hello", room=room.id, limit=50)
    assert answer == [one.text for one in sorted(said, key=place_of, reverse=True)[:50]]
    assert await texts(hub, ada, "7", room=room.id) == ["hello 7"]


async def test_sender_and_time_and_attachments_narrow_a_search(hub: Hubbub) -> None:
    ada, bob = await hub.residents("ada", "bob")
    room = await hub.room({ada.id: "owner", bob.id: "member"})
    first = await hub.say(ada, room.id, "hello one")
    await hub.say(bob, room.id, "hello two")
    assert await texts(hub, ada, "hello", sender=bob.id) == ["hello two"]
    assert await texts(hub, ada, sender=ada.id) == ["hello one"]
    early, late = first.created.isoformat(), "2999-01-01T00:00:00"
    assert "hello one" not in await texts(hub, ada, "hello", before=early)
    assert "hello one" in await texts(hub, ada, "hello", after=early, before=late)
    assert await texts(hub, ada, "hello", after=late) == []
    assert await texts(hub, ada, "hello", hasAttachment="true") == []


@pytest.mark.parametrize("order", ["newest", "best"])
async def test_pages_join_while_more_is_said(hub: Hubbub, order: str) -> None:
    ada = await hub.resident("ada")
    room = await hub.room({ada.id: "owner"})
    said = [(await hub.say(ada, room.id, "hello" + " x" * (n % 3))).id for n in range(7)]
    found, cursor = [], ""
    while True:
        answer = await ask(hub, ada, "hello", limit=2, order=order, cursor=cursor)
        found += [one["message"]["id"] for one in answer.json["results"]]
        cursor = answer.json["next"]
        if cursor is None:
            break
        await hub.say(ada, room.id, "hello" + " y" * 40)
    latest_first = said[::-1]
    best_first = sorted(latest_first, key=lambda one: said.index(one) % 3)
    assert [one for one in found if one in said] == (
        latest_first if order == "newest" else best_first
    )
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "empty_search"),
        ({"q": " ... "}, "empty_search"),
        ({"q": "a*"}, "beginning_too_short"),
        ({"q": "x" * 201}, "invalid_query"),
        ({"q": " ".join(f"w{n}" for n in range(11))}, "too_many_words"),
        ({"q": "x", "limit": "many"}, "invalid_query"),
        ({"q": "x", "order": "worst"}, "invalid_query"),
        ({"q": "x", "cursor": "1-2"}, "invalid_query"),
        ({"q": "x", "cursor": "1-2-65e0782f1c9d440000000001"}, "invalid_query"),
        ({"q": "x", "cursor": "999999999999999-65e0782f1c9d440000000001"}, "invalid_query"),
        ({"q": "x", "after": "yesterday"}, "invalid_query"),
        ({"q": "x", "after": "0001-01-01T00:00:00+14:00"}, "invalid_query"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    hub: Hubbub, fields: dict[str, str], code: str
) -> None:
    ada = await hub.resident("ada")
    answer = await ask(hub, ada, **fields)
    assert (answer.status, answer.code) == (400, code)


async def test_a_search_needs_a_login(hub: Hubbub) -> None:
    assert (await hub.get("/api/search?q=hello")).status == 401


async def test_searches_are_limited(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SEARCHES", search.Rule("search", burst=1, per_second=0.1))
    hub = start(rate_limits=True)
    ada = await hub.resident("ada")
    assert (await ask(hub, ada, "hello")).status == 200
    answer = await ask(hub, ada, "hello")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "10")


async def test_too_many_searches_at_once_are_refused(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_WAITING", 0)
    answer = await ask(hub, await hub.resident("ada"), "hello")
    assert (answer.status, answer.code) == (503, "busy")


async def test_what_takes_too_long_is_refused(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(_: object) -> Found:
        raise TooSlow

    monkeypatch.setattr(hub.core.store.messages, "search", too_slow)
    answer = await ask(hub, await hub.resident("ada"), "hello")
    assert (answer.status, answer.code) == (400, "search_too_broad")


async def test_what_is_no_id_is_nobody(hub: Hubbub) -> None:
    ada = await hub.resident("ada")
    await hub.say(ada, EVERYONE, "hello")
    assert await texts(hub, ada, "hello", sender='" OR "') == []
    answer = await ask(hub, ada, "hello", room="%7B%7D")
    assert (answer.status, answer.code) == (404, "room_not_found")
