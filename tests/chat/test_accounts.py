"""One's own account, from its making to its end."""

import asyncio

import bcrypt
import pytest

from chat.accounts import REGISTRATIONS, Accounts
from chat.commands import ChangePassword, ChangeProfile, DeleteAccount, Register
from chat.directory import Administration
from chat.errors import Conflict, Forbidden, Invalid, TooMany, Unauthenticated
from chat.sessions import Sessions
from models.sqlite import SQLiteStore
from tests.chat.account_doings import (
    NEW_PASSWORD,
    WRONG,
    client,
    guess,
    login,
    me,
    refusal_of,
    registered,
    stored,
)
from tests.chat.conftest import HOME, PASSWORD, Clock
from tests.contract.samples import upload

pytestmark = pytest.mark.gen_test(timeout=20)


async def test_a_new_account_is_logged_in(accounts: Accounts, sessions: Sessions) -> None:
    made = await registered(accounts, "Ann", email="Ann@example.com", display_name=" Ann B. ")
    user = made.user
    assert (user.name, user.display_name, user.email) == ("Ann", "Ann B.", "Ann@example.com")
    assert (await sessions.identify(made.token)).user == user


async def test_a_new_account_is_shown_by_its_name_and_needs_no_email(accounts: Accounts) -> None:
    user = (await registered(accounts, "ann", display_name="", email="")).user
    assert (user.display_name, user.email) == ("ann", None)


async def test_the_first_account_alone_administers(accounts: Accounts) -> None:
    roles = [(await registered(accounts, name)).user.role for name in ("ann", "bob", "eve")]
    assert roles == ["admin", "user", "user"]


async def test_a_password_is_kept_as_a_hash_alone(
    accounts: Accounts, sqlite_store: SQLiteStore
) -> None:
    user = stored(sqlite_store, (await registered(accounts, "ann")).user)
    assert PASSWORD not in str(user)
    assert bcrypt.checkpw(PASSWORD.encode(), str(user.password_hash).encode())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"username": "a b"}, "invalid_username"),
        ({"username": "__proto__"}, "reserved_username"),
        ({"display_name": "a\u202eb"}, "invalid_display_name"),
        ({"email": "ann"}, "invalid_email"),
        ({"password": "short"}, "password_too_short"),
        ({"password": "é" * 37}, "password_too_long"),
        ({"password": "Password"}, "password_too_common"),
        ({"username": "ann.miller", "password": "Ann.Miller"}, "password_too_common"),
        ({"email": "ann@example.com", "password": "Ann@Example.com"}, "password_too_common"),
    ],
)
async def test_an_account_that_cannot_be_is_refused_and_costs_no_try(
    accounts: Accounts, sqlite_store: SQLiteStore, fields: dict[str, str], code: str
) -> None:
    command = Register(**{"username": "ann", "password": PASSWORD, **fields})
    for _ in range(int(REGISTRATIONS.burst) + 1):
        assert await refusal_of(accounts.register(command, HOME), Invalid) == code
    assert sqlite_store.users.page(limit=1) == []


@pytest.mark.parametrize(
    ("name", "email", "code"),
    [
        ("ANN", None, "username_taken"),
        ("bob", "ANN@example.com", "email_taken"),
        ("Ann", "ann@example.com", "username_taken"),
    ],
)
async def test_a_name_and_an_email_are_taken_in_any_case(
    accounts: Accounts, name: str, email: str | None, code: str
) -> None:
    await registered(accounts, "ann", email="ann@example.com")
    assert await refusal_of(registered(accounts, name, email=email), Conflict) == code


@pytest.mark.parametrize(
    ("names", "emails", "code"),
    [
        (("ann", "ANN"), (None, None), "username_taken"),
        (("ann", "bob"), ("a@example.com", "A@example.com"), "email_taken"),
    ],
)
async def test_of_two_who_register_the_same_at_once_one_is_refused(
    accounts: Accounts, names: tuple[str, str], emails: tuple[str, str], code: str
) -> None:
    calls = [registered(accounts, name, email=e) for name, e in zip(names, emails, strict=True)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "LoggedIn"]
    [conflict] = [result for result in results if isinstance(result, Conflict)]
    assert conflict.code == code


async def test_registrations_of_an_address_are_throttled_and_not_those_of_others(
    accounts: Accounts, clock: Clock
) -> None:
    await registered(accounts, "ann")
    for _ in range(int(REGISTRATIONS.burst) - 1):
        await refusal_of(registered(accounts, "ann"), Conflict)
    await refusal_of(registered(accounts, "bob"), TooMany)
    await accounts.register(Register(username="eve", password=PASSWORD), client(1))
    clock.seconds += 1 / REGISTRATIONS.per_second
    await registered(accounts, "bob")


