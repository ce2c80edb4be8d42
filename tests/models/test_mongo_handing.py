"""A room that changes hands in MongoDB, in several steps, of which any may be the last."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database as Collections

from models.mongo import MongoStore, handing
from models.mongo import rooms as rooms_module
from models.mongo.documents import key_of
from models.mongo.handing import finish
from models.records import Room, RoomRole, new_id
from models.store import NotFound, Refused
from tests.contract.samples import add_room, at, member


class Killed(BaseException):
    """The end of the process."""


def handed_over(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, role: RoomRole | None, steps: int
) -> tuple[str, str, str]:
    """A room, its owner and the heir, where the process was killed behind some steps."""
    owner, heir = new_id(), new_id()
    room = add_room(store, heir)
    store.rooms.join(member(room.id, owner, role="owner"))
    taken = 0

    def until_killed(step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken > steps:
                raise Killed
            return step(*args, **kwargs)

        return counted

    with monkeypatch.context() as patch:
        for name in ("update_one", "delete_one"):
            patch.setattr(Collection, name, until_killed(getattr(Collection, name)))
        with pytest.raises(Killed):
            store.rooms.hand_over(room.id, owner, heir, role=role)
    return room.id, owner, heir


READINGS: list[Callable[[MongoStore, str, str], Any]] = [
    lambda store, _, __: store.open(),
    lambda store, room, _: store.rooms.get(room),
    lambda store, room, _: store.rooms.members(room),
    lambda store, room, user: store.rooms.member(room, user),
    lambda store, _, user: store.rooms.of_user(user, limit=5),
]


@pytest.mark.parametrize("reading", range(len(READINGS)))
@pytest.mark.parametrize("role", ["admin", None])
@pytest.mark.parametrize("steps", range(4))
def test_a_room_that_was_handed_over_halfway_is_seen_before_or_behind_it(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    role: RoomRole | None,
    reading: int,
) -> None:
    room, owner, heir = handed_over(mongo_store, monkeypatch, role, steps)
    READINGS[reading](mongo_store, room, owner)
    roles = {
        str(each["user"]): each["role"]
        for each in collections.memberships.find({"room": key_of(room)})
    }
    if steps == 0:
        assert roles == {owner: "owner", heir: "member"}
    else:
        assert roles == {heir: "owner", **({} if role is None else {owner: role})}
    assert collections.rooms.count_documents({"handing": {"$exists": True}}) == 0


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_room_that_was_handed_over_halfway_can_be_handed_over_again(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    room, owner, heir = handed_over(mongo_store, monkeypatch, "admin", steps)
    with pytest.raises(NotFound):  # this one hands nothing over any more
        mongo_store.rooms.hand_over(room, owner, heir, role=None)
    mongo_store.rooms.hand_over(room, heir, owner, role="member")
    roles = {each.user: each.role for each in mongo_store.rooms.members(room)}
    assert roles == {owner: "owner", heir: "member"}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_room_that_was_handed_over_halfway_is_not_left_by_its_heir(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    room, owner, heir = handed_over(mongo_store, monkeypatch, "admin", steps)
    with pytest.raises(Refused):
        mongo_store.rooms.leave(room, heir)
    with pytest.raises(Refused):
        mongo_store.rooms.change_member(room, heir, role="member")
    roles = {each.user: each.role for each in mongo_store.rooms.members(room)}
    assert roles == {owner: "admin", heir: "owner"}


def with_heir(store: MongoStore) -> tuple[Room, str, str]:
    """A room with an owner and somebody else."""
    owner, heir = new_id(), new_id()
    room = add_room(store, heir)
    store.rooms.join(member(room.id, owner, role="owner"))
    return room, owner, heir


@pytest.mark.parametrize("role", ["admin", None])
def test_a_room_whose_heir_left_before_it_was_handed_over_keeps_its_owner(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch, role: RoomRole | None
) -> None:
    room, owner, heir = with_heir(mongo_store)
    finish = handing.finish

    def overtaken(inside: Collections[dict[str, Any]], found: dict[str, Any]) -> None:
        """Let the heir leave who has looked before it was decided."""
        monkeypatch.setattr(handing, "finish", finish)
        with monkeypatch.context() as patch:
            patch.setattr(rooms_module, "finish_all", lambda _: None)
            assert mongo_store.rooms.leave(room.id, heir)
        finish(inside, found)

    monkeypatch.setattr(handing, "finish", overtaken)
    with pytest.raises(NotFound):
        mongo_store.rooms.hand_over(room.id, owner, heir, role=role)
    roles = {each.user: each.role for each in mongo_store.rooms.members(room.id)}
    assert roles == {owner: "owner"}
    mongo_store.rooms.join(member(room.id, heir))
    mongo_store.rooms.hand_over(room.id, owner, heir, role=role)


@pytest.mark.parametrize("role", ["admin", None])
def test_a_room_whose_heir_comes_back_while_it_is_handed_over_keeps_its_owner(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch, role: RoomRole | None
) -> None:
    room, owner, heir = with_heir(mongo_store)
    finish, former = handing.finish, handing._former

    def come_back(*args: Any) -> Any:
        monkeypatch.setattr(handing, "_former", former)
        mongo_store.rooms.join(member(room.id, heir))
        return former(*args)

    def overtaken(inside: Collections[dict[str, Any]], found: dict[str, Any]) -> None:
        monkeypatch.setattr(handing, "finish", finish)
        inside.memberships.delete_one({"user": key_of(heir)})
        finish(inside, found)

    monkeypatch.setattr(handing, "finish", overtaken)
    monkeypatch.setattr(handing, "_former", come_back)
    with pytest.raises(NotFound):
        mongo_store.rooms.hand_over(room.id, owner, heir, role=role)
    roles = {each.user: each.role for each in mongo_store.rooms.members(room.id)}
    assert roles == {owner: "owner", heir: "member"}


def test_a_room_that_is_handed_over_late_keeps_its_newer_owner(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, owner, heir = handed_over(mongo_store, monkeypatch, None, 1)
    late = collections.rooms.find_one({"_id": key_of(room)})
    assert late is not None
    mongo_store.rooms.join(member(room, owner, joined=at(99)))
    assert mongo_store.rooms.get(room) is not None
    mongo_store.rooms.join(member(room, owner, joined=at(99)))
    mongo_store.rooms.hand_over(room, heir, owner, role="member")
    finish(collections, late)
    roles = {each.user: each.role for each in mongo_store.rooms.members(room)}
    assert roles == {owner: "owner", heir: "member"}


@pytest.mark.parametrize("role", ["admin", None])
def test_a_room_that_is_being_handed_over_is_handed_over_to_nobody_else(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    role: RoomRole | None,
) -> None:
    owner, heir, late = new_id(), new_id(), new_id()
    room = add_room(mongo_store, heir, late)
    mongo_store.rooms.join(member(room.id, owner, role="owner"))
    finish_all, update_one = handing.finish_all, Collection.update_one

    def decided(inside: Collections[dict[str, Any]]) -> None:
        """Let a rival decide as soon as nothing was left to do, and wait before it goes on."""
        finish_all(inside)
        with monkeypatch.context() as patch:
            patch.setattr(handing, "finish_all", lambda _: None)
            mongo_store.rooms.hand_over(room.id, owner, heir, role=role)
        monkeypatch.setattr(handing, "finish_all", finish_all)
        monkeypatch.setattr(Collection, "update_one", finished)

    def finished(*args: Any, **kwargs: Any) -> Any:
        """Let the rival go on before the other one decides."""
        monkeypatch.setattr(Collection, "update_one", update_one)
        finish_all(collections)
        return update_one(*args, **kwargs)

    monkeypatch.setattr(handing, "finish_all", decided)
    with pytest.raises(NotFound):
        mongo_store.rooms.hand_over(room.id, owner, late, role=role)
    roles = {each.user: each.role for each in mongo_store.rooms.members(room.id)}
    assert roles == {heir: "owner", late: "member", **({} if role is None else {owner: role})}
