"""Logins: who gets in, what a hash becomes by them, and how often one may guess."""

import asyncio
from collections.abc import Iterator

import bcrypt
import pytest

from chat.accounts import LOGINS_BY_ACCOUNT, LOGINS_BY_ADDRESS, LOGINS_BY_PAIR, Accounts, LoggedIn
from chat.commands import DeleteAccount, LogIn
from chat.directory import Administration
from chat.errors import Forbidden, Invalid, TooMany, Unauthenticated
from chat.limits import Limits
from chat.passwords import Hasher, PasswordRules
from chat.sessions import Sessions
from models.sqlite import SQLiteStore
from tests.chat.account_doings import (
    NEW_PASSWORD,
    WRONG,
    SlowHasher,
    client,
    guess,
    login,
    refusal_of,
    registered,
    stored,
)
from tests.chat.account_doings import make_hasher as make_hasher
from tests.chat.conftest import COMMON, HOME, PASSWORD, Clock, HeldDisk

pytestmark = pytest.mark.gen_test(timeout=20)


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
