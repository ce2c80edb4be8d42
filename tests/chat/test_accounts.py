"""One's own account, from its making to its end."""

import asyncio
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from chat.accounts import (
    CONFIRMATIONS,
    LOGINS_BY_ACCOUNT,
    LOGINS_BY_ADDRESS,
    LOGINS_BY_PAIR,
    REGISTRATIONS,
    Accounts,
    LoggedIn,
)
from chat.commands import ChangePassword, ChangeProfile, DeleteAccount, LogIn, Register
from chat.directory import Administration
from chat.errors import Conflict, Forbidden, Invalid, Refusal, TooMany, Unauthenticated
from chat.limits import Limits
from chat.passwords import Hasher, PasswordRules
from chat.sessions import Client, Identity, Sessions
from models.records import User
from models.sqlite import SQLiteStore
from tests.chat.conftest import COMMON, HOME, PASSWORD, Clock, HeldDisk
from tests.contract.samples import upload

pytestmark = pytest.mark.gen_test(timeout=20)

NEW_PASSWORD = "another horse 43"
WRONG = "wrong horse 42"


def client(number: int) -> Client:
    """Somebody at an address of their own."""
    return Client(f"198.51.100.{number}", "a script")


class SlowHasher(Hasher):
    """A hasher that can keep the result of a comparison back, as bcrypt does for longer."""

    def __init__(self) -> None:
        super().__init__(rounds=4, threads=2)
        self.compared = asyncio.Event()
        self.released = asyncio.Event()
        self._holding = False

    def hold_next(self) -> None:
        self._holding = True

    async def verify(self, password: str, password_hash: str | None) -> bool:
        holding, self._holding = self._holding, False
        equal = await super().verify(password, password_hash)
        if holding:
            self.compared.set()
            await self.released.wait()
        return equal


@pytest.fixture
def hasher() -> Iterator[SlowHasher]:
    hasher = SlowHasher()
    yield hasher
    hasher.close()


@pytest.fixture
def costlier(
    sqlite_store: SQLiteStore,
    disk: HeldDisk,
    sessions: Sessions,
    administration: Administration,
    clock: Clock,
) -> Iterator[Accounts]:
    """The same accounts after the cost of a hash was raised."""
    hasher = Hasher(rounds=5, threads=2)
    rules, limits = PasswordRules(8, COMMON), Limits(clock=clock)
    yield Accounts(sqlite_store, disk, sessions, administration, hasher, rules, limits)
    hasher.close()


def registered(accounts: Accounts, name: str, **fields: Any) -> Any:
    return accounts.register(Register(username=name, password=PASSWORD, **fields), HOME)


def login(
    accounts: Accounts, name: str = "ann", password: str = PASSWORD, client: Client = HOME
) -> Any:
    return accounts.log_in(LogIn(username=name, password=password), client)


async def refusal_of(call: Any, kind: type[Refusal] = Refusal) -> str:
    with pytest.raises(kind) as refused:
        await call
    return refused.value.code


async def guess(accounts: Accounts, times: int, client: Client = HOME, name: str = "ann") -> int:
    """Try wrong passwords, and count those that were looked at."""
    looked_at = 0
    for _ in range(times):
        try:
            await login(accounts, name, WRONG, client)
        except Unauthenticated:
            looked_at += 1
        except TooMany:
            pass
    return looked_at


def stored(store: SQLiteStore, user: User) -> User:
    found = store.users.get(user.id)
    assert found is not None
    return found


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


@pytest.mark.parametrize(
    "command",
    [
        LogIn(username="ann", password=PASSWORD),
        LogIn(username="ANN", password=PASSWORD),
        LogIn(username="ann@example.com", password=PASSWORD),
        LogIn(email="Ann@Example.com", password=PASSWORD),
        LogIn(email="ann", password=PASSWORD),
        LogIn(email="ann@example.com", username="somebody", password=PASSWORD),
        LogIn(email="", username="ann", password=PASSWORD),
    ],
)
async def test_an_account_is_entered_by_name_or_email_in_either_field(
    accounts: Accounts, sessions: Sessions, command: LogIn
) -> None:
    ann = (await registered(accounts, "ann", email="ann@example.com")).user
    entered = await accounts.log_in(command, HOME)
    assert entered.user.id == (await sessions.identify(entered.token)).user.id == ann.id
    assert entered.user.last_seen >= ann.last_seen