async def test_a_profile_changes_where_it_says_so(
    accounts: Accounts, sessions: Sessions, sqlite_store: SQLiteStore
) -> None:
    made = await registered(accounts, "ann")
    picture = upload(made.user.id)
    sqlite_store.uploads.add(picture)
    identity = await me(sessions, made.token)
    await accounts.change_profile(identity, ChangeProfile(display_name=" Ann "))
    user = await accounts.change_profile(identity, ChangeProfile(avatar=picture.id))
    assert (user.display_name, user.avatar) == ("Ann", picture.id)
    assert (await me(sessions, made.token)).user == user
    assert await accounts.change_profile(identity, ChangeProfile()) == user
    assert (await accounts.change_profile(identity, ChangeProfile(avatar=None))).avatar is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (ChangeProfile(display_name="\u3164"), "invalid_display_name"),
        (ChangeProfile(avatar="0" * 24), "unknown_upload"),
        (ChangeProfile(avatar="{}"), "unknown_upload"),
        (ChangeProfile(avatar=""), "unknown_upload"),
    ],
)
async def test_a_profile_that_cannot_be_is_refused(
    accounts: Accounts, sessions: Sessions, change: ChangeProfile, code: str
) -> None:
    made = await registered(accounts, "ann")
    identity = await me(sessions, made.token)
    assert await refusal_of(accounts.change_profile(identity, change), Invalid) == code
    assert (await me(sessions, made.token)).user == made.user


async def test_the_upload_of_somebody_else_is_no_avatar(
    accounts: Accounts, sessions: Sessions, sqlite_store: SQLiteStore
) -> None:
    ann, bob = await registered(accounts, "ann"), await registered(accounts, "bob")
    picture = upload(ann.user.id)
    sqlite_store.uploads.add(picture)
    change = accounts.change_profile(
        await me(sessions, bob.token), ChangeProfile(avatar=picture.id)
    )
    assert await refusal_of(change, Invalid) == "unknown_upload"


async def test_a_deleted_account_leaves_a_placeholder_and_frees_its_name_and_email(
    accounts: Accounts, sessions: Sessions, sqlite_store: SQLiteStore
) -> None:
    await registered(accounts, "ann")
    bob = await registered(accounts, "bob", email="bob@example.com")
    await accounts.delete(await me(sessions, bob.token), DeleteAccount(password=PASSWORD))
    await refusal_of(sessions.identify(bob.token), Unauthenticated)
    assert await sessions.of_user(bob.user.id) == []
    left = stored(sqlite_store, bob.user)
    assert (left.name, left.display_name) == (f"deleted-{bob.user.id}", "Deleted user")
    assert (left.email, left.password_hash, left.avatar, left.last_seen) == (None,) * 4
    assert left.deleted is not None
    for name in ("bob", "bob@example.com", left.name):
        await refusal_of(login(accounts, name), Unauthenticated)
    again = await registered(accounts, "bob", email="bob@example.com")
    assert again.user.id != bob.user.id


async def test_whoever_is_deleting_their_account_changes_nothing_of_it_afterwards(
    accounts: Accounts, sessions: Sessions, sqlite_store: SQLiteStore
) -> None:
    await registered(accounts, "ann")
    bob = await registered(accounts, "bob")
    identity = await me(sessions, bob.token)
    await accounts.delete(identity, DeleteAccount(password=PASSWORD))
    left = stored(sqlite_store, bob.user)
    change = accounts.change_profile(identity, ChangeProfile(display_name="Bob"))
    assert await refusal_of(change, Unauthenticated) == "invalid_token"
    assert stored(sqlite_store, bob.user) == left


async def test_the_name_of_a_placeholder_can_never_be_registered(accounts: Accounts) -> None:
    assert await refusal_of(registered(accounts, f"deleted-{'0' * 24}"), Invalid)


async def test_a_wrong_password_deletes_nothing(accounts: Accounts, sessions: Sessions) -> None:
    await registered(accounts, "ann")
    bob = await registered(accounts, "bob")
    deletion = accounts.delete(await me(sessions, bob.token), DeleteAccount(password=WRONG))
    assert await refusal_of(deletion, Forbidden) == "wrong_password"
    assert (await sessions.identify(bob.token)).user == bob.user


async def test_the_last_administrator_cannot_leave_before_somebody_else_is_one(
    accounts: Accounts, sessions: Sessions, administration: Administration
) -> None:
    ann, bob = await registered(accounts, "ann"), await registered(accounts, "bob")
    leave = DeleteAccount(password=PASSWORD)
    refused = accounts.delete(await me(sessions, ann.token), leave)
    assert await refusal_of(refused, Conflict) == "last_administrator"
    assert (await me(sessions, ann.token)).user == ann.user
    await administration.promote(bob.user.id)
    await accounts.delete(await me(sessions, ann.token), leave)
    await refusal_of(sessions.identify(ann.token), Unauthenticated)


async def test_no_password_is_logged(
    accounts: Accounts, sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        made = await registered(accounts, "ann", email="ann@example.com")
        await guess(accounts, 1)
        command = ChangePassword(current_password=PASSWORD, new_password=NEW_PASSWORD)
        changed = await accounts.change_password(await me(sessions, made.token), command, HOME)
    assert "registered by" in caplog.text
    assert "login failed from" in caplog.text
    for secret in (PASSWORD, WRONG, NEW_PASSWORD, made.token, changed.token, "ann@example.com"):
        assert secret not in caplog.text
