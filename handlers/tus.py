"""Resumable uploads, by the tus protocol 1.0.

The core, and the extensions creation, termination, expiration and checksum. The id at the end of an
upload's address is that of the record that it becomes.
"""

import base64
import binascii
import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from tornado.web import HTTPError

from chat.commands import Id
from chat.errors import Conflict, Invalid, TooLarge, UnsupportedType
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import Piece, call
from handlers.edge import Edge
from handlers.receiving import WRITE_BYTES, ReceivingHandler
from handlers.refusals import KEEPING
from models.partials import Note

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
CHECKSUMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
PLACE = "/api/uploads/resumable"
PART_TYPE = "application/offset+octet-stream"

_CODES = ("invalid_header", "precondition_failed")
_FINDING = (*_CODES, "upload_not_found")

# The headers of the protocol, and what they say.
_VERSIONED = (("Tus-Resumable", "Always `1.0.0`."),)
_BEGINNING = (
    ("Upload-Length", "How many bytes the whole has."),
    ("Upload-Metadata", "The `filename`, in base64."),
)
_PART = (
    ("Upload-Offset", "Where this part begins."),
    ("Upload-Checksum", "`sha1` or `sha256`, and the digest of this part in base64."),
)

# What a POST may stand for, as the protocol demands.
OVERRIDDEN = frozenset({"PATCH", "DELETE"})

MAX_METADATA = 4096
# The digits of a petabyte.
MAX_DIGITS = 15


