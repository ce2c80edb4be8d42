"""What a dialect of Socket.IO is made of: what its clients say, and what they are told.

`docs/dialects.md` makes one step by step; `private.py` is one to copy.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, get_type_hints

import msgspec
from msgspec import Raw, Struct, field

from chat import commands
from chat.conversations import Line
from chat.errors import Invalid
from chat.events import Event, Form
from handlers.socketio.packets import Event as Packet
from handlers.views import Moment, View
from models.records import User

# An event as a client is told it: its name, and what comes with it.
Told = tuple[str, object]


class Speech(Struct, frozen=True):
    """Something to be said: to somebody by id or by name, or to everybody."""

    text: str
    to: str | None = None
    to_name: str | None = None
    client_id: str | None = None
    # The link to an upload of the sender's, to be shown.
    link: str | None = None


class Answer(View, frozen=True):
    """What a callback is called with once something is done; more fields say what came of it."""

    ok: Literal[True]


class Said(Answer, frozen=True):
    """The message is stored."""

    id: str
    underscore_id: str = field(name="_id")
    room_id: str
    rev: int
    timestamp: Moment


class Reached(Answer, frozen=True):
    """How far a room has been told, and whether that is all."""

    room_id: str
    rev: int
    complete: bool


class Synced(View, frozen=True):
    """How far a room has been told, and whether that is all."""

    room_id: str
    rev: int
    complete: bool


class Client(Protocol):
    """What a dialect may do for one of its clients."""

    @property
    def user(self) -> str:
        """The id of whoever it is."""

    @property
    def name(self) -> str:
        """Their name."""

    def emit(self, name: str, payload: object) -> None:
        """Tell this client alone."""

    async def find(self, name: str) -> User | None:
        """Whoever has a name."""

    async def online(self) -> Sequence[User]:
        """Those who are online."""

    def socket_id(self, user_id: str) -> str:
        """The name of a socket of somebody."""

    async def typing(self, user_id: str, *, on: bool) -> None:
        """Be writing to somebody, or be writing no more."""

    async def delivered(self, message_id: str) -> None:
        """Have received as far as a message."""

    async def read(self, message_id: str) -> None:
        """Have read as far as a message."""

    async def sync(self, command: commands.Sync) -> Reached:
        """Tell what has changed in a room."""

    async def show_history(
        self, user_id: str, show: Callable[[list[Line]], Told], *, limit: int, skip: int = 0
    ) -> list[Line]:
        """Tell the latest lines with somebody, in order with what is told meanwhile."""


Action = Callable[[Client, Any], Awaitable[Answer]]


class Says(Struct, frozen=True):
    """An event by which somebody says something."""

    form: Any
    speech: Callable[[Any], Speech]
    # The name that its client gives itself, where clients do so.
    sender: Callable[[Any], str] | None = None

    # Never said to be somebody else.
    joins: ClassVar[bool] = False

    @property
    def answer(self) -> type[Answer]:
        """What its callback is called with."""
        return Said


class Does(Struct, frozen=True):
    """An event by which somebody does something else."""

    form: Any
    action: Action
    sender: Callable[[Any], str] | None = None
    # Whether it is said to be somebody, and so may be said again by somebody else.
    joins: bool = False

    @property
    def answer(self) -> type[Answer]:
        """What its callback is called with."""
        answer: type[Answer] = get_type_hints(self.action)["return"]
        return answer


Row = Says | Does

# What an event carries that carries nothing.
_NOTHING = Raw(b"null")


async def _sync(client: Client, command: commands.Sync) -> Reached:
    return await client.sync(command)


# What every dialect hears, besides its own events.
COMMON: Mapping[str, Row] = {"sync": Does(commands.Sync, _sync)}


class Heard(Struct, frozen=True):
    """An event of a client, decoded."""

    row: Row
    what: Any

    @property
    def sender(self) -> str | None:
        """The name that its client gives itself."""
        return None if self.row.sender is None else self.row.sender(self.what)


async def _no_greeting(_: Client) -> None:
    """Tell nothing."""


class Table:
    """A dialect. Make one, and name it in `choice.py`."""

    def __init__(
        self,
        name: str,
        hears: Mapping[str, Row],
        told: Callable[[Event, Form], Iterable[Told]],
        tells: Mapping[str, Any],
        *,
        greet: Callable[[Client], Awaitable[None]] = _no_greeting,
        says_delivered: bool = False,
        offline: bool = True,
        alike: bool = False,
    ) -> None:
        self.name = name
        # The dialects that a client of this one may turn out to speak.
        self.choices: tuple[Table, ...] = (self,)
        self.told = told
        # What its clients are told: by its name, what comes with it.
        self.tells = tells
        # What a client is told first of all.
        self.greet = greet
        # Whether its clients say what they have received; else, what they are told counts as such.
        self.says_delivered = says_delivered
        # Whether they are told what came while they were away.
        self.offline = offline
        # Whether everybody hears of a message in the same words, whoever said it.
        self.alike = alike
        self.hears: Mapping[str, Row] = {**COMMON, **hears}
        self._rows = {
            event: (row, msgspec.json.Decoder(row.form)) for event, row in self.hears.items()
        }

    def knows(self, event: str | int) -> bool:
        """Whether clients of this dialect say something."""
        return event in self.hears

    def hear(self, event: Packet) -> Heard:
        """Read what a client says; Invalid where it makes no sense."""
        known = self._rows.get(event.name) if isinstance(event.name, str) else None
        if known is None:
            raise Invalid("unknown_event", "there is no such event")
        row, decoder = known
        argument = event.arguments[0] if event.arguments else _NOTHING
        try:
            return Heard(row, decoder.decode(argument))
        except msgspec.ValidationError as error:
            raise Invalid("invalid_event", f"{event.name}: {error}") from None
        except (msgspec.DecodeError, UnicodeError):
            raise Invalid("invalid_json", "this is not valid JSON") from None
        except RecursionError:
            raise Invalid("invalid_json", "this is nested too deeply") from None


class Undecided(Table):
    """Several dialects at once: a client hears all, until it says what only one of them says."""

    def __init__(self, *tables: Table) -> None:
        tells = {name: kind for table in tables for name, kind in table.tells.items()}
        super().__init__("/".join(table.name for table in tables), {}, self._told_by_all, tells)
        self.choices = tables
        self.greet = self._greet_by_all
        self.says_delivered = any(table.says_delivered for table in tables)
        self.offline = any(table.offline for table in tables)

    def _told_by_all(self, event: Event, form: Form) -> Iterable[Told]:
        return [told for table in self.choices for told in table.told(event, form)]

    async def _greet_by_all(self, client: Client) -> None:
        for table in self.choices:
            await table.greet(client)
