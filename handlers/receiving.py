"""Bodies that go to the disk while they arrive, from whoever may send them."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, stream_request_body

from chat.drafts import Draft
from chat.errors import Refusal, TooLarge
from chat.sessions import Identity
from handlers.base import MAX_DIGITS, MAX_DISCARDED, JsonHandler
from handlers.calls import calls_of
from handlers.edge import JSON, STATUSES, Edge, HubbubApplication, error_body

# A write in a thread costs some 60 µs, so this much is gathered first; as much again may be on its
# way to the disk, so that the network and the disk work at the same time.
WRITE_BYTES = 256 * 1024

# What stands around the files of a body: boundaries, heads, and fields that are no files.
OVERHEAD_BYTES = 64 * 1024

# Whoever sends nothing for so long has gone.
STALL_SECONDS = 20.0

# And so long where somebody else wants to go on with what is being sent.
SILENT_SECONDS = 2.0

# So long, and up to MAX_DISCARDED bytes, what comes behind a refusal is read and thrown away: a
# client that sends first and listens later would not see an answer on a connection that is reset.
LINGER_SECONDS = 10.0


@stream_request_body
class ReceivingHandler(JsonHandler, ABC):
    """Takes a body in, bit by bit, from somebody who may send one.

    Who asks, and whether they may, is known before the body comes. A refusal is answered at once;
    what still comes is thrown away, so that the answer arrives.
    """

    def __init__(
        self, application: HubbubApplication, request: HTTPServerRequest, **kwargs: Any
    ) -> None:
        super().__init__(application, request, **kwargs)
        self.identity: Identity | None = None
        self.refusal: BaseException | None = None
        self.user = ""
        self._heard = time.monotonic()
        self._discarded = 0
        self._watching: asyncio.TimerHandle | None = None
        self._cleaning: asyncio.Task[None] | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks and whether they may, before anything of the body is read."""
        # Any other method takes nothing in, or is none at all.
        called = calls_of(type(self)).get((self.request.method or "").lower())
        if called is None or called.takes is None:
            super().prepare()
            return
        self.wire.set_body_timeout(self.services.upload_timeout)
        self._watch()
        try:
            Edge.prepare(self)  # and not that of JSON, whose bodies are small
            self.identity = await self.identify()
            self.require_size()
            await self.admit(self.identity.user.id)
            self.user = self.identity.user.id
            await self.begin(self.identity)
        except Exception as error:  # noqa: BLE001 - answered as any other, and before the body
            await self.refuse(error)

    async def identify(self) -> Identity:
        """Find out who asks, once."""
        return self.identity or await super().identify()

    def require_size(self) -> None:
        """Refuse a body that says it is too large."""
        length = self.request.headers.get("Content-Length", "0")
        most = self.max_body()
        if length.isdecimal() and (len(length) > MAX_DIGITS or int(length) > most):
            raise TooLarge("upload_too_large", f"a body has at most {most} bytes here")

    @abstractmethod
    def max_body(self) -> int:
        """The bytes that a body may have."""

    async def admit(self, user: str) -> None:
        """Let somebody send something, if they have not sent too much."""
        await self.services.uploads.arrivals.begin(user)

    async def begin(self, identity: Identity) -> None:
        """Prepare for the body of somebody who may send one."""

    @abstractmethod
    async def receive(self, data: bytes) -> None:
        """Take more of the body."""

    async def abandon(self) -> None:
        """Leave nothing of what has come."""

    def give_up(self) -> None:
        """Note that nobody waits for an answer to what is being kept."""

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Take a chunk; the next one is read when this one is dealt with."""
        self._heard = time.monotonic()
        if self.identity is None or self.refusal is not None:
            if self.refusal is None:
                return super().data_received(chunk)
            self._discard(chunk)
            return None
        return self._guarded(chunk)

    async def _guarded(self, chunk: bytes) -> None:
        try:
            await self.receive(chunk)
        except Exception as error:  # noqa: BLE001 - answered as any other, and before the rest comes
            await self.refuse(error)

    async def refuse(self, error: BaseException) -> None:
        """Answer at once, and go on reading for a while, so that the answer arrives."""
        self.refusal = error
        await self.over()
        if self._finished or self.wire.stream.closed():
            return
        self.log_exception(type(error), error, error.__traceback__)
        known = error.status_code if isinstance(error, HTTPError) else 500
        refusal = self.refusal_of(error, known)
        status = STATUSES.get(type(refusal), known)
        self.services.rejections[refusal.code] += 1
        body = msgspec.json.encode(error_body(refusal, self.request_id))
        self.set_status(status)
        self.set_header("Content-Type", JSON)
        self.set_header("Content-Length", str(len(body)))
        self.say_what_helps(refusal)
        if not self._is_short():
            self.set_header("Connection", "close")
        self.write(body)
        await self.flush()
        if not self._is_short():
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.hang_up)

    def has_refused(self) -> bool:
        """End an answer that was given before the body had come; tell whether there was one."""
        if self.refusal is None:
            return False
        if not self._finished:
            self.finish()
        return True

    def on_finish(self) -> None:
        """Note that all is over."""
        super().on_finish()
        self._forget()

    def on_connection_close(self) -> None:
        """Leave nothing of an upload that was broken off."""
        super().on_connection_close()
        if self._is_receiving() or self.identity is None or self.refusal is not None:
            self._forget()
        else:
            # All has come, and is being worked on: whoever does that ends it, and a stop waits.
            self.services.running.begin(self)
            self.give_up()

    def _forget(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._cleaning is None and self.user:
            # Not awaited by whoever calls; a stop waits for it, for it is a request as well.
            self._cleaning = asyncio.ensure_future(self.over())

    async def over(self) -> None:
        """Leave nothing, and let somebody else have the turn; twice does no harm."""
        user, self.user = self.user, ""
        if not user:
            return
        try:
            await self.abandon()
        finally:
            self.services.uploads.arrivals.end(user)

    def _discard(self, chunk: bytes) -> None:
        self._discarded += len(chunk)
        if self._discarded > MAX_DISCARDED and not self._finished:
            self.finish()

    def _is_short(self) -> bool:
        length = self.request.headers.get("Content-Length", "")
        return length.isdecimal() and len(length) <= MAX_DIGITS and int(length) <= MAX_DISCARDED

    def _watch(self) -> None:
        """Hang up on whoever sends nothing any more."""
        loop = asyncio.get_running_loop()
        self._watching = loop.call_later(STALL_SECONDS / 2, self._watch)
        if time.monotonic() - self._heard > STALL_SECONDS and self._is_receiving():
            self.hang_up()

    def hang_up_if_silent(self) -> None:
        """Hang up on somebody who seems to have gone, because somebody else has come."""
        if time.monotonic() - self._heard > SILENT_SECONDS and self._is_receiving():
            self.hang_up()

    def _is_receiving(self) -> bool:
        """Whether more of the body may come."""
        return not self.wire._read_finished  # noqa: SLF001


class Arriving:
    """The files of a body: what is to be written is gathered, and written while more comes."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._gathered = bytearray()
        self._writing: asyncio.Future[None] | None = None

    def begin(self, draft: Draft) -> None:
        """Begin a file."""
        self.drafts.append(draft)

    async def take(self, data: bytes) -> None:
        """Take more of the last file."""
        draft = self.drafts[-1]
        draft.require_size(draft.size + len(self._gathered) + len(data))
        self._gathered += data
        # The beginning at once: it tells what this is, and so how much of it there may be.
        if len(self._gathered) >= WRITE_BYTES or not draft.type:
            await self._write()

    async def end(self) -> None:
        """Write the rest of the last file."""
        if self._gathered:
            await self._write()
        await self._written()

    def give_up(self) -> None:
        """Note that nobody waits for them to be kept."""
        for draft in self.drafts:
            draft.given_up = True

    async def discard(self) -> None:
        """Leave nothing of them."""
        self._gathered.clear()
        with suppress(Refusal, OSError):
            await self._written()
        for draft in self.drafts:
            await draft.discard()

    async def _write(self) -> None:
        await self._written()
        data = bytes(self._gathered)
        self._gathered.clear()
        self._writing = asyncio.ensure_future(self.drafts[-1].take(data))

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing
