"""Native sockets: who says what, and who hears it."""

import asyncio
from datetime import datetime

import pytest

from chat import typing
from models.records import EVERYONE, now
from models.store import Store
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Starter, keep_little
from tests.handlers.sockets import bearer, told_of, welcomed

pytestmark = pytest.mark.gen_test(timeout=60)

PATHS = ("/", "/ws", "/socket")
NO_TOKEN = "no.token.at-all"

# Longer than any test may take.
LONG = 3600.0


# Client ids


async def test_a_direct_room_is_made_by_naming_a_user(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, two = await hub.sockets(ann, bob)
    first = (await one.ask("SEND_MESSAGE", to=bob.id, content="hi"))["message"]
    made = await two.hear("ROOM_CREATED")
    assert (made["id"], made["kind"], made["type"]) == (first["roomId"], "direct", "private")
    assert (await two.hear("MESSAGE"))["id"] == first["id"]
    assert (await two.hear("NOTIFY", kind="message"))["senderUsername"] == "ann"
    answer = (await two.ask("SEND_MESSAGE", to=ann.id, content="ho"))["message"]
    assert (answer["roomId"], answer["seq"]) == (first["roomId"], 2)
    assert (await one.hear("MESSAGE", content="ho"))["seq"] == 2
    for to, code in ((ann.id, "invalid_participants"), ("0" * 24, "user_not_found")):
        assert await one.code_of("SEND_MESSAGE", to=to, content="x") == code
    assert await one.code_of("SEND_MESSAGE", content="x") == "missing_field"


async def test_a_direct_room_that_was_left_comes_back_with_the_next_message(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, two = await hub.sockets(ann, bob)
    room = (await one.ask("SEND_MESSAGE", to=bob.id, content="hi"))["message"]["roomId"]
    await two.ask("LEAVE_ROOM", roomId=room)
    assert (await welcomed(await hub.dial(headers=bearer(bob.token))))["rooms"] == []
    await one.ask("SEND_MESSAGE", roomId=room, content="come back")
    await two.hear("MESSAGE", content="come back")
    rooms = (await welcomed(await hub.dial(headers=bearer(bob.token))))["rooms"]
    assert [known["id"] for known in rooms] == [room]


async def test_a_room_that_comes_back_is_told_as_it_stands(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, two = await hub.sockets(ann, bob)
    room = (await one.ask("SEND_MESSAGE", to=bob.id, content="hi"))["message"]["roomId"]
    assert (await one.hear("ROOM_CREATED"))["id"] == room
    await two.ask("LEAVE_ROOM", roomId=room)
    two.forget()
    await one.ask("SEND_MESSAGE", roomId=room, content="come back")
    back = await two.hear("ROOM_CREATED")
    assert (back["id"], back["unread"], back["lastMessage"]["content"]) == (room, 1, "hi")
    await two.caught_up()
    assert two.kinds() == ["MESSAGE", "NOTIFY"]
    await two.ask("LEAVE_ROOM", roomId=room)
    assert (await two.ask("CREATE_ROOM", kind="direct", participantIds=[ann.id]))["room"]["id"]
    assert (await two.hear("ROOM_CREATED"))["unread"] == 2


async def test_whoever_makes_a_room_hears_of_it_on_other_sockets(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    here, there, other = await hub.sockets(ann, ann, bob)
    room = (await here.ask("CREATE_ROOM", participantIds=[bob.id]))["room"]
    assert await there.hear("ROOM_CREATED") == room
    await other.hear("ROOM_CREATED", id=room["id"])
    for words, hearing in (({"type": "group"}, [other]), ({"kind": "private"}, [here, there])):
        body = {**words, "participantIds": [bob.id]}
        made = (await hub.post("/api/rooms", body, token=ann.token)).json["id"]
        for socket in hearing:
            await socket.hear("ROOM_CREATED", id=made)
    for socket in (here, there):
        await socket.caught_up()
        assert socket.kinds() == []


async def test_a_muted_room_makes_no_sound(hub: Hubbub) -> None:
    ann, bob, cid = await hub.residents("ann", "bob", "cid")
    room = (await hub.room({ann.id: "owner", bob.id: "member", cid.id: "member"})).id
    one, here, there, other = await hub.sockets(ann, bob, bob, cid)
    assert (await here.ask("MUTE", roomId=room))["room"]["muted"] is True
    assert await there.hear("ROOM_MUTED") == {"roomId": room, "muted": True}
    here.forget()
    await one.ask("SEND_MESSAGE", roomId=room, content="psst")
    for socket, kinds in (
        (here, ["MESSAGE"]),
        (there, ["MESSAGE"]),
        (other, ["MESSAGE", "NOTIFY"]),
    ):
        await socket.caught_up()
        assert socket.kinds() == kinds
        socket.forget()
    await one.ask("SEND_MESSAGE", roomId=room, content="hey @bob")
    assert (await here.hear("NOTIFY"))["kind"] == "mention"
    [known] = (await welcomed(await hub.dial(headers=bearer(bob.token))))["rooms"]
    assert known["muted"] is True
    assert (await here.ask("MUTE", roomId=room, on=False))["room"]["muted"] is False
    await one.ask("SEND_MESSAGE", roomId=room, content="loud")
    assert (await here.hear("NOTIFY"))["kind"] == "message"


async def test_who_is_online_is_asked_for_in_parts(hub: Hubbub) -> None:
    people = sorted(await hub.residents("ann", "bob", "cid", "dan"), key=lambda one: one.id)
    socket, *_ = await hub.sockets(*people[:3])
    ids = [person.id for person in people]
    room = (await hub.room({ids[0]: "owner", ids[2]: "member", ids[3]: "member"})).id
    for asked, users, more in (
        ({}, ids[:3], False),
        ({"limit": 2}, ids[:2], True),
        ({"limit": 2, "after": ids[1]}, ids[2:3], False),
        ({"roomId": room}, [ids[0], ids[2]], False),
        ({"roomId": room, "userIds": ids[1:]}, [ids[2]], False),
        ({"roomId": EVERYONE, "userIds": ids[1:]}, ids[1:3], False),
        ({"userIds": []}, [], False),
    ):
        assert await socket.ask("PRESENCE", **asked) == {"userIds": users, "hasMore": more}
    theirs = (await hub.room({ids[1]: "owner"})).id
    assert await socket.code_of("PRESENCE", roomId=theirs) == "room_not_found"
    first = await hub.get("/api/online-users?limit=2", people[0].token)
    assert first.json["userIds"] == ids[:2]
    rest = await hub.get(first.headers["Link"][1:].partition(">")[0], people[0].token)
    assert (rest.json["userIds"], "Link" in rest.headers) == (ids[2:3], False)


async def test_when_somebody_was_last_there_is_stored(start: Starter, store: Store) -> None:
    hub = start()
    ann, bob, cid = await hub.residents("ann", "bob", "cid")
    _, two, _ = await hub.sockets(ann, bob, cid)
    await hub.core.disk.run(store.users.change, cid.id, invisible=True)
    before = now()
    two.close()
    await until(lambda: not hub.core.hub.is_connected(bob.id))
    await hub.core.last_seen.write()
    seen = (await hub.get(f"/api/users/{bob.id}", ann.token)).json["lastSeen"]
    assert datetime.fromisoformat(seen) >= before
    await hub.stop()
    for person in (ann, cid):
        user = store.users.get(person.id)
        assert user is not None
        assert user.last_seen is not None
        assert user.last_seen >= before
    again = start()
    assert (await again.get(f"/api/users/{cid.id}", ann.token)).json["lastSeen"] is None


async def test_the_room_of_everybody_is_in_the_welcome(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    await hub.say(bob, EVERYONE)
    welcome = await welcomed(await hub.dial(headers=bearer(ann.token)))
    assert welcome["rooms"] == []
    everyone = welcome["everyone"]
    assert (everyone["id"], everyone["name"], everyone["kind"], everyone["unread"]) == (
        EVERYONE, "everyone", "public", 1,
    )  # fmt: skip


async def test_who_is_told_the_names_that_a_client_gives(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    here, there, other = await hub.sockets(ann, ann, bob)
    for name, told in (("clientId", ["c1", "c1", None]), ("tempId", ["c1", None, None])):
        here.tell("SEND_MESSAGE", roomId=EVERYONE, content="x", **{name: "c1"})
        heard = [await socket.hear("MESSAGE") for socket in (here, there, other)]
        assert [one.get(name) for one in heard] == told
        assert not any({"clientId": "tempId", "tempId": "clientId"}[name] in one for one in heard)
    here.tell("SEND_MESSAGE", roomId=EVERYONE, content="x")
    heard = [await socket.hear("MESSAGE") for socket in (here, there, other)]
    assert [one.get("clientId") for one in heard] == [None] * 3


async def test_a_message_that_is_sent_again_is_the_same(start: Starter, store: Store) -> None:
    hub = start()
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    message = {"roomId": room, "content": "once", "clientId": "c1"}
    here, there, other = await hub.sockets(ann, ann, bob)
    first = await here.ask("SEND_MESSAGE", **message)
    again = await here.ask("SEND_MESSAGE", **message)
    elsewhere = await there.ask("SEND_MESSAGE", **message)
    assert first == again == elsewhere
    await hub.stop()
    hub = start()
    back, listener = await hub.socket(ann), await hub.socket(bob)
    assert await back.ask("SEND_MESSAGE", **message) == first
    fresh = (await listener.ask("SEND_MESSAGE", **message))["message"]  # bob's own c1
    assert (fresh["seq"], fresh["senderId"]) == (2, bob.id)
    assert len(told_of(other)) == 1
    assert told_of(listener) == [(2, "once")]
    assert await hub.core.disk.run(store.messages.get, first["message"]["id"]) is not None


# Presence


async def test_the_first_and_the_last_of_many_sockets_are_told(start: Starter) -> None:
    hub = start(presence_grace=0.0)
    ann, bob = await hub.residents("ann", "bob")
    [socket] = await hub.sockets(bob)
    first = await hub.socket(ann)
    assert await socket.hear("USER_ONLINE") == {"userId": ann.id, "username": "ann"}
    second = await hub.socket(ann)
    assert set((await welcomed(second))["online"]) == {ann.id, bob.id}
    first.close()
    await first.closed()
    await socket.caught_up()
    assert socket.kinds() == []
    second.vanish()
    assert await socket.hear("USER_OFFLINE") == {"userId": ann.id, "username": "ann"}
    assert (await socket.ask("PRESENCE"))["userIds"] == [bob.id]
    assert "USER_ONLINE" not in [*first.kinds(), *second.kinds()]


async def test_a_page_that_is_loaded_again_does_not_flicker(start: Starter) -> None:
    hub = start(presence_grace=LONG)
    ann, bob = await hub.residents("ann", "bob")
    first, socket = await hub.sockets(ann, bob)
    first.vanish()
    await until(lambda: not hub.core.hub.is_connected(ann.id))
    assert (await socket.ask("PRESENCE"))["userIds"] == sorted([ann.id, bob.id])
    await hub.socket(ann)
    await socket.caught_up()
    assert socket.kinds() == []


async def test_nobody_is_online_after_a_restart(start: Starter) -> None:
    hub = start(presence_grace=LONG)
    ann, bob = await hub.residents("ann", "bob")
    await hub.socket(ann)
    await hub.stop()
    hub = start()
    assert (await welcomed(await hub.dial(headers=bearer(bob.token))))["online"] == [bob.id]
    assert (await hub.get(f"/api/users/{ann.id}", bob.token)).json["isOnline"] is False


async def test_one_who_is_invisible_is_not_seen(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    await hub.call("PATCH", "/api/auth/profile", {"invisible": True}, token=ann.token)
    [socket] = await hub.sockets(bob)
    await hub.socket(ann)
    assert (await socket.ask("PRESENCE"))["userIds"] == [bob.id]
    await socket.caught_up()
    assert socket.kinds() == []


async def test_whoever_hides_while_they_are_there_is_gone_for_the_others_at_once(
    hub: Hubbub,
) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one, two = await hub.sockets(ann, bob)
    for invisible, kind in ((True, "USER_OFFLINE"), (False, "USER_ONLINE")):
        change = {"invisible": invisible}
        await hub.call("PATCH", "/api/auth/profile", change, token=ann.token)
        online = (await hub.get("/api/online-users", bob.token)).json["userIds"]
        assert (ann.id in online) is not invisible
        await two.hear(kind, userId=ann.id)
    assert one.kinds() == []


# Typing


async def test_typing_is_told_to_the_others_and_not_again_and_again(hub: Hubbub) -> None:
    ann, bob, eve = await hub.residents("ann", "bob", "eve")
    one, too, two, three = await hub.sockets(ann, ann, bob, eve)
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    for _ in range(3):
        await one.ask("TYPING", roomId=room)
    assert await two.hear("TYPING") == {"roomId": room, "userId": ann.id, "username": "ann"}
    await too.ask("STOP_TYPING", roomId=room)
    assert await two.hear("STOP_TYPING") == {"roomId": room, "userId": ann.id}
    await one.ask("STOP_TYPING", roomId=room)
    for socket in (one, too, two, three):
        await socket.caught_up()
        assert socket.kinds() == []


async def test_typing_ends_by_itself(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing, "TYPING_SECONDS", 0.05)
    ann, bob = await hub.residents("ann", "bob")
    one, two = await hub.sockets(ann, bob)
    room = (await hub.room({ann.id: "owner", bob.id: "member"})).id
    await one.ask("TYPING", roomId=room)
    await two.hear("TYPING")
    assert await two.hear("STOP_TYPING") == {"roomId": room, "userId": ann.id}


# Receipts


async def test_receipts_go_to_those_whose_messages_they_are_about(hub: Hubbub) -> None:
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    room = (await hub.room(dict.fromkeys((ann.id, bob.id, cat.id), "member"))).id
    await hub.say(ann, room)
    await hub.say(cat, room)
    one, two, two_too, three = await hub.sockets(ann, bob, bob, cat)
    assert await two.ask("DELIVERED", roomId=room, seq=1) == {
        "roomId": room, "delivered": 1, "read": 0,
    }  # fmt: skip
    receipt = {"roomId": room, "userId": bob.id, "delivered": 1, "read": 0}
    for socket in (one, two, two_too):
        assert await socket.hear("RECEIPT") == receipt
    await three.caught_up()
    assert three.kinds() == []
    await two.ask("READ", roomId=room, seq=2)
    for socket in (one, two, two_too, three):
        assert await socket.hear("RECEIPT") == {**receipt, "delivered": 2, "read": 2}


async def test_marks_never_go_back(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room(dict.fromkeys((ann.id, bob.id), "member"))).id
    messages = [await hub.say(ann, room) for _ in range(3)]
    one, two = await hub.sockets(ann, bob)
    marks = {"roomId": room, "delivered": 2, "read": 2}
    assert await two.ask("READ", messageId=messages[1].id) == marks
    await one.hear("RECEIPT")
    assert await two.ask("READ", roomId=room, seq=1) == marks
    assert await two.ask("DELIVERED", messageId=messages[0].id) == marks
    await one.caught_up()
    assert one.kinds() == []
    # A mark beyond the last message reaches as far as that.
    assert await two.ask("READ", roomId=room, seq=99) == {**marks, "delivered": 3, "read": 3}


async def test_what_is_unread_is_said_at_login(start: Starter) -> None:
    hub = start()
    ann, bob = await hub.residents("ann", "bob")
    room = (await hub.room(dict.fromkeys((ann.id, bob.id), "member"))).id
    for text in ("one", "two", "hey @bob"):
        await hub.say(ann, room, text)
    await (await hub.socket(bob)).ask("READ", roomId=room, seq=1)
    for _ in range(2):
        [known] = (await welcomed(await hub.dial(headers=bearer(bob.token))))["rooms"]
        marks = ("seq", "rev", "delivered", "read", "unread", "mentions")
        assert [known[name] for name in marks] == [3, 3, 1, 1, 2, 1]
        assert known["lastMessage"]["content"] == "hey @bob"
        [known] = (await welcomed(await hub.dial(headers=bearer(ann.token))))["rooms"]
        assert (known["read"], known["unread"]) == (3, 0)
        await hub.stop()
        hub = start()


async def test_larger_rooms_have_no_receipts(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.policy.MAX_RECEIPTS", 2)
    people = await hub.residents("ann", "bob", "cat")
    room = (await hub.room(dict.fromkeys((one.id for one in people), "member"))).id
    await hub.say(people[0], room)
    one, two, _ = await hub.sockets(*people)
    marks = await two.ask("DELIVERED", roomId=room, seq=1)
    assert marks == {"roomId": room, "delivered": 0, "read": 0}
    assert (await two.ask("READ", roomId=room, seq=1))["read"] == 1
    await one.caught_up()
    assert one.kinds() == []


# Many, and slow ones


async def test_a_slow_reader_is_cut_and_resumes_and_nobody_else_is_harmed(start: Starter) -> None:
    hub = start(socket_backlog=64 * 1024)
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    room = (await hub.room(dict.fromkeys((ann.id, bob.id, cat.id), "member"))).id
    speaker, quick = await hub.sockets(ann, cat)
    keep_little(hub)
    slow = await hub.socket(bob)
    slow.stop_reading()
    count = 0
    while hub.core.hub.is_connected(bob.id):
        assert count < 3000
        sends = [
            speaker.ask("SEND_MESSAGE", roomId=room, content=f"{count + n} " + "\U0001f642" * 4900)
            for n in range(20)
        ]
        await asyncio.gather(*sends)
        count += len(sends)
    slow.go_on_reading()  # at once, for it has five seconds to hear why
    assert await slow.closed() == 4008
    await quick.until(lambda: len(told_of(quick)) == count)
    assert [rev for rev, _ in told_of(quick)] == list(range(1, count + 1))
    heard = [rev for rev, _ in told_of(slow)]
    assert heard == list(range(1, len(heard) + 1))
    back = await hub.dial()
    while len(heard) < count:
        back.tell("AUTH", token=bob.token, rooms={room: len(heard)})
        await back.hear("SYNCED")
        heard += [rev for rev, _ in told_of(back)]
    assert heard == list(range(1, count + 1))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_thousand_listeners_hear_everything_in_order(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.hub.SLICE", 300)
    ann, *others = await hub.residents(*(f"user{n}" for n in range(11)))
    room = (await hub.room(dict.fromkeys((one.id for one in (ann, *others)), "member"))).id
    speaker = await hub.socket(ann)
    listeners = [await hub.socket(other) for other in others for _ in range(100)]
    sends = [speaker.ask("SEND_MESSAGE", roomId=room, content=str(n)) for n in range(20)]
    await asyncio.gather(*sends)
    for listener in listeners:
        await listener.until(lambda told=listener: len(told_of(told)) == 20)
        assert told_of(listener) == [(n + 1, str(n)) for n in range(20)]
