"""How long a login is trusted that was read, and those who come again before that is over."""

import asyncio
from datetime import timedelta

import pytest

from chat import sessions as module
from chat.sessions import NOTE_USE_EVERY, TRUST_SECONDS, Identity, Sessions
from chat.tokens import Tokens
from models.records import Session, User, now
from models.sqlite import SQLiteStore
from models.store import Refused
from tests.chat.conftest import HOME, Clock, HeldDisk
from tests.chat.session_doings import kept, refusal_of
from tests.chat.session_doings import make_ann as make_ann
from tests.chat.session_doings import make_bob as make_bob

pytestmark = pytest.mark.gen_test(timeout=10)


async def being_read(sessions: Sessions, disk: HeldDisk, token: str) -> asyncio.Task[Identity]:
    """Ask for a login whose answer the store has, and keeps until it is released."""
    disk.hold_next()
    slow = asyncio.create_task(sessions.identify(token))
    await disk.read.wait()
    return slow


async def test_what_is_changed_behind_its_back_is_seen_when_the_trust_is_over(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, clock: Clock
) -> None:
    token = await sessions.start(ann, HOME)
    await sessions.identify(token)
    sqlite_store.users.change(ann.id, disabled=True)
    clock.seconds += TRUST_SECONDS - 0.01
    assert not (await sessions.identify(token)).user.disabled
    clock.seconds += 0.01
    assert await refusal_of(sessions, token) == "account_disabled"


async def test_trust_is_not_prolonged_by_use(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, clock: Clock
) -> None:
    token = await sessions.start(ann, HOME)
    await sessions.identify(token)
    sqlite_store.sessions.end_all(ann.id)
    for _ in range(4):
        await sessions.identify(token)
        clock.seconds += TRUST_SECONDS / 4
    assert await refusal_of(sessions, token) == "invalid_token"


def test_trust_is_shorter_than_the_second_that_is_promised() -> None:
    assert TRUST_SECONDS < 1


async def test_a_slow_answer_of_the_store_is_trusted_from_when_it_was_asked_for(
    sessions: Sessions, sqlite_store: SQLiteStore, disk: HeldDisk, ann: User, clock: Clock
) -> None:
    token = await sessions.start(ann, HOME)
    slow = await being_read(sessions, disk, token)
    sqlite_store.users.change(ann.id, disabled=True)
    clock.seconds += TRUST_SECONDS
    disk.released.set()
    await slow
    assert await refusal_of(sessions, token) == "account_disabled"


async def test_a_login_that_ends_while_it_is_read_is_not_trusted_after(
    sessions: Sessions, disk: HeldDisk, ann: User
) -> None:
    token = await sessions.start(ann, HOME)
    slow = await being_read(sessions, disk, token)
    await sessions.end_all(ann.id)
    disk.released.set()
    await slow
    assert await refusal_of(sessions, token) == "invalid_token"


async def test_one_login_that_ends_while_it_is_read_is_not_trusted_after(
    sessions: Sessions, disk: HeldDisk, ann: User
) -> None:
    token = await sessions.start(ann, HOME)
    identity = await sessions.identify(await sessions.start(ann, HOME))
    [session_id] = {s.id for s in await sessions.of_user(ann.id)} - {identity.session.id}
    slow = await being_read(sessions, disk, token)
    await sessions.end(identity, session_id)
    disk.released.set()
    await slow
    assert await refusal_of(sessions, token) == "invalid_token"


async def test_a_user_who_was_forgotten_is_read_anew_and_others_are_not(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, bob: User
) -> None:
    anns, bobs = await sessions.start(ann, HOME), await sessions.start(bob, HOME)
    for token in (anns, bobs):
        await sessions.identify(token)
    for user in (ann, bob):
        sqlite_store.users.change(user.id, display_name="new")
    sessions.forget(ann.id)
    assert (await sessions.identify(anns)).user.display_name == "new"
    assert (await sessions.identify(bobs)).user.display_name == "bob"


