"""Passwords: which are good enough, and the pool that hashes them."""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import choice
from typing import TypeVar

import bcrypt

from chat.errors import Busy, Invalid
from models.records import folded

T = TypeVar("T")

# bcrypt looks at no more than this, and cutting silently would let two passwords open one account.
MAX_BYTES = 72

# At cost 12 a hash takes about a quarter of a second, so the last of these waits some 16 seconds.
MAX_WAITING = 64

_BASE64 = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_DIGEST_CHARACTERS = 31


def read_common_passwords() -> frozenset[str]:
    """The 3,000 commonest passwords, and the 3,000 commonest that have eight characters."""
    text = Path(__file__).with_name("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())


def packed(password: str) -> bytes:
    """The bytes that are hashed: composed, so that every keyboard gives the same."""
    data = unicodedata.normalize("NFC", password).encode()
    if len(data) > MAX_BYTES:
        raise Invalid(
            "password_too_long",
            f"a password has at most {MAX_BYTES} bytes",
            details={"field": "password"},
        )
    return data


class PasswordRules:
    """Which passwords a new account, or a changed one, may have."""

    def __init__(self, minimum: int, common: frozenset[str]) -> None:
        self._minimum = minimum
        self._common = common

    def require_good(self, password: str, *, names: tuple[str, ...]) -> None:
        """Refuse a password that is short, long, common, or the name of its owner."""
        # Counted as it is hashed: whoever types an accent as a character of its own gains nothing.
        if len(packed(password).decode()) < self._minimum:
            raise Invalid(
                "password_too_short",
                f"a password has at least {self._minimum} characters",
                details={"field": "password"},
            )
        plain = folded(password)
        if plain in self._common or plain in {folded(name) for name in names}:
            raise Invalid(
                "password_too_common",
                "this password is among the first that anyone would try",
                details={"field": "password"},
            )


class Hasher:
    """Hashes and compares in threads of its own, so that logins never starve messages."""

    def __init__(self, rounds: int, threads: int | None = None) -> None:
        self._rounds = rounds
        # One core stays free for the event loop.
        count = threads or max(1, (os.cpu_count() or 1) - 1)
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="hash")
        self._waiting = 0
        # Nobody's hash: a real salt and a digest of nothing, as slow to compare with as any other.
        self._digest = "".join(choice(_BASE64) for _ in range(_DIGEST_CHARACTERS))
        self._nobody = self._nobodys(rounds)

    async def hash(self, password: str) -> str:
        """Hash a password at the present cost."""
        data = packed(password)
        hashed = await self._run(lambda: bcrypt.hashpw(data, bcrypt.gensalt(self._rounds)))
        return hashed.decode()

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Compare a password with a hash; with none it takes as long, and fails."""
        data = packed(password)
        equal = await self._run(lambda: self._compare(data, password_hash or self._nobody))
        return equal and password_hash is not None

    def is_weak(self, password_hash: str) -> bool:
        """Tell whether a hash was made at a lower cost than new ones are."""
        return _cost(password_hash) < self._rounds

    def close(self) -> None:
        """Wait for what is being hashed; what has not begun is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _compare(self, data: bytes, password_hash: str) -> bool:
        if bcrypt.checkpw(data, password_hash.encode()):
            return True
        # A hash from before the cost was raised is quick to compare with, and nobody's is not. Once
        # more at its own cost, and once at each step below the present one, make up the difference:
        # 2⁴ + 2⁴ + 2⁵ + … + 2¹¹ = 2¹².
        for cost in range(_cost(password_hash), self._rounds):
            bcrypt.checkpw(data, self._nobodys(cost).encode())
        return False

    def _nobodys(self, cost: int) -> str:
        return bcrypt.gensalt(cost).decode() + self._digest

    async def _run(self, call: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Busy("busy", "too many logins at once; try again in a moment", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._waiting -= 1


def _cost(password_hash: str) -> int:
    return int(password_hash.split("$")[2])
