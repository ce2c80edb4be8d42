"""REST for uploads: files come in as they arrive, and go to the disk bit by bit."""

from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta

from chat.commands import Id
from chat.errors import Invalid, TooLarge
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import Files, call
from handlers.dialects.showing import base_of
from handlers.multipart import Multipart, PartBegun, PartData, PartEnded
from handlers.pagination import Query, Size, cut
from handlers.receiving import OVERHEAD_BYTES, Arriving, ReceivingHandler
from handlers.refusals import KEEPING
from handlers.views import MessageView, UploadView, View, upload_view
from models.records import Upload

MAX_FILES = 10
MAX_PAGE = 100

DELETED = MessageView(message="Upload deleted")

# What a form with files may be refused with.
_CODES = (*KEEPING, "invalid_multipart", "missing_file", "too_many_files")


class UploadPage(Query, frozen=True):
    """A part of the list of one's uploads."""

    limit: Annotated[Size, Meta(description="Uploads in a page, up to 100.")] = MAX_PAGE
    after: Annotated[str, Meta(max_length=64, description="The id of the last one seen.")] = ""


class UploadsView(View, frozen=True):
    """Uploads that were just kept."""

    uploads: list[UploadView]


class OwnUploadsView(UploadsView, frozen=True):
    """A page of one's uploads, and the bytes of all of them."""

    used: int
    quota: int


class ImageView(View, frozen=True):
    """An image as dialect A shows it."""

    image_url: str
    upload: UploadView


class FileView(View, frozen=True):
    """A file as dialect C shows it."""

    url: str
    upload: UploadView


class UploadHandler(JsonHandler):
    """A handler that shows uploads to those who own them."""

    def seen(self, upload: Upload) -> UploadView:
        """The view of an upload."""
        return upload_view(upload, self.services.attachments.show(upload))


class FormHandler(ReceivingHandler, UploadHandler):
    """Takes the files of a form."""

    # The name of the field that is the file; any, where there is none.
    field: str | None = None
    only_images = False
    max_files = MAX_FILES

    def max_body(self) -> int:
        """The bytes that a body may have."""
        rules = self.services.uploads.arrivals.rules
        most = rules.image_bytes if self.only_images else rules.file_bytes
        return self.max_files * most + OVERHEAD_BYTES

    async def begin(self, identity: Identity) -> None:
        """Read what the form is separated by."""
        self._form = Multipart(self.request.headers.get("Content-Type", ""))
        self._files = Arriving()
        self._in_file = False
        self._other = 0

    async def receive(self, data: bytes) -> None:
        """Take more of the form."""
        for event in self._form.feed(data):
            match event:
                case PartBegun():
                    self._in_file = self._is_file(event)
                    if self._in_file:
                        self._begin_file(event)
                case PartData(data=more) if self._in_file:
                    await self._files.take(more)
                case PartData(data=more):
                    self._other += len(more)
                    if self._other > OVERHEAD_BYTES:
                        raise TooLarge(
                            "body_too_large", "the other fields of the form are too large"
                        )
                case PartEnded() if self._in_file:
                    await self._files.end()

    async def abandon(self) -> None:
        """Leave nothing of the files."""
        if hasattr(self, "_files"):
            await self._files.discard()

    def give_up(self) -> None:
        """Keep nothing that nobody would know of."""
        self._files.give_up()

    def meant(self, body: object) -> object:
        """What the form says: the names of its files, and what is in them."""
        return [(draft.name, draft.size, draft.sha256) for draft in self._files.drafts]

    async def kept(self) -> list[Upload]:
        """Keep what has come, when all of it has."""
        if not self._form.is_whole:
            raise Invalid("invalid_multipart", "the body ends before its last boundary")
        if not self._files.drafts:
            name = self.field or "a field with a file name"
            raise Invalid("missing_file", f"there is no file in the form ({name} is expected)")
        try:
            return await self.services.uploads.keep(self._files.drafts, makes=self.makes)
        finally:
            await self.over()

    def _is_file(self, part: PartBegun) -> bool:
        return part.filename is not None and self.field in (None, part.name)

    def _begin_file(self, part: PartBegun) -> None:
        if len(self._files.drafts) >= self.max_files:
            raise Invalid("too_many_files", f"a form has at most {self.max_files} files here")
        draft = self.services.uploads.draft(
            self.user, part.filename or "", only_images=self.only_images
        )
        self._files.begin(draft)


class UploadsHandler(FormHandler):
    """One's uploads."""

    @call()
    async def get(self, identity: Identity, query: UploadPage) -> OwnUploadsView:
        """List them, the oldest first, with how much of the quota is used.

        A header names the next page if there is one.
        """
        limit, uploads = cut(query.limit, MAX_PAGE), self.services.uploads
        page, used = await uploads.own(identity.user.id, after=query.after or None, limit=limit + 1)
        if len(page) > limit:
            following = urlencode({"limit": limit, "after": page[limit - 1].id})
            self.set_header("Link", f'</api/uploads?{following}>; rel="next"')
        views = [self.seen(upload) for upload in page[:limit]]
        return OwnUploadsView(uploads=views, used=used, quota=uploads.arrivals.rules.quota)

    @call(201, codes=_CODES, bucket="none", takes=Files("file", several=True))
    async def post(self, identity: Identity) -> UploadsView:
        """Keep the files of a form: all, or none where one of them is refused."""
        return UploadsView(uploads=[self.seen(upload) for upload in await self.kept()])


class UploadImageHandler(FormHandler):
    """One image, as dialect A sends it."""

    field = "image"
    only_images = True
    max_files = 1

    @call(codes=_CODES, bucket="none", takes=Files("image"))
    async def post(self, identity: Identity) -> ImageView:
        """Keep an image, and answer with what an <img> needs."""
        [upload] = await self.kept()
        view = self.seen(upload)
        return ImageView(image_url=view.url, upload=view)


class UploadFileHandler(FormHandler):
    """One file, as dialect C sends it."""

    field = "file"
    max_files = 1

    @call(codes=_CODES, bucket="none", takes=Files("file"))
    async def post(self, identity: Identity) -> FileView:
        """Keep a file, and answer with the whole address of it."""
        [upload] = await self.kept()
        view = self.seen(upload)
        url = view.url
        if url.startswith("/"):
            url = base_of(self.headers) + url
        return FileView(url=url, upload=view)


class OneUploadHandler(UploadHandler):
    """One upload."""

    @call(codes=("upload_not_found",))
    async def get(self, identity: Identity, upload_id: Id) -> UploadView:
        """Show it to whoever may read it."""
        return self.seen(await self.services.uploads.readable(identity.user.id, upload_id))

    @call(codes=("upload_not_found", "upload_in_use"), again=DELETED)
    async def delete(self, identity: Identity, upload_id: Id) -> MessageView:
        """Remove one's own, unless something shows it."""
        await self.services.uploads.delete(identity.user.id, upload_id)
        return DELETED
