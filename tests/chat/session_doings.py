"""Two who log in, and logins of theirs."""

from datetime import timedelta
from typing import Any

import pytest

from chat.errors import Unauthenticated
from chat.sessions import Sessions
from models.records import Session, User, now
from models.sqlite import SQLiteStore
from tests.contract import samples


@pytest.fixture(name="ann")
def make_ann(sqlite_store: SQLiteStore) -> User:
    return sqlite_store.users.add(samples.user("ann"))


@pytest.fixture(name="bob")
def make_bob(sqlite_store: SQLiteStore) -> User:
    return sqlite_store.users.add(samples.user("bob"))


def kept(store: SQLiteStore, user: User, **fields: Any) -> Session:
    """A session that is in the store as if it had begun some time ago."""
    moment = now()
    values = {"created": moment, "seen": moment, "expires": moment + timedelta(hours=1)}
    session = samples.session(user.id, **{**values, **fields})
    store.sessions.add(session)
    return session


async def refusal_of(sessions: Sessions, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await sessions.identify(token)
    return refused.value.code
