"""The files themselves: to those who may read them now, or who have a link."""

import asyncio
import re
from datetime import UTC
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

from msgspec import Meta
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from chat.commands import Id
from chat.content import PICTURES, PLAIN
from chat.errors import NotFound
from chat.uploads import no_such_upload
from handlers.base import JsonHandler
from handlers.calls import call
from handlers.pagination import Query
from handlers.refusals import LOGIN
from models.records import Upload

CHUNK_BYTES = 256 * 1024

# Whoever takes no chunk for so long has gone.
STALL_SECONDS = 60.0

# Nothing that a file holds runs, asks or frames anything, even if a browser opens it as a page.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

THUMBNAIL_TYPE = "image/webp"

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


Small = Literal["320", "1024", "avatar-64", "avatar-256"]

CODES = ("upload_not_found", "range_not_satisfiable", *LOGIN)


class Signed(Query, frozen=True):
    """What makes a link work without a token."""

    expires: Annotated[str, Meta(max_length=64, description="Until when the link works.")] = ""
    signature: Annotated[str, Meta(max_length=64, description="That the link is ours.")] = ""


class FileHandler(JsonHandler):
    """One file."""

    _size = 0

    @call(200, 206, 304, codes=CODES, sends="*/*")
    async def get(self, upload_id: Id, query: Signed) -> None:
        """Send it, or the part of it that is asked for, or that it has not changed.

        For whoever has a link that is signed, or a token and may read it.
        """
        await self.show(upload_id, "", query)

    async def show(self, upload_id: str, variant: str, signed: Signed) -> None:
        """Send a file, or a smaller copy of it."""
        upload, kept_for = await self._permitted(upload_id, variant, signed)
        self._describe(upload, variant, kept_for)
        etag = f'"{upload.sha256[:40]}{"-" if variant else ""}{variant}"'
        self.set_header("Etag", etag)
        if self._has(etag):
            self.set_status(304)
            return
        await self._send(upload, variant, etag)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say how large the file is to whoever has asked for what is behind its end."""
        if status_code == 416:
            self.set_header("Content-Range", f"bytes */{self._size}")
        super().write_error(status_code, **kwargs)

    async def _permitted(self, upload_id: str, variant: str, signed: Signed) -> tuple[Upload, int]:
        """The upload, if whoever asks may read it, and for how long a browser may keep it."""
        uploads, links = self.services.uploads, self.services.attachments.links
        if signed.signature:
            left = links.seconds_left(upload_id, variant, signed.expires, signed.signature)
            if not left:
                raise no_such_upload()
            return await uploads.get(upload_id), left
        if "Authorization" not in self.request.headers:
            raise no_such_upload()
        identity = await self.identify()
        return await uploads.readable(identity.user.id, upload_id, variant), 0

    def _describe(self, upload: Upload, variant: str, kept_for: int) -> None:
        media_type = THUMBNAIL_TYPE if variant else upload.type
        shown = media_type in PLAIN or media_type in PICTURES
        self.set_header("Content-Type", media_type if shown else _harmless(media_type))
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Content-Disposition", disposition(upload.name, shown=shown))
        # A link is good until it expires; a token is asked for again each time.
        cached = f"private, max-age={kept_for}" if kept_for else "private, no-cache"
        self.set_header("Cache-Control", cached)
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Last-Modified", upload.created.astimezone(UTC))

    def _has(self, etag: str) -> bool:
        """Whether the client has what it asks for."""
        known = self.request.headers.get("If-None-Match", "")
        return known.strip() == "*" or etag in (
            part.strip().removeprefix("W/") for part in known.split(",")
        )

    async def _send(self, upload: Upload, variant: str, etag: str) -> None:
        threads, files = self.services.uploads.threads, self.services.uploads.files
        path = files.path(upload.sha256, variant)
        try:
            file, size = await threads.run(files.read, path)
        except FileNotFoundError:
            raise NotFound("upload_not_found", "there is no such upload") from None
        try:
            start, length = self._range(size, etag)
            self.set_header("Content-Length", str(length))
            if self.request.method != "HEAD":
                await self._send_part(file, start, length)
        finally:
            await threads.run(file.close)

    def _range(self, size: int, etag: str) -> tuple[int, int]:
        """Where to begin, and how much to send."""
        # HEAD tells of the whole: ranges are for GET alone (RFC 9110, 14.2).
        asked = self.request.headers.get("Range", "") if self.request.method == "GET" else ""
        found = _RANGE.fullmatch(asked.strip())
        if found is None or found[1] == found[2] == "" or not self._is_same(etag):
            return 0, size  # several ranges at once are as good as none
        if found[1]:
            start = int(found[1])
            end = min(int(found[2]), size - 1) if found[2] else size - 1
        else:
            start, end = max(0, size - int(found[2])), size - 1
        if start >= size or (found[2] and found[1] and int(found[2]) < start) or end < start:
            self._size = size
            raise HTTPError(416)
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{end}/{size}")
        return start, end - start + 1

    def _is_same(self, etag: str) -> bool:
        """Whether a range is of what there is now."""
        condition = self.request.headers.get("If-Range")
        return condition is None or condition.strip() == etag

    async def _send_part(self, file: BinaryIO, start: int, length: int) -> None:
        threads = self.services.uploads.threads
        await threads.run(file.seek, start)
        while length:
            data = await threads.run(file.read, min(CHUNK_BYTES, length))
            if not data:
                return  # Tornado hangs up, for this is less than was promised
            length -= len(data)
            self.write(data)
            try:
                await asyncio.wait_for(self.flush(), STALL_SECONDS)
            except (StreamClosedError, TimeoutError):
                self.hang_up()
                return


class SmallFileHandler(FileHandler):
    """A smaller copy of a picture."""

    @call(200, 206, 304, codes=CODES, sends=THUMBNAIL_TYPE)
    async def get(self, upload_id: Id, variant: Small, query: Signed) -> None:
        """Send a copy of a picture that has at most so many pixels a side, or a square of it.

        For whoever has a link that is signed, or a token and may read it.
        """
        await self.show(upload_id, variant, query)


def disposition(name: str, *, shown: bool) -> str:
    """Whether a browser shows a file or saves it, and under which name."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    kind = "inline" if shown else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _harmless(media_type: str) -> str:
    # What a browser could render is not even named to it.
    text = media_type.startswith("text/") or media_type == "image/svg+xml"
    return "text/plain; charset=utf-8" if text else media_type
