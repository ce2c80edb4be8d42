"""The native socket: frames in, commands to the core, answers and events out."""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from chat import commands
from chat.chat import Speaker
from chat.commands import SendMessage
from chat.errors import Invalid, Refusal, Unauthenticated
from chat.events import Caught, Event, Form, MessageChanged, MessageStored
from chat.hub import Dialect
from chat.journal import Said
from chat.limits import Rule
from chat.sessions import Identity
from handlers.actions import Actions
from handlers.addresses import client_address, limit_key
from handlers.dialects import native
from handlers.dialects.native import Auth, Frame, FrameId
from handlers.edge import HubbubApplication, store_unavailable
from handlers.frames import PING, FastProtocol, protocol_of
from handlers.services import Services
from handlers.sockets import FAULT, NOT_AUTHENTICATED, TOKEN_REFUSED, TOO_SLOW, Closing
from handlers.views import message_view, own_room_view, own_user_view
from models.records import Message
from models.store import StoreError

log = logging.getLogger("hubbub.sockets")

AUTHENTICATION_SECONDS = 10.0
MAX_FRAME = 64 * 1024
MAX_WAITING = 1024 * 1024

# What is told while a socket is being caught up; beyond it the client starts anew.
MAX_HELD = 10_000

ROOMS_AT_ONCE = 100
MAX_CAUGHT_UP = 500

MESSAGES = Rule("message", burst=40, per_second=20)
OTHERS = Rule("command", burst=100, per_second=50)

_dialect = native.Native()


