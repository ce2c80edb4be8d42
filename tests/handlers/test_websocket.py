"""Native sockets: logging in and being logged out, and who hears what."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from chat import typing
from handlers import sockets
from models.records import EVERYONE, now
from models.store import Store
from tests.chat.engine import until
from tests.contract import samples
from tests.handlers.conftest import PASSWORD, Hubbub, Person, Starter, keep_little
from tests.handlers.sockets import Denied, bearer, said, told_of, welcomed

pytestmark = pytest.mark.gen_test(timeout=60)

PATHS = ("/", "/ws", "/socket")
NO_TOKEN = "no.token.at-all"

# Longer than any test may take.
LONG = 3600.0


def offering(*protocols: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": ", ".join(protocols)}


# Logging in


@pytest.mark.parametrize("path", PATHS)
async def test_a_socket_is_logged_in_by_its_first_frame(hub: Hubbub, path: str) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(path)
    socket.tell("AUTH", 7, token=ann.token)
    welcome = await welcomed(socket)
    assert await socket.hear("ONLINE_USERS") == {"userIds": [ann.id]}
    assert socket.frames[0]["id"] == 7
    assert (welcome["user"]["id"], welcome["user"]["username"]) == (ann.id, "ann")
    assert (welcome["rooms"], welcome["online"]) == ([], [ann.id])
    assert "password" not in str(welcome).lower()


async def test_frames_behind_the_first_wait_until_it_is_answered(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    first, second = said("AUTH", 1, token=ann.token), said("PRESENCE", 2)
    socket = await hub.dial(behind=first + second)
    await socket.until(lambda: len(socket.frames) == 3)
    kinds = [heard["type"] for heard in socket.frames]
    assert kinds == ["AUTH_SUCCESS", "ONLINE_USERS", "ACK"]


async def test_a_socket_is_logged_in_by_a_header(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(headers=bearer(ann.token))
    assert (await welcomed(socket))["user"]["id"] == ann.id
    assert await socket.code_of("AUTH", token=ann.token) == "already_authenticated"


async def test_a_socket_is_logged_in_by_a_subprotocol(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(headers=offering("hubbub", f"bearer.{ann.token}"))
    assert (await welcomed(socket))["user"]["id"] == ann.id
    assert socket.headers["sec-websocket-protocol"] == "hubbub"


async def test_a_subprotocol_of_others_is_not_chosen(hub: Hubbub) -> None:
    socket = await hub.dial(headers=offering("graphql-ws"))
    assert "sec-websocket-protocol" not in socket.headers


@pytest.mark.parametrize("way", ["frame", "header", "subprotocol"])
async def test_a_token_that_is_refused_closes_the_socket(hub: Hubbub, way: str) -> None:
    headers = {
        "frame": {},
        "header": bearer(NO_TOKEN),
        "subprotocol": offering("hubbub", f"bearer.{NO_TOKEN}"),
    }
    socket = await hub.dial(headers=headers[way])
    if way == "frame":
        socket.tell("AUTH", "first", token=NO_TOKEN)
    assert await socket.closed() == 4002
    [answer] = socket.frames
    assert (answer["type"], answer["payload"]["code"]) == ("AUTH_ERROR", "invalid_token")
    assert answer.get("id") == ("first" if way == "frame" else None)
    assert len(hub.services.sockets) == 0


async def test_tokens_of_those_who_may_not_come_in_are_refused(hub: Hubbub) -> None:
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    users, sessions = hub.core.store.users, hub.core.store.sessions
    await hub.core.disk.run(users.change, ann.id, disabled=True)
    await hub.core.disk.run(sessions.end_all, bob.id)
    late = samples.session(cat.id, expires=now() - timedelta(seconds=1))
    await hub.core.disk.run(sessions.add, late)
    expired = hub.core.sessions._tokens.sign(late, now() - timedelta(hours=1))
    for token, code in (
        (ann.token, "account_disabled"),
        (bob.token, "invalid_token"),
        (expired, "token_expired"),
        (cat.token[:-2] + ("AA" if cat.token[-2:] != "AA" else "BB"), "invalid_token"),
        ("", "invalid_token"),
        ("a" * 60_000, "invalid_token"),
    ):
        socket = await hub.dial()
        socket.tell("AUTH", token=token)
        assert (await socket.hear("AUTH_ERROR"))["code"] == code
        assert await socket.closed() == 4002


async def test_a_socket_that_nobody_logs_in_is_closed(start: Starter) -> None:
    hub = start(authentication_timeout=0.2)
    socket = await hub.dial()
    assert await socket.closed() == 4001
    assert socket.frames == []
    assert len(hub.services.sockets) == 0


async def test_whoever_is_logged_in_has_all_the_time(start: Starter) -> None:
    hub = start(authentication_timeout=0.2)
    [ann] = await hub.residents("ann")
    socket, nobody = await hub.socket(ann), await hub.dial()
    assert await nobody.closed() == 4001
    assert await socket.code_of("PRESENCE") == "ok"


async def test_only_pages_of_listed_origins_and_our_own_connect(start: Starter) -> None:
    hub = start(client_url=("https://app.example",))
    own = f"http://127.0.0.1:{hub.port}"
    for origin in ("https://app.example", own):
        assert (await hub.dial(headers={"Origin": origin})).status == 101
    for origin in ("https://evil.example", "null", f"{own}.evil.example", "https://app.example.x"):
        with pytest.raises(Denied) as denied:
            await hub.dial(headers={"Origin": origin, "Authorization": "Bearer x"})
        assert denied.value.status == 403


async def test_other_paths_have_no_socket(hub: Hubbub) -> None:
    for path in ("/health", "/api/rooms", "/ws/", "/nothing"):
        with pytest.raises(Denied):
            await hub.dial(path)
    assert (await hub.get("/ws")).status == 404


# Caps


async def test_a_user_has_so_many_sockets(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_per_user=2)
    ann, bob = await hub.residents("ann", "bob")
    first, _ = await hub.socket(ann), await hub.socket(ann)
    third = await hub.dial(headers=bearer(ann.token))
    refusal = await third.hear("AUTH_ERROR")
    assert (refusal["code"], refusal["retryAfter"]) == ("too_many_sockets", 30)
    assert await third.closed() == 4004
    await hub.socket(bob)
    first.close()
    await first.closed()
    await hub.socket(ann)


async def test_an_address_has_so_many_sockets(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_per_address=2)
    first, _ = await hub.dial(), await hub.dial()
    with pytest.raises(Denied) as denied:
        await hub.dial()
    assert denied.value.status == 503
    refused = await hub.get("/ws", headers=dict.fromkeys(("Upgrade",), "websocket"))
    assert (refused.status, refused.code) == (503, "too_many_sockets")
    assert (refused.json["retryAfter"], refused.headers["Retry-After"]) == (30, "30")
    first.close()
    await first.closed()
    await hub.dial()


async def test_so_many_sockets_may_be_open_that_nobody_has_logged_in(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_unauthenticated=1)
    [ann] = await hub.residents("ann")
    first = await hub.dial()
    with pytest.raises(Denied) as denied:
        await hub.dial(headers=bearer(ann.token))
    assert denied.value.status == 503
    first.tell("AUTH", token=ann.token)
    await welcomed(first)
    await hub.dial()


async def test_an_address_tries_so_many_tokens(start: Starter) -> None:
    hub = start(rate_limits=True)
    codes = set()
    while 4004 not in codes:
        socket = await hub.dial(headers=bearer(NO_TOKEN))
        codes.add(await socket.closed())
    assert socket.frames[0]["payload"]["code"] == "rate_limited"
    assert codes == {4002, 4004}


async def test_messages_and_commands_have_rates_of_their_own(start: Starter) -> None:
    hub = start(rate_limits=True, message_burst=2, message_rate=1, command_burst=3, command_rate=1)
    [ann] = await hub.residents("ann")
    socket = await hub.socket(ann)
    send = {"roomId": EVERYONE, "content": "x"}
    codes = [await socket.code_of("SEND_MESSAGE", **send) for _ in range(3)]
    assert codes == ["ok", "ok", "rate_limited"]
    assert [await socket.code_of("PRESENCE") for _ in range(4)] == ["ok"] * 3 + ["rate_limited"]


# The end of a login


async def log_out(hub: Hubbub, ann: Person) -> None:
    await hub.post("/api/auth/logout", token=ann.token)


async def log_out_everywhere(hub: Hubbub, ann: Person) -> None:
    await hub.post("/api/auth/logout-all", token=ann.token)


async def change_password(hub: Hubbub, ann: Person) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": "another horse 43"}
    assert (await hub.post("/api/auth/password", body, token=ann.token)).status == 200


async def delete_account(hub: Hubbub, ann: Person) -> None:
    body = {"password": PASSWORD}
    answer = await hub.call("DELETE", "/api/auth/me", body, token=ann.token)
    assert answer.status == 200, answer.body


async def be_disabled(hub: Hubbub, ann: Person) -> None:
    await hub.core.administration.disable(ann.id)


async def be_ended_elsewhere(hub: Hubbub, ann: Person) -> None:
    session = hub.core.sessions._tokens.read(ann.token).session
    await hub.core.disk.run(hub.core.store.sessions.end, session)


async def be_disabled_elsewhere(hub: Hubbub, ann: Person) -> None:
    await hub.core.disk.run(hub.core.store.users.change, ann.id, disabled=True)


@pytest.mark.parametrize(
    "end",
    [
        log_out, log_out_everywhere, change_password, delete_account, be_disabled,
        be_ended_elsewhere, be_disabled_elsewhere,
    ],
)  # fmt: skip
async def test_a_login_that_ends_closes_its_sockets(
    hub: Hubbub, end: Callable[[Hubbub, Person], Awaitable[None]]
) -> None:
    bob, ann = await hub.person("bob"), await hub.person("ann")
    theirs = [await hub.socket(ann), await hub.socket(ann)]
    other = await hub.socket(bob)
    await end(hub, ann)
    assert [await socket.closed() for socket in theirs] == [4003, 4003]
    heard = [len(socket.frames) for socket in theirs]
    assert await other.code_of("SEND_MESSAGE", roomId=EVERYONE, content="are you there?") == "ok"
    assert [len(socket.frames) for socket in theirs] == heard
    assert not hub.core.hub.is_connected(ann.id)
    assert len(hub.services.sockets) == 1


def test_the_end_of_a_login_is_noticed_within_a_second() -> None:
    assert sockets.WATCH_SECONDS < 1


async def test_only_the_login_that_ends_loses_its_sockets(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    [user] = await hub.core.people.users([ann.id])
    other = Person(ann.id, "ann", await hub.login(user))
    one, two = await hub.socket(ann), await hub.socket(other)
    await log_out(hub, ann)
    assert await one.closed() == 4003
    assert await two.code_of("PRESENCE") == "ok"


async def test_a_login_that_expires_closes_its_sockets(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "WATCH_SECONDS", 0.05)
    hub = start()
    [ann] = await hub.residents("ann")
    session = samples.session(ann.id, expires=now() + timedelta(hours=1))
    token = hub.core.sessions._tokens.sign(session, now())
    soon = replace(session, expires=now() + timedelta(seconds=1.5))
    await hub.core.disk.run(hub.core.store.sessions.add, soon)
    socket = await hub.socket(Person(ann.id, "ann", token))
    assert await socket.closed() == 4003


async def test_a_stop_says_goodbye(start: Starter) -> None:
    hub = start()
    [ann] = await hub.residents("ann")
    socket = await hub.socket(ann)
    hub.services.sockets.close_all()
    assert await socket.closed() == 1001


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
