"""Calls that come with a key: what they do is done once, however often they are sent.

A call is kept before it is made, and again with its answer; between the two, its last write notes
in its own transaction that it is done. Whoever sends the same again hears the answer. If there is
none, because the process was killed or the store was away, what came of the call is known: it is
done, and is shown as it is now; or it made something under the id that was chosen for it before,
and finds it; or it has done nothing, and is made now.
"""

import asyncio
import hmac
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from msgspec import Struct

from chat.errors import Conflict, Invalid, Mismatched, TooMany
from chat.limits import Limits, Rule
from models.disk import Disk, Keyed, keyed
from models.records import KeyedCall, new_id, now
from models.store import Store, StoreError

log = logging.getLogger("hubbub.keyed_calls")

# What fits into a header as it is; a UUID has 36.
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

# Longer than a commit takes, and shorter than clients wait.
WAIT_SECONDS = 10.0

# Comparing bodies by their digests costs nothing, and a password may be in them.
MISMATCHES = Rule("key mismatch", burst=30, per_second=1 / 10)


class Caller(Struct, frozen=True):
    """Whose keys they are, a user's or those of an address; and by which login a call came."""

    owner: str
    session: str | None = None


class KeyedCalls:
    """Keeps calls by their keys. One of a key is made at a time; the others wait for its answer."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        limits: Limits,
        secret: str,
        *,
        ttl: float,
        max_per_owner: int,
    ) -> None:
        self._store = store
        self._disk = disk
        self._limits = limits
        # With a secret that is not in the store, or a copy of it would tell passwords too cheaply.
        self._secret = hmac.digest(secret.encode(), b"keyed calls", "sha256")
        self._ttl = timedelta(seconds=ttl)
        self._max_per_owner = max_per_owner
        self._running: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def begun(self, caller: Caller, key: str, said: bytes) -> AsyncIterator[KeyedCall]:
        """Keep a call while it is made, or lend the one that is kept; alone with it either way."""
        draft = KeyedCall(
            id=self._id(caller, key),
            owner=caller.owner,
            session=caller.session,
            digest=self._digest(said),
            makes=new_id(),
            created=now(),
        )
        async with self._alone(draft.id):
            call = await self._disk.run(self._begin, draft)
            self._require_same(caller, call, draft.digest)
            before = keyed.set(Keyed(call.id, self._store.keyed_calls.finish))
            try:
                yield call
            finally:
                keyed.reset(before)

    async def ended(self, caller: Caller, key: str, said: bytes) -> KeyedCall | None:
        """The call that has ended the very login by which it comes again."""
        call = await self._disk.run(self._store.keyed_calls.get, self._id(caller, key))
        if call is None or call.session != caller.session or call.created < now() - self._ttl:
            return None
        self._require_same(caller, call, self._digest(said))
        return call if call.status or call.progress == "done" else None

    async def answer(self, call: KeyedCall, status: int, body: bytes) -> None:
        """Keep an answer. Where that fails it is given all the same, and made anew at need."""
        try:
            await self._disk.run(self._store.keyed_calls.answer, call.id, status, body)
        except StoreError as error:
            log.warning("an answer was not kept: %s", error)

    async def forget(self, call: KeyedCall) -> None:
        """Forget a call that was refused, so that its key can be used for a better one."""
        try:
            await self._disk.run(self._store.keyed_calls.forget, call.id)
        except StoreError as error:
            log.warning("a call was not forgotten: %s", error)

    async def sweep(self) -> int:
        """Forget the calls that are too old, and count them."""
        return await self._disk.run(self._store.keyed_calls.sweep, now() - self._ttl)

    def _begin(self, draft: KeyedCall) -> KeyedCall:
        calls, before = self._store.keyed_calls, draft.created - self._ttl
        there = calls.get(draft.id)
        if there is not None and there.created >= before:
            return there
        if calls.count(draft.owner) >= self._max_per_owner:
            raise TooMany(
                "too_many_idempotency_keys",
                f"at most {self._max_per_owner} keys are kept for one; calls without a key go on",
                retry_after=3600,
            )
        return calls.begin(draft, before=before)

    @asynccontextmanager
    async def _alone(self, call_id: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while call_id in self._running:
                    await self._running[call_id].wait()
        except TimeoutError:
            raise Conflict(
                "idempotency_key_in_use", "the first call of this key is being made", retry_after=2
            ) from None
        ended = self._running[call_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._running[call_id]
            ended.set()

    def _require_same(self, caller: Caller, call: KeyedCall, digest: str) -> None:
        if hmac.compare_digest(call.digest, digest):
            return
        self._limits.take(MISMATCHES, caller.owner)
        raise Mismatched("idempotency_key_reused", "this key came with another call before")

    def _id(self, caller: Caller, key: str) -> str:
        # As many digits as ids have; 96 bits are enough where nobody can choose what is digested.
        return self._digest(f"{caller.owner}\n{key}".encode())[:24]

    def _digest(self, said: bytes) -> str:
        return hmac.digest(self._secret, said, "sha256").hex()


def require_key(key: str) -> str:
    """Let keys pass that a store can be asked to keep."""
    if not _KEY.fullmatch(key):
        raise Invalid(
            "invalid_idempotency_key", "a key has 1 to 255 visible characters of ASCII, no spaces"
        )
    return key
