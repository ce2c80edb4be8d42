"""One client of Socket.IO: what it says becomes commands, and what happens is told to it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from chat.chat import Speaker
from chat.errors import Forbidden, Invalid, Refusal, TooMany, Unauthenticated
from chat.events import Event, Form, MessageChanged, MessageStored
from chat.live_room import LiveRoom
from chat.names import require_guest_name
from chat.sessions import Client as Place
from chat.sessions import Identity
from handlers.catching_up import by_rev, catch_up
from handlers.dialects.deeds import Deeds
from handlers.dialects.offline import release_held, take, tell_offline
from handlers.dialects.saying import say
from handlers.dialects.tables import (
    COMMON,
    Answer,
    Heard,
    Says,
    Table,
)
from handlers.dialects.wordings import Wordings
from handlers.dialects.words import refusal_body
from handlers.edge import store_unavailable
from handlers.entering import require_few_sockets
from handlers.services import Services
from handlers.socketio import packets
from handlers.socketio.connections import Connection
from handlers.socketio.peers import Acknowledge
from handlers.socketio.words import Framed
from handlers.sockets import FAULT, FLOOD, Closing
from models.records import Message, folded
from models.store import StoreError

log = logging.getLogger("hubbub.sockets")

# What a client says while it comes in; beyond it nothing more is read of it meanwhile.
MAX_EARLY = 100

Work = Callable[[], Coroutine[Any, Any, None]]


class SocketIoClient:
    """A connection of Socket.IO, in the words of its dialect; an `Outbox` of the hub."""

    __slots__ = (
        "_connection",
        "_early",
        "_starting",
        "_wording",
        "_wordings",
        "address_key",
        "base",
        "held",
        "is_over",
        "name",
        "number",
        "rooms",
        "services",
        "session_id",
        "speaker",
        "table",
        "unanswered",
        "user",
    )

    # Engine.IO has a heartbeat of its own.
    heard = property(lambda _: True, lambda *_: None)

    def __init__(
        self, services: Services, connection: Connection, table: Table, wordings: Wordings
    ) -> None:
        self.services = services
        self.address_key = connection.link.address_key
        self.user = self.name = ""
        self.session_id: str | None = None
        self.rooms: set[str] | None = None
        self.held: list[tuple[Event, Form]] | None = None
        self._connection = connection
        # What links begin with.
        self.base = ""
        self._wordings = wordings
        self.speak(table)
        self.speaker: Speaker | None = None
        self._starting: asyncio.Task[None] | None = None
        # What the client says meanwhile, in order.
        self._early: deque[tuple[packets.Event, Acknowledge | None]] = deque()
        # Messages from this client that are being stored.
        self.unanswered = 0
        # Whether it is told nothing any more.
        self.is_over = False
        self.number = services.sockets.add(self)

    # What others call.

    @property
    def dialect(self) -> Framed:
        """The words that it is told events in, over the transport that it is on."""
        return self._wording[self._connection.link.framing]

    @property
    def is_known(self) -> bool:
        """Whether somebody is behind it."""
        return self.speaker is not None

    @property
    def waiting_bytes(self) -> int:
        """How much of what it was told has not gone yet."""
        return self._connection.link.waiting_bytes

    @property
    def sid(self) -> str:
        """The name of its socket, which others may be told."""
        socket = self._connection.socket()
        return str(self.number) if socket is None else socket.sid

    def send(self, data: bytes) -> None:
        """Send finished bytes."""
        if not data or self.is_over:
            return
        link = self._connection.link
        if self.unanswered:
            # What is told now and the answer that comes behind it go out as one write.
            link.send_soon(data)
        else:
            link.send(data)

    @property
    def has_taken(self) -> bool:
        """Whether it is there, and has all that it was told."""
        return not self.is_over and self._connection.link.has_taken

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once it has what it was told; never, if it goes before."""
        self._connection.link.once_taken(call)

    def ping(self) -> None:
        """Ask nothing."""

    def end(self, closing: Closing) -> None:
        """Close the transport alone: nothing is told any more, and the client comes back."""
        self.leave()
        self.is_over = True
        self._connection.close(closing)

    def forget(self) -> None:
        """Count it out: its connection is gone."""
        self.leave()
        self.is_over = True
        self.services.sockets.remove(self)

    def leave(self) -> None:
        """Be nobody any more."""
        starting = self._starting
        if starting is not None and starting is not asyncio.current_task():
            starting.cancel()
            self._starting = None
            self._early.clear()
        if self.speaker is not None:
            self.speaker = None
            self.services.presence.disconnect(self)

    def emit(self, name: str, payload: object) -> None:
        """Tell this client alone."""
        self.send(self._connection.link.framing.text(packets.event(name, payload)))

    def refuse(self, refusal: Refusal, acknowledge: Acknowledge | None = None) -> None:
        """Tell of a refusal, through a callback where there is one."""
        body = refusal_body(refusal)
        if acknowledge is not None:
            acknowledge({**body, "ok": False, "error": refusal.message})
        else:
            self.emit("error", body)

    def missed(self, room: LiveRoom, message: Message) -> Event:
        """The event that tells of a message that was missed: these clients know no changes."""
        name = self.services.people.name(message.sender)
        if message.deleted is not None:
            return MessageChanged(message, name)
        pair = self.services.people.pair(room, message.sender)
        shown = self.services.attachments.shown(message)
        return MessageStored(message, name, pair=pair, shown=shown)

    # Coming in.

    def speak(self, table: Table) -> None:
        """Say and hear what a dialect says and hears."""
        self.table = table
        self._wording = self._wordings.of(table, self.base)

    def enter(self, identity: Identity) -> None:
        """Be somebody; from here on it hears everything, behind what it is told first."""
        services, user = self.services, identity.user
        self.user, self.name, self.session_id = user.id, user.name, identity.session.id
        self.base = self._wordings.base(self._connection.link.handshake.headers)
        self.speak(self.table)
        self.held = []
        self.speaker = Speaker(user.id, user.name, self.number)
        services.people.note(user)
        services.sockets.authenticated(self)
        services.presence.connect(self)
        if not self.table.says_delivered:
            services.hub.take_as_delivered(self)

    def start(self, seen: dict[str, int]) -> None:
        """Tell what is told first; what the client says meanwhile waits for that."""
        self._begin(partial(self.welcome, seen), None)

    def _begin(self, work: Work, acknowledge: Acknowledge | None) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._start(work, acknowledge))

    async def _start(self, work: Work, acknowledge: Acknowledge | None) -> None:
        """Come in, and then carry out what was said meanwhile.

        No request of the client waits for it: one that changes its transport fetches nothing of
        what it is told until its last request is answered.
        """
        await self.guarded(work(), acknowledge)
        while self._early and not self.is_over:
            later = self.hear(*self._early.popleft())
            if later is not None:
                await later
        if self._starting is asyncio.current_task():
            self._starting = None

    async def welcome(self, seen: dict[str, int]) -> None:
        """Tell who is there, and what was missed."""
        told: dict[str, int] = {}
        offline: set[str] = set()
        self.held = self.held or []
        try:
            await self.table.greet(Deeds(self))
            await catch_up(self, seen, told)
            if self.table.offline:
                await tell_offline(self, told, offline)
        finally:
            known = by_rev(told)
            held = release_held(self, lambda message: message.id in offline or known(message))
        await take(self, held)

    async def join(self, name: str, table: Table) -> None:
        """Be somebody by a bare name, whoever that was before."""
        if not (self.is_known and self._is_called(name)):
            services = self.services
            services.limits.take(services.socket_limits.authentications, self.address_key)
            identity = await services.guests.enter(name, self.place)
            if self.is_over:
                return
            require_few_sockets(services, identity)
            self.leave()
            self.speak(table)
            self.enter(identity)
        await self.welcome({})

    def _is_called(self, name: str) -> bool:
        return folded(require_guest_name(name)) == folded(self.name)

    # What the client says.

    def hear(self, event: packets.Event, acknowledge: Acknowledge | None) -> Awaitable[None] | None:
        """Carry out an event; what must wait for something holds up the events behind it."""
        if self.is_over:
            return None
        starting = self._starting
        if starting is not None and starting is not asyncio.current_task():
            return self._hear_later(starting, event, acknowledge)
        table = self.table
        try:
            if len(table.choices) == 1:
                heard = table.hear(event)
            else:
                table, heard = self._chosen(event)
        except Refusal as refusal:
            self._refuse_event(refusal, acknowledge)
            return None
        speaker = self.speaker
        if speaker is None or heard.row.joins:
            work = partial(self._come_in, table, heard, acknowledge)
            if starting is not None:
                return self.guarded(work(), acknowledge)
            self._begin(work, acknowledge)
            return None
        if table is not self.table and event.name not in COMMON:
            self.speak(table)
        return self._carry_out(speaker, heard, acknowledge)

    def _hear_later(
        self, starting: asyncio.Task[None], event: packets.Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        if len(self._early) < MAX_EARLY:
            self._early.append((event, acknowledge))
            return None
        return self._hear_behind(starting, event, acknowledge)

    async def _hear_behind(
        self, starting: asyncio.Task[None], event: packets.Event, acknowledge: Acknowledge | None
    ) -> None:
        await asyncio.wait([starting])
        work = self.hear(event, acknowledge)
        if work is not None:
            await work

    def _chosen(self, event: packets.Event) -> tuple[Table, Heard]:
        """What is said, and the first dialect in which it makes sense."""
        choices = [table for table in self.table.choices if table.knows(event.name)]
        refusals = []
        for table in choices or [self.table]:
            try:
                return table, table.hear(event)
            except Invalid as refusal:
                refusals.append(refusal)
        raise refusals[0]

    async def _come_in(self, table: Table, heard: Heard, acknowledge: Acknowledge | None) -> None:
        """Be whoever an event says, and carry it out."""
        if heard.sender is None:
            raise Unauthenticated("not_joined", "say first who you are: join or register")
        await self.join(heard.sender, table)
        speaker = self.speaker
        work = None if speaker is None else self._carry_out(speaker, heard, acknowledge)
        if work is not None:
            await work

    def _carry_out(
        self, speaker: Speaker, heard: Heard, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        row = heard.row
        try:
            if row.sender is not None:
                self._require_own(row.sender(heard.what))
            if isinstance(row, Says):
                return say(self, speaker, row.speech(heard.what), acknowledge)
            self.services.limits.take(self.services.socket_limits.commands, speaker.user)
        except Refusal as refusal:
            self.refuse(refusal, acknowledge)
            return asyncio.sleep(0)  # the others have a turn before the next one is refused
        action = row.action(Deeds(self), heard.what)
        return self.guarded(self._act(action, acknowledge), acknowledge)

    async def _act(self, action: Awaitable[Answer], acknowledge: Acknowledge | None) -> None:
        answer = await action
        if acknowledge is not None:
            acknowledge(answer)

    def _require_own(self, name: str) -> None:
        """Refuse to speak for anybody else."""
        if name != self.name and not self._is_called(name):
            raise Forbidden("not_you", "one speaks for oneself alone")

    # What goes wrong.

    @property
    def place(self) -> Place:
        """Where it comes from, for whoever makes a guest of it."""
        link = self._connection.link
        return Place(self.address_key, link.handshake.headers.get("User-Agent", ""))

    async def guarded(self, work: Awaitable[None], acknowledge: Acknowledge | None) -> None:
        """Nothing escapes: a refusal is an answer, and a fault of ours closes the connection."""
        try:
            await work
        except Refusal as refusal:
            self.refuse(refusal, acknowledge)
        except StoreError as error:
            log.warning("the store failed: %s", error)
            self.refuse(store_unavailable(), acknowledge)
        except Exception:
            log.exception("uncaught exception")
            self.end(FAULT)

    def _refuse_event(self, refusal: Refusal, acknowledge: Acknowledge | None) -> None:
        """Answer to an event that makes no sense, but not without end."""
        try:
            key = self.speaker.user if self.speaker else self.address_key
            self.services.limits.take(self.services.socket_limits.commands, key)
        except TooMany:
            self.end(FLOOD)
            return
        self.refuse(refusal, acknowledge)
