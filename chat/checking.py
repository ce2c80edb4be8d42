"""Files without records, records without files: looking for them, and putting them right."""

from collections.abc import AsyncIterator

from msgspec import Struct

from chat.content import PICTURES
from chat.links import THUMBNAILS
from chat.uploads import PAGE, Uploads
from models.disk import Disk
from models.records import Upload
from models.store import Store


class Finding(Struct, frozen=True):
    """Something that is not as it should be, and whether it was put right."""

    what: str
    about: str
    repaired: bool


class Check:
    """Compares the records of uploads with their files, also beside a server that runs."""

    def __init__(self, store: Store, disk: Disk, uploads: Uploads) -> None:
        self._store = store
        self._disk = disk
        self._uploads = uploads

    async def run(self, *, repair: bool) -> AsyncIterator[Finding]:
        """Look at everything; what is repaired was worth nothing to anybody."""
        async for upload in self._records():
            wrong = await self._uploads.threads.run(self._wrong, upload)
            if wrong is not None:
                # Whoever shows it shows nothing; its owner may send it again.
                if repair:
                    await self._disk.run(self._store.uploads.delete, upload.id)
                yield Finding(wrong, f"{upload.id} {upload.name}", repair)
        contents = await self._uploads.threads.run(lambda: list(self._uploads.files.contents()))
        for sha256 in contents:
            if not await self._disk.run(self._store.uploads.has_content, sha256):
                if repair:
                    await self._uploads.threads.run(self._uploads.files.remove, sha256)
                yield Finding("a file without a record", sha256, repair)

    async def _records(self) -> AsyncIterator[Upload]:
        after = None
        while page := await self._disk.run(self._store.uploads.page, after=after, limit=PAGE):
            after = page[-1].id
            for upload in page:
                yield upload

    def _wrong(self, upload: Upload) -> str | None:
        files = self._uploads.files
        if not files.has(upload.sha256):
            return "a record without a file"
        if files.path(upload.sha256).stat().st_size != upload.size:
            return "a file of another size"
        if upload.type in PICTURES and not all(files.has(upload.sha256, s) for s in THUMBNAILS):
            return "a picture without thumbnails"
        return None
