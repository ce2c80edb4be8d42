"""What every kind of native client has in common: typed frames in, finished frames out."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from chat import commands
from chat.commands import Command
from chat.errors import Invalid, Refusal
from chat.events import Event, Form
from chat.presence import MAX_TOLD
from handlers.frames import text_frame

FrameId = str | int | None


class Auth(Command, frozen=True):
    """Log a socket in, and name the rooms in which something may have been missed."""

    token: str
    rooms: dict[str, commands.Number] = msgspec.field(default_factory=dict)


class AskPresence(Command, frozen=True):
    """Ask who is online: of all, of a room, or of some; and from the one behind `after` on."""

    room_id: commands.Id | None = None
    user_ids: Annotated[tuple[commands.Id, ...], Meta(max_length=MAX_TOLD)] | None = None
    after: commands.Id | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_TOLD)] = MAX_TOLD


class Listen(Command, frozen=True):
    """Hear what is said in a room on this socket."""

    room_id: commands.Id


class Unlisten(Command, frozen=True):
    """Hear it no more."""

    room_id: commands.Id


class Frame(Struct, frozen=True, gc=False):
    """What a client sends; its `id` comes back in the answer."""

    payload: Any
    id: FrameId = None


class Answer(Struct, frozen=True, gc=False):
    """What a server sends."""

    type: str
    payload: object
    id: str | int | UnsetType = UNSET


class Envelope(Struct, frozen=True, gc=False):
    """What can be read of a frame that is not understood."""

    id: FrameId = None


class Label(Struct, frozen=True, gc=False):
    """The type of a frame that is not understood."""

    type: str | None = None


class Words(Protocol):
    """The words of one kind of client."""

    # What this kind of client is called where they are counted.
    name: str
    # Whether a socket hears only the rooms that it has asked to hear.
    listens: bool
    # Whether it speaks of people, and of each message how far it has come; others speak of rooms.
    names_people: bool
    # Whether the sender of a message is told it in the same words as all others.
    is_alike: bool

    def decode(self, text: str) -> Frame:
        """Read a frame; Invalid where it cannot be read."""

    def encode(self, event: Event, form: Form) -> bytes:
        """An event as finished frames; nothing for what this kind of client is not told."""

    def welcome(self, payload: dict[str, object], frame_id: FrameId) -> bytes:
        """Who one is, and what one has, once that is known."""

    def unwelcome(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """Why nobody was logged in."""

    def done(self, frame: Frame, payload: Mapping[str, object]) -> bytes:
        """The answer to a command that was carried out; nothing where none is expected."""

    def stored(self, frame_id: FrameId, message: bytes) -> bytes:
        """The answer to a message, as its sender is told it; nothing where none is expected."""

    def refused(self, refusal: Refusal, frame_id: FrameId) -> bytes:
        """The answer to a command that was refused."""


class Reader:
    """Reads the frames of a table of commands, in one step and typed."""

    def __init__(self, table: Mapping[str, type[Command]]) -> None:
        kinds = [_frame_kind(name, command) for name, command in table.items()]
        self._decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(reduce(or_, kinds))

    def read(self, text: str) -> Frame:
        """Read a frame; Invalid where it cannot be read."""
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            raise Invalid("invalid_frame", str(error)) from None
        except (msgspec.DecodeError, UnicodeError):
            raise Invalid("invalid_json", "this is not valid JSON") from None
        except RecursionError:
            raise Invalid("invalid_json", "this is nested too deeply") from None


_envelopes = msgspec.json.Decoder(Envelope)
_labels = msgspec.json.Decoder(Label)


def id_of(text: str) -> FrameId:
    """The id of a frame that is not understood, so that its refusal can carry it."""
    try:
        return _envelopes.decode(text).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def type_of(text: str) -> str | None:
    """The type of a frame that is not understood."""
    try:
        return _labels.decode(text).type
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def written(kind: str, payload: object, frame_id: FrameId = None) -> bytes:
    """What a server says, as a finished frame."""
    known = UNSET if frame_id is None else frame_id
    return text_frame(msgspec.json.encode(Answer(kind, payload, known)))


def refusal_body(refusal: Refusal) -> dict[str, object]:
    """A refusal as clients read it."""
    body: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.retry_after is not None:
        body["retryAfter"] = refusal.retry_after
    return {**(refusal.details or {}), **body}


def _frame_kind(name: str, command: type[Command]) -> Any:
    fields: list[Any] = [("payload", command), ("id", FrameId, None)]
    if command is AskPresence:  # the only one that says enough by its name alone
        fields[0] = ("payload", command, msgspec.field(default_factory=command))
    return msgspec.defstruct(
        f"{name.title().replace('_', '')}Frame",
        fields,
        bases=(Frame,),
        tag=name,
        tag_field="type",
        frozen=True,
    )
