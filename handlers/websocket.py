"""The native socket: frames in, commands to the core, answers and events out."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from chat import commands
from chat.chat import Speaker
from chat.commands import SendMessage
from chat.entries import Said
from chat.errors import Invalid, NotFound, Refusal, TooMany, Unauthenticated
from chat.events import Event, Form, MessageChanged, MessageStored
from chat.live_room import LiveRoom
from chat.sessions import Identity
from handlers.actions import Actions
from handlers.addresses import client_address, limit_key
from handlers.begun import begun
from handlers.catching_up import ROOMS_AT_ONCE, by_rev, catch_up, release, sync
from handlers.dialects.first import NATIVE, first_frame
from handlers.dialects.words import (
    Auth,
    Frame,
    FrameId,
    Listen,
    Unlisten,
    Words,
    id_of,
    refusal_body,
)
from handlers.edge import HubbubApplication, store_unavailable
from handlers.entering import SUBPROTOCOL, handshake_token, require_identity
from handlers.frames import PING, FastProtocol
from handlers.light import LightSocket
from handlers.services import Services
from handlers.sockets import (
    FAULT,
    FLOOD,
    NOT_AUTHENTICATED,
    TOKEN_REFUSED,
    TOO_MANY_SOCKETS,
    TOO_SLOW,
    Closing,
)
from handlers.views import message_body, own_room_view, own_user_view
from models.records import EVERYONE, Message
from models.store import StoreError

log = logging.getLogger("hubbub.sockets")

# Rooms that one socket has asked to hear: more than anybody is in by default, and a megabyte.
MAX_HEARD = 10_000


class SocketHandler(LightSocket):
    """One connection; nothing that a client sends makes it fail, and all of it is bounded."""

    __slots__ = (
        "_actions",
        "_deadline",
        "_ended",
        "_speaker",
        "_unanswered",
        "address_key",
        "dialect",
        "heard",
        "held",
        "number",
        "rooms",
        "services",
        "session_id",
        "user",
    )

    application: HubbubApplication

    def __init__(
        self, application: HubbubApplication, request: HTTPServerRequest, **kwargs: Any
    ) -> None:
        super().__init__(application, request, **kwargs)
        self.services: Services = application.services
        forwarded = request.headers.get("X-Forwarded-For")
        address = client_address(request.remote_ip or "", forwarded, self.services.proxies)
        self.address_key = limit_key(address)
        self.number = 0
        self.user = ""
        self.session_id: str | None = None
        self.dialect: Words = NATIVE
        self.rooms: set[str] | None = None
        self.held: list[tuple[Event, Form]] | None = None
        self.heard = True
        self._speaker: Speaker | None = None
        self._deadline: asyncio.TimerHandle | None = None
        # Messages from this socket that are being stored.
        self._unanswered = 0
        self._ended = False

    def initialize(self, actions: Actions) -> None:
        """Take what carries out the commands."""
        self._actions = actions

    def check_origin(self, origin: str) -> bool:
        """Let listed pages and our own connect."""
        return self.services.origins.allows(origin, self.request.host)

    def prepare(self) -> None:
        """Refuse a connection too many before it becomes a socket."""
        try:
            self.services.sockets.admit(self.address_key)
        except Refusal as refusal:
            raise HTTPError(503, refusal.message) from refusal

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say why there is no socket, as any other answer would."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        refusal = None if error is None else error.__cause__
        if not isinstance(refusal, Refusal):
            super().write_error(status_code, **kwargs)
            return
        if refusal.retry_after is not None:
            self.set_header("Retry-After", str(round(refusal.retry_after)))
        self.set_header("Cache-Control", "no-store")
        self.finish({"error": refusal.message, **refusal_body(refusal)})

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Choose ours, if a page asks for it to carry its token along."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    def get_websocket_protocol(self) -> FastProtocol | None:
        """Put the fast reader and writer under the socket."""
        limits = self.services.socket_limits
        return self.protocol_for(max_message=limits.frame_bytes, max_waiting=limits.waiting_bytes)

    def open(self, *_: str, **__: str) -> Awaitable[None] | None:
        """Log in by the token of the handshake, or wait for the first frame to bring one."""
        self.set_nodelay(True)
        self.number = self.services.sockets.add(self)
        self._deadline = asyncio.get_running_loop().call_later(
            self.services.socket_limits.authentication_seconds, self.end, NOT_AUTHENTICATED
        )
        token = handshake_token(self.request.headers)
        if token is None:
            return None
        return begun(self._guarded(None, self._authenticate(Frame(Auth(token=token)))))

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Carry out a frame; what must wait for something holds up the frames behind it."""
        self.heard = True
        if self._ended:
            return None
        try:
            frame = self._decoded(message)
        except Refusal as refusal:
            self._refuse_frame(refusal, message)
            return None
        speaker, command = self._speaker, frame.payload
        if isinstance(command, SendMessage) and speaker is not None:
            return self._send(speaker, frame, command)
        work = self._guarded(frame.id, self._carry_out(frame))
        # Nearly all that a login needs is at hand when somebody comes back; a second is refused.
        return begun(work) if isinstance(command, Auth) and speaker is None else work

    def on_pong(self, data: bytes) -> None:
        """Take a sign of life."""
        self.heard = True

    def on_close(self) -> None:
        """Forget the socket."""
        self._unregister()

    def send(self, data: bytes) -> None:
        """Write finished frames; whoever takes them too slowly is cut, and resumes."""
        if not data or self._protocol is None:
            return
        if self._unanswered:
            # What is told now and the answer that comes behind it go out as one write.
            self._protocol.write_soon(data, self._too_slow)
        elif not self._protocol.write_frames(data):
            self._too_slow()

    @property
    def is_over(self) -> bool:
        """Whether it is told nothing any more."""
        return self._ended

    @property
    def waiting_bytes(self) -> int:
        """How much of what it was told has not gone yet."""
        return 0 if self._protocol is None else self._protocol.waiting

    def _too_slow(self) -> None:
        self.end(TOO_SLOW)

    def ping(self, data: str | bytes = b"") -> None:
        """Ask for a sign of life, behind whatever waits."""
        if self._protocol is not None:
            self._protocol.write_frames(PING, bounded=False)

    def end(self, closing: Closing) -> None:
        """Close, saying why; nothing is told any more from this moment on."""
        self._unregister()
        self.close(closing.code, closing.reason)

    def _unregister(self) -> None:
        self._ended = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.services.sockets.remove(self)
        if self._speaker is not None:
            self._speaker = None
            self.services.presence.disconnect(self)

    def _decoded(self, message: str | bytes) -> Frame:
        if isinstance(message, bytes):
            raise Invalid("binary_frame", "frames are text")
        if self._speaker is not None:
            return self.dialect.decode(message)
        frame, self.dialect = first_frame(message)
        return frame

    def _send(self, speaker: Speaker, frame: Frame, command: SendMessage) -> Awaitable[None] | None:
        """The way of nearly every frame: no task, and no wait but for the disk."""
        try:
            self.services.limits.take(self.services.socket_limits.messages, speaker.user)
            answer = partial(self._acknowledge, frame)
            is_queued = self.services.chat.send_now(speaker, command, answer)
        except Refusal as refusal:
            self._refuse(refusal, frame.id)
            # Whoever goes on beyond the limits, on many sockets, holds up the others no more.
            return asyncio.sleep(0)
        if not is_queued:
            return self._guarded(frame.id, self._send_later(speaker, frame, command))
        self._unanswered += 1
        return None

    async def _send_later(self, speaker: Speaker, frame: Frame, command: SendMessage) -> None:
        await self.services.chat.send(speaker, command, partial(self._acknowledge, frame))
        self._unanswered += 1

    def _acknowledge(self, frame: Frame, said: Said | Refusal) -> None:
        self._unanswered -= 1
        if self._ended:
            return
        if isinstance(said, Refusal):
            self._refuse(said, frame.id)
            return
        if frame.id is not None:
            # Nearly always it was told here a moment ago.
            body = said.forms.get("origin") or message_body(self._stored(said), "origin")
            self.send(self.dialect.stored(frame.id, body))
        elif not said.fresh and (self.rooms is None or said.message.room in self.rooms):
            # Whoever gives no ids waits for the message itself, and nobody else is told it again.
            self.send(self.dialect.encode(self._stored(said), "origin"))

    def _stored(self, said: Said) -> MessageStored:
        name = self.services.people.name(self.user)
        shown = self.services.attachments.shown(said.message)
        return MessageStored(said.message, name, shown=shown, forms=said.forms)

    async def _guarded(self, frame_id: FrameId, work: Awaitable[None]) -> None:
        """Nothing escapes: a refusal is an answer, and a fault of ours closes the socket."""
        try:
            await work
        except Refusal as refusal:
            self._refuse(refusal, frame_id)
        except StoreError as error:
            log.warning("the store failed: %s", error)
            self._refuse(store_unavailable(), frame_id)
        except Exception:
            log.exception("uncaught exception")
            self.end(FAULT)

    def refuse(self, refusal: Refusal) -> None:
        """Tell of a refusal that answers no frame."""
        self._refuse(refusal, None)

    def _refuse(self, refusal: Refusal, frame_id: FrameId) -> None:
        self.services.rejections[refusal.code] += 1
        self.send(self.dialect.refused(refusal, frame_id))

    def _refuse_frame(self, refusal: Refusal, message: str | bytes) -> None:
        """Answer to a frame that makes no sense, but not without end."""
        try:
            key = self._speaker.user if self._speaker else self.address_key
            self.services.limits.take(self.services.socket_limits.commands, key)
        except TooMany:
            self.end(FLOOD)
            return
        self._refuse(refusal, id_of(message) if isinstance(message, str) else None)
        if isinstance(refusal, Unauthenticated):
            self.end(NOT_AUTHENTICATED)

    async def _carry_out(self, frame: Frame) -> None:
        command, speaker = frame.payload, self._speaker
        if isinstance(command, Auth):
            await self._authenticate(frame)
            return
        if speaker is None:
            return  # it has ended meanwhile
        self.services.limits.take(self.services.socket_limits.commands, speaker.user)
        match command:
            case commands.Sync():
                payload: Mapping[str, object] = await sync(self, command)
            case Listen() | Unlisten():
                payload = await self._listen(speaker, command)
            case commands.StopTyping() if frame.id is None:
                # An old page says so as it is closed, also of a room that is gone: and its user
                # would see every ERROR.
                with suppress(NotFound):
                    await self._actions.carry_out(speaker, command)
                return
            case _:
                payload = await self._actions.carry_out(speaker, command)
        self.send(self.dialect.done(frame, payload))

    async def _authenticate(self, frame: Frame) -> None:
        if self._speaker is not None:
            raise Invalid("already_authenticated", "this socket has a user")
        auth: Auth = frame.payload
        services = self.services
        try:
            identity = await require_identity(services, auth.token, self.address_key)
        except Refusal as refusal:
            self.send(self.dialect.unwelcome(refusal, frame.id))
            self.end(TOKEN_REFUSED if isinstance(refusal, Unauthenticated) else TOO_MANY_SOCKETS)
            return
        if self._ended:
            return
        self._enter(identity)
        # From here on the socket hears everything; what was missed is read behind that, so that
        # nothing falls between, and what comes meanwhile is held until it has been told.
        told: dict[str, int] = {}
        try:
            self._welcome(await self._belongings(identity), frame.id)
            await catch_up(self, auth.rooms, told)
        except StoreError:
            # Half a welcome is none, and this socket takes no second AUTH.
            self._refuse(store_unavailable(), frame.id)
            self.end(FAULT)
            raise
        finally:
            release(self, by_rev(told))

    def _enter(self, identity: Identity) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        user = identity.user
        self.user, self.session_id = user.id, identity.session.id
        self.rooms = set() if self.dialect.listens else None
        self.held = []
        self._speaker = Speaker(user.id, user.name, self.number)
        self.services.people.note(user)
        self.services.sockets.authenticated(self)
        self.services.presence.connect(self)
        if self.dialect.listens:
            self.services.hub.take_as_delivered(self)

    def _welcome(self, belongings: dict[str, object], frame_id: FrameId) -> None:
        # A hundred large rooms take more than may wait, but whoever is cut gets the same again.
        # Until it has gone, whatever else is told is held.
        if self._protocol is not None:
            self._protocol.write_frames(self.dialect.welcome(belongings, frame_id), bounded=False)

    async def _belongings(self, identity: Identity) -> dict[str, object]:
        services = self.services
        everyone = await services.reading.room(self.user, EVERYONE)
        page = await services.reading.rooms(self.user, limit=ROOMS_AT_ONCE)
        avatars = services.attachments.links.avatars(identity.user.avatar)
        return {
            "user": own_user_view(identity.user, online=True, avatars=avatars),
            "rooms": [own_room_view(s, self.user, services.people.name) for s in page.states],
            # Apart from the others, for older clients list no room that nobody has made.
            "everyone": own_room_view(everyone, self.user, services.people.name),
            "online": self._actions.online(),
        }

    async def _listen(self, speaker: Speaker, command: Listen | Unlisten) -> dict[str, object]:
        if isinstance(command, Listen):
            await self.services.chat.room_of(speaker, command.room_id)
            if self.rooms is not None:
                if len(self.rooms) >= MAX_HEARD:
                    raise TooMany("too_many_rooms", f"a socket hears at most {MAX_HEARD} rooms")
                self.rooms.add(command.room_id)
        elif self.rooms is not None:
            self.rooms.discard(command.room_id)
        return {"roomId": command.room_id}

    def missed(self, room: LiveRoom, message: Message) -> Event:
        """The event that tells of a message that was missed."""
        name = self.services.people.name(message.sender)
        shown = self.services.attachments.shown(message)
        if message.edited or message.deleted or message.reactions or message.pinned:
            return MessageChanged(message, name, shown)
        pair = self.services.people.pair(room, message.sender)
        return MessageStored(message, name, pair=pair, shown=shown)
