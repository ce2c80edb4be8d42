"""An `Idempotency-Key`, on every call that changes something: a table."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from handlers.application import ROUTES
from handlers.calls import calls_of
from models.records import KeyedCall, new_id
from models.store import Store, Unavailable
from tests import pictures
from tests.contract import samples
from tests.handlers.conftest import PASSWORD, Answer, Hubbub, Person, Starter

pytestmark = pytest.mark.gen_test(timeout=60)

NEW_PASSWORD = "another horse 43"
REGISTER = {"username": "dora", "password": PASSWORD}
LOGIN = {"username": "ann", "password": PASSWORD}

# Every call that changes something, with what it says; `?` is filled in from the scene.
CALLS: dict[str, Any] = {
    "POST /api/auth/register": REGISTER,
    "POST /auth/register": REGISTER,
    "POST /api/auth/login": LOGIN,
    "POST /auth/login": LOGIN,
    "POST /api/auth/logout": None,
    "POST /api/auth/logout-all": None,
    "POST /api/auth/password": {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD},
    "PATCH /api/auth/profile": {"displayName": "Ann A."},
    "DELETE /api/auth/me": {"password": PASSWORD},
    "DELETE /api/auth/sessions/{session_id}": None,
    "POST /api/rooms": {"kind": "private", "name": "New"},
    "PATCH /api/rooms/{room_id}": {"name": "New"},
    "DELETE /api/rooms/{room_id}": None,
    "POST /api/rooms/{public_id}/join": None,
    "POST /api/rooms/{room_id}/leave": None,
    "PUT /api/rooms/{room_id}/mute": None,
    "DELETE /api/rooms/{room_id}/mute": None,
    "POST /api/rooms/{room_id}/members": {"userId": "?"},
    "PATCH /api/rooms/{room_id}/members/{user_id}": {"role": "admin"},
    "DELETE /api/rooms/{room_id}/members/{user_id}": None,
    "POST /api/rooms/{room_id}/messages": {"content": "once"},
    "POST /api/messages": {"to": "?", "content": "once"},
    "POST /api/rooms/{room_id}/read": {"seq": 1},
    "POST /api/rooms/{room_id}/delivered": {"seq": 1},
    "PATCH /api/messages/{message_id}": {"content": "edited"},
    "DELETE /api/messages/{message_id}": None,
    "PUT /api/messages/{message_id}/reactions/{emoji}": None,
    "DELETE /api/messages/{message_id}/reactions/{emoji}": None,
    "PUT /api/messages/{message_id}/pin": None,
    "DELETE /api/messages/{message_id}/pin": None,
    "POST /api/messages/{message_id}/read": None,
    "POST /api/messages/{message_id}/delivered": None,
    "POST /api/admin/users/{user_id}/{action}": None,
    "DELETE /api/uploads/{upload_id}": None,
}

# What they do is undone in between, so that doing it again would show.
UNDONE = {
    "PATCH /api/rooms/{room_id}": ("PATCH", {"name": "Back"}),
    "PUT /api/rooms/{room_id}/mute": ("DELETE", None),
    "PATCH /api/messages/{message_id}": ("PATCH", {"content": "and back"}),
    "PUT /api/messages/{message_id}/reactions/{emoji}": ("DELETE", None),
    "PUT /api/messages/{message_id}/pin": ("DELETE", None),
    "PATCH /api/auth/profile": ("PATCH", {"displayName": "Back"}),
    "PATCH /api/rooms/{room_id}/members/{user_id}": ("PATCH", {"role": "member"}),
}

PICTURE = pictures.plain("PNG")

UPLOADS = ("/api/uploads", "/api/upload/image", "/upload")

ENDING = {
    "POST /api/auth/logout",
    "POST /api/auth/logout-all",
    "POST /api/auth/password",
    "DELETE /api/auth/me",
}

ANONYMOUS = {call for call in CALLS if call.endswith(("register", "login"))}


@dataclass
class Scene:
    """Ann, who administers everything and owns a room; Bob, who is in it; and Carol."""

    hub: Hubbub
    ann: Person
    bob: Person
    parts: dict[str, str]
    carol: Person
    key: str = field(default_factory=new_id)

    async def make(self, call: str, body: Any = None, **more: Any) -> Answer:
        """Make a call of the table, with the key of the scene."""
        method, _, path = call.partition(" ")
        said = CALLS[call] if body is None else body
        if isinstance(said, dict):
            said = {key: self.carol.id if value == "?" else value for key, value in said.items()}
        token = None if call in ANONYMOUS else self.ann.token
        more.setdefault("headers", {"Idempotency-Key": self.key})
        return await self.hub.call(method, path.format_map(self.parts), said, token=token, **more)


async def scene(hub: Hubbub) -> Scene:
    ann = await hub.person("ann")
    bob, carol = await hub.resident("bob"), await hub.resident("carol", role="admin")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    public = await hub.room({bob.id: "owner"}, kind="public")
    said = await hub.say(ann, room.id)
    user = await hub.core.disk.run(hub.core.store.users.get, ann.id)
    assert user is not None
    await hub.login(user)
    [session, *_] = await hub.core.sessions.of_user(ann.id)
    upload = samples.upload(ann.id, sha256="1" * 64)
    await hub.core.disk.run(hub.core.store.uploads.add, upload)
    parts = {
        "room_id": room.id,
        "public_id": public.id,
        "message_id": said.id,
        "user_id": bob.id,
        "session_id": session.id,
        "emoji": "%F0%9F%91%8D",
        "upload_id": upload.id,
        "action": "promote",
    }
    return Scene(hub, ann, bob, parts, carol)


def kept(store: Store, stage: Scene) -> object:
    """All that a call could have done to the scene."""
    room, ann = stage.parts["room_id"], stage.ann.id
    moved = ("seen", "last_seen")
    users = store.users.page(limit=100)
    return (
        [{n: getattr(u, n) for n in u.__struct_fields__ if n not in moved} for u in users],
        [session.id for user in users for session in store.sessions.of_user(user.id)],
        [(r.id, r.name, r.kind, m.role, m.muted) for r, m in store.rooms.of_user(ann, limit=100)],
        store.rooms.get(room),
        store.rooms.members(room),
        store.rooms.members(stage.parts["public_id"]),
        store.uploads.of_owner(ann, limit=100),
        [(m.id, m.rev, m.text) for m in store.messages.latest(100)],
    )


def test_the_table_has_every_call_that_changes_something() -> None:
    made = {
        f"{method.upper()} {path}".replace("{room_id}/join", "{public_id}/join")
        for path, handler in ROUTES
        for method, call in calls_of(handler).items()
        if call.changes
    }
    assert made == CALLS.keys() | {f"POST {path}" for path in UPLOADS}


@pytest.mark.parametrize("path", UPLOADS)
async def test_files_are_kept_once(
    start: Starter, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, key = await scene(start()), new_id()
    calls, field = stage.hub.core.store.keyed_calls, "image" if "image" in path else "file"

    async def send(boundary: str, picture: bytes = PICTURE) -> Answer:
        raw = (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '
                'filename="a.png"\r\n\r\n'
            ).encode()
            + picture
            + f"\r\n--{boundary}--\r\n".encode()
        )
        kind = f"multipart/form-data; boundary={boundary}"
        headers = {"Idempotency-Key": key, "Content-Type": kind}
        return await stage.hub.call("POST", path, token=stage.ann.token, raw=raw, headers=headers)

    with monkeypatch.context() as patch:
        patch.setattr(calls, "answer", lambda *_: None)
        assert (await send("one")).status in (200, 201)
    before = kept(stage.hub.core.store, stage)
    first, again = await send("two"), await send("three")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert kept(stage.hub.core.store, stage) == before
    assert (await send("one", PICTURE + b"x")).status == 422
    assert await stage.hub.is_clean()


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_is_made_once_and_answered_alike(start: Starter, call: str) -> None:
    stage = await scene(start())
    first = await stage.make(call)
    assert first.status in (200, 201), first.body
    assert "Idempotency-Replayed" not in first.headers
    if call in UNDONE:
        method, body = UNDONE[call]
        path = call.partition(" ")[2].format_map(stage.parts)
        undone = await stage.hub.call(method, path, body, token=stage.ann.token)
        assert undone.status == 200
    before = kept(stage.hub.core.store, stage)
    again = await stage.make(call)
    stage.hub = start()  # as after a restart: what is only in memory is gone
    for answer in (again, await stage.make(call)):
        assert (answer.status, answer.body) == (first.status, first.body)
        assert answer.headers["Idempotency-Replayed"] == "true"
    assert kept(stage.hub.core.store, stage) == before


@pytest.mark.parametrize("call", CALLS)
async def test_what_was_done_is_known_though_its_answer_was_lost(
    start: Starter, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await scene(start())
    store = stage.hub.core.store

    def lost(*_: object) -> None:
        raise Unavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(store.keyed_calls, "answer", lost)
        first = await stage.make(call)
    if call in UNDONE:
        method, body = UNDONE[call]
        path = call.partition(" ")[2].format_map(stage.parts)
        await stage.hub.call(method, path, body, token=stage.ann.token)
    before = kept(store, stage)
    stage.hub = start()
    again = await stage.make(call)
    assert again.status == first.status, again.body
    assert kept(store, stage) == before
    if call not in UNDONE:
        assert again.json.keys() == first.json.keys()
        assert again.json.get("id") == first.json.get("id")
        assert again.json.get("token") == first.json.get("token")


@pytest.mark.parametrize("call", CALLS)
async def test_what_was_tried_is_found_out(
    start: Starter, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await scene(start())
    store = stage.hub.core.store
    calls, get = store.keyed_calls, store.keyed_calls.get

    def tried(call_id: str) -> KeyedCall | None:
        there = get(call_id)
        return there and replace(there, progress="tried")

    monkeypatch.setattr(calls, "answer", lambda *_: None)
    monkeypatch.setattr(calls, "get", tried)
    first = await stage.make(call)
    before = kept(store, stage)
    stage.hub = start()
    again = await stage.make(call)
    # Whoever has ended their own login is told that it has ended.
    assert again.status == (401 if call in ENDING else first.status)
    assert kept(store, stage) == before


@pytest.mark.parametrize("call", ["POST /api/rooms/{room_id}/messages", "POST /api/auth/login"])
async def test_a_key_stands_for_one_call(hub: Hubbub, call: str) -> None:
    stage = await scene(hub)
    assert (await stage.make(call)).status in (200, 201)
    other = {"content": "other"} if "messages" in call else {**LOGIN, "password": "x" * 8}
    answer = await stage.make(call, other)
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    elsewhere = "POST /auth/login" if call in ANONYMOUS else "POST /api/rooms"
    assert (await stage.make(elsewhere)).status == 422
    before = kept(hub.core.store, stage)
    assert (await stage.make(call)).headers["Idempotency-Replayed"] == "true"
    assert kept(hub.core.store, stage) == before


async def test_the_order_of_fields_is_no_difference(hub: Hubbub) -> None:
    stage = await scene(hub)
    path, headers = "/api/rooms", {"Idempotency-Key": "k"}
    bodies = (b'{"kind": "private", "name": "a"}', b'{ "name":"a","kind":"private" }')
    answers = [
        await hub.call("POST", path, token=stage.ann.token, headers=headers, raw=body)
        for body in bodies
    ]
    assert answers[0].body == answers[1].body


async def test_keys_are_each_persons_own(hub: Hubbub) -> None:
    stage = await scene(hub)
    path = f"/api/rooms/{stage.parts['room_id']}/messages"
    headers = {"Idempotency-Key": "1"}
    made = {
        (await hub.post(path, {"content": "hi"}, token=one.token, headers=headers)).json["id"]
        for one in (stage.ann, stage.bob)
    }
    assert len(made) == 2


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
async def test_a_key_is_short_and_plain(hub: Hubbub, key: str) -> None:
    stage = await scene(hub)
    answer = await stage.make("POST /api/rooms", headers={"Idempotency-Key": key})
    assert (answer.status, answer.code) == (400, "invalid_idempotency_key")
    assert (await stage.make("POST /api/rooms")).status == 201


async def test_of_many_at_once_one_is_made(hub: Hubbub) -> None:
    stage = await scene(hub)
    answers = await asyncio.gather(*(stage.make("POST /api/rooms") for _ in range(8)))
    assert len({answer.body for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 7


async def test_whoever_waits_too_long_is_told_when_to_come_back(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, entered, leave = await scene(hub), asyncio.Event(), asyncio.Event()
    create = hub.core.memberships.create

    async def slow(*args: Any, **more: Any) -> Any:
        entered.set()
        await leave.wait()
        return await create(*args, **more)

    monkeypatch.setattr(hub.core.memberships, "create", slow)
    monkeypatch.setattr("chat.keyed_calls.WAIT_SECONDS", 0.05)
    first = asyncio.ensure_future(stage.make("POST /api/rooms"))
    await entered.wait()
    second = await stage.make("POST /api/rooms")
    assert (second.status, second.code) == (409, "idempotency_key_in_use")
    assert int(second.headers["Retry-After"]) > 0
    leave.set()
    assert (await first).status == 201


async def test_a_refusal_that_is_an_answer_stays_one(hub: Hubbub) -> None:
    stage = await scene(hub)
    call = "PATCH /api/messages/{message_id}"
    stage.parts["message_id"] = new_id()
    first = await stage.make(call)
    assert (first.status, first.code) == (404, "message_not_found")
    again = await stage.make(call)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_what_was_not_understood_leaves_its_key_free(hub: Hubbub) -> None:
    stage = await scene(hub)
    call = "POST /api/rooms/{room_id}/messages"
    for body in ({"content": 1}, {"content": " "}):
        assert (await stage.make(call, body)).status == 400
    assert (await stage.make(call)).status == 201


async def test_wrong_passwords_are_not_kept(hub: Hubbub) -> None:
    stage = await scene(hub)
    wrong = await stage.make("DELETE /api/auth/me", {"password": "x" * 9})
    assert (wrong.status, wrong.code) == (403, "wrong_password")
    assert (await stage.make("DELETE /api/auth/me")).status == 200
    refused = await stage.make("POST /api/auth/login", {**LOGIN, "password": "x" * 9})
    assert refused.status == 401


async def test_what_the_store_did_not_take_is_made_again(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await scene(hub)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(hub.core.store.rooms, "add", away)
        assert (await stage.make("POST /api/rooms")).status == 503
    made = await stage.make("POST /api/rooms")
    assert made.status == 201
    assert "Idempotency-Replayed" not in made.headers


async def test_a_login_that_has_ended_opens_nothing_but_the_answer_to_its_end(
    hub: Hubbub,
) -> None:
    stage = await scene(hub)
    call = "POST /api/rooms"
    assert (await stage.make(call)).status == 201
    made, stage.key = stage.key, new_id()
    assert (await stage.make("POST /api/auth/logout")).status == 200
    assert (await stage.make("POST /api/auth/logout")).status == 200
    assert (await stage.make("POST /api/auth/logout-all")).status == 422
    stage.key = made
    assert (await stage.make(call)).status == 401
    stage.key = new_id()
    assert (await stage.make("POST /api/auth/logout")).status == 401


async def test_the_answer_to_a_login_is_over_when_the_login_is(hub: Hubbub) -> None:
    stage = await scene(hub)
    entered = await stage.make("POST /api/auth/login")
    await hub.post("/api/auth/logout", token=entered.json["token"])
    answer = await stage.make("POST /api/auth/login")
    assert (answer.status, answer.code) == (401, "invalid_token")


async def test_no_token_and_no_password_is_kept_with_an_answer(hub: Hubbub) -> None:
    stage, seen = await scene(hub), []
    begin, note = hub.core.store.keyed_calls.begin, hub.core.store.keyed_calls.answer
    calls = hub.core.store.keyed_calls
    calls.begin = lambda call, **more: seen.append(repr(call)) or begin(call, **more)
    calls.answer = lambda *parts: seen.append(repr(parts)) or note(*parts)
    entered = await stage.make("POST /api/auth/login")
    assert len(seen) == 2
    assert entered.json["token"] not in "".join(seen)
    assert PASSWORD not in "".join(seen)
    assert stage.key not in "".join(seen)


async def test_keys_are_bounded_and_expire(start: Starter) -> None:
    stage = await scene(start(idempotency_keys=2))
    for expected in (201, 201, 429):
        stage.key = new_id()
        answer = await stage.make("POST /api/rooms")
        assert answer.status == expected
    assert answer.code == "too_many_idempotency_keys"
    assert (await stage.make("POST /api/rooms", headers={})).status == 201
    stage.hub = start(idempotency_keys=2, idempotency_ttl=1e-6)
    assert await stage.hub.core.keyed_calls.sweep() == 2
    assert (await stage.make("POST /api/rooms")).status == 201
    assert "Idempotency-Replayed" not in (await stage.make("POST /api/rooms")).headers


async def test_pages_may_send_a_key_and_read_that_an_answer_is_repeated(start: Starter) -> None:
    hub = start(client_url=("https://app.example",))
    headers = {"Origin": "https://app.example"}
    preflight = await hub.call("OPTIONS", "/api/rooms", headers=headers)
    assert "idempotency-key" in preflight.headers["Access-Control-Allow-Headers"]
    health = await hub.get("/health", headers=headers)
    assert "Idempotency-Replayed" in health.headers["Access-Control-Expose-Headers"]
