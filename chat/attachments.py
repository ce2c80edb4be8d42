"""What messages show: the uploads that are attached to them, at hand for whoever tells of them."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from chat.commands import SendMessage
from chat.content import Kind, kind_of
from chat.entries import Answer, Said
from chat.errors import Invalid, Refusal
from chat.links import THUMBNAILS, Links, upload_of
from models.disk import Disk
from models.records import Message, Upload
from models.store import Store

# With its placeholder an upload is about a kilobyte, so all of them are 10 MB.
MAX_KNOWN = 10_000


def attached_to(command: SendMessage) -> tuple[str, ...]:
    """The uploads that somebody wants to show, each once."""
    attached = dict.fromkeys(command.attachments)
    if command.image_url:
        upload_id = upload_of(command.image_url)
        if upload_id is None:
            raise Invalid(
                "unknown_upload",
                "an image is an upload of one's own",
                details={"field": "imageUrl"},
            )
        attached[upload_id] = None
    return tuple(attached)


async def _keep_all(_: Iterable[str]) -> None:
    """What stands in where there are no files."""


class Shown(Struct, frozen=True, gc=False):
    """An upload as a message shows it, with links that work for everybody who is told of it."""

    id: str
    name: str
    type: str
    kind: Kind
    size: int
    width: int | None
    height: int | None
    url: str
    thumbnails: dict[str, str] | None
    placeholder: str | None


class Attachments:
    """A short memory of uploads, and of those that are about to be shown."""

    def __init__(self, store: Store, disk: Disk, links: Links) -> None:
        self._store = store
        self._disk = disk
        self.links = links
        self._known: OrderedDict[str, Upload] = OrderedDict()
        # Uploads of messages that are not stored yet: nothing may take those away.
        self._held: Counter[str] = Counter()
        # Uploads that may be about to go; whoever wants to show one waits until that is known.
        self._going: dict[str, asyncio.Event] = {}
        # Removes those of some uploads that nothing shows any more.
        self.release: Callable[[Iterable[str]], Awaitable[None]] = _keep_all

    def note(self, upload: Upload) -> None:
        """Know an upload from now on."""
        self._known[upload.id] = upload
        self._known.move_to_end(upload.id)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        """Know it no more, because it is gone."""
        self._known.pop(upload_id, None)

    async def load(self, messages: Iterable[Message]) -> None:
        """See to it that what some messages show is at hand."""
        wanted = {upload_id for message in messages for upload_id in message.attachments}
        for upload_id in wanted & self._known.keys():
            self._known.move_to_end(upload_id)
        unknown = wanted - self._known.keys()
        if unknown:
            read = await self._disk.run(self._store.uploads.many, unknown)
            for upload in read.values():
                self.note(upload)

    def shown(self, message: Message) -> tuple[Shown, ...]:
        """What a message shows, if that was loaded; what is gone is left out."""
        if not message.attachments:
            return ()
        known = (self._known.get(upload_id) for upload_id in message.attachments)
        return tuple(self.show(upload) for upload in known if upload is not None)

    def show(self, upload: Upload) -> Shown:
        """An upload with its links."""
        kind = kind_of(upload.type)
        link = self.links.link
        return Shown(
            id=upload.id,
            name=upload.name,
            type=upload.type,
            kind=kind,
            size=upload.size,
            width=upload.width,
            height=upload.height,
            url=link(upload.id),
            thumbnails={s: link(upload.id, s) for s in THUMBNAILS} if kind == "image" else None,
            placeholder=upload.placeholder,
        )

    async def require_own(self, user: str, upload_ids: Collection[str]) -> None:
        """Let those pass who own all of some uploads."""
        if not upload_ids:
            return
        await self.settled(upload_ids)
        found = await self._disk.run(self._store.uploads.many, upload_ids)
        if any(id_ not in found or found[id_].owner != user for id_ in upload_ids):
            raise Invalid(
                "unknown_upload",
                "an attachment is an upload of one's own",
                details={"field": "attachments"},
            )
        for upload in found.values():
            self.note(upload)

    @contextmanager
    def held(self, upload_ids: Collection[str]) -> Iterator[Callable[[Answer], Answer]]:
        """Keep some uploads from being taken away: to the end, or until an answer has come."""
        is_handed_on = False

        def let_go() -> None:
            self._held.subtract(upload_ids)
            self._held += Counter()  # without those that nobody holds

        def until(answer: Answer) -> Answer:
            nonlocal is_handed_on
            is_handed_on = True

            def answered(said: Said | Refusal) -> None:
                let_go()
                answer(said)

            return answered

        self._held.update(upload_ids)
        try:
            yield until
        except BaseException:  # then there is no answer
            let_go()
            raise
        if not is_handed_on:
            let_go()

    @contextmanager
    def going(self, upload_id: str) -> Iterator[None]:
        """Let nobody begin to show an upload; who has begun already holds it."""
        over = self._going[upload_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._going[upload_id]
            over.set()

    async def settled(self, upload_ids: Iterable[str]) -> None:
        """Wait until it is known of some uploads, that somebody holds, whether they have gone."""
        for upload_id in upload_ids:
            if upload_id in self._going:
                await self._going[upload_id].wait()

    def is_held(self, upload_id: str) -> bool:
        """Tell whether an upload is about to be shown."""
        return upload_id in self._held
