"""Finding people, and what administrators do with their accounts."""

import asyncio

import pytest

from chat.directory import MAX_FOUND, Administration, Directory
from chat.errors import Conflict, NotFound, Unauthenticated
from chat.sessions import Identity, Sessions
from models.records import User, now
from models.sqlite import SQLiteStore
from tests.chat.conftest import HOME
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)


@pytest.fixture
def ann(sqlite_store: SQLiteStore) -> User:
    """The administrator, for she came first."""
    return sqlite_store.users.add(samples.user("ann", password_hash="x"))


@pytest.fixture
def bob(sqlite_store: SQLiteStore, ann: User) -> User:
    bob = samples.user("bob", email="bob@example.com", display_name="Robert", password_hash="x")
    return sqlite_store.users.add(bob)


def identity_of(user: User) -> Identity:
    return Identity(user, samples.session(user.id))


async def test_people_are_paged_in_the_order_in_which_they_came(
    directory: Directory, ann: User, bob: User
) -> None:
    assert await directory.page(after=None, limit=1) == [ann]
    assert await directory.page(after=ann.id, limit=5) == [bob]


async def test_others_are_found_by_a_part_of_their_names(
    directory: Directory, ann: User, bob: User
) -> None:
    for text in ("bob", " BO ", "robert"):
        assert await directory.search(identity_of(ann), text) == [bob]
    for text in ("", "  ", "%", "ann", "example.com"):
        assert await directory.search(identity_of(ann), text) == []


async def test_a_search_finds_no_more_than_a_page(
    directory: Directory, sqlite_store: SQLiteStore, ann: User
) -> None:
    for number in range(MAX_FOUND + 1):
        sqlite_store.users.add(samples.user(f"twin{number}"))
    assert len(await directory.search(identity_of(ann), "twin")) == MAX_FOUND


async def test_somebody_is_found_by_id_though_deleted(
    directory: Directory, sqlite_store: SQLiteStore, bob: User
) -> None:
    left = sqlite_store.users.change(bob.id, deleted=samples.START)
    assert await directory.get(bob.id) == left
    for nobody in ("0" * 24, "", "{}"):
        with pytest.raises(NotFound):
            await directory.get(nobody)


async def test_somebody_is_found_by_name_or_email_in_any_case(
    directory: Directory, bob: User
) -> None:
    for name in ("bob", "BOB", "bob@example.com", "Bob@Example.com"):
        assert await directory.named(name) == bob
    for name in ("", "nobody", "nobody@example.com", "Robert"):
        with pytest.raises(NotFound):
            await directory.named(name)


async def test_the_name_of_a_placeholder_finds_nobody(
    directory: Directory, sqlite_store: SQLiteStore, bob: User
) -> None:
    sqlite_store.users.change(bob.id, name=f"deleted-{bob.id}", deleted=now())
    with pytest.raises(NotFound):
        await directory.named(f"deleted-{bob.id}")


async def test_a_disabled_account_is_out_at_once_and_may_come_back(
    administration: Administration, sessions: Sessions, bob: User
) -> None:
    token = await sessions.start(bob, HOME)
    await sessions.identify(token)
    assert (await administration.disable(bob.id)).disabled
    with pytest.raises(Unauthenticated):
        await sessions.identify(token)
    assert await sessions.of_user(bob.id) == []
    assert not (await administration.enable(bob.id)).disabled


async def test_a_role_holds_at_once(
    administration: Administration, sessions: Sessions, bob: User
) -> None:
    token = await sessions.start(bob, HOME)
    assert not (await sessions.identify(token)).is_admin
    await administration.promote(bob.id)
    assert (await sessions.identify(token)).is_admin
    await administration.demote(bob.id)
    assert not (await sessions.identify(token)).is_admin


@pytest.mark.parametrize("action", ["disable", "enable", "promote", "demote"])
async def test_nobody_and_the_deleted_cannot_be_changed(
    administration: Administration, sqlite_store: SQLiteStore, bob: User, action: str
) -> None:
    left = sqlite_store.users.change(bob.id, deleted=samples.START)
    for user_id in (bob.id, "0" * 24, "", "{}"):
        with pytest.raises(NotFound):
            await getattr(administration, action)(user_id)
    assert sqlite_store.users.get(bob.id) == left


@pytest.mark.parametrize("action", ["disable", "demote"])
async def test_the_last_administrator_stays(
    administration: Administration,
    sessions: Sessions,
    sqlite_store: SQLiteStore,
    ann: User,
    bob: User,
    action: str,
) -> None:
    token = await sessions.start(ann, HOME)
    with pytest.raises(Conflict) as refused:
        await getattr(administration, action)(ann.id)
    assert refused.value.code == "last_administrator"
    assert sqlite_store.users.get(ann.id) == ann
    assert (await sessions.identify(token)).is_admin


@pytest.mark.parametrize("change", [{"disabled": True}, {"deleted": samples.START}])
async def test_an_administrator_who_cannot_come_in_does_not_count(
    administration: Administration, sqlite_store: SQLiteStore, ann: User, bob: User, change: dict
) -> None:
    await administration.promote(bob.id)
    sqlite_store.users.change(bob.id, **change)
    with pytest.raises(Conflict):
        await administration.demote(ann.id)


@pytest.mark.parametrize("action", ["disable", "demote"])
async def test_of_two_administrators_who_remove_each_other_at_once_one_stays(
    administration: Administration,
    sqlite_store: SQLiteStore,
    ann: User,
    bob: User,
    action: str,
) -> None:
    await administration.promote(bob.id)
    remove = getattr(administration, action)
    results = await asyncio.gather(remove(ann.id), remove(bob.id), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "User"]
    assert len(sqlite_store.users.administrators()) == 1


async def test_a_change_is_logged_without_what_it_says(
    administration: Administration, bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "hubbub.accounts"):
        await administration.retire(bob.id, password_hash="hunter2")
    assert f"account {bob.id} changed: password_hash" in caplog.text
    assert "hunter2" not in caplog.text
