"""One's own account: making it, entering it, changing it, leaving it for good."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Unpack

from msgspec import UNSET, Struct

from chat.commands import ChangePassword, ChangeProfile, DeleteAccount, LogIn, Register
from chat.directory import Administration
from chat.errors import Conflict, Forbidden, Invalid, Unauthenticated
from chat.limits import Limits, Rule
from chat.names import require_display_name, require_email, require_username
from chat.passwords import Hasher, PasswordRules, packed
from chat.sessions import Client, Identity, Sessions
from chat.tokens import invalid_token
from models.contract.accounts import UserChange
from models.disk import Disk
from models.records import User, folded, new_id, now
from models.store import NotFound as NoRecord
from models.store import Store, Taken

log = logging.getLogger("hubbub.accounts")

REGISTRATIONS = Rule("register", burst=30, per_second=1 / 20)

# One address may try many accounts (an office behind one router), but not without end.
LOGINS_BY_ADDRESS = Rule("login address", burst=30, per_second=1 / 3)
# One address, one account: what a person who has forgotten a password needs.
LOGINS_BY_PAIR = Rule("login pair", burst=10, per_second=1 / 60)
# One account from everywhere: at most 14,400 guesses a day, however many addresses make them. It
# takes ten addresses to empty it, and then it holds up only whoever comes from an address from
# which the account is not logged in at the moment.
LOGINS_BY_ACCOUNT = Rule("login account", burst=100, per_second=1 / 6)

# One's own password, asked for again before a change that cannot be taken back.
CONFIRMATIONS = Rule("confirm", burst=10, per_second=1 / 10)

DELETED_NAME = "Deleted user"


# Leaves all rooms of somebody, who comes into no other meanwhile.
Leave = Callable[[str], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(*_: object) -> AsyncIterator[None]:
    """What stands in where there are no pictures, or no rooms."""
    yield


async def _no_files(*_: object) -> None:
    """What stands in where there are no files."""


class LoggedIn(Struct, frozen=True):
    """An account that was entered, and the token that keeps it open."""

    user: User
    token: str


class Accounts:
    """What a person does with an account of their own."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        sessions: Sessions,
        administration: Administration,
        hasher: Hasher,
        rules: PasswordRules,
        limits: Limits,
    ) -> None:
        self._store = store
        self._disk = disk
        self._sessions = sessions
        self._administration = administration
        self._hasher = hasher
        self._rules = rules
        self._limits = limits
        # Makes the squares of an avatar and keeps it from going; removes those of the one before.
        self.portray: Callable[[str, str], AbstractAsyncContextManager[None]] = _nothing
        self.release: Callable[[list[str]], Awaitable[None]] = _no_files
        # A password that is replaced while it is being compared must not open its account.
        self._entering = asyncio.Lock()

    async def register(
        self, command: Register, client: Client, makes: str | None = None
    ) -> LoggedIn:
        """Make an account and log in to it; if this call made it before, log in alone."""
        there = None if makes is None else await self._disk.run(self._store.users.get, makes)
        if there is not None:
            return LoggedIn(there, await self._sessions.start(there, client, makes))
        name = require_username(command.username)
        display_name = require_display_name(command.display_name or name)
        email = require_email(command.email) if command.email else None
        self._rules.require_good(command.password, names=(name, email or name))
        self._limits.take(REGISTRATIONS, client.address)
        # Asked before the hash, which costs a quarter of a second, and decided by the store after.
        await self._require_free(name, email)
        moment = now()
        user = User(
            id=makes or new_id(),
            name=name,
            display_name=display_name,
            email=email,
            password_hash=await self._hasher.hash(command.password),
            created=moment,
            last_seen=moment,
        )
        try:
            user = await self._disk.run(self._store.users.add, user)
        except Taken as error:
            raise _taken(error.field) from error
        log.info("account %s registered by %s", user.id, client.address)
        return LoggedIn(user, await self._sessions.start(user, client, makes))

    async def log_in(self, command: LogIn, client: Client, makes: str | None = None) -> LoggedIn:
        """Enter an account; a wrong name and a wrong password look and last alike."""
        packed(command.password)
        identifier = command.email or command.username
        if not identifier:
            raise Invalid(
                "missing_field", "a user name or an e-mail is needed", details={"field": "username"}
            )
        taken = [(LOGINS_BY_ADDRESS, client.address)]
        self._limits.take(*taken[0])
        user = await self._find(identifier)
        for bucket in await self._login_buckets(user, identifier, client):
            self._limits.take(*bucket)
            taken.append(bucket)
        password_hash = None if user is None else user.password_hash
        if not await self._hasher.verify(command.password, password_hash) or user is None:
            log.info("login failed from %s", client.address)
            raise _wrong_credentials()
        for bucket in taken:
            self._limits.give_back(*bucket)
        return await self._enter(user, command.password, client, makes)

    async def change_password(
        self,
        identity: Identity,
        command: ChangePassword,
        client: Client,
        makes: str | None = None,
    ) -> LoggedIn:
        """Replace one's password; every login ends, and a new one begins."""
        user = identity.user
        await self._require_password(user, command.current_password)
        password_hash = await self._hashed(user, command.new_password)
        async with self._entering:
            await self._require_same_password(user)
            await self._replace_password(user, password_hash)
            return LoggedIn(user, await self._sessions.start(user, client, makes))

    async def reset_password(self, user: User, password: str) -> None:
        """Give an account a new password, for whoever owns the machine; its logins end."""
        password_hash = await self._hashed(user, password)
        async with self._entering:
            await self._replace_password(user, password_hash)

    async def change_profile(self, identity: Identity, command: ChangeProfile) -> User:
        """Change what others see of one's account."""
        changes: UserChange = {}
        if command.display_name is not UNSET:
            changes["display_name"] = require_display_name(command.display_name)
        if command.avatar is not UNSET:
            changes["avatar"] = command.avatar
        if command.read_receipts is not UNSET:
            changes["receipts"] = command.read_receipts
        if command.invisible is not UNSET:
            changes["invisible"] = command.invisible
        former = identity.user.avatar
        async with self._portrayed(identity, changes.get("avatar")):
            changed = await self._change(identity.user, last=True, **changes)
        if former is not None and former != changed.avatar:
            await self.release([former])
        return changed

    async def delete(
        self, identity: Identity, command: DeleteAccount, leave: Leave = _nothing
    ) -> None:
        """Delete one's account; what it said stays, under a name that is nobody's.

        Its rooms are left first: what breaks off half-way can be repeated while the account is
        there, and not any more when it is gone.
        """
        user = identity.user
        await self._require_password(user, command.password)
        async with self._entering:
            await self._require_same_password(user)
            await self._administration.require_another(user.id)
            async with leave(user.id):
                # Too long for a user name, so that nobody can ever register it.
                await self._administration.retire(
                    user.id,
                    name=f"deleted-{user.id}",
                    display_name=DELETED_NAME,
                    email=None,
                    password_hash=None,
                    role="user",
                    avatar=None,
                    last_seen=None,
                    deleted=now(),
                )
            await self._sessions.end_all(user.id)
        log.info("account %s deleted", user.id)

    async def _require_free(self, name: str, email: str | None) -> None:
        if await self._disk.run(self._store.users.by_name, name) is not None:
            raise _taken("name")
        if email and await self._disk.run(self._store.users.by_email, email) is not None:
            raise _taken("email")

    async def _find(self, identifier: str) -> User | None:
        # A user name cannot hold an @, so what was typed says which of the two it is.
        find = self._store.users.by_email if "@" in identifier else self._store.users.by_name
        return await self._disk.run(find, identifier)

    async def _login_buckets(
        self, user: User | None, identifier: str, client: Client
    ) -> list[tuple[Rule, str]]:
        # Somebody unknown costs the same look into the store as somebody known.
        account = folded(identifier) if user is None else user.id
        sessions = await self._sessions.of_user(account)
        buckets = [(LOGINS_BY_PAIR, f"{account} {client.address}")]
        if all(session.address != client.address for session in sessions):
            buckets.append((LOGINS_BY_ACCOUNT, account))
        return buckets

    async def _enter(
        self, user: User, password: str, client: Client, makes: str | None
    ) -> LoggedIn:
        changes: UserChange = {"last_seen": now()}
        if user.password_hash is not None and self._hasher.is_weak(user.password_hash):
            changes["password_hash"] = await self._hasher.hash(password)
        async with self._entering:
            present = await self._disk.run(self._store.users.get, user.id)
            if present is not None and present.password_hash == user.password_hash:
                if present.disabled:
                    raise Forbidden("account_disabled", "this account is disabled")
                user = await self._change(user, **changes)
                return LoggedIn(user, await self._sessions.start(user, client, makes))
        # It was replaced, or hashed anew by another login, since it was read.
        if present is None or not await self._hasher.verify(password, present.password_hash):
            raise _wrong_credentials()
        return await self._enter(present, password, client, makes)

    async def _require_password(self, user: User, password: str) -> None:
        packed(password)
        self._limits.take(CONFIRMATIONS, user.id)
        if not await self._hasher.verify(password, user.password_hash):
            raise _wrong_password()
        self._limits.give_back(CONFIRMATIONS, user.id)

    async def _require_same_password(self, user: User) -> None:
        # Comparing and hashing take half a second, and longer in a queue; whoever has replaced the
        # password meanwhile has done so to keep the one who knew the old one out.
        present = await self._disk.run(self._store.users.get, user.id)
        if present is None or present.password_hash != user.password_hash:
            raise _wrong_password()

    async def _hashed(self, user: User, password: str) -> str:
        self._rules.require_good(password, names=(user.name, user.email or user.name))
        return await self._hasher.hash(password)

    async def _replace_password(self, user: User, password_hash: str) -> None:
        await self._change(user, password_hash=password_hash)
        await self._sessions.end_all(user.id)
        log.info("account %s has a new password", user.id)

    @asynccontextmanager
    async def _portrayed(self, identity: Identity, upload_id: str | None) -> AsyncIterator[None]:
        """See to it that an avatar is a picture of one's own, and stays one for as long as this."""
        if upload_id is None:
            yield
            return
        async with self.portray(identity.user.id, upload_id):
            upload = await self._disk.run(self._store.uploads.get, upload_id)
            if upload is None or upload.owner != identity.user.id:
                raise Invalid(
                    "unknown_upload",
                    "an avatar is an upload of one's own",
                    details={"field": "avatar"},
                )
            yield

    async def _change(
        self, user: User, *, last: bool = False, **changes: Unpack[UserChange]
    ) -> User:
        change = self._disk.finish if last else self._disk.run
        try:
            changed = await change(self._store.users.change, user.id, **changes)
        except NoRecord:  # it was deleted meanwhile
            raise invalid_token() from None
        self._sessions.forget(user.id)
        return changed


def _wrong_credentials() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "the name or the password is wrong")


def _wrong_password() -> Forbidden:
    # Not a 401: clients take that to mean that their login is over.
    return Forbidden("wrong_password", "the password is wrong")


def _taken(field: str) -> Conflict:
    if field == "email":
        return Conflict("email_taken", "this e-mail is taken", details={"field": "email"})
    return Conflict("username_taken", "this user name is taken", details={"field": "username"})
