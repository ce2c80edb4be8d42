"""Missing nothing: what a native socket is told of what it has missed."""

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chat.journal import Journal
from handlers import catching_up
from models.records import EVERYONE
from models.store import Store, Unavailable
from tests.chat.engine import Gate, until
from tests.handlers.conftest import Hubbub, Person, Starter, keep_little
from tests.handlers.sockets import Client, said, told_of, welcomed

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def gated(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Gate]:
    """Holds a call to the store up, before it is done or after that."""

    def gate(part: object, name: str, *, done: bool) -> Gate:
        held, real = Gate(), getattr(part, name)

        def call(do: Callable[[], Any]) -> Any:
            if not done:
                return held(do)
            result = do()
            return held(lambda: result)

        def first(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(part, name, real)
            return call(partial(real, *args, **kwargs))

        monkeypatch.setattr(part, name, first)
        return held

    return gate


async def resumed(hub: Hubbub, person: Person, rooms: dict[str, int]) -> Client:
    socket = await hub.dial()
    socket.tell("AUTH", token=person.token, rooms=rooms)
    await welcomed(socket)
    await socket.hear("ONLINE_USERS")
    return socket


async def test_all_changes_that_were_missed_are_told_once_and_in_order(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [socket] = await hub.sockets(ann)
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    ids = [(await hub.say(ann, room, f"m{n}")).id for n in range(1, 6)]
    ids.append((await hub.say(ann, room, "m6")).id)
    for kind, number, fields in (
        ("EDIT_MESSAGE", 1, {"content": "m1 anew"}),
        ("DELETE_MESSAGE", 2, {}),
        ("REACT", 3, {"emoji": "👍"}),
        ("PIN", 4, {"on": True}),
        ("REACT", 1, {"emoji": "🎉"}),
    ):
        await socket.ask(kind, messageId=ids[number - 1], **fields)
    back = await resumed(hub, bob, {room: 5})
    assert await back.hear("SYNCED") == {"roomId": room, "rev": 11, "complete": True}
    assert told_of(back) == [(6, "m6"), (8, ""), (9, "m3"), (10, "m4"), (11, "m1 anew")]
    kinds = [heard["type"] for heard in back.frames[2:]]
    assert kinds == ["MESSAGE"] + ["MESSAGE_CHANGED"] * 4 + ["SYNCED"]
    last = back.frames[6]["payload"]
    assert (last["seq"], last["reactions"]) == (1, {"🎉": [ann.id]})
    assert back.frames[3]["payload"]["deletedAt"] is not None
    assert back.frames[5]["payload"]["pinned"] is True


async def test_nothing_missed_is_said_as_well(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    room = (await hub.room({ann.id: "owner"})).id
    await hub.say(ann, room)
    socket = await resumed(hub, ann, {room: 1})
    assert await socket.hear("SYNCED") == {"roomId": room, "rev": 1, "complete": True}
    assert told_of(socket) == []


async def test_own_messages_come_back_with_their_client_id(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    [socket] = await hub.sockets(ann)
    await socket.ask("SEND_MESSAGE", roomId=EVERYONE, content="x", clientId="c1")
    back = await resumed(hub, ann, {EVERYONE: 0})
    message = await back.hear("MESSAGE")
    assert message["clientId"] == "c1"
    assert "tempId" not in message


async def test_rooms_that_one_is_not_in_are_refused_and_the_others_are_caught_up(
    hub: Hubbub,
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    mine, theirs = await hub.room({ann.id: "owner"}), await hub.room({bob.id: "owner"})
    await hub.say(bob, theirs.id, "secret")
    await hub.say(ann, mine.id, "mine")
    socket = await resumed(hub, ann, {theirs.id: 0, "0" * 24: 0, "no id": 0, mine.id: 0})
    assert (await socket.hear("SYNCED"))["roomId"] == mine.id
    refused = [(one["code"], one["roomId"]) for one in socket.heard("ERROR")]
    assert refused == [("room_not_found", room) for room in (theirs.id, "0" * 24, "no id")]
    assert told_of(socket) == [(1, "mine")]


async def test_more_than_is_told_at_once_is_said_to_be_incomplete(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "MAX_CAUGHT_UP", 3)
    [ann] = await hub.residents("ann")
    room = (await hub.room({ann.id: "owner"})).id
    for n in range(1, 6):
        await hub.say(ann, room, f"m{n}")
    socket = await resumed(hub, ann, {room: 1})
    assert await socket.hear("SYNCED") == {"roomId": room, "rev": 4, "complete": False}
    assert told_of(socket) == [(2, "m2"), (3, "m3"), (4, "m4")]
    rest = await socket.ask("SYNC", roomId=room, since=4, limit=1)
    assert rest == {"roomId": room, "rev": 5, "complete": True}
    assert told_of(socket)[3:] == [(5, "m5")]


async def test_more_than_may_wait_is_told_as_fast_as_it_is_taken(start: Starter) -> None:
    hub = start(socket_backlog=64 * 1024)
    keep_little(hub)
    ann, bob = await hub.residents("ann", "bob")
    rooms = [(await hub.room({ann.id: "owner", bob.id: "member"})).id for _ in range(2)]
    for room in rooms:
        await asyncio.gather(*[hub.say(ann, room, "\U0001f642" * 5_000) for _ in range(60)])
    socket = await hub.dial()
    socket.tell("AUTH", token=bob.token, rooms=dict.fromkeys(rooms, 0))
    for room in rooms:
        synced = await socket.hear("SYNCED")
        assert synced == {"roomId": room, "rev": 60, "complete": True}
    assert [rev for rev, _ in told_of(socket)] == [*range(1, 61)] * 2
    again = await socket.ask("SYNC", roomId=rooms[0], since=0, limit=60)
    assert again == {"roomId": rooms[0], "rev": 60, "complete": True}


async def test_one_who_takes_nothing_while_too_much_is_told_is_cut(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "MAX_HELD", 2)
    hub = start(socket_backlog=64 * 1024)
    keep_little(hub)
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    await asyncio.gather(*[hub.say(ann, room, "\U0001f642" * 5_000) for _ in range(60)])
    socket = await hub.dial()
    socket.stop_reading()
    socket.tell("AUTH", token=bob.token, rooms={room: 0})
    await until(lambda: hub.core.hub.is_connected(bob.id))
    [outbox] = hub.core.hub.of_user(bob.id)
    await until(lambda: outbox.waiting_bytes)  # type: ignore[attr-defined]
    for _ in range(3):
        await hub.say(ann, room)
    await until(lambda: not hub.core.hub.is_connected(bob.id))
    socket.go_on_reading()
    assert await socket.closed() == 4008
    assert "SYNCED" not in socket.kinds()


async def test_one_who_asks_and_takes_nothing_of_the_answers_is_cut(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where so much waits already that nothing of the last answer was told."""
    monkeypatch.setattr(catching_up, "MAX_HELD", 2)
    hub = start(socket_backlog=64 * 1024)
    keep_little(hub)
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    await hub.say(ann, room, "\U0001f642" * 5_000)
    [socket] = await hub.sockets(bob)
    socket.stop_reading()
    socket.write(b"".join(said("SYNC", n, roomId=room, since=0) for n in range(500)))
    while hub.core.hub.is_connected(bob.id):  # until the kernel takes no more, and a little longer
        await hub.say(ann, room)
    socket.go_on_reading()
    assert await socket.closed() == 4008


async def test_a_page_is_no_longer_than_a_socket_can_take(start: Starter) -> None:
    hub = start(socket_backlog=64 * 1024)
    [ann] = await hub.residents("ann")
    room = (await hub.room({ann.id: "owner"})).id
    for n in range(1, 13):
        await hub.say(ann, room, "x" * 1_000 if n != 6 else "x" * 5_000)
    socket = await hub.socket(ann)
    for place, seqs, has_more in (
        ({}, [8, 9, 10, 11, 12], True),
        ({"before": 4}, [1, 2, 3], False),
        ({"after": 0}, [1, 2, 3, 4, 5], True),
        ({"after": 7}, [8, 9, 10, 11, 12], False),
        ({"around": 10}, [8, 9, 10, 11, 12], False),
        ({"around": 3}, [1, 2, 3, 4, 5], True),
        ({"around": 6}, [6], True),
        ({"around": 99}, [8, 9, 10, 11, 12], False),
    ):
        page = await socket.ask("HISTORY", roomId=room, limit=50, **place)  # type: ignore[arg-type]
        assert [message["seq"] for message in page["messages"]] == seqs, place
        assert page["hasMore"] is has_more, place


async def test_rooms_beyond_the_limit_are_said_to_be_incomplete(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "ROOMS_AT_ONCE", 1)
    [ann] = await hub.residents("ann")
    rooms = [(await hub.room({ann.id: "owner"})).id for _ in range(2)]
    for room in rooms:
        await hub.say(ann, room)
    socket = await resumed(hub, ann, dict.fromkeys(rooms, 0))
    assert await socket.hear("SYNCED") == {"roomId": rooms[0], "rev": 1, "complete": True}
    assert await socket.hear("SYNCED") == {"roomId": rooms[1], "rev": 0, "complete": False}


async def test_one_who_has_seen_what_is_not_there_must_start_anew(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    room = (await hub.room({ann.id: "owner"})).id
    await hub.say(ann, room)
    socket = await resumed(hub, ann, {room: 1_000_000})
    assert await socket.hear("SYNCED") == {"roomId": room, "rev": 1, "complete": False}


@pytest.mark.parametrize("done", [False, True], ids=["in what is read", "not in what is read"])
@pytest.mark.parametrize("way", ["AUTH", "SYNC"])
async def test_what_is_said_during_the_catching_up_comes_once(
    hub: Hubbub, gated: Callable[..., Gate], done: bool, way: str
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    await hub.say(ann, room, "m1")
    socket = await hub.socket(bob) if way == "SYNC" else await hub.dial()
    gate = gated(hub.core.store.messages, "changes", done=done)
    if way == "SYNC":
        socket.tell("SYNC", roomId=room, since=0)
    else:
        socket.tell("AUTH", token=bob.token, rooms={room: 0})
    await gate.reached()
    await hub.say(ann, room, "m2")
    await hub.say(ann, room, "m3")
    assert told_of(socket) == []
    gate.open()
    synced = await socket.hear("SYNCED")
    assert synced == {"roomId": room, "rev": 1 if done else 3, "complete": True}
    await hub.say(ann, room, "m4")
    await socket.hear("MESSAGE", content="m4")
    assert told_of(socket) == [(1, "m1"), (2, "m2"), (3, "m3"), (4, "m4")]


async def test_what_is_stored_but_not_yet_told_comes_once(
    hub: Hubbub, gated: Callable[..., Gate]
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    await hub.say(ann, room, "m1")
    gate = gated(hub.core.store, "commit", done=True)
    saying = asyncio.create_task(hub.say(ann, room, "m2"))
    await gate.reached()
    socket = await resumed(hub, bob, {room: 0})
    await socket.hear("SYNCED")
    gate.open()
    await saying
    await socket.caught_up()
    assert told_of(socket) == [(1, "m1"), (2, "m2")]


async def test_what_was_too_much_to_hold_starts_anew(
    hub: Hubbub, gated: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "MAX_HELD", 2)
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    gate = gated(hub.core.store.messages, "changes", done=True)
    socket = await hub.dial()
    socket.tell("AUTH", token=bob.token, rooms={room: 0})
    await gate.reached()
    for _ in range(3):
        await hub.say(ann, room)
    gate.open()
    assert await socket.closed() == 4008


async def test_a_store_that_does_not_answer_is_said_so(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise Unavailable("away")

    [ann] = await hub.residents("ann")
    [socket] = await hub.sockets(ann)
    with monkeypatch.context() as patch:
        patch.setattr(hub.core.store.messages, "changes", away)
        assert await socket.code_of("SYNC", roomId=EVERYONE, since=0) == "store_unavailable"
        patch.setattr(hub.core.store.sessions, "many", away)
        [user] = await hub.core.people.users([ann.id])
        token, late = await hub.login(user), await hub.dial()
        late.tell("AUTH", 1, token=token)
        assert (await late.hear("ERROR"))["code"] == "store_unavailable"
    late.tell("AUTH", 2, token=token)
    await welcomed(late)


async def test_a_socket_that_cannot_be_welcomed_may_try_again(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise Unavailable("away")

    [ann] = await hub.residents("ann")
    with monkeypatch.context() as patch:
        patch.setattr(hub.core.store.rooms, "of_user", away)
        socket = await hub.dial()
        socket.tell("AUTH", 1, token=ann.token)
        assert (await socket.hear("ERROR"))["code"] == "store_unavailable"
        assert await socket.closed() == 1011
    await resumed(hub, ann, {})


async def test_a_refusal_for_one_who_has_gone_troubles_nobody(
    hub: Hubbub, gated: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Any:
        raise Unavailable("away")

    monkeypatch.setattr("chat.journal.PATIENCE_SECONDS", 0)
    ann, bob = await hub.residents("ann", "bob")
    socket, other = await hub.sockets(ann, bob)
    await socket.ask("SEND_MESSAGE", roomId=EVERYONE, content="before")
    monkeypatch.setattr(hub.core.store, "commit", full)
    gate = gated(hub.core.store, "commit", done=False)
    socket.tell("SEND_MESSAGE", 1, roomId=EVERYONE, content="lost")
    await gate.reached()
    socket.vanish()
    await until(lambda: not hub.core.hub.is_connected(ann.id))
    gate.open()
    monkeypatch.undo()
    await journal_rests(hub.core.chat.journal)
    gc.collect()  # asyncio complains of what nobody has looked at when it is thrown away
    said = await other.ask("SEND_MESSAGE", roomId=EVERYONE, content="after")
    assert said["message"]["seq"] == 2


async def journal_rests(journal: Journal) -> None:
    while journal._task is not None:
        await asyncio.wait([journal._task])
