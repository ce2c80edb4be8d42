"""Guests: people without a password, who are whoever they say, where the server is open to that.

A name that has a password is never a guest's. Anybody may use the name of a guest, so what is said
to one is said to all.
"""

import logging

from chat.errors import Conflict, Forbidden, NotFound, Unauthenticated
from chat.limits import Limits, Rule
from chat.names import require_guest_name
from chat.sessions import Client, Identity, Sessions
from models.disk import Disk
from models.records import Session, User, new_id, now
from models.store import Store, Taken

log = logging.getLogger("hubbub.guests")

# New names from one address; those that are there already cost nothing.
NEW_NAMES = Rule("guest", burst=60, per_second=1 / 5)


class Guests:
    """Lets people in by their bare names."""

    def __init__(
        self, store: Store, disk: Disk, sessions: Sessions, limits: Limits, *, is_open: bool
    ) -> None:
        self._store = store
        self._disk = disk
        self._sessions = sessions
        self._limits = limits
        self.is_open = is_open

    def require_open(self) -> None:
        """Refuse whoever brings no token, where everybody must."""
        if not self.is_open:
            raise Unauthenticated("missing_token", "log in first: no token was sent")

    async def enter(self, name: str, client: Client) -> Identity:
        """Let somebody be who they say, if that is nobody with a password."""
        self.require_open()
        user = require_guest(await self.reach(name, client))
        if user.disabled:
            raise Forbidden("account_disabled", "this account is disabled")
        return Identity(user, await self._session(user, client))

    async def reach(self, name: str, client: Client) -> User:
        """Whoever has a name, which may be somebody who has yet to come; or refuse."""
        user = await self.find(name)
        return user if user is not None else await self._add(require_guest_name(name), client)

    async def find(self, name: str) -> User | None:
        """Whoever has a name, guest or not."""
        tidy = require_guest_name(name)
        return await self._disk.run(self._store.users.by_name, tidy)

    async def named(self, name: str) -> User:
        """Whoever has a name, guest or not; or refuse."""
        user = await self.find(name)
        if user is None:
            raise NotFound("user_not_found", "there is no such user")
        return user

    async def _add(self, name: str, client: Client) -> User:
        self.require_open()
        self._limits.take(NEW_NAMES, client.address)
        moment = now()
        user = User(id=new_id(), name=name, display_name=name, created=moment, last_seen=moment)
        try:
            user = await self._disk.run(self._store.users.add, user)
        except Taken:
            there = await self.find(name)
            if there is None:
                raise Conflict(
                    "similar_name", "this name looks like somebody else's: take another one"
                ) from None
            return there  # who came at the same moment
        log.info("guest %s came from %s", user.id, client.address)
        return user

    async def _session(self, user: User, client: Client) -> Session:
        """A login for the sockets of a guest, which end with it; nobody has a token of it."""
        sessions = await self._sessions.of_user(user.id)
        moment = now()
        for session in sessions:
            if session.expires - moment > (session.expires - session.created) / 2:
                return session
        return await self._sessions.begin(user, client)


def require_guest(user: User) -> User:
    """Let those pass who have no password."""
    if is_guest(user):
        return user
    raise Forbidden("name_has_password", "this name has a password: log in to use it")


def is_guest(user: User) -> bool:
    """Tell whether somebody is who they are without a password."""
    return user.password_hash is None and user.deleted is None
