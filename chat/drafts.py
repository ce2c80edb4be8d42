"""Files while they arrive: how many there may be, how large, and how much of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ParamSpec

from msgspec import Struct

from chat.content import PICTURES, RefusedTypes, is_named_as_picture, type_of
from chat.errors import Busy, Invalid, TooLarge, UnsupportedType
from chat.limits import Limits, Rule
from models.disk import Disk
from models.files import HEAD_BYTES, Arrival, Files
from models.store import Store

# What is on its way takes some 600 KB each, at most; so many of them are 60 MB.
MAX_ARRIVING = 100
MAX_ARRIVING_OF_USER = 10

# However many messages there are, uploads get on: by a piece of 256 KB, so by 25 MB a second.
GIVES_WAY_SECONDS = 0.01

P = ParamSpec("P")


class UploadRules(Struct, frozen=True):
    """What may be sent."""

    image_bytes: int
    file_bytes: int
    quota: int
    per_minute: int
    refused: RefusedTypes


class Arrivals:
    """What is on its way, and whose it is."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        files: Files,
        threads: Disk,
        limits: Limits,
        rules: UploadRules,
    ) -> None:
        self._store = store
        self._disk = disk
        self._limits = limits
        self.files = files
        self.threads = threads
        self.rules = rules
        self._rate = Rule("upload", rules.per_minute, rules.per_minute / 60)
        self._arriving: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._used: dict[str, int] = {}
        # What somebody has begun to send, and may send in several goes.
        self.promised: Callable[[str], int] = lambda _: 0
        # Waits until no message is being written, but not for longer than some seconds.
        self.lull: Callable[[float], Awaitable[None]] | None = None
        self._writing = asyncio.Lock()

    @property
    def total(self) -> int:
        """How many uploads are under way."""
        return self._arriving.total()

    def take_turn(self, user: str) -> None:
        """Refuse whoever begins uploads too often."""
        self._limits.take(self._rate, user)

    async def require_space(self, user: str, size: int) -> None:
        """Refuse what is more than somebody may keep."""
        if await self._disk.run(self._store.uploads.used, user) + size > self.rules.quota:
            raise self._quota_exceeded()

    async def begin(self, user: str, *, counted: bool = True) -> None:
        """Let somebody send something, if they have not sent too much; `end` it in any case."""
        if counted:
            self.take_turn(user)
        if self.total >= MAX_ARRIVING or self._arriving[user] >= MAX_ARRIVING_OF_USER:
            raise Busy("too_many_uploads", "too many uploads are under way", retry_after=2)
        self._arriving[user] += 1
        try:
            used = await self._disk.run(self._store.uploads.used, user)
            self._used[user] = used + self.promised(user)
            self.reserve(user, 0)
        except BaseException:
            self.end(user)
            raise

    def end(self, user: str) -> None:
        """Note that somebody has sent all, or given up."""
        self._arriving[user] -= 1
        if self._arriving[user] <= 0:
            del self._arriving[user]
            self._reserved.pop(user, None)
            self._used.pop(user, None)

    async def write(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Write a piece of a file: one at a time, and none while a message is being written.

        Four threads that hash would keep the one that commits from its CPU for 15 ms.
        """
        async with self._writing:
            if self.lull is not None:
                await self.lull(GIVES_WAY_SECONDS)
            await self.threads.run(call, *args, **kwargs)

    def reserve(self, user: str, size: int) -> None:
        """Count what arrives, and refuse what would be more than somebody may keep."""
        self._reserved[user] += size
        if size >= 0 and self._used.get(user, 0) + self._reserved[user] > self.rules.quota:
            raise self._quota_exceeded()

    def _quota_exceeded(self) -> TooLarge:
        return TooLarge("quota_exceeded", f"one may keep {self.rules.quota} bytes at most")


class Draft:
    """A file while it arrives; its limits are those of what its beginning says it is."""

    def __init__(self, arrivals: Arrivals, user: str, name: str, *, only_images: bool) -> None:
        self.user = user
        self.name = name
        self.type = ""
        self.size = 0
        # Whether whoever sent it has gone without an answer.
        self.given_up = False
        self._arrivals = arrivals
        self._only_images = only_images
        self._head = b""
        self.arrival: Arrival | None = None

    @property
    def sha256(self) -> str:
        """The digest of what has come."""
        return "" if self.arrival is None else self.arrival.sha256

    async def take(self, data: bytes) -> None:
        """Take more of it; refuse as soon as it is known to be too much."""
        self.size += len(data)
        self._arrivals.reserve(self.user, len(data))
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + data)[:HEAD_BYTES]
            self.type = type_of(self._head)
        self.require_size(self.size)
        if self.arrival is None:
            self.arrival = await self._arrivals.threads.run(self._arrivals.files.arrive)
        await self._arrivals.write(self.arrival.write, data)

    async def adopt(self, path: Path) -> None:
        """Take a file that is whole already."""
        self.arrival = await self._arrivals.threads.run(self._arrivals.files.adopt, path)
        head = await self._arrivals.threads.run(self.arrival.head)
        self.type = type_of(head)
        self.require_size(self.arrival.size)

    def require_size(self, size: int) -> None:
        """Refuse a size that is more than may be."""
        rules = self._arrivals.rules
        picture = self._only_images or self.type in PICTURES
        most = rules.image_bytes if picture else rules.file_bytes
        if size > most:
            what = "an image" if picture else "a file"
            raise TooLarge("upload_too_large", f"{what} has at most {most} bytes")

    def require_wanted(self) -> None:
        """Refuse what is not taken here, now that it is known what it is."""
        if self.arrival is None or self.arrival.size == 0:
            raise Invalid("empty_upload", "there is nothing in this file")
        picture = self.type in PICTURES
        if self._only_images and not picture:
            raise UnsupportedType("unsupported_media_type", "an image is a JPEG, PNG, GIF or WebP")
        if self._arrivals.rules.refused.refuse(self.type, self.name):
            raise UnsupportedType("type_refused", f"files of this kind ({self.type}) are refused")
        if is_named_as_picture(self.name) and not picture:
            raise UnsupportedType("unsupported_media_type", "this is no image, as its name says")

    async def discard(self) -> None:
        """Leave nothing of it."""
        self._arrivals.reserve(self.user, -self.size)
        self.size = 0
        arrival, self.arrival = self.arrival, None
        if arrival is not None:
            await self._arrivals.threads.run(arrival.discard)
