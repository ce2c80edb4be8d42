"""Everybody's accounts: finding people, and what administrators do with them."""

import asyncio
import logging
from typing import Unpack

from chat.errors import Conflict
from chat.people import no_such_user
from chat.sessions import Identity, Sessions
from models.contract.accounts import UserChange
from models.disk import Disk
from models.records import User
from models.store import Store

log = logging.getLogger("hubbub.accounts")

MAX_FOUND = 20


class Directory:
    """Finds people."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk

    async def page(self, *, after: str | None, limit: int) -> list[User]:
        """Users in the order in which they came."""
        return await self._disk.run(self._store.users.page, after=after, limit=limit)

    async def search(self, identity: Identity, text: str) -> list[User]:
        """Others whose name contains a text."""
        return await self._disk.run(
            self._store.users.search, text.strip(), limit=MAX_FOUND, without=identity.user.id
        )

    async def get(self, user_id: str) -> User:
        """The user of an id; a deleted one is still there as a placeholder."""
        user = await self._disk.run(self._store.users.get, user_id)
        if user is None:
            raise no_such_user()
        return user

    async def named(self, name: str) -> User:
        """The user of a name or e-mail; the name of a placeholder is nobody's."""
        find = self._store.users.by_email if "@" in name else self._store.users.by_name
        user = await self._disk.run(find, name)
        if user is None or user.deleted is not None:
            raise no_such_user()
        return user


class Administration:
    """What administrators, and whoever owns the machine, do with accounts."""

    def __init__(self, store: Store, disk: Disk, sessions: Sessions) -> None:
        self._store = store
        self._disk = disk
        self._sessions = sessions
        # Two administrators who remove each other at the same moment must not both succeed.
        self._lock = asyncio.Lock()

    async def disable(self, user_id: str) -> User:
        """Shut an account: its logins end and none can begin."""
        user = await self.retire(user_id, disabled=True)
        await self._sessions.end_all(user.id)
        return user

    async def enable(self, user_id: str) -> User:
        """Open an account again."""
        return await self._change(user_id, disabled=False)

    async def promote(self, user_id: str) -> User:
        """Make somebody an administrator."""
        return await self._change(user_id, role="admin")

    async def demote(self, user_id: str) -> User:
        """Make an administrator an ordinary user."""
        return await self.retire(user_id, role="user")

    async def retire(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        """Change an account so that it administers no more, unless nobody else would."""
        async with self._lock:
            await self.require_another(user_id)
            return await self._change(user_id, **changes)

    async def require_another(self, user_id: str) -> None:
        """Refuse to do without somebody who is the last administrator."""
        administrators = await self._disk.run(self._store.users.administrators)
        if [administrator.id for administrator in administrators] == [user_id]:
            raise Conflict(
                "last_administrator", "the last administrator must promote somebody else first"
            )

    async def _change(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        user = await self._disk.run(self._store.users.get, user_id)
        if user is None or user.deleted is not None:
            raise no_such_user()
        user = await self._disk.finish(self._store.users.change, user_id, **changes)
        self._sessions.forget(user_id)
        log.info("account %s changed: %s", user_id, ", ".join(changes))
        return user
