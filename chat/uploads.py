"""Uploads: who may send what, how it is kept, who may read it, and when it goes.

A file arrives as a `Draft`, bit by bit. When all of a request has arrived, its drafts are kept: a
picture is written again by a worker first. Bytes are handled in threads of their own, so that
files never hold up messages.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from chat.attachments import Attachments
from chat.content import PICTURES, clean_name
from chat.drafts import Arrivals, Draft, UploadRules
from chat.errors import Busy, Conflict, Invalid, NotFound, TooLarge, UnsupportedType
from chat.limits import Limits
from chat.links import AVATARS
from models.disk import Disk
from models.files import Files
from models.pictures import Cleaned, Interrupted, TooCostly, Unreadable, Workshop
from models.records import Upload, new_id, now
from models.store import Store, StoreError

log = logging.getLogger("hubbub.uploads")

# Pictures that wait for a worker, each half a second; beyond it senders are told to come back.
MAX_WAITING_PICTURES = 60

PAGE = 500

Work = TypeVar("Work")


class Uploads:
    """The files that people send."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        files: Files,
        workshop: Workshop,
        attachments: Attachments,
        limits: Limits,
        rules: UploadRules,
        *,
        workers: int = 1,
    ) -> None:
        self._store = store
        self._disk = disk
        self._workshop = workshop
        self._attachments = attachments
        self.files = files
        self.threads = Disk(4)
        self._picture_threads = Disk(workers)
        self._waiting_pictures = 0
        self.arrivals = Arrivals(store, disk, files, self.threads, limits, rules)
        # A record and its file are added, or taken away, one after the other.
        self._keeping = asyncio.Lock()

    async def open(self) -> None:
        """Make the folder ready."""
        swept = await self.threads.run(self.files.open)
        if swept:
            log.info("%d files were swept that a stop had left half-way", swept)

    def close(self) -> None:
        """Let nothing go on in threads and workers."""
        self._workshop.interrupt()
        self._picture_threads.close()
        self._workshop.close()
        self.threads.close()

    def draft(self, user: str, name: str, *, only_images: bool = False) -> Draft:
        """Begin a file."""
        return Draft(self.arrivals, user, name, only_images=only_images)

    async def keep(
        self, drafts: Sequence[Draft], *, ids: Sequence[str] = (), makes: str | None = None
    ) -> list[Upload]:
        """Keep what has arrived: all of it, or nothing where something is refused.

        By `makes`, or by `ids`, a call that comes again finds what it has kept before.
        """
        if makes is not None:
            ids = [_id_of(makes, number) for number in range(len(drafts))]
        if ids:
            there = await self._disk.run(self._store.uploads.many, ids)
            if len(there) == len(drafts):
                return [there[upload_id] for upload_id in ids]
            await self.release(there)
        for draft in drafts:
            draft.require_wanted()
        cleaned = [await self._cleaned(draft) for draft in drafts]
        if any(draft.given_up for draft in drafts):
            raise Invalid("invalid_multipart", "whoever has sent this has gone")
        kept = []
        try:
            for number, (draft, picture) in enumerate(zip(drafts, cleaned, strict=True)):
                upload_id = ids[number] if ids else new_id()
                kept.append(await self._keep(draft, picture, upload_id))
        except BaseException:
            await self.release([upload.id for upload in kept])
            raise
        return kept

    async def own(self, user: str, *, after: str | None, limit: int) -> tuple[list[Upload], int]:
        """A page of somebody's uploads, and the bytes of all of them."""
        uploads = self._store.uploads
        page = await self._disk.run(uploads.of_owner, user, after=after, limit=limit)
        return page, await self._disk.run(uploads.used, user)

    async def readable(self, user: str, upload_id: str, variant: str = "") -> Upload:
        """An upload that somebody may read at this moment."""
        upload = await self.get(upload_id)
        if upload.owner == user:
            return upload
        if variant in AVATARS:
            allowed = await self._is_avatar(upload)
        else:
            allowed = await self._disk.run(self._store.uploads.is_shown_to, upload.id, user)
        if not allowed:
            raise no_such_upload()
        return upload

    async def get(self, upload_id: str) -> Upload:
        """The upload of an id, for whoever may read it by a link."""
        upload = await self._disk.run(self._store.uploads.get, upload_id)
        if upload is None:
            raise no_such_upload()
        return upload

    async def delete(self, user: str, upload_id: str) -> None:
        """Remove an upload of one's own that nothing shows."""
        upload = await self.get(upload_id)
        if upload.owner != user:
            raise no_such_upload()
        await self.release([upload_id])
        if await self._disk.run(self._store.uploads.get, upload_id) is not None:
            raise Conflict("upload_in_use", "a message or an avatar shows this upload")

    @asynccontextmanager
    async def portray(self, user: str, upload_id: str) -> AsyncIterator[None]:
        """Make the squares of an avatar of one's own picture, which stays for as long as this."""
        with self._attachments.held((upload_id,)):
            await self._portray(user, upload_id)
            yield

    async def release(self, upload_ids: Iterable[str]) -> None:
        """Remove those of some uploads that nothing shows any more."""
        for upload_id in upload_ids:
            async with self._keeping:
                with self._attachments.going(upload_id):
                    await self._release(upload_id)

    async def release_quietly(self, upload_ids: Iterable[str]) -> None:
        """Remove what nothing shows any more; what fails is found by a check later."""
        try:
            await self.release(upload_ids)
        except (StoreError, OSError) as error:
            log.warning("uploads that nothing shows were not removed: %s", error)

    async def release_all(self, user: str) -> None:
        """Remove what somebody who has gone has sent and nothing shows."""
        after = None
        try:
            while page := (await self.own(user, after=after, limit=PAGE))[0]:
                after = page[-1].id
                await self.release([upload.id for upload in page])
        except (StoreError, OSError) as error:
            log.warning("the uploads of %s were not all removed: %s", user, error)

    async def shown_in(self, room_id: str) -> list[str]:
        """What the messages of a room show."""
        return await self._disk.run(self._store.uploads.shown_in, room_id)

    async def _portray(self, user: str, upload_id: str) -> None:
        await self._attachments.settled((upload_id,))
        upload = await self._disk.run(self._store.uploads.get, upload_id)
        if upload is None or upload.owner != user or upload.type not in PICTURES:
            raise Invalid(
                "unknown_upload", "an avatar is a picture of one's own", details={"field": "avatar"}
            )
        files = self.files
        if await self.threads.run(files.has, upload.sha256, AVATARS[0]):
            return
        target = files.incoming / new_id()
        source = files.path(upload.sha256)
        made = await self._worked_on(lambda: self._workshop.portray(source, target))
        await self.threads.run(files.add, target, upload.sha256, made.variants)

    async def _release(self, upload_id: str) -> None:
        upload = await self._disk.run(self._store.uploads.get, upload_id)
        if upload is None or await self._is_in_use(upload):
            return
        await self._disk.finish(self._store.uploads.delete, upload_id)
        self._attachments.forget(upload_id)
        if not await self._disk.run(self._store.uploads.has_content, upload.sha256):
            await self.threads.run(self.files.remove, upload.sha256)

    async def _is_in_use(self, upload: Upload) -> bool:
        if self._attachments.is_held(upload.id):
            return True
        if await self._disk.run(self._store.uploads.rooms, upload.id):
            return True
        return await self._is_avatar(upload)

    async def remake_copies(self, upload: Upload) -> bool:
        """Make the smaller copies of a picture again; tell whether that could be done."""
        files, target = self.files, self.files.incoming / new_id()
        source = files.path(upload.sha256)
        try:
            made = await self._worked_on(lambda: self._workshop.clean(source, target))
        except (Invalid, TooLarge):
            return False
        await self.threads.run(files.add, target, upload.sha256, made.variants)
        await self.threads.run(target.unlink)
        return True

    async def _is_avatar(self, upload: Upload) -> bool:
        owner = await self._disk.run(self._store.users.get, upload.owner)
        return owner is not None and owner.avatar == upload.id

    async def _cleaned(self, draft: Draft) -> Cleaned | None:
        """The picture of a draft, written again; None for any other file."""
        arrival = draft.arrival
        assert arrival is not None  # noqa: S101 - it is not empty
        await self.threads.run(arrival.close)
        if draft.type not in PICTURES:
            return None
        target = self.files.beside(arrival.path)
        picture = await self._worked_on(lambda: self._workshop.clean(arrival.path, target))
        if picture.type != draft.type:
            raise UnsupportedType("unsupported_media_type", "this is not the image it seems")
        return picture

    async def _worked_on(self, work: Callable[[], Work]) -> Work:
        if self._waiting_pictures >= MAX_WAITING_PICTURES:
            raise Busy("busy", "too many pictures are being worked on", retry_after=5)
        self._waiting_pictures += 1
        try:
            return await self._picture_threads.run(work)
        except Unreadable:
            raise Invalid("invalid_image", "this image cannot be read") from None
        except Interrupted:
            raise Busy("busy", "the server is about to stop", retry_after=5) from None
        except TooCostly:
            raise TooLarge("image_too_large", "this image has too many pixels or frames") from None
        finally:
            self._waiting_pictures -= 1

    async def _keep(self, draft: Draft, picture: Cleaned | None, upload_id: str) -> Upload:
        arrival, files = draft.arrival, self.files
        assert arrival is not None  # noqa: S101 - it is not empty
        source = arrival.path if picture is None else files.beside(arrival.path)
        variants = () if picture is None else picture.variants
        upload = Upload(
            id=upload_id,
            owner=draft.user,
            name=clean_name(draft.name, draft.type),
            type=draft.type,
            size=arrival.size if picture is None else picture.size,
            sha256=arrival.sha256 if picture is None else picture.sha256,
            width=None if picture is None else picture.width,
            height=None if picture is None else picture.height,
            placeholder=None if picture is None else picture.placeholder,
            created=now(),
        )
        await self.threads.run(files.settle, source, variants)
        async with self._keeping:
            await self.arrivals.require_space(draft.user, upload.size)
            # A file that nobody has a record of any more may be swept at this moment.
            if not await self.threads.run(files.renew, upload.sha256, upload.size, variants):
                await self.threads.run(files.keep, source, upload.sha256, variants)
            await self._disk.run(self._store.uploads.add, upload)
        self._attachments.note(upload)
        return upload


def _id_of(makes: str, number: int) -> str:
    """The id of a file of a call that came with a key."""
    # Not the next numbers: those are the ids of what is made at the same time.
    return hashlib.sha256(f"{makes} {number}".encode()).hexdigest()[:24]


def no_such_upload() -> NotFound:
    """The refusal of an upload that is not there, or that is none of one's business."""
    return NotFound("upload_not_found", "there is no such upload")
