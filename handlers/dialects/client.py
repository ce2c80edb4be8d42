"""One client of Socket.IO: what it says becomes commands, and what happens is told to it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial

from msgspec import convert
from msgspec.structs import replace

from chat import commands
from chat.chat import Speaker
from chat.commands import SendMessage
from chat.conversations import Line
from chat.entries import Said as Stored
from chat.errors import Forbidden, Invalid, Refusal, TooMany, Unauthenticated
from chat.events import Event, Form, MessageChanged, MessageStored, Pair, Person
from chat.names import require_guest_name
from chat.rooms import LiveRoom
from chat.sessions import Client as Place
from chat.sessions import Identity
from handlers.catching_up import by_rev, catch_up, drained, release, sync
from handlers.dialects.showing import whole
from handlers.dialects.tables import (
    COMMON,
    Answer,
    Heard,
    Reached,
    Said,
    Says,
    Speech,
    Table,
    Told,
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
from models.records import EVERYONE, Message, User, folded
from models.store import StoreError

log = logging.getLogger("hubbub.sockets")

# What came while somebody was away is told so many at a time, and the next when those are taken.
OFFLINE_AT_ONCE = 100


class SocketIoClient:
    """A connection of Socket.IO, in the words of its dialect; an `Outbox` of the hub."""

    __slots__ = (
        "_base",
        "_connection",
        "_ended",
        "_speaker",
        "_starting",
        "_unanswered",
        "_wording",
        "_wordings",
        "address_key",
        "held",
        "name",
        "number",
        "rooms",
        "services",
        "session_id",
        "table",
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
        self._base = ""
        self._wordings = wordings
        self.speak(table)
        self._speaker: Speaker | None = None
        self._starting: asyncio.Task[None] | None = None
        # Messages from this client that are being stored.
        self._unanswered = 0
        self._ended = False
        self.number = services.sockets.add(self)

    # What others call.

    @property
    def dialect(self) -> Framed:
        """The words that it is told events in, over the transport that it is on."""
        return self._wording[self._connection.link.framing]

    @property
    def is_known(self) -> bool:
        """Whether somebody is behind it."""
        return self._speaker is not None

    @property
    def is_over(self) -> bool:
        """Whether it is told nothing any more."""
        return self._ended

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
        if not data or self._ended:
            return
        if self._unanswered:
            # What is told now and the answer that comes behind it go out as one write.
            self._connection.link.send_soon(data)
        else:
            self._connection.link.send(data)

    def ping(self) -> None:
        """Ask nothing."""

    def end(self, closing: Closing) -> None:
        """Close the transport alone: nothing is told any more, and the client comes back."""
        self.leave()
        self._ended = True
        self._connection.close(closing)

    def forget(self) -> None:
        """Count it out: its connection is gone."""
        self.leave()
        self._ended = True
        self.services.sockets.remove(self)

    def leave(self) -> None:
        """Be nobody any more."""
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
        if self._speaker is not None:
            self._speaker = None
            self.services.presence.disconnect(self)

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
        self._wording = self._wordings.of(table, self._base)

    def enter(self, identity: Identity) -> None:
        """Be somebody; from here on it hears everything, behind what it is told first."""
        services, user = self.services, identity.user
        self.user, self.name, self.session_id = user.id, user.name, identity.session.id
        self._base = self._wordings.base(self._connection.link.handshake.headers)
        self.speak(self.table)
        self.held = []
        self._speaker = Speaker(user.id, user.name, self.number)
        services.people.note(user)
        services.sockets.authenticated(self)
        services.presence.connect(self)
        if not self.table.says_delivered:
            services.hub.take_as_delivered(self)

    def start(self, seen: dict[str, int]) -> None:
        """Tell what is told first; what the client says meanwhile waits for that."""
        work = self._guarded(self.welcome(seen), None)
        self._starting = asyncio.get_running_loop().create_task(work)

    async def welcome(self, seen: dict[str, int]) -> None:
        """Tell who is there, and what was missed."""
        told: dict[str, int] = {}
        offline: set[str] = set()
        self.held = self.held or []
        try:
            await self.table.greet(self)
            await catch_up(self, seen, told)
            if self.table.offline:
                await self._tell_offline(told, offline)
        finally:
            known = by_rev(told)
            held = self._release(lambda message: message.id in offline or known(message))
        await self._take(held)

    async def join(self, name: str, table: Table) -> None:
        """Be somebody by a bare name, whoever that was before."""
        if not (self.is_known and self._is_called(name)):
            services = self.services
            services.limits.take(services.socket_limits.authentications, self.address_key)
            identity = await services.guests.enter(name, self._place)
            if self._ended:
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
        if self._ended:
            return None
        if self._starting is not None and not self._starting.done():
            return self._hear_later(event, acknowledge)
        try:
            table, heard = self._decoded(event)
        except Refusal as refusal:
            self._refuse_event(refusal, acknowledge)
            return None
        speaker = self._speaker
        if speaker is None or heard.joins:
            return self._guarded(self._come_in(table, heard, acknowledge), acknowledge)
        self._decide(table, event.name)
        return self._carry_out(speaker, heard, acknowledge)

    async def _hear_later(self, event: packets.Event, acknowledge: Acknowledge | None) -> None:
        if self._starting is not None:
            await asyncio.wait([self._starting])
        work = self.hear(event, acknowledge)
        if work is not None:
            await work

    def _decoded(self, event: packets.Event) -> tuple[Table, Heard]:
        """What is said, and the first dialect in which it makes sense."""
        choices = [table for table in self.table.choices if table.knows(event.name)]
        refusals = []
        for table in choices or [self.table]:
            try:
                return table, table.hear(event)
            except Invalid as refusal:
                refusals.append(refusal)
        raise refusals[0]

    def _decide(self, table: Table, name: str | int) -> None:
        if table is not self.table and name not in COMMON:
            self.speak(table)

    async def _come_in(self, table: Table, heard: Heard, acknowledge: Acknowledge | None) -> None:
        """Be whoever an event says, and carry it out."""
        if heard.sender is None:
            raise Unauthenticated("not_joined", "say first who you are: join or register")
        await self.join(heard.sender, table)
        speaker = self._speaker
        work = None if speaker is None else self._carry_out(speaker, heard, acknowledge)
        if work is not None:
            await work

    def _carry_out(
        self, speaker: Speaker, heard: Heard, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        try:
            self._require_own(heard.sender)
            if isinstance(heard.row, Says):
                return self._say(speaker, heard.row.speech(heard.what), acknowledge)
            self.services.limits.take(self.services.socket_limits.commands, speaker.user)
        except Refusal as refusal:
            self.refuse(refusal, acknowledge)
            return asyncio.sleep(0)  # the others have a turn before the next one is refused
        action = heard.row.action(self, heard.what)
        return self._guarded(self._act(action, acknowledge), acknowledge)

    async def _act(self, action: Awaitable[Answer], acknowledge: Acknowledge | None) -> None:
        answer = await action
        if acknowledge is not None:
            acknowledge(answer)

    def _require_own(self, name: str | None) -> None:
        """Refuse to speak for anybody else."""
        if name is not None and name != self.name and not self._is_called(name):
            raise Forbidden("not_you", "one speaks for oneself alone")

    # Saying something.

    def _say(
        self, speaker: Speaker, speech: Speech, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """The way of nearly every event: no task, and no wait but for the disk."""
        self.services.limits.take(self.services.socket_limits.messages, speaker.user)
        command = self._command(speech)
        said = None if command is None else self.services.chat.send_now(speaker, command)
        if said is None:
            return self._guarded(self._say_later(speaker, speech, acknowledge), acknowledge)
        self._await_said(said, acknowledge)
        return None

    async def _say_later(
        self, speaker: Speaker, speech: Speech, acknowledge: Acknowledge | None
    ) -> None:
        if speech.to_name is not None:
            receiver = await self.services.guests.reach(speech.to_name, self._place)
            self.services.people.note(receiver)
            speech = replace(speech, to=receiver.id, to_name=None)
        command = self._command(speech)
        assert command is not None  # noqa: S101 - there is no name left to be looked up
        self._await_said(await self.services.chat.send(speaker, command), acknowledge)

    def _command(self, speech: Speech) -> SendMessage | None:
        """The command that says something; None where a name must be looked up first."""
        to = speech.to
        if speech.to_name is not None:
            receiver = self.services.people.known_by_name(speech.to_name.strip())
            if receiver is None:
                return None
            to = receiver.id
        return SendMessage(
            room_id=EVERYONE if to is None else None,
            to=to,
            content=speech.text,
            client_id=speech.client_id,
            image_url=speech.link,
        )

    def _await_said(self, said: asyncio.Future[Stored], acknowledge: Acknowledge | None) -> None:
        self._unanswered += 1
        said.add_done_callback(partial(self._answer, acknowledge))

    def _answer(self, acknowledge: Acknowledge | None, said: asyncio.Future[Stored]) -> None:
        self._unanswered -= 1
        if said.cancelled():
            return
        error = said.exception()  # also of one who has gone, or asyncio would complain
        if self._ended:
            return
        if isinstance(error, Refusal):
            self.refuse(error, acknowledge)
        elif acknowledge is not None:
            message = said.result().message
            acknowledge(
                Said(
                    ok=True,
                    id=message.id,
                    underscore_id=message.id,
                    room_id=message.room,
                    rev=message.rev,
                    timestamp=message.created,
                )
            )

    # What a dialect does for its client; see `tables.Client`.

    def emit(self, name: str, payload: object) -> None:
        """Tell this client alone."""
        self.send(self._connection.link.framing.text(packets.event(name, payload)))

    async def find(self, name: str) -> User | None:
        """Whoever has a name."""
        user = self.services.people.known_by_name(name.strip())
        return user or await self.services.guests.find(name)

    async def online(self) -> Sequence[User]:
        """Those who are online."""
        return await self.services.people.users(self.services.presence.online())

    def socket_id(self, user_id: str) -> str:
        """The name of a socket of somebody, over whatever they have come."""
        for outbox in self.services.hub.of_user(user_id):
            return outbox.sid if isinstance(outbox, SocketIoClient) else str(outbox.number)
        return ""

    async def typing(self, user_id: str, *, on: bool) -> None:
        """Be writing to somebody, or be writing no more."""
        typing = self.services.typing
        room = await self.services.conversations.room(self.user, user_id)
        users = await self.services.people.load([self.user, user_id])
        if room is not None and on:
            typing.start(room, self.user, self.name)
        elif room is not None:
            typing.stop(room, self.user)
        elif user_id in users and user_id != self.user:
            pair = Pair(Person(self.user, self.name), Person(user_id, users[user_id].name))
            if on:
                typing.start_to(pair)
            else:
                typing.stop_to(pair)

    async def delivered(self, message_id: str) -> None:
        """Have received as far as a message."""
        command = commands.Delivered(message_id=message_id)
        await self.services.chat.delivered(self._known, command)

    async def read(self, message_id: str) -> None:
        """Have read as far as a message."""
        await self.services.chat.read(self._known, commands.Read(message_id=message_id))

    async def sync(self, command: commands.Sync) -> Reached:
        """Tell what has changed in a room."""
        return convert({"ok": True, **await sync(self, command)}, Reached)

    async def show_history(
        self, user_id: str, show: Callable[[list[Line]], Told], *, limit: int, skip: int = 0
    ) -> list[Line]:
        """Tell the latest lines with somebody, in order with what is told meanwhile."""
        self.held = []
        shown: set[str] = set()
        lines: list[Line] = []
        try:
            lines = await self.services.conversations.latest(
                self.user, user_id, limit=limit, skip=skip
            )
            lines = _fitting(lines, self.services.socket_limits.waiting_bytes // 2)
            self.emit(*show([whole(line, self._base) for line in lines]))
            shown = {line.message.id for line in lines}
        finally:
            held = self._release(lambda message: message.id in shown)
        await self._take(held)
        return lines

    async def _tell_offline(self, told: dict[str, int], offline: set[str]) -> None:
        """Tell what others have said meanwhile, the oldest first; it is delivered by that."""
        known = by_rev(told)
        while not self._ended:
            lines = await self.services.conversations.undelivered(self.user, limit=OFFLINE_AT_ONCE)
            # What was said since the client came is held, whole and in order, and told behind this.
            lines = _before(self.held or [], lines)
            for line in lines:
                if line.receiver is not None and not known(line.message):
                    pair = Pair(line.sender, line.receiver)
                    name, shown = line.sender.name, line.shown
                    event = MessageStored(line.message, name, pair=pair, shown=shown)
                    self.send(self.dialect.encode(event, "others"))
                    offline.add(line.message.id)
            if not await drained(self):
                return
            await self._note_delivered([line.message for line in lines])
            if len(lines) < OFFLINE_AT_ONCE:
                return

    def _release(self, is_told: Callable[[Message], bool]) -> list[Message]:
        """Tell what was held; give what others have said of that to one or to the other."""
        held = self.held or []
        release(self, is_told)
        return [event.message for event in _stored(held) if event.pair is not None]

    async def _take(self, messages: list[Message]) -> None:
        """Note as delivered what was told, unless the client says that itself."""
        if not (self.table.says_delivered or self._ended):
            await self._note_delivered(messages)

    async def _note_delivered(self, messages: list[Message]) -> None:
        for room_id, seq in _reached(messages).items():
            if self._speaker is not None:
                command = commands.Delivered(room_id=room_id, seq=seq)
                await self.services.chat.delivered(self._speaker, command)

    # What goes wrong.

    @property
    def _known(self) -> Speaker:
        if self._speaker is None:
            raise Unauthenticated("not_joined", "say first who you are")
        return self._speaker

    @property
    def _place(self) -> Place:
        link = self._connection.link
        return Place(self.address_key, link.handshake.headers.get("User-Agent", ""))

    async def _guarded(self, work: Awaitable[None], acknowledge: Acknowledge | None) -> None:
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
            key = self._speaker.user if self._speaker else self.address_key
            self.services.limits.take(self.services.socket_limits.commands, key)
        except TooMany:
            self.end(FLOOD)
            return
        self.refuse(refusal, acknowledge)


def _fitting(lines: list[Line], most: int) -> list[Line]:
    """The newest of some lines that a client can be told at once without being cut."""
    left = most
    for number, line in enumerate(reversed(lines)):
        # In JSON a character is six bytes at most; the rest of a message is some 400, as is a link.
        left -= 6 * len(line.message.text) + 400 * (1 + len(line.shown))
        if left < 0:
            return lines[len(lines) - number :]
    return lines


def _stored(held: Iterable[tuple[Event, Form]]) -> Iterator[MessageStored]:
    return (event for event, _ in held if isinstance(event, MessageStored))


def _before(held: list[tuple[Event, Form]], lines: list[Line]) -> list[Line]:
    """The lines that were said before anything that is held of their rooms."""
    first: dict[str, int] = {}
    for event in _stored(held):
        first.setdefault(event.message.room, event.message.seq)
    return [
        line
        for line in lines
        if line.message.room not in first or line.message.seq < first[line.message.room]
    ]


def _reached(messages: Iterable[Message]) -> dict[str, int]:
    """How far some messages reach, ascending, in each of their rooms."""
    return {message.room: message.seq for message in messages}