@pytest.mark.parametrize("fields", [{}, {"username": ""}, {"email": "", "username": ""}])
async def test_a_login_says_who_it_is(accounts: Accounts, fields: dict[str, str]) -> None:
    command = LogIn(password=PASSWORD, **fields)
    assert await refusal_of(accounts.log_in(command, HOME), Invalid) == "missing_field"


async def test_nobody_looks_like_somebody_with_a_wrong_password_and_takes_as_much_work(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(accounts, "ann", email="ann@example.com")
    compared: list[bytes] = []
    check = bcrypt.checkpw

    def watched(password: bytes, hashed: bytes) -> bool:
        compared.append(hashed[:7])
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    seen = set()
    for name in ("ann", "nobody", "ann@example.com", "nobody@example.com"):
        with pytest.raises(Unauthenticated) as refused:
            await login(accounts, name, WRONG)
        seen.add((refused.value.code, refused.value.message, refused.value.details))
    assert len(seen) == 1
    assert compared == [b"$2b$04$"] * 4


async def test_a_password_that_is_too_long_is_refused_alike_for_nobody_and_somebody(
    accounts: Accounts,
) -> None:
    await registered(accounts, "ann")
    for name in ("ann", "nobody"):
        assert await refusal_of(login(accounts, name, "é" * 37), Invalid) == "password_too_long"


async def test_a_disabled_account_says_so_only_to_whoever_knows_its_password(
    accounts: Accounts, administration: Administration
) -> None:
    await registered(accounts, "ann")
    bob = (await registered(accounts, "bob")).user
    await administration.disable(bob.id)
    assert await refusal_of(login(accounts, "bob", WRONG), Unauthenticated) == "invalid_credentials"
    assert await refusal_of(login(accounts, "bob"), Forbidden) == "account_disabled"
    await administration.enable(bob.id)
    assert (await login(accounts, "bob")).user.id == bob.id


async def test_an_account_that_is_disabled_while_its_password_is_compared_is_not_entered(
    accounts: Accounts, administration: Administration, sessions: Sessions, hasher: SlowHasher
) -> None:
    await registered(accounts, "ann")
    bob = (await registered(accounts, "bob")).user
    hasher.hold_next()
    entering = asyncio.create_task(login(accounts, "bob"))
    await hasher.compared.wait()
    await administration.disable(bob.id)
    hasher.released.set()
    assert await refusal_of(entering, Forbidden) == "account_disabled"
    assert await sessions.of_user(bob.id) == []


async def test_a_password_that_is_changed_while_it_is_compared_opens_nothing(
    accounts: Accounts, sessions: Sessions, hasher: SlowHasher
) -> None:
    ann = (await registered(accounts, "ann")).user
    hasher.hold_next()
    entering = asyncio.create_task(login(accounts))
    await hasher.compared.wait()
    await accounts.reset_password(ann, NEW_PASSWORD)
    hasher.released.set()
    assert await refusal_of(entering, Unauthenticated) == "invalid_credentials"
    assert await sessions.of_user(ann.id) == []
    await login(accounts, password=NEW_PASSWORD)


async def test_an_account_that_is_deleted_while_its_password_is_compared_stays_deleted(
    accounts: Accounts, sqlite_store: SQLiteStore, sessions: Sessions, hasher: SlowHasher
) -> None:
    await registered(accounts, "ann")
    made = await registered(accounts, "bob")
    hasher.hold_next()
    entering = asyncio.create_task(login(accounts, "bob"))
    await hasher.compared.wait()
    identity = await sessions.identify(made.token)
    await accounts.delete(identity, DeleteAccount(password=PASSWORD))
    hasher.released.set()
    assert await refusal_of(entering, Unauthenticated) == "invalid_credentials"
    left = stored(sqlite_store, made.user)
    assert (left.password_hash, left.last_seen) == (None, None)


async def test_a_hash_is_made_anew_at_the_next_login_when_its_cost_has_risen(
    accounts: Accounts, costlier: Accounts, sqlite_store: SQLiteStore
) -> None:
    ann = (await registered(accounts, "ann")).user
    hashes = []
    for _ in range(2):
        await login(costlier)
        hashes.append(str(stored(sqlite_store, ann).password_hash))
    assert str(ann.password_hash).startswith("$2b$04$")
    assert hashes[0].startswith("$2b$05$")
    assert hashes[1] == hashes[0]
    await login(accounts)
    assert stored(sqlite_store, ann).password_hash == hashes[0]


async def test_a_wrong_password_makes_no_hash_anew(
    accounts: Accounts, costlier: Accounts, sqlite_store: SQLiteStore
) -> None:
    ann = (await registered(accounts, "ann")).user
    await guess(costlier, 1)
    assert stored(sqlite_store, ann).password_hash == ann.password_hash


async def test_two_logins_at_once_both_pass_though_the_hash_is_made_anew(
    accounts: Accounts, costlier: Accounts
) -> None:
    await registered(accounts, "ann")
    results = await asyncio.gather(*(login(costlier) for _ in range(4)))
    assert [type(result) for result in results] == [LoggedIn] * 4


async def test_a_person_may_log_in_as_often_as_they_like(accounts: Accounts) -> None:
    await registered(accounts, "ann")
    times = int(max(LOGINS_BY_ADDRESS.burst, LOGINS_BY_PAIR.burst)) + 1
    assert [(await login(accounts)).user.name for _ in range(times)] == ["ann"] * times


async def test_guesses_from_one_address_at_one_account_are_throttled(
    accounts: Accounts, clock: Clock
) -> None:
    await registered(accounts, "ann")
    assert await guess(accounts, 20, client(1)) == LOGINS_BY_PAIR.burst
    assert await refusal_of(login(accounts, client=client(1)), TooMany) == "rate_limited"
    clock.seconds += 1 / LOGINS_BY_PAIR.per_second
    assert (await login(accounts, client=client(1))).user.name == "ann"


async def test_guesses_at_nobody_are_throttled_as_those_at_somebody(accounts: Accounts) -> None:
    await registered(accounts, "ann")
    looked_at = [await guess(accounts, 20, client(n), name) for n, name in enumerate(["ann", "x"])]
    assert looked_at == [LOGINS_BY_PAIR.burst] * 2


async def test_guesses_from_one_address_at_many_accounts_are_throttled(accounts: Accounts) -> None:
    looked_at = [await guess(accounts, 1, client(1), f"user{number}") for number in range(40)]
    assert sum(looked_at) == LOGINS_BY_ADDRESS.burst


async def test_an_attacker_at_one_address_locks_nobody_out(
    accounts: Accounts, clock: Clock
) -> None:
    await registered(accounts, "ann")
    for _ in range(100):
        await guess(accounts, 1, client(1))
        clock.seconds += 5
    assert (await login(accounts, client=client(2))).user.name == "ann"


async def besiege(accounts: Accounts) -> None:
    """Guess from as many addresses as it takes to empty the bucket of the account."""
    addresses = range(1, 2 + int(LOGINS_BY_ACCOUNT.burst // LOGINS_BY_PAIR.burst))
    looked_at = [await guess(accounts, 10, client(number)) for number in addresses]
    assert sum(looked_at) == LOGINS_BY_ACCOUNT.burst


async def test_guesses_from_everywhere_at_one_account_are_throttled(accounts: Accounts) -> None:
    await registered(accounts, "ann")
    await besiege(accounts)
    assert await refusal_of(login(accounts, client=client(99)), TooMany) == "rate_limited"


async def test_an_attacker_everywhere_locks_nobody_out_at_an_address_where_they_are_logged_in(
    accounts: Accounts,
) -> None:
    await registered(accounts, "ann")
    await besiege(accounts)
    assert (await login(accounts, client=HOME)).user.name == "ann"


async def test_an_attacker_everywhere_leaves_other_accounts_alone(accounts: Accounts) -> None:
    await registered(accounts, "ann")
    await registered(accounts, "bob")
    await besiege(accounts)
    assert (await login(accounts, "bob", client=client(99))).user.name == "bob"


async def me(sessions: Sessions, token: str) -> Identity:
    return await sessions.identify(token)


async def test_a_new_password_ends_every_login_and_begins_one(
    accounts: Accounts, sessions: Sessions
) -> None:
    old = [(await registered(accounts, "ann")).token, (await login(accounts)).token]
    command = ChangePassword(current_password=PASSWORD, new_password=NEW_PASSWORD)
    changed = await accounts.change_password(await me(sessions, old[0]), command, HOME)
    for token in old:
        await refusal_of(sessions.identify(token), Unauthenticated)
    assert (await sessions.identify(changed.token)).user.name == "ann"
    await refusal_of(login(accounts), Unauthenticated)
    await login(accounts, password=NEW_PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        (WRONG, NEW_PASSWORD, "wrong_password"),
        ("é" * 37, NEW_PASSWORD, "password_too_long"),
        (PASSWORD, "short", "password_too_short"),
        (PASSWORD, "é" * 37, "password_too_long"),
        (PASSWORD, "password", "password_too_common"),
        (PASSWORD, "ANN.MILLER", "password_too_common"),
    ],
)
async def test_a_change_of_password_that_is_refused_changes_nothing(
    accounts: Accounts, sessions: Sessions, current: str, new: str, code: str
) -> None:
    token = (await registered(accounts, "ann.miller")).token
    command = ChangePassword(current_password=current, new_password=new)
    change = accounts.change_password(await me(sessions, token), command, HOME)
    assert await refusal_of(change) == code
    assert (await sessions.identify(token)).user.name == "ann.miller"
    await login(accounts, "ann.miller")


@pytest.mark.parametrize("late", ["change", "delete"])
async def test_a_password_that_is_replaced_while_it_is_compared_confirms_nothing(
    accounts: Accounts, sessions: Sessions, hasher: SlowHasher, late: str
) -> None:
    await registered(accounts, "boss")
    identity = await me(sessions, (await registered(accounts, "ann")).token)
    stolen = ChangePassword(current_password=PASSWORD, new_password="thief horse 44")
    hasher.hold_next()
    task = asyncio.create_task(
        accounts.change_password(identity, stolen, client(1))
        if late == "change"
        else accounts.delete(identity, DeleteAccount(password=PASSWORD))
    )
    await hasher.compared.wait()
    await accounts.reset_password(identity.user, NEW_PASSWORD)
    hasher.released.set()
    assert await refusal_of(task, Forbidden) == "wrong_password"
    assert (await login(accounts, password=NEW_PASSWORD)).user.name == "ann"


async def test_of_two_changes_of_a_password_at_once_one_holds(
    accounts: Accounts, sessions: Sessions
) -> None:
    identity = await me(sessions, (await registered(accounts, "ann")).token)
    changes = [
        ChangePassword(current_password=PASSWORD, new_password=f"another horse {number}")
        for number in (1, 2)
    ]
    results = await asyncio.gather(
        *(accounts.change_password(identity, change, HOME) for change in changes),
        return_exceptions=True,
    )
    held = [result for result in results if isinstance(result, LoggedIn)]
    assert len(held) == 1
    assert sorted(type(result).__name__ for result in results) == ["Forbidden", "LoggedIn"]
    assert (await sessions.identify(held[0].token)).user.name == "ann"
    number = results.index(held[0]) + 1
    await login(accounts, password=f"another horse {number}")


async def test_whoever_has_a_token_cannot_guess_the_password_with_it(
    accounts: Accounts, sessions: Sessions, clock: Clock
) -> None:
    identity = await me(sessions, (await registered(accounts, "ann")).token)
    wrong = ChangePassword(current_password=WRONG, new_password=NEW_PASSWORD)
    for _ in range(int(CONFIRMATIONS.burst)):
        await refusal_of(accounts.change_password(identity, wrong, HOME), Forbidden)
    right = ChangePassword(current_password=PASSWORD, new_password=NEW_PASSWORD)
    await refusal_of(accounts.change_password(identity, right, HOME), TooMany)
    await refusal_of(accounts.delete(identity, DeleteAccount(password=PASSWORD)), TooMany)
    clock.seconds += 1 / CONFIRMATIONS.per_second
    await accounts.change_password(identity, right, HOME)


async def test_ones_right_password_may_be_given_as_often_as_one_likes(
    accounts: Accounts, sessions: Sessions
) -> None:
    # The last administrator cannot leave, so that the same can be asked for again and again.
    identity = await me(sessions, (await registered(accounts, "ann")).token)
    for _ in range(int(CONFIRMATIONS.burst) + 1):
        await refusal_of(accounts.delete(identity, DeleteAccount(password=PASSWORD)), Conflict)


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
