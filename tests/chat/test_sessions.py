"""Who is behind a token."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chat import sessions as module
from chat.errors import Forbidden, NotFound
from chat.sessions import (
    MAX_AGENT,
    MAX_SESSIONS,
    NOTE_USE_EVERY,
    TRUST_SECONDS,
    Client,
    Identity,
    Sessions,
    require_admin,
)
from chat.tokens import Tokens
from models.records import User, now
from models.sqlite import SQLiteStore
from models.store import Refused
from tests.chat.conftest import HOME, Clock
from tests.chat.session_doings import kept, refusal_of
from tests.chat.session_doings import make_ann as make_ann
from tests.chat.session_doings import make_bob as make_bob
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)


async def test_a_token_names_a_user_and_a_login(sessions: Sessions, ann: User) -> None:
    identity = await sessions.identify(await sessions.start(ann, HOME))
    assert identity.user == ann
    assert (identity.session.user, identity.session.address) == (ann.id, HOME.address)


async def test_a_login_lasts_as_long_as_it_should(sessions: Sessions, ann: User) -> None:
    await sessions.start(ann, HOME)
    [session] = await sessions.of_user(ann.id)
    assert session.expires - session.created == timedelta(hours=1)


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        ("a\r\nb\0c\x1b[2Kd\u202ee\u200bf", "abc[2Kdef"),
        ("x" * 5000, "x" * MAX_AGENT),
        ("\n" * 500 + "x" * 5000, "x" * MAX_AGENT),
        ("", ""),
    ],
)
async def test_what_a_browser_calls_itself_is_cleaned_and_cut(
    sessions: Sessions, ann: User, agent: str, shown: str
) -> None:
    await sessions.start(ann, Client("203.0.113.9", agent))
    [session] = await sessions.of_user(ann.id)
    assert session.agent == shown


async def test_a_login_that_was_ended_is_over_at_once(sessions: Sessions, ann: User) -> None:
    token, other = await sessions.start(ann, HOME), await sessions.start(ann, HOME)
    identity = await sessions.identify(token)
    await sessions.end(identity, identity.session.id)
    assert await refusal_of(sessions, token) == "invalid_token"
    assert (await sessions.identify(other)).user == ann


async def test_all_logins_of_a_user_are_over_at_once(
    sessions: Sessions, ann: User, bob: User
) -> None:
    tokens = [await sessions.start(ann, HOME) for _ in range(3)]
    bobs = await sessions.start(bob, HOME)
    for token in tokens:
        await sessions.identify(token)
    assert await sessions.end_all(ann.id) == 3
    assert [await refusal_of(sessions, token) for token in tokens] == ["invalid_token"] * 3
    assert (await sessions.identify(bobs)).user == bob


async def test_only_ones_own_login_can_be_ended(sessions: Sessions, ann: User, bob: User) -> None:
    anns = await sessions.identify(await sessions.start(ann, HOME))
    token = await sessions.start(bob, HOME)
    bobs = await sessions.identify(token)
    for session_id in (bobs.session.id, "0" * 24, "", "{}"):
        with pytest.raises(NotFound):
            await sessions.end(anns, session_id)
    assert (await sessions.identify(token)).user == bob


async def test_a_login_that_has_expired_is_over_whatever_its_token_says(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User
) -> None:
    session = kept(sqlite_store, ann, expires=now())
    token = tokens.sign(replace(session, expires=now() + timedelta(hours=1)), now())
    assert await refusal_of(sessions, token) == "token_expired"
    assert await sessions.of_user(ann.id) == []


async def test_expired_logins_are_swept_and_others_stay(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User
) -> None:
    kept(sqlite_store, ann, expires=now() - timedelta(seconds=1))
    left = kept(sqlite_store, ann)
    assert await sessions.sweep() == 1
    assert sqlite_store.sessions.of_user(ann.id) == [left]


async def test_a_token_of_one_user_does_not_open_the_login_of_another(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User, bob: User
) -> None:
    token = tokens.sign(replace(kept(sqlite_store, ann), user=bob.id), now())
    assert await refusal_of(sessions, token) == "invalid_token"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"disabled": True}, "account_disabled"),
        ({"deleted": samples.START}, "invalid_token"),
        ({"deleted": samples.START, "disabled": True}, "invalid_token"),
    ],
)
async def test_an_account_that_is_shut_has_no_login(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, change: Any, code: str
) -> None:
    token = await sessions.start(ann, HOME)
    sqlite_store.users.change(ann.id, **change)
    assert await refusal_of(sessions, token) == code


async def test_the_login_of_nobody_opens_nothing(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore
) -> None:
    token = tokens.sign(kept(sqlite_store, samples.user("ghost")), now())
    assert await refusal_of(sessions, token) == "invalid_token"


async def test_one_login_too_many_ends_the_oldest(
    sessions: Sessions, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_SESSIONS == 100
    monkeypatch.setattr(module, "MAX_SESSIONS", 3)
    bobs = await sessions.start(bob, HOME)
    tokens = [await sessions.start(ann, HOME) for _ in range(3)]
    for token in tokens:
        await sessions.identify(token)
    tokens.append(await sessions.start(ann, HOME))
    assert await refusal_of(sessions, tokens[0]) == "invalid_token"
    for token in (*tokens[1:], bobs):
        await sessions.identify(token)


async def test_logins_are_listed_the_newest_first(sessions: Sessions, ann: User) -> None:
    for agent in ("first", "second"):
        await sessions.start(ann, Client("203.0.113.9", agent))
    assert [s.agent for s in await sessions.of_user(ann.id)] == ["second", "first"]


async def test_a_use_is_noted_once_in_five_minutes(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User, clock: Clock
) -> None:
    assert timedelta(minutes=5) == NOTE_USE_EVERY
    long_ago = now() - NOTE_USE_EVERY - timedelta(seconds=1)
    session = kept(sqlite_store, ann, seen=long_ago)
    noted = []
    for _ in range(3):
        await sessions.identify(tokens.sign(session, now()))
        clock.seconds += TRUST_SECONDS
        present = sqlite_store.sessions.get(session.id)
        assert present is not None
        noted.append(present.seen)
    assert noted[0] > long_ago
    assert set(noted) == {noted[0]}
    user = sqlite_store.users.get(ann.id)
    assert user is not None
    assert user.last_seen == noted[0]


async def test_a_use_is_not_noted_of_an_account_that_goes_meanwhile(
    sessions: Sessions,
    tokens: Tokens,
    sqlite_store: SQLiteStore,
    ann: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> None:
        sqlite_store.users.change(ann.id, deleted=now(), last_seen=None)

    monkeypatch.setattr(type(sqlite_store.sessions), "touch", gone)
    session = kept(sqlite_store, ann, seen=samples.START)
    await sessions.identify(tokens.sign(session, now()))
    user = sqlite_store.users.get(ann.id)
    assert user is not None
    assert user.last_seen is None


async def test_a_recent_use_is_not_noted_again(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User
) -> None:
    session = kept(sqlite_store, ann, seen=now() - NOTE_USE_EVERY + timedelta(minutes=1))
    await sessions.identify(tokens.sign(session, now()))
    assert sqlite_store.sessions.get(session.id) == session


async def test_whoever_is_there_is_served_though_the_store_takes_no_note(
    sessions: Sessions,
    tokens: Tokens,
    sqlite_store: SQLiteStore,
    ann: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise Refused("the disk is full")

    monkeypatch.setattr(type(sqlite_store.sessions), "touch", full)
    session = kept(sqlite_store, ann, seen=samples.START)
    assert (await sessions.identify(tokens.sign(session, now()))).user == ann
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize(("role", "passes"), [("admin", True), ("user", False)])
async def test_administrators_pass_alone(role: Any, passes: bool) -> None:
    user = samples.user("ann", role=role)
    identity = Identity(user, samples.session(user.id))
    assert identity.is_admin is passes
    if passes:
        require_admin(identity)
    else:
        with pytest.raises(Forbidden):
            require_admin(identity)


async def test_a_token_of_ours_that_names_somebody_elses_session_opens_nothing(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User, bob: User
) -> None:
    await sessions.identify(await sessions.start(ann, HOME))
    [session] = sqlite_store.sessions.of_user(ann.id)
    mixed = tokens.sign(replace(session, user=bob.id), session.created)
    assert await refusal_of(sessions, mixed) == "invalid_token"
