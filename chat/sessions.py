"""Who is behind a token: the logins, their beginning and their end."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from msgspec import Struct

from chat.errors import Forbidden, NotFound, Refusal, Unauthenticated
from chat.gathering import Gathering
from chat.keyed_calls import Caller
from chat.tokens import Tokens, invalid_token
from models.disk import Disk
from models.records import Session, User, new_id, now
from models.store import Store, StoreError

log = logging.getLogger("hubbub.sessions")

# What this process changes it knows at once; this is how long it may be wrong about what another
# (the command line) has changed. A second is promised.
TRUST_SECONDS = 0.5

# Whoever came again within that time is read again, with all others who did, before it is over: on
# MongoDB 200 in one question take 6 ms, and one alone 0.4.
REFRESH_SECONDS = 0.2
MAX_REFRESHED = 1_000

# An entry is about a kilobyte.
MAX_TRUSTED = 10_000

# Noting every use of a session would be a write per request.
NOTE_USE_EVERY = timedelta(minutes=5)

# Whoever logs in once more than this ends their own oldest login.
MAX_SESSIONS = 100

MAX_AGENT = 200


class Client(Struct, frozen=True):
    """Where a login comes from."""

    address: str
    agent: str


class Identity(Struct, frozen=True):
    """Who sent a command, and through which login."""

    user: User
    session: Session

    @property
    def is_admin(self) -> bool:
        """Whether this is an administrator."""
        return self.user.role == "admin"


class Trusted(Struct, frozen=True):
    """An identity that was read from the store at a moment."""

    identity: Identity
    at: float


class Sessions:
    """Begins, recognises and ends logins. The store is the truth; a short memory spares it."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        tokens: Tokens,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._disk = disk
        self._tokens = tokens
        self._ttl = timedelta(seconds=ttl)
        self._clock = clock
        self._trusted: OrderedDict[str, Trusted] = OrderedDict()
        self._changes = 0
        # Those who came again since they were read.
        self._again: set[str] = set()
        # Those who come back at the same time, as behind a restart, are looked up at the same time.
        self._found: Gathering[str, tuple[Session, User | None]] = Gathering(self._find)
        # Whoever must know that a user has changed, and that logins have ended.
        self.on_change: Callable[[str], None] = lambda _: None
        self.on_end: Callable[[list[str]], None] = lambda _: None

    async def start(self, user: User, client: Client, makes: str | None = None) -> str:
        """Log a user in and return the token."""
        session = await self.begin(user, client, makes)
        return self._tokens.sign(session, session.created)

    async def entered(self, session_id: str) -> tuple[User, str]:
        """Who logged in with a login that was begun before, and its token."""
        session = await self._disk.run(self._store.sessions.get, session_id)
        if session is None:
            raise invalid_token()
        identity = await self._read(session_id, session.user)
        return identity.user, self._tokens.sign(identity.session, identity.session.created)

    async def begin(self, user: User, client: Client, makes: str | None = None) -> Session:
        """Log a user in, without a token that could be used elsewhere."""
        there = None if makes is None else await self._disk.run(self._store.sessions.get, makes)
        if there is not None:
            return there
        moment = now()
        session = Session(
            id=makes or new_id(),
            user=user.id,
            created=moment,
            seen=moment,
            expires=moment + self._ttl,
            agent="".join(c for c in client.agent if c.isprintable())[:MAX_AGENT],
            address=client.address,
        )
        for old in (await self.of_user(user.id))[MAX_SESSIONS - 1 :]:
            await self._end(old.id)
        await self._disk.finish(self._store.sessions.add, session)
        return session

    async def identify(self, token: str) -> Identity:
        """Find out who is behind a token, or refuse."""
        claim = self._tokens.read(token)
        trusted, moment = self._trusted.get(claim.session), self._clock()
        if trusted is not None and moment - trusted.at < TRUST_SECONDS:
            if trusted.identity.user.id != claim.user:
                raise invalid_token()
            if len(self._again) < MAX_REFRESHED:
                self._again.add(claim.session)
            return trusted.identity
        changes = self._changes
        identity = await self._read(claim.session, claim.user)
        # What changed while it was being read may not be in it.
        if changes == self._changes:
            self._remember(identity, moment)
        if _is_due(identity):
            await self._note_use(identity)
        return identity

    def named_by(self, token: str) -> Caller:
        """Who a token is of, whether or not its login is still there."""
        claim = self._tokens.read(token)
        return Caller(claim.user, claim.session)

    async def of_user(self, user_id: str) -> list[Session]:
        """The logins of a user that have not expired, the newest first."""
        sessions = await self._disk.run(self._store.sessions.of_user, user_id)
        moment = now()
        return [session for session in sessions if session.expires > moment]

    async def end(self, identity: Identity, session_id: str) -> None:
        """End one of one's own logins."""
        session = await self._disk.run(self._store.sessions.get, session_id)
        if session is None or session.user != identity.user.id:
            raise NotFound("session_not_found", "there is no such session")
        await self._end(session_id, last=True)

    async def end_all(self, user_id: str, *, last: bool = False) -> int:
        """End every login of a user and count them."""
        end = self._disk.finish if last else self._disk.run
        ended = await end(self._store.sessions.end_all, user_id)
        self.forget(user_id)
        self.on_end(ended)
        return len(ended)

    def forget(self, user_id: str) -> None:
        """Read a user anew at the next command, because something about them has changed."""
        self._changes += 1
        self.on_change(user_id)
        for session_id in [
            session_id
            for session_id, trusted in self._trusted.items()
            if trusted.identity.user.id == user_id
        ]:
            del self._trusted[session_id]

    async def living(self, session_ids: set[str]) -> set[str]:
        """Those of some logins that have not ended, whoever ended them."""
        return await self._disk.run(self._store.sessions.living, session_ids, now())

    async def keep(self) -> None:
        """Read those who come again and again before they come, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            if self._again:
                with suppress(StoreError):  # whoever comes will ask, and be told
                    await self._refresh()

    async def _refresh(self) -> None:
        again, self._again = self._again, set()
        moment, changes = self._clock(), self._changes
        found = await self._disk.run(self._with_users, list(again))
        if changes != self._changes:
            return
        for session_id in again:
            try:
                identity = _admitted(*found.get(session_id, (None, None)))
            except Refusal:
                self._trusted.pop(session_id, None)
            else:
                if not _is_due(identity):
                    self._remember(identity, moment)

    async def sweep(self) -> int:
        """Forget the logins that have expired and count them."""
        return await self._disk.run(self._store.sessions.sweep, now())

    async def _find(self, session_ids: list[str]) -> dict[str, tuple[Session, User | None]]:
        return await self._disk.run(self._with_users, session_ids)

    def _with_users(self, session_ids: list[str]) -> dict[str, tuple[Session, User | None]]:
        sessions = self._store.sessions.many(session_ids)
        users = self._store.users.many({session.user for session in sessions.values()})
        return {one.id: (one, users.get(one.user)) for one in sessions.values()}

    async def _read(self, session_id: str, user_id: str) -> Identity:
        session, user = await self._found.ask(session_id) or (None, None)
        identity = _admitted(session, user)
        if identity.user.id != user_id:
            raise invalid_token()
        return identity

    def _remember(self, identity: Identity, moment: float) -> None:
        self._trusted[identity.session.id] = Trusted(identity, moment)
        self._trusted.move_to_end(identity.session.id)
        if len(self._trusted) > MAX_TRUSTED:
            self._trusted.popitem(last=False)

    async def _note_use(self, identity: Identity) -> None:
        moment = now()
        try:
            await self._disk.run(self._store.sessions.touch, identity.session.id, moment)
            await self._disk.run(self._store.users.note_seen, {identity.user.id: moment})
        except StoreError as error:
            # Whoever is there is served all the same.
            log.warning("could not note that a session is in use: %s", error)

    async def _end(self, session_id: str, *, last: bool = False) -> None:
        end = self._disk.finish if last else self._disk.run
        await end(self._store.sessions.end, session_id)
        self._changes += 1
        self._trusted.pop(session_id, None)
        self.on_end([session_id])


def _is_due(identity: Identity) -> bool:
    """Whether it is time to note, when they come, that the login is in use."""
    return now() - identity.session.seen > NOTE_USE_EVERY


def _admitted(session: Session | None, user: User | None) -> Identity:
    """Who has logged in, if they still may; `user` is the session's, if there is one."""
    if session is None:
        raise invalid_token()
    if session.expires <= now():
        raise Unauthenticated("token_expired", "this login has expired")
    if user is None or user.deleted is not None:
        raise invalid_token()
    if user.disabled:
        raise Unauthenticated("account_disabled", "this account is disabled")
    return Identity(user, session)


def require_admin(identity: Identity) -> None:
    """Let administrators pass alone."""
    if not identity.is_admin:
        raise Forbidden("administrators_only", "this is for administrators")