class Tus(Edge):
    """What every answer of the protocol carries."""

    def set_default_headers(self) -> None:
        """Say which protocol this is."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)

    def options(self, *_: str, **__: str) -> None:
        """Say what can be done here."""
        super().options()
        self.set_header("Tus-Version", VERSION)
        self.set_header("Tus-Extension", EXTENSIONS)
        self.set_header("Tus-Max-Size", str(self.services.uploads.arrivals.rules.file_bytes))
        self.set_header("Tus-Checksum-Algorithm", ",".join(CHECKSUMS))

    def require_version(self) -> None:
        """Refuse other versions of the protocol."""
        if self.request.headers.get("Tus-Resumable") != VERSION:
            self.set_header("Tus-Version", VERSION)
            raise HTTPError(412)

    def length_of(self, header: str) -> int:
        """A length that a header says."""
        text = self.request.headers.get(header, "")
        if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
            raise Invalid("invalid_header", f"{header} must be a number")
        return int(text)

    def describe(self, note: Note, offset: int) -> None:
        """Say how far an upload is, and until when it may go on."""
        self.set_header("Upload-Offset", str(offset))
        if not note.done:
            expires = datetime.fromtimestamp(note.expires, UTC)
            self.set_header("Upload-Expires", format_datetime(expires, usegmt=True))


class ResumableUploadsHandler(Tus, JsonHandler):
    """Where uploads begin."""

    @call(
        201,
        codes=(*KEEPING, *_CODES, "too_many_unfinished"),
        bucket="none",
        headers=(*_VERSIONED, *_BEGINNING),
    )
    async def post(self, identity: Identity) -> None:
        """Begin a resumable upload (tus 1.0): where it goes on is in `Location`."""
        self.require_version()
        length = self.length_of("Upload-Length")
        name = metadata(self.request.headers.get("Upload-Metadata", "")).get("filename", "")
        note = await self.services.resumable.create(identity.user.id, name, length)
        self.set_header("Location", f"{PLACE}/{note.id}")
        self.describe(note, 0)
        if length == 0:
            await self.services.resumable.finish(note)
        self.set_status(201)


class ResumableUploadHandler(Tus, ReceivingHandler):
    """One upload."""

    def initialize(self) -> None:
        """Know what is meant where something between lets only POST through."""
        meant = self.request.headers.get("X-HTTP-Method-Override", "").strip().upper()
        if self.request.method == "POST" and meant in OVERRIDDEN:
            self.request.method = meant

    @call(codes=_FINDING, headers=_VERSIONED)
    async def get(self, identity: Identity, upload_id: Id) -> None:
        """Say how far it is: `HEAD` in the words of tus."""
        self.require_version()
        note, offset = await self.services.resumable.look(identity.user.id, upload_id)
        self.describe(note, offset)
        self.set_header("Upload-Length", str(note.length))
        self.set_status(200)

    @call(204, codes=(*_FINDING, "upload_busy"), headers=_VERSIONED)
    async def delete(self, identity: Identity, upload_id: Id) -> None:
        """Give it up."""
        self.require_version()
        await self.services.resumable.end(identity.user.id, upload_id)
        self.set_status(204)

    async def admit(self, user: str) -> None:
        """Let somebody continue what they have begun; that has counted already."""
        await self.services.uploads.arrivals.begin(user, counted=False)

    def max_body(self) -> int:
        """The bytes that a body may have."""
        return self.services.uploads.arrivals.rules.file_bytes

    async def begin(self, identity: Identity) -> None:
        """Find the upload, and be the only one that continues it."""
        self._note: Note | None = None
        self._gathered = bytearray()
        self.require_version()
        media_type = self.request.headers.get("Content-Type", "").strip().lower()
        if media_type != PART_TYPE:
            raise UnsupportedType("unsupported_media_type", "this is no part of an upload")
        self._checksum = checksum(self.request.headers.get("Upload-Checksum", ""))
        resumable = self.services.resumable
        note = resumable.find(identity.user.id, self.path_args[0])
        self._start = self._offset = await resumable.take(note, self.hang_up_if_silent)
        # From here on, it is left again whatever happens.
        self._note = note
        if self.length_of("Upload-Offset") != self._start:
            raise Conflict("wrong_offset", f"the upload goes on at {self._start}")
        if self._checksum is not None:
            await resumable.begin_unproved(note, self._start)

    async def receive(self, data: bytes) -> None:
        """Take more of it."""
        assert self._note is not None  # noqa: S101 - it has begun
        if self._offset + len(self._gathered) + len(data) > self._note.length:
            raise TooLarge("upload_too_large", "this is more than the upload was to be")
        self._gathered += data
        if self._checksum is not None:
            self._checksum[0].update(data)
        if len(self._gathered) >= WRITE_BYTES:
            await self._write(self._note)

    async def abandon(self) -> None:
        """Keep what has come, unless it was to be proved."""
        note, self._note = self._note, None
        if note is None:
            return
        try:
            if self._checksum is None:
                await self._write(note)
            else:
                await self.services.resumable.cut(note)
        finally:
            self.services.resumable.leave(note)

    @call(
        204,
        codes=(*KEEPING, *_FINDING, "upload_busy", "wrong_offset", "checksum_mismatch"),
        bucket="none",
        takes=Piece(PART_TYPE),
        headers=(*_VERSIONED, *_PART),
    )
    async def patch(self, identity: Identity, upload_id: Id) -> None:
        """Go on with it, and keep it when it is whole."""
        note = self._note
        assert note is not None  # noqa: S101 - it has begun
        try:
            await self._write(note)
            await self._prove(note)
            if self._offset == note.length:
                await self.services.resumable.finish(note)
        finally:
            # Before the answer, or whoever goes on at once would find that it is busy.
            await self.over()
        self.describe(note, self._offset)
        self.set_status(204)

    async def _prove(self, note: Note) -> None:
        if self._checksum is None:
            return
        found, wanted = self._checksum
        if found.digest() != wanted:
            raise HTTPError(460, reason="Checksum Mismatch")
        await self.services.resumable.prove(note)
        self._checksum = None  # nothing that has come is in doubt any more

    async def _write(self, note: Note) -> None:
        data = bytes(self._gathered)
        self._gathered.clear()
        if data:
            await self.services.resumable.write(note, self._offset, data)
            self._offset += len(data)


def metadata(header: str) -> dict[str, str]:
    """What a client says of a file: names, and values in base64."""
    if len(header) > MAX_METADATA:
        raise Invalid("invalid_header", "Upload-Metadata is too long")
    found = {}
    for pair in header.split(","):
        name, _, value = pair.strip().partition(" ")
        if name:
            try:
                found[name] = base64.b64decode(value, validate=True).decode()
            except ValueError:
                raise Invalid("invalid_header", "Upload-Metadata is not in base64") from None
    return found


def checksum(header: str) -> tuple[Any, bytes] | None:
    """What the bytes of a request are to be proved by."""
    if not header:
        return None
    name, _, value = header.partition(" ")
    make = CHECKSUMS.get(name)
    if make is None:
        raise Invalid("invalid_header", "Upload-Checksum names no algorithm that is known")
    try:
        return make(usedforsecurity=False), base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise Invalid("invalid_header", "Upload-Checksum is not in base64") from None
