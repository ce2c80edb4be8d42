"""One call of REST, read off the signature of its method."""

from typing import Literal

import pytest

from chat.commands import Id, LogIn
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import ONE_ROOM, call, calls_of
from handlers.rooms import RoomPage
from handlers.users import AdminUserHandler
from tests.handlers.conftest import Hubbub


class Sample(JsonHandler):
    """A handler with one call of everything."""

    @call(201, 200, codes=("room_full",), keeping=ONE_ROOM)
    async def post(
        self, identity: Identity, room_id: Id, kind: Literal["a", "b"], query: RoomPage, body: LogIn
    ) -> list[str]:
        """Do it."""
        return []

    @call()
    async def get(self) -> str:
        """Show it."""
        return ""


def test_the_signature_says_it_all() -> None:
    calls = calls_of(Sample)
    assert list(calls) == ["get", "post"]
    post = calls["post"]
    assert (post.login, post.statuses, post.answer) == ("user", (201, 200), list[str])
    assert (post.query, post.body, list(post.path)) == (RoomPage, LogIn, ["room_id", "kind"])
    assert post.codes[409] == ["idempotency_key_in_use", "room_full"]
    assert "invalid_query" in post.codes[400]
    assert (calls["get"].login, calls["get"].bucket, calls["get"].statuses) == (
        "nobody",
        "none",
        (200,),
    )
    assert 401 not in calls["get"].codes


def test_administrators_are_asked_for_by_name() -> None:
    [post] = calls_of(AdminUserHandler).values()
    assert post.login == "administrator"
    assert "administrators_only" in post.codes[403]


@pytest.mark.gen_test(timeout=20)
async def test_a_part_of_a_path_that_cannot_be_is_not_there(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    for path in (f"/api/admin/users/{ann.id}/explode", f"/api/users/{'x' * 65}"):
        method = "POST" if "admin" in path else "GET"
        answer = await hub.call(method, path, token=ann.token)
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.gen_test(timeout=20)
async def test_who_asks_is_found_out_before_what_is_asked(hub: Hubbub) -> None:
    answer = await hub.post("/api/rooms", raw=b"not json")
    assert (answer.status, answer.code) == (401, "missing_token")