class SocketHandler(WebSocketHandler):
    """One connection; nothing that a client sends makes it fail, and all of it is bounded."""

    application: HubbubApplication
    _actions: Actions

    def initialize(self, actions: Actions) -> None:
        """Take what carries out the commands."""
        self._actions = actions

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
        self.dialect: Dialect = _dialect
        self.rooms: set[str] | None = None
        self.held: list[tuple[Event, Form]] | None = None
        self.heard = True
        self._speaker: Speaker | None = None
        self._protocol: FastProtocol | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def check_origin(self, origin: str) -> bool:
        """Let listed pages and our own connect."""
        return self.services.origins.allows(origin, self.request.host)

    def prepare(self) -> None:
        """Refuse a connection too many before it becomes a socket."""
        try:
            self.services.sockets.admit(self.address_key)
        except Refusal as refusal:
            raise HTTPError(503, refusal.message) from refusal

    def get_websocket_protocol(self) -> FastProtocol | None:
        """Put the fast reader and writer under the socket."""
        if self.request.headers.get("Sec-WebSocket-Version") not in ("7", "8", "13"):
            return None
        self._protocol = protocol_of(self, max_message=MAX_FRAME, max_waiting=MAX_WAITING)
        return self._protocol

    def open(self, *_: str, **__: str) -> None:
        """Wait for the first frame to say who this is."""
        self.set_nodelay(True)
        self.number = self.services.sockets.add(self)
        self._deadline = asyncio.get_running_loop().call_later(
            AUTHENTICATION_SECONDS, self.end, NOT_AUTHENTICATED
        )

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Carry out a frame; what must wait for something holds up the frames behind it."""
        self.heard = True
        try:
            frame = _decoded(message)
        except Refusal as refusal:
            self._refuse(refusal, native.envelope(message).id if isinstance(message, str) else None)
            return None
        speaker, command = self._speaker, frame.payload
        if isinstance(command, SendMessage) and speaker is not None:
            return self._send(speaker, frame, command)
        return self._guarded(frame.id, self._carry_out(frame))

    def on_pong(self, data: bytes) -> None:
        """Take a sign of life."""
        self.heard = True

    def on_close(self) -> None:
        """Forget the socket."""
        self._unregister()

    def send(self, data: bytes) -> None:
        """Write finished frames; whoever takes them too slowly is cut, and resumes."""
        if self._protocol is not None and not self._protocol.write_frames(data):
            self.end(TOO_SLOW)

    def ping(self, data: str | bytes = b"") -> None:
        """Ask for a sign of life."""
        self.send(PING)

    def end(self, closing: Closing) -> None:
        """Close, saying why; nothing is told any more from this moment on."""
        self._unregister()
        self.close(closing.code, closing.reason)

    def _unregister(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.services.sockets.remove(self)
        if self._speaker is not None:
            self._speaker = None
            self.services.presence.disconnect(self)

    def _send(self, speaker: Speaker, frame: Frame, command: SendMessage) -> Awaitable[None] | None:
        """The way of nearly every frame: no task, and no wait but for the disk."""
        try:
            self.services.limits.take(MESSAGES, speaker.user)
            said = self.services.chat.send_now(speaker, command)
        except Refusal as refusal:
            self._refuse(refusal, frame.id)
            return None
        if said is None:
            return self._guarded(frame.id, self._send_later(speaker, frame, command))
        said.add_done_callback(partial(self._acknowledge, frame.id))
        return None

    async def _send_later(self, speaker: Speaker, frame: Frame, command: SendMessage) -> None:
        said = await self.services.chat.send(speaker, command)
        said.add_done_callback(partial(self._acknowledge, frame.id))

    def _acknowledge(self, frame_id: FrameId, said: asyncio.Future[Said]) -> None:
        if said.cancelled():
            return
        error = said.exception()
        if isinstance(error, Refusal):
            self._refuse(error, frame_id)
        elif frame_id is not None:
            self.send(native.answer("ACK", {"message": self._own(said.result().message)}, frame_id))

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

    def _refuse(self, refusal: Refusal, frame_id: FrameId) -> None:
        self.send(native.refused(refusal, frame_id))
        if self._speaker is None and isinstance(refusal, Unauthenticated):
            self.end(TOKEN_REFUSED)

    async def _carry_out(self, frame: Frame) -> None:
        command = frame.payload
        if isinstance(command, Auth):
            await self._authenticate(command, frame.id)
            return
        if self._speaker is None:
            raise Unauthenticated("not_authenticated", "the first frame is AUTH")
        self.services.limits.take(OTHERS, self._speaker.user)
        if isinstance(command, commands.Sync):
            payload = await self._sync(command)
        else:
            payload = await self._actions.carry_out(self._speaker, command)
        if frame.id is not None:
            self.send(native.answer("ACK", payload, frame.id))

    async def _authenticate(self, command: Auth, frame_id: FrameId) -> None:
        if self._speaker is not None:
            raise Invalid("already_authenticated", "this socket has a user")
        try:
            identity = await self.services.sessions.identify(command.token)
            present = len(self.services.hub.of_user(identity.user.id))
            self.services.sockets.admit_user(present)
        except Refusal as refusal:
            payload = {"code": refusal.code, "message": refusal.message}
            self.send(native.answer("AUTH_ERROR", payload, frame_id))
            self.end(TOKEN_REFUSED)
            return
        self._enter(identity)
        # From here on the socket hears everything; what was missed is read behind that, so that
        # nothing falls between, and what comes meanwhile is held until it has been told.
        states = await self.services.reading.rooms(self.user, limit=ROOMS_AT_ONCE)
        user = own_user_view(identity.user, online=True)
        rooms = [own_room_view(s, self.user, self.services.people.name) for s in states]
        online = self.services.presence.online()
        welcome = {"user": user, "rooms": rooms, "online": online}
        self.send(native.answer("AUTH_SUCCESS", welcome, frame_id))
        self.send(native.answer("ONLINE_USERS", {"userIds": online}))
        await self._catch_up(command.rooms)

    def _enter(self, identity: Identity) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        user = identity.user
        self.user, self.session_id = user.id, identity.session.id
        self._speaker = Speaker(user.id, user.name, self.number)
        self.held = []
        self.services.people.note(user)
        self.services.sockets.authenticated(self)
        self.services.presence.connect(self)

    async def _catch_up(self, seen: dict[str, int]) -> None:
        """Tell what was missed in some rooms, and then what was held meanwhile."""
        told: dict[str, int] = {}
        try:
            for room_id, rev in list(seen.items())[:ROOMS_AT_ONCE]:
                command = commands.Sync(room_id=room_id, since=rev, limit=MAX_CAUGHT_UP)
                try:
                    told[room_id] = await self._tell_changes(command)
                except Refusal as refusal:
                    # Gone, or none of this user's any more: the others are caught up all the same.
                    self._refuse(refusal, None)
        finally:
            self._release(told)

    async def _sync(self, command: commands.Sync) -> dict[str, object]:
        """Catch a room up while the socket hears nothing else."""
        told: dict[str, int] = {}
        self.held = []
        try:
            told[command.room_id] = await self._tell_changes(command)
        finally:
            self._release(told)
        return {"roomId": command.room_id, "rev": told[command.room_id]}

    async def _tell_changes(self, command: commands.Sync) -> int:
        """Tell what has changed in a room, and return how far that reaches."""
        changes = await self.services.reading.changes(self.user, command)
        for message in changes.messages:
            form: Form = "own" if message.sender == self.user else "others"
            self.send(self.dialect.encode(self._event(message), form))
        caught = Caught(command.room_id, changes.rev, changes.complete)
        self.send(self.dialect.encode(caught, "own"))
        return changes.rev

    def _event(self, message: Message) -> Event:
        name = self.services.people.name(message.sender)
        if message.edited or message.deleted or message.reactions or message.pinned:
            return MessageChanged(message, name)
        return MessageStored(message, name)

    def _release(self, told: dict[str, int]) -> None:
        """Tell what was held, but for what the catching up has told already."""
        held, self.held = self.held or [], None
        if len(held) > MAX_HELD:
            self.end(TOO_SLOW)
            return
        for event, form in held:
            match event:
                case MessageStored(message=message) | MessageChanged(message=message):
                    if message.rev <= told.get(message.room, 0):
                        continue
            self.send(self.dialect.encode(event, form))

    def _own(self, message: Message) -> object:
        return message_view(message, self.services.people.name(message.sender), "origin")


def _decoded(message: str | bytes) -> Frame:
    if isinstance(message, bytes):
        raise Invalid("binary_frame", "frames are text")
    try:
        return native.decode(message)
    except msgspec.ValidationError as error:
        raise Invalid("invalid_frame", str(error)) from None
    except (msgspec.DecodeError, UnicodeError):
        raise Invalid("invalid_json", "this is not valid JSON") from None
    except RecursionError:
        raise Invalid("invalid_json", "this is nested too deeply") from None
