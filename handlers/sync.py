"""REST for whoever has no socket and misses nothing either: what is new in many rooms at once."""

import re
import time
from contextlib import nullcontext
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta

from chat.commands import Number, Sync
from chat.errors import Invalid, NotFound
from chat.sessions import Identity
from handlers.addresses import limit_key
from handlers.calls import call
from handlers.history import MAX_CHANGES, has_more
from handlers.pagination import Query, Size, cut
from handlers.polls import Poll, listening
from handlers.rooms import RoomHandler
from handlers.sockets import SERVER_STOPS
from handlers.views import MessageBody, View

# As many rooms as a socket may name when it logs in.
MAX_ROOMS = 100

# All that one answer carries; at 2 KB each it is 2 MB.
MAX_MESSAGES = 1_000

# Below the minute after which proxies give up on an answer.
MAX_WAIT = 50.0

# Rooms that count for the state of one's list; more than anybody is in by default.
MAX_LISTED = 10_000

_SEEN = re.compile(r"([0-9a-f]{24}):([0-9]{1,15})", re.ASCII)

Wait = Annotated[float, Meta(ge=0, le=3600)]


class SyncPage(Query, frozen=True):
    """How far one has come in some rooms, and how long one would wait for more."""

    rooms: Annotated[
        str,
        Meta(description="Rooms and the greatest `rev` seen of each: `id:rev,id:rev`, up to 100."),
    ] = ""
    list: Annotated[
        str, Meta(max_length=64, description="The `list` of the answer before, if there was one.")
    ] = ""
    wait: Annotated[
        Wait, Meta(description="Seconds to wait while there is nothing new, up to 50.")
    ] = 0
    limit: Annotated[Size, Meta(description="Messages of a room at once, up to 500.")] = MAX_CHANGES


class SyncedRoom(View, frozen=True):
    """What is new in a room: its changes by `rev`, and how far one has come."""

    room_id: str
    seq: int
    rev: int
    delivered: int
    read: int
    unread: int
    messages: list[MessageBody]
    has_more: bool
    reset: bool


class Synced(View, frozen=True):
    """What is new. Only rooms in which something is are named.

    `gone` are rooms that were asked for and that one is not in. `list` stands for one's list of
    rooms; when `listChanged` says so, read it anew. `more` says to ask again at once.
    """

    rooms: list[SyncedRoom]
    gone: list[str]
    list: str
    list_changed: bool
    more: bool


class SyncHandler(RoomHandler):
    """What is new in one's rooms."""

    _poll: Poll | None = None

    @call(codes=("too_many_sockets",))
    async def get(self, identity: Identity, query: SyncPage) -> Synced:
        """Tell what is new since one last asked; with `wait`, as soon as there is something."""
        seen, wait = _seen(query.rooms), min(query.wait, MAX_WAIT)
        poll = Poll(identity, limit_key(self.address), set(seen))
        deadline = time.monotonic() + wait
        self._poll = poll
        with listening(self.services, poll) if wait else nullcontext():
            while True:
                stirred, poll.stirred = poll.stirred, set()
                synced = await self._synced(identity, query, seen, stirred)
                left = deadline - time.monotonic()
                news = synced.rooms or synced.gone or synced.list_changed or synced.more
                if news or left <= 0 or not await poll.wait(left):
                    return synced

    def on_connection_close(self) -> None:
        """Wait no longer for somebody who has hung up."""
        super().on_connection_close()
        if self._poll is not None:
            self._poll.end(SERVER_STOPS)

    async def _synced(
        self, identity: Identity, query: SyncPage, seen: dict[str, int], stirred: set[str]
    ) -> Synced:
        rooms: list[SyncedRoom] = []
        gone: list[str] = []
        left, more = MAX_MESSAGES, False
        for room_id, rev in seen.items():
            limit = min(cut(query.limit, MAX_CHANGES), left)
            if not limit:
                more = True
                break
            try:
                room = await self._room(identity, room_id, rev, limit, stirred)
            except NotFound:
                gone.append(room_id)
                continue
            if room is not None:
                rooms.append(room)
                left -= len(room.messages)
                more = more or room.has_more
        state = await self._list(identity)
        changed = bool(query.list) and query.list != state
        return Synced(rooms=rooms, gone=gone, list=state, list_changed=changed, more=more)

    async def _room(
        self, identity: Identity, room_id: str, rev: int, limit: int, stirred: set[str]
    ) -> SyncedRoom | None:
        """What is new in a room; None where nothing is, which takes no read."""
        user, services = identity.user.id, self.services
        room = await services.chat.room_of(self.speaker(identity), room_id)
        if room.rev == rev and room_id not in stirred:
            return None
        command = Sync(room_id=room_id, since=rev, limit=limit)
        changes = await services.reading.changes(user, command)
        member = room.members.get(user)
        read = member.read if member else 0
        return SyncedRoom(
            room_id=room_id,
            seq=room.seq,
            rev=changes.rev,
            delivered=member.delivered if member else 0,
            read=read,
            unread=max(0, room.seq - read),
            messages=[self.said(message, identity) for message in changes.messages],
            has_more=has_more(changes, limit),
            reset=changes.rev < rev,
        )

    async def _list(self, identity: Identity) -> str:
        """What stands for a list of rooms: which they are, and what they are called."""
        listing = await self.services.reading.listing(identity.user.id, limit=MAX_LISTED)
        digest = blake2b(digest_size=12)
        for room, membership in sorted(listing, key=lambda pair: pair[0].id):
            words = (room.id, room.name, room.description, membership.role)
            digest.update(repr(words).encode())
        return digest.hexdigest()


def _seen(text: str) -> dict[str, Number]:
    """The rooms of a query, and how far one has come in each."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = [_SEEN.fullmatch(part) for part in parts]
    if len(parts) > MAX_ROOMS or not all(found):
        raise Invalid(
            "invalid_query",
            f"rooms is id:rev,id:rev and so on, at most {MAX_ROOMS}",
            details={"field": "rooms"},
        )
    return {match[1]: int(match[2]) for match in found if match is not None}
