"""REST for one's own account."""

import asyncio

import pytest

from conf import kinds
from tests import pictures
from tests.handlers.conftest import PASSWORD, Hubbub, Starter
from tests.handlers.forms import File

pytestmark = pytest.mark.gen_test(timeout=20)


async def test_registering_answers_with_the_union_that_every_client_reads(hub: Hubbub) -> None:
    answer = await hub.post(
        "/api/auth/register", {"username": "Ann", "email": "Ann@Example.com", "password": PASSWORD}
    )
    assert answer.status == 201
    assert set(answer.json) == {"message", "user", "token"}
    user = answer.json["user"]
    assert (user["username"], user["email"]) == ("Ann", "Ann@Example.com")
    assert user["id"] == user["_id"]
    assert user["isOnline"] is False
    assert user["createdAt"].endswith("Z")
    assert "password" not in answer.body.decode().lower()


async def test_registering_works_on_the_path_without_api(hub: Hubbub) -> None:
    answer = await hub.post("/auth/register", {"username": "ann", "password": PASSWORD})
    assert answer.status == 201
    assert (await hub.post("/auth/login", {"username": "ann", "password": PASSWORD})).status == 200


async def test_the_first_account_is_the_administrator_and_the_second_is_not(hub: Hubbub) -> None:
    first, second = await hub.person("ann"), await hub.person("bob")
    assert (await hub.get("/api/auth/me", first.token)).json["role"] == "admin"
    assert (await hub.get("/api/auth/me", second.token)).json["role"] == "user"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"username": "ann"}, 400, "invalid_body"),
        ({"password": PASSWORD}, 400, "invalid_body"),
        ({"username": {"$ne": 1}, "password": PASSWORD}, 400, "invalid_body"),
        ({"username": ["ann"], "password": PASSWORD}, 400, "invalid_body"),
        ({"username": "ann", "password": 12345678}, 400, "invalid_body"),
        ({"username": "an", "password": PASSWORD}, 400, "invalid_username"),
        ({"username": "ann lee", "password": PASSWORD}, 400, "invalid_username"),
        ({"username": "a" * 31, "password": PASSWORD}, 400, "invalid_username"),
        ({"username": "ann\n", "password": PASSWORD}, 400, "invalid_username"),
        ({"username": "Admin", "password": PASSWORD}, 400, "reserved_username"),
        ({"username": "__proto__", "password": PASSWORD}, 400, "reserved_username"),
        ({"username": "ann", "password": "short"}, 400, "password_too_short"),
        ({"username": "ann", "password": "é" * 37}, 400, "password_too_long"),
        ({"username": "ann", "password": "password123"}, 400, "password_too_common"),
        ({"username": "ann", "password": PASSWORD, "email": "nobody"}, 400, "invalid_email"),
        ({"username": "ann", "password": PASSWORD, "displayName": "\u202e"}, 400,
         "invalid_display_name"),
    ],
)  # fmt: skip
async def test_a_bad_registration_is_refused_and_makes_nobody(
    hub: Hubbub, fields: dict[str, object], status: int, code: str
) -> None:
    answer = await hub.post("/api/auth/register", fields)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"] == answer.json["message"]
    assert hub.core.store.users.page(limit=10) == []


async def test_a_name_or_an_email_that_is_taken_is_a_conflict(hub: Hubbub) -> None:
    await hub.person("ann", email="ann@example.com")
    name = await hub.post("/api/auth/register", {"username": "ANN", "password": PASSWORD})
    assert (name.status, name.code) == (409, "username_taken")
    email = await hub.post(
        "/api/auth/register",
        {"username": "other", "password": PASSWORD, "email": "ANN@example.com"},
    )
    assert (email.status, email.code) == (409, "email_taken")


async def test_many_registrations_of_one_name_at_once_make_one_account(hub: Hubbub) -> None:
    fields = {"username": "ann", "password": PASSWORD}
    answers = await asyncio.gather(*(hub.post("/api/auth/register", fields) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7


async def test_login_takes_a_name_or_an_email_in_either_field_and_any_case(hub: Hubbub) -> None:
    await hub.person("ann", email="ann@example.com")
    for fields in (
        {"username": "ann"},
        {"username": "ANN@EXAMPLE.COM"},
        {"email": "ann@example.com"},
        {"email": "Ann"},
    ):
        answer = await hub.post("/api/auth/login", {**fields, "password": PASSWORD})
        assert answer.status == 200
        assert await hub.is_in(answer.json["token"])


async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(hub: Hubbub) -> None:
    await hub.person("ann")
    name = await hub.post("/api/auth/login", {"username": "nobody", "password": PASSWORD})
    password = await hub.post("/api/auth/login", {"username": "ann", "password": "wrong horse 42"})
    assert name.status == password.status == 401
    same = [{**answer.json, "requestId": ""} for answer in (name, password)]
    assert same[0] == same[1]
    assert {n for n, _ in name.headers.get_all()} == {n for n, _ in password.headers.get_all()}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": PASSWORD}, "missing_field"),
        ({"username": "", "password": PASSWORD}, "missing_field"),
        ({"username": "ann", "password": "x" * 73}, "password_too_long"),
        ({"username": {"$gt": ""}, "password": {"$gt": ""}}, "invalid_body"),
    ],
)
async def test_a_login_that_makes_no_sense_is_refused(
    hub: Hubbub, fields: dict[str, object], code: str
) -> None:
    answer = await hub.post("/api/auth/login", fields)
    assert (answer.status, answer.code) == (400, code)


