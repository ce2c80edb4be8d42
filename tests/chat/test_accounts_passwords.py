"""One's own password, changed and asked for."""

import asyncio

import pytest

from chat.accounts import CONFIRMATIONS, Accounts, LoggedIn
from chat.commands import ChangePassword, DeleteAccount
from chat.errors import Conflict, Forbidden, TooMany, Unauthenticated
from chat.sessions import Sessions
from tests.chat.account_doings import (
    NEW_PASSWORD,
    WRONG,
    SlowHasher,
    client,
    login,
    me,
    refusal_of,
    registered,
)
from tests.chat.account_doings import make_hasher as make_hasher
from tests.chat.conftest import HOME, PASSWORD, Clock

pytestmark = pytest.mark.gen_test(timeout=20)


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
