"""What people are called."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.ioloop import IOLoop

import chat.people as people_module
from chat.people import NOBODY, People
from models.disk import Disk
from models.records import new_id
from models.store import Store, Unavailable
from tests.chat.engine import Call, Gate, Unreliable, lost
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


class Village:
    """People over a store that can be watched."""

    def __init__(self, store: Store) -> None:
        self.real = store
        self.store = Unreliable(store)
        self.disk = Disk()
        self.people = People(self.store, self.disk)


@pytest.fixture
def village(io_loop: IOLoop, store: Store) -> Iterator[Village]:
    made = Village(store)
    yield made
    made.disk.close()


async def test_names_are_at_hand_once_they_are_loaded(village: Village) -> None:
    ann, bob = (village.real.users.add(samples.user(name)) for name in ("Ann", "Bob"))
    people = village.people
    assert people.name(ann.id) == NOBODY
    await people.load([ann.id, bob.id, ann.id, new_id(), "no id"])
    assert [people.name(user.id) for user in (ann, bob)] == ["Ann", "Bob"]
    assert village.store.calls["users.many"] == 1
    await people.load([ann.id, bob.id])
    assert village.store.calls["users.many"] == 1


async def test_a_deleted_user_has_no_name(village: Village) -> None:
    ann = village.real.users.add(samples.user("Ann", deleted=samples.at(1)))
    await village.people.load([ann.id])
    assert village.people.name(ann.id) == NOBODY


async def test_whoever_has_changed_is_asked_for_again(village: Village) -> None:
    ann = village.real.users.add(samples.user("Ann"))
    await village.people.load([ann.id])
    village.real.users.change(ann.id, name="Anna")
    village.people.forget(ann.id)
    village.people.forget(ann.id)
    [anna] = await village.people.users([ann.id])
    assert (anna.name, village.people.name(ann.id)) == ("Anna", "Anna")


async def test_users_come_in_the_order_of_their_ids(village: Village) -> None:
    users = [village.real.users.add(samples.user()) for _ in range(3)]
    ids = [users[2].id, new_id(), users[0].id, "no id", users[1].id, users[0].id]
    assert await village.people.users(ids) == users
    assert await village.people.users([]) == []


async def test_users_are_found_by_name_in_any_case(village: Village) -> None:
    ann, bob = (village.real.users.add(samples.user(name)) for name in ("Ann", "Bob"))
    assert await village.people.named(["BOB", "ann", "Ann", "nobody"]) == [ann, bob]
    assert village.people.name(bob.id) == "Bob"


async def test_only_so_many_are_known(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 2)
    users = [samples.user() for _ in range(3)]
    for user in users[:2]:
        village.people.note(user)
    village.people.note(users[0])
    village.people.note(users[2])
    assert [village.people.name(user.id) for user in users] == [
        users[0].name,
        NOBODY,
        users[2].name,
    ]


async def test_a_crowd_is_answered_though_not_all_can_be_known(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 2)
    users = [village.real.users.add(samples.user()) for _ in range(4)]
    assert await village.people.users(user.id for user in users) == users


async def test_whoever_changes_while_they_are_read_is_not_kept_as_they_were(
    village: Village,
) -> None:
    ann = village.real.users.add(samples.user("Ann"))
    gate = Gate()

    def held_up(call: Call) -> Any:
        found = call()
        return gate(lambda: found)

    village.store.plan("users.many", held_up)
    loading = asyncio.ensure_future(village.people.load([ann.id]))
    await gate.reached()
    village.real.users.change(ann.id, name="Anna")
    village.people.forget(ann.id)
    gate.open()
    await loading
    [anna] = await village.people.users([ann.id])
    assert anna.name == "Anna"


async def test_a_store_that_does_not_answer_leaves_nothing_behind(village: Village) -> None:
    ann = village.real.users.add(samples.user("Ann"))
    village.store.plan("users.many", lost)
    with pytest.raises(Unavailable):
        await village.people.load([ann.id])
    await village.people.load([ann.id])
    assert village.people.name(ann.id) == "Ann"


async def test_whoever_is_asked_for_again_keeps_their_name_till_then(village: Village) -> None:
    ann = village.real.users.add(samples.user("Ann"))
    await village.people.load([ann.id])
    village.people.forget(ann.id)
    assert village.people.name(ann.id) == "Ann"


async def test_a_name_that_is_used_is_kept(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 2)
    users = [samples.user() for _ in range(3)]
    for user in users[:2]:
        village.people.note(user)
    assert village.people.knows(users[0].id)
    village.people.note(users[2])
    assert [village.people.knows(user.id) for user in users] == [True, False, True]


async def test_one_who_is_not_seen_is_not_seen_though_nobody_remembers(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 2)
    monkeypatch.setattr(people_module, "MAX_INVISIBLE", 2)
    hidden = samples.user(invisible=True, receipts=False)
    for user in (hidden, samples.user(), samples.user()):
        village.people.note(user)
    assert not village.people.knows(hidden.id)
    assert village.people.is_invisible(hidden.id)
    assert not village.people.tells_reading(hidden.id)
    for _ in range(3):
        village.people.note(samples.user(invisible=True))
    assert len(village.people.invisible) == 2


async def test_a_name_that_is_asked_for_is_kept(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 2)
    users = [samples.user() for _ in range(3)]
    for user in users[:2]:
        village.people.note(user)
    await village.people.load([users[0].id])
    village.people.note(users[2])
    assert [village.people.knows(user.id) for user in users] == [True, False, True]


async def test_many_names_are_one_read(village: Village) -> None:
    for name in ("Ann", "Bob", "Cleo"):
        village.real.users.add(samples.user(name))
    found = await village.people.named(["cleo", "BOB", "ann", "nobody"])
    assert [user.name for user in found] == ["Ann", "Bob", "Cleo"]
    assert village.store.calls["users.named"] == 1
    assert await village.people.named([]) == []
    assert village.store.calls["users.named"] == 1