async def test_logging_out_ends_this_login_and_no_other(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    login = await hub.post("/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert (await hub.post("/api/auth/logout", token=ann.token)).status == 200
    assert not await hub.is_in(ann.token)
    assert await hub.is_in(login.json["token"])


async def test_logging_out_everywhere_ends_every_login_of_mine(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    login = await hub.post("/api/auth/login", {"username": "ann", "password": PASSWORD})
    assert (await hub.post("/api/auth/logout-all", token=ann.token)).status == 200
    assert not await hub.is_in(ann.token)
    assert not await hub.is_in(login.json["token"])
    assert await hub.is_in(bob.token)


async def test_logins_are_listed_and_ended_one_by_one(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    login = await hub.post(
        "/api/auth/login",
        {"username": "ann", "password": PASSWORD},
        headers={"User-Agent": "a phone"},
    )
    sessions = (await hub.get("/api/auth/sessions", ann.token)).json["sessions"]
    assert sessions[0]["agent"] == "a phone"
    assert [s["current"] for s in sessions] == [False, True]
    path = f"/api/auth/sessions/{sessions[0]['id']}"
    assert (await hub.call("DELETE", path, token=ann.token)).status == 200
    assert not await hub.is_in(login.json["token"])
    assert (await hub.call("DELETE", path, token=ann.token)).code == "session_not_found"


async def test_somebody_elses_login_cannot_be_ended(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    [session] = (await hub.get("/api/auth/sessions", ann.token)).json["sessions"]
    answer = await hub.call("DELETE", f"/api/auth/sessions/{session['id']}", token=bob.token)
    assert (answer.status, answer.code) == (404, "session_not_found")
    assert await hub.is_in(ann.token)


async def test_the_profile_comes_wrapped_and_bare(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    wrapped = await hub.get("/api/auth/profile", ann.token)
    bare = await hub.get("/api/auth/me", ann.token)
    assert wrapped.json == {"user": bare.json}


async def test_a_display_name_is_tidied_kept_and_seen_at_once(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    change = {"displayName": "  Zoe\u0308 <b> "}
    answer = await hub.call("PATCH", "/api/auth/profile", change, token=ann.token)
    assert answer.json["user"]["displayName"] == "Zoë <b>"
    assert (await hub.get("/api/auth/me", ann.token)).json["displayName"] == "Zoë <b>"


async def test_an_avatar_is_an_upload_of_my_own(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    [upload] = await hub.uploads(ann, File("me.png", pictures.plain("PNG", (30, 20))))
    [note] = await hub.uploads(ann, File("me.txt", b"no picture"))
    change = {"avatar": upload["id"]}
    foreign = await hub.call("PATCH", "/api/auth/profile", change, token=bob.token)
    assert (foreign.status, foreign.code) == (400, "unknown_upload")
    own = await hub.call("PATCH", "/api/auth/profile", change, token=ann.token)
    assert own.json["user"]["avatar"] == upload["id"]
    assert list(own.json["user"]["avatars"]) == ["64", "256"]
    for side, link in (await hub.get(f"/api/users/{ann.id}", bob.token)).json["avatars"].items():
        square = await hub.get(link)
        assert pictures.size(square.body) == (int(side), int(side))
        assert (await hub.get(link.partition("?")[0], bob.token)).body == square.body
    none = await hub.call("PATCH", "/api/auth/profile", {"avatar": note["id"]}, token=ann.token)
    assert none.code == "unknown_upload"
    none = await hub.call("PATCH", "/api/auth/profile", {"avatar": None}, token=ann.token)
    assert none.json["user"]["avatar"] is None
    assert none.json["user"]["displayName"] == "ann"
    assert none.json["user"]["avatars"] is None
    assert (await hub.get(f"/api/uploads/{upload['id']}", ann.token)).status == 404


async def test_a_new_password_ends_every_login_and_answers_with_a_new_one(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    change = {"currentPassword": PASSWORD, "newPassword": "another horse 43"}
    answer = await hub.post("/api/auth/password", change, token=ann.token)
    assert answer.status == 200
    assert not await hub.is_in(ann.token)
    assert await hub.is_in(answer.json["token"])
    old = await hub.post("/api/auth/login", {"username": "ann", "password": PASSWORD})
    new = await hub.post("/api/auth/login", {"username": "ann", "password": "another horse 43"})
    assert (old.status, new.status) == (401, 200)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"currentPassword": "wrong", "newPassword": "another horse 43"}, 403, "wrong_password"),
        ({"currentPassword": PASSWORD, "newPassword": "short"}, 400, "password_too_short"),
        ({"currentPassword": PASSWORD, "newPassword": "ü" * 40}, 400, "password_too_long"),
        ({"currentPassword": "ü" * 40, "newPassword": PASSWORD}, 400, "password_too_long"),
    ],
)
async def test_a_refused_change_of_password_ends_nothing(
    hub: Hubbub, change: dict[str, str], status: int, code: str
) -> None:
    ann = await hub.person("ann")
    answer = await hub.post("/api/auth/password", change, token=ann.token)
    assert (answer.status, answer.code) == (status, code)
    assert await hub.is_in(ann.token)


async def test_a_deleted_account_leaves_a_placeholder_and_a_free_name(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    bob = await hub.person("bob", email="bob@example.com")
    wrong = await hub.call("DELETE", "/api/auth/me", {"password": "wrong"}, token=bob.token)
    assert (wrong.status, wrong.code) == (403, "wrong_password")
    gone = await hub.call("DELETE", "/api/auth/me", {"password": PASSWORD}, token=bob.token)
    assert gone.status == 200
    assert not await hub.is_in(bob.token)
    left = (await hub.get(f"/api/users/{bob.id}", ann.token)).json
    assert left["displayName"] == "Deleted user"
    assert "bob" not in str(left)
    login = await hub.post("/api/auth/login", {"username": "bob", "password": PASSWORD})
    assert login.status == 401
    again = await hub.person("bob", email="bob@example.com")
    assert again.id != bob.id


async def test_the_last_administrator_cannot_leave(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    answer = await hub.call("DELETE", "/api/auth/me", {"password": PASSWORD}, token=ann.token)
    assert (answer.status, answer.code) == (409, "last_administrator")
    assert await hub.is_in(ann.token)


async def test_logins_are_throttled_and_say_for_how_long(start: Starter) -> None:
    hub = start(rate_limits=True)
    await hub.person("ann")
    wrong = {"username": "ann", "password": "wrong horse 42"}
    answers = [await hub.post("/api/auth/login", wrong) for _ in range(12)]
    assert [answer.status for answer in answers[:10]] == [401] * 10
    refused = answers[-1]
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) == refused.json["retryAfter"] > 0


async def test_an_attacker_at_one_address_locks_nobody_out(start: Starter) -> None:
    hub = start(rate_limits=True, trusted_proxies=kinds.networks("127.0.0.1"))
    await hub.person("ann")
    wrong = {"username": "ann", "password": "wrong horse 42"}
    attacker = {"X-Forwarded-For": "198.51.100.7"}
    last = [await hub.post("/api/auth/login", wrong, headers=attacker) for _ in range(40)][-1]
    assert last.status == 429
    for address in ("203.0.113.9", "127.0.0.1"):
        mine = {"X-Forwarded-For": address}
        right = {"username": "ann", "password": PASSWORD}
        assert (await hub.post("/api/auth/login", right, headers=mine)).status == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer " + "a" * 5000, "null"],
)
async def test_a_token_that_is_none_is_a_401(hub: Hubbub, header: str) -> None:
    answer = await hub.get("/api/auth/me", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.code in {"missing_token", "invalid_token"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/auth/logout"), ("POST", "/api/auth/logout-all"),
        ("POST", "/api/auth/password"), ("GET", "/api/auth/profile"),
        ("PATCH", "/api/auth/profile"), ("GET", "/api/auth/me"), ("DELETE", "/api/auth/me"),
        ("GET", "/api/auth/sessions"), ("DELETE", "/api/auth/sessions/" + "0" * 24),
        ("GET", "/api/users"), ("GET", "/api/users/search?q=a"), ("GET", "/api/users/" + "0" * 24),
        ("GET", "/api/admin/users"), ("POST", "/api/admin/users/" + "0" * 24 + "/disable"),
    ],
)  # fmt: skip
async def test_nobody_gets_in_without_a_token(hub: Hubbub, method: str, path: str) -> None:
    answer = await hub.call(method, path)
    assert (answer.status, answer.code) == (401, "missing_token")


async def test_what_others_are_told_of_me_is_mine_to_choose(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    before = (await hub.get("/api/auth/me", ann.token)).json
    assert (before["readReceipts"], before["invisible"]) == (True, False)
    change = {"readReceipts": False, "invisible": True}
    await hub.call("PATCH", "/api/auth/profile", change, token=ann.token)
    after = (await hub.get("/api/auth/me", ann.token)).json
    assert (after["readReceipts"], after["invisible"]) == (False, True)
