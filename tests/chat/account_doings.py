"""What somebody does with an account, and a hasher that takes its time."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from chat.accounts import Accounts
from chat.commands import LogIn, Register
from chat.errors import Refusal, TooMany, Unauthenticated
from chat.passwords import Hasher
from chat.sessions import Client, Identity, Sessions
from models.records import User
from models.sqlite import SQLiteStore
from tests.chat.conftest import HOME, PASSWORD

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


@pytest.fixture(name="hasher")
def make_hasher() -> Iterator[SlowHasher]:
    hasher = SlowHasher()
    yield hasher
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


async def me(sessions: Sessions, token: str) -> Identity:
    return await sessions.identify(token)
