"""Between the dialects and the hub: what each event is encoded by."""

from collections.abc import Iterable, Mapping
from sys import intern
from weakref import WeakValueDictionary

from msgspec.structs import replace

from chat.events import Event, Form, MessageStored
from handlers.dialects.showing import base_of, based
from handlers.dialects.tables import Table
from handlers.socketio.framing import Framing
from handlers.socketio.packets import event as packed
from handlers.socketio.words import Framed, framed


class Wording(dict[Framing, Framed]):
    """The words of a dialect for those who have come by one address, over each transport."""


class Wordings:
    """The words that the hub tells events in, by dialect and by where clients have come.

    A server has a few addresses. Whoever makes up others is told of them alone, and what is kept
    for an address goes with the last client that has come by it: so there are never more than
    sockets, and to encode an event once more costs about as much as to write it to one.
    """

    def __init__(self, own: str = "") -> None:
        # Links begin with the server's own address where it was told one.
        self._own = own
        self._wordings: WeakValueDictionary[tuple[Table, str], Wording] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._wordings)

    def base(self, headers: Mapping[str, str]) -> str:
        """What the links of a client begin with."""
        return "" if self._own else intern(base_of(headers))

    def of(self, table: Table, base: str) -> Wording:
        """The words of a dialect, for each transport."""
        wording = self._wordings.get((table, base))
        if wording is None:
            wording = Wording(framed(_Based(table, base)))
            self._wordings[table, base] = wording
        return wording


class _Based:
    """A dialect for the clients that have come by one address."""

    def __init__(self, table: Table, base: str) -> None:
        self.name = table.name
        self._table = table
        self._base = base
        self.kept_as = f"{table.name} {base}" if table.alike else None

    def packets(self, event: Event, form: Form) -> Iterable[bytes]:
        """An event as packets."""
        if isinstance(event, MessageStored) and event.shown:
            event = replace(event, shown=based(event.shown, self._base))
        for name, payload in self._table.told(event, form):
            yield packed(name, payload)
