"""Between the dialects and the hub: what each event is encoded by."""

from collections.abc import Iterable, Mapping
from sys import intern

from msgspec.structs import replace

from chat.events import Event, Form, MessageStored
from handlers.dialects.showing import base_of, based
from handlers.dialects.tables import Table
from handlers.socketio.framing import Framing
from handlers.socketio.packets import event as packed
from handlers.socketio.words import Framed, framed

# Events are encoded once for each address that clients have come by. A server has a few; those who
# come by more are told links without one, and never with one that somebody else made up.
MAX_BASES = 16

Wording = Mapping[Framing, Framed]


class Wordings:
    """The words that the hub tells events in, by dialect and by where clients have come."""

    def __init__(self, own: str = "") -> None:
        # Links begin with the server's own address where it was told one.
        self._own = own
        self._bases = {""}
        self._wordings: dict[tuple[Table, str], Wording] = {}

    def base(self, headers: Mapping[str, str]) -> str:
        """What the links of a client begin with."""
        base = "" if self._own else base_of(headers)
        if base not in self._bases:
            if len(self._bases) > MAX_BASES:
                return ""
            self._bases.add(base)
        return intern(base)

    def of(self, table: Table, base: str) -> Wording:
        """The words of a dialect, for each transport."""
        wording = self._wordings.get((table, base))
        if wording is None:
            wording = self._wordings[table, base] = framed(_Based(table, base))
        return wording


class _Based:
    """A dialect for the clients that have come by one address."""

    def __init__(self, table: Table, base: str) -> None:
        self.name = table.name
        self._table = table
        self._base = base

    def packets(self, event: Event, form: Form) -> Iterable[bytes]:
        """An event as packets."""
        if isinstance(event, MessageStored) and event.shown:
            event = replace(event, shown=based(event.shown, self._base))
        return [packed(name, payload) for name, payload in self._table.told(event, form)]