async def test_the_identities_that_are_trusted_are_bounded(
    sessions: Sessions, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRUSTED", 2)
    for _ in range(4):
        await sessions.identify(await sessions.start(ann, HOME))
    assert len(sessions._trusted) == 2


def asked(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The logins that the store is asked for from now on."""
    questions: list[list[str]] = []
    real = store.sessions.many

    def many(session_ids: list[str]) -> dict[str, Session]:
        questions.append(session_ids)
        return real(session_ids)

    monkeypatch.setattr(store.sessions, "many", many)
    return questions


async def test_who_comes_again_is_read_before_they_come(
    sessions: Sessions,
    sqlite_store: SQLiteStore,
    ann: User,
    bob: User,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = [await sessions.start(one, HOME) for one in (ann, bob)]
    questions = asked(sqlite_store, monkeypatch)
    ids = [(await sessions.identify(token)).session.id for token in tokens]
    for _ in range(8):
        clock.seconds += TRUST_SECONDS / 2
        for token in tokens:
            await sessions.identify(token)
        await sessions._refresh()
    # Once as each of them came, and then for both of them together.
    assert [sorted(question) for question in questions] == [[ids[0]], [ids[1]], *[sorted(ids)] * 8]
    await sessions.identify(tokens[0])
    await sessions._refresh()
    assert questions[10:] == [ids[:1]]  # who did not come again is left alone
    clock.seconds += TRUST_SECONDS
    await sessions.identify(tokens[1])
    assert questions[11:] == [ids[1:]]


async def test_whoever_comes_again_is_looked_after(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.001)
    token = await sessions.start(ann, HOME)
    for _ in range(2):
        await sessions.identify(token)
    read = asyncio.Event()
    loop, real = asyncio.get_running_loop(), sqlite_store.sessions.many

    def many(session_ids: list[str]) -> dict[str, Session]:
        if not read.is_set():
            loop.call_soon_threadsafe(read.set)
            raise Refused("once")
        return real(session_ids)

    monkeypatch.setattr(sqlite_store.sessions, "many", many)
    keeping = asyncio.create_task(sessions.keep())
    await read.wait()
    assert (await sessions.identify(token)).user == ann
    keeping.cancel()


async def test_what_changed_elsewhere_is_known_when_they_come(
    sessions: Sessions, sqlite_store: SQLiteStore, ann: User, bob: User, clock: Clock
) -> None:
    tokens = [await sessions.start(one, HOME) for one in (ann, bob)]
    identities = [await sessions.identify(token) for token in tokens * 2]
    sqlite_store.users.change(ann.id, role="admin")
    sqlite_store.sessions.end(identities[1].session.id)
    clock.seconds += TRUST_SECONDS - 0.01
    await sessions._refresh()
    clock.seconds += TRUST_SECONDS - 0.01
    assert (await sessions.identify(tokens[0])).is_admin
    assert await refusal_of(sessions, tokens[1]) == "invalid_token"


async def test_what_changed_while_all_were_read_is_read_anew(
    sessions: Sessions, sqlite_store: SQLiteStore, disk: HeldDisk, ann: User
) -> None:
    token = await sessions.start(ann, HOME)
    for _ in range(2):
        await sessions.identify(token)
    disk.hold_next()
    refreshing = asyncio.create_task(sessions._refresh())
    await disk.read.wait()
    sqlite_store.users.change(ann.id, disabled=True)
    sessions.forget(ann.id)
    disk.released.set()
    await refreshing
    assert await refusal_of(sessions, token) == "account_disabled"


async def test_the_use_of_a_login_is_noted_however_often_they_come(
    sessions: Sessions, tokens: Tokens, sqlite_store: SQLiteStore, ann: User
) -> None:
    session = kept(sqlite_store, ann, seen=now() - NOTE_USE_EVERY + timedelta(seconds=0.2))
    token = tokens.sign(session, session.created)
    for _ in range(2):
        await sessions.identify(token)
    sqlite_store.sessions.touch(session.id, session.seen - timedelta(seconds=1))
    await sessions._refresh()
    sessions.forget(ann.id)
    await sessions.identify(token)
    noted = sqlite_store.sessions.get(session.id)
    assert noted is not None
    assert noted.seen > session.seen
