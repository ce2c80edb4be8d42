"""REST for other people's accounts."""

import pytest

from tests.handlers.conftest import PASSWORD, Hubbub

pytestmark = pytest.mark.gen_test(timeout=20)

OTHERS_SEE = {
    "id", "_id", "username", "displayName", "avatar", "avatars", "isOnline", "lastSeen",
    "createdAt",
}  # fmt: skip
OWN = {"email", "role", "disabled", "readReceipts", "invisible"}
STRANGE_IDS = ["0" * 24, "abc", "A" * 24, "%7B%22$ne%22:1%7D", "..%2f..%2fetc", "a" * 64]


async def test_everybody_is_listed_and_no_email_is_shown(hub: Hubbub) -> None:
    ann = await hub.person("ann", email="ann@example.com")
    await hub.person("bob")
    users = (await hub.get("/api/users", ann.token)).json
    assert [user["username"] for user in users] == ["ann", "bob"]
    assert all(set(user) == OTHERS_SEE for user in users)


async def test_the_list_comes_in_pages_that_name_the_next(hub: Hubbub) -> None:
    people = [await hub.person(f"user{number}") for number in range(5)]
    seen: list[str] = []
    path = "/api/users?limit=2"
    while path:
        answer = await hub.get(path, people[0].token)
        seen += [user["username"] for user in answer.json]
        link = answer.headers.get("Link")
        path = link.partition(">")[0].removeprefix("<") if link else ""
    assert seen == [person.name for person in people]


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", "9" * 30, "%D9%A1"])
async def test_a_limit_that_is_no_number_is_refused(hub: Hubbub, limit: str) -> None:
    ann = await hub.person("ann")
    answer = await hub.get(f"/api/users?limit={limit}", ann.token)
    assert (answer.status, answer.code) == (400, "invalid_query")


async def test_search_finds_others_by_a_part_of_their_name(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    hannah = await hub.person("Hannah")
    await hub.person("bob", displayName="Roberta ANN")
    await hub.person("carl")
    found = (await hub.get("/api/users/search?q=ann", ann.token)).json
    assert [user["username"] for user in found] == ["bob", "Hannah"]
    assert found[1]["id"] == hannah.id


@pytest.mark.parametrize("text", ["", "%20", "%25", "_", ".*", "%5B", "nobody"])
async def test_search_takes_every_text_as_a_text(hub: Hubbub, text: str) -> None:
    ann = await hub.person("ann")
    await hub.person("bob")
    answer = await hub.get(f"/api/users/search?q={text}", ann.token)
    assert (answer.status, answer.json) == (200, [])


async def test_search_answers_with_twenty_at_most(hub: Hubbub) -> None:
    people = [await hub.person(f"user{number:02}") for number in range(23)]
    assert len((await hub.get("/api/users/search?q=user", people[0].token)).json) == 20


async def test_one_user_is_shown_by_id(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    shown = (await hub.get(f"/api/users/{bob.id}", ann.token)).json
    assert shown["username"] == "bob"
    assert set(shown) == OTHERS_SEE


@pytest.mark.parametrize("user_id", STRANGE_IDS)
async def test_an_id_that_is_nobodys_is_not_found(hub: Hubbub, user_id: str) -> None:
    ann = await hub.person("ann")
    answer = await hub.get(f"/api/users/{user_id}", ann.token)
    assert (answer.status, answer.code) == (404, "user_not_found")


async def test_only_administrators_administer(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    for method, path in (
        ("GET", "/api/admin/users"),
        ("POST", f"/api/admin/users/{ann.id}/disable"),
        ("POST", f"/api/admin/users/{ann.id}/demote"),
        ("POST", f"/api/admin/users/{bob.id}/promote"),
    ):
        answer = await hub.call(method, path, token=bob.token)
        assert (answer.status, answer.code) == (403, "administrators_only")
    assert (await hub.get("/api/auth/me", bob.token)).json["role"] == "user"


async def test_an_administrator_sees_what_others_do_not(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    await hub.person("bob", email="bob@example.com")
    users = (await hub.get("/api/admin/users", ann.token)).json
    assert users[1]["email"] == "bob@example.com"
    assert set(users[1]) == OTHERS_SEE | OWN


async def test_a_disabled_account_is_out_at_once_and_back_when_enabled(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    assert await hub.is_in(bob.token)
    answer = await hub.post(f"/api/admin/users/{bob.id}/disable", token=ann.token)
    assert answer.json["user"]["disabled"] is True
    assert not await hub.is_in(bob.token)
    right = {"username": "bob", "password": PASSWORD}
    wrong = {"username": "bob", "password": "wrong horse 42"}
    refused = await hub.post("/api/auth/login", right)
    assert (refused.status, refused.code) == (403, "account_disabled")
    assert (await hub.post("/api/auth/login", wrong)).status == 401
    await hub.post(f"/api/admin/users/{bob.id}/enable", token=ann.token)
    assert (await hub.post("/api/auth/login", right)).status == 200
    assert not await hub.is_in(bob.token)


async def test_a_promoted_user_can_let_the_first_administrator_go(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    refused = await hub.post(f"/api/admin/users/{ann.id}/demote", token=ann.token)
    assert (refused.status, refused.code) == (409, "last_administrator")
    assert (await hub.post(f"/api/admin/users/{bob.id}/promote", token=ann.token)).status == 200
    assert (await hub.post(f"/api/admin/users/{ann.id}/demote", token=bob.token)).status == 200
    assert (await hub.get("/api/admin/users", ann.token)).status == 403
    assert (await hub.get("/api/admin/users", bob.token)).status == 200


@pytest.mark.parametrize("user_id", STRANGE_IDS)
async def test_nobody_cannot_be_administered(hub: Hubbub, user_id: str) -> None:
    ann = await hub.person("ann")
    answer = await hub.post(f"/api/admin/users/{user_id}/disable", token=ann.token)
    assert (answer.status, answer.code) == (404, "user_not_found")


async def test_a_deleted_account_cannot_be_brought_back(hub: Hubbub) -> None:
    ann, bob = await hub.person("ann"), await hub.person("bob")
    await hub.call("DELETE", "/api/auth/me", {"password": PASSWORD}, token=bob.token)
    answer = await hub.post(f"/api/admin/users/{bob.id}/promote", token=ann.token)
    assert (answer.status, answer.code) == (404, "user_not_found")
