"""Files without records, records without files: looking for them, and putting them right."""

from collections.abc import AsyncIterator
from typing import Literal

from msgspec import Struct

from chat.content import PICTURES
from chat.links import THUMBNAILS
from chat.uploads import PAGE, Uploads
from models.disk import Disk
from models.records import Upload
from models.store import Store

WITHOUT_THUMBNAILS = "a picture without thumbnails"
LEFT_OVER = "an upload of a deleted account that nothing shows"


Repair = Literal["removed", "made again"]


class Finding(Struct, frozen=True):
    """Something that is not as it should be, and how it was put right, if it was."""

    what: str
    about: str
    repaired: Repair | None


class Check:
    """Compares the records of uploads with their files, also beside a server that runs."""

    def __init__(self, store: Store, disk: Disk, uploads: Uploads) -> None:
        self._store = store
        self._disk = disk
        self._uploads = uploads
        # Whether the owners of uploads have gone.
        self._gone: dict[str, bool] = {}

    async def run(self, *, repair: bool) -> AsyncIterator[Finding]:
        """Look at everything; what is removed was worth nothing to anybody."""
        async for upload in self._records():
            wrong = await self._uploads.threads.run(self._wrong, upload)
            if wrong is None and await self._is_left_over(upload):
                wrong = LEFT_OVER
            # It may just have been deleted, and its file before its record was looked at.
            if wrong is None or await self._disk.run(self._store.uploads.get, upload.id) is None:
                continue
            yield Finding(
                wrong,
                f"{upload.id} {upload.name}",
                await self._repaired(upload, wrong) if repair else None,
            )
        contents = await self._uploads.threads.run(lambda: list(self._uploads.files.contents()))
        for sha256 in contents:
            if not await self._disk.run(self._store.uploads.has_content, sha256):
                if repair:
                    await self._uploads.threads.run(self._uploads.files.remove_old, sha256)
                yield Finding("a file without a record", sha256, "removed" if repair else None)

    async def _repaired(self, upload: Upload, wrong: str) -> Repair:
        if wrong == WITHOUT_THUMBNAILS and await self._uploads.remake_copies(upload):
            return "made again"
        if wrong == LEFT_OVER:
            await self._uploads.release([upload.id])
        else:
            # Whoever shows it shows nothing; its owner may send it again.
            await self._disk.run(self._store.uploads.delete, upload.id)
        return "removed"

    async def _is_left_over(self, upload: Upload) -> bool:
        """Whether its owner has gone, and nothing shows it: a stop came between."""
        if upload.owner not in self._gone:
            owner = await self._disk.run(self._store.users.get, upload.owner)
            self._gone[upload.owner] = owner is not None and owner.deleted is not None
        if not self._gone[upload.owner]:
            return False
        return not await self._disk.run(self._store.uploads.rooms, upload.id)

    async def _records(self) -> AsyncIterator[Upload]:
        after = None
        while page := await self._disk.run(self._store.uploads.page, after=after, limit=PAGE):
            after = page[-1].id
            for upload in page:
                yield upload

    def _wrong(self, upload: Upload) -> str | None:
        files = self._uploads.files
        size = files.size(upload.sha256)
        if size is None:
            return "a record without a file"
        if size != upload.size:
            return "a file of another size"
        if upload.type in PICTURES and not all(files.has(upload.sha256, s) for s in THUMBNAILS):
            return WITHOUT_THUMBNAILS
        return None
