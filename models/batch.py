"""What a batch of writes comes to once its duplicates are known; the same for every store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from models.records import Message
from models.store import (
    ChangedMessage,
    Duplicate,
    MessageWrite,
    MovedMark,
    NewMessage,
    Outcome,
    Stored,
    Write,
)

ClientKey = tuple[str, str]


class Plan(Struct, frozen=True):
    """The writes that are left to do, in order, and the answer to every write of the batch."""

    writes: list[Write]
    outcomes: list[Outcome]


def client_key(message: Message) -> ClientKey:
    """What makes a message the same message when it is sent again."""
    return message.sender, message.client_id


def client_keys(writes: Iterable[Write]) -> list[ClientKey]:
    """The keys for which a store must look whether they were used before."""
    return list(dict.fromkeys(client_key(w.message) for w in writes if isinstance(w, NewMessage)))


def done_calls(writes: Iterable[Write]) -> list[str]:
    """The keyed calls that are done by a batch, also by what a later change in it replaces."""
    return [w.call for w in writes if isinstance(w, ChangedMessage) and w.call is not None]


def plan(writes: Sequence[Write], firsts: Mapping[ClientKey, Message]) -> Plan:
    """Leave out what is stored already, and close the gaps that duplicates would leave.

    `firsts` holds, for the keys that were used before, the message that is stored under them.
    """
    planner = _Planner(firsts)
    for write in writes:
        match write:
            case NewMessage():
                planner.add(write)
            case ChangedMessage(message, call):
                planner.change(message, call)
            case MovedMark():
                planner.keep(write, Stored())
    return planner.finish()


def parted(writes: Iterable[MessageWrite]) -> tuple[list[Message], list[Message]]:
    """The new and the changed messages of some writes, the latter each once."""
    new = [write.message for write in writes if isinstance(write, NewMessage)]
    changed = {w.message.id: w.message for w in writes if isinstance(w, ChangedMessage)}
    return new, list(changed.values())


class _Planner:
    """Walks through a batch and remembers by how much the numbers of each room move down."""

    def __init__(self, firsts: Mapping[ClientKey, Message]) -> None:
        self._writes: list[Write] = []
        self._outcomes: list[Outcome] = []
        self._known = dict(firsts)
        self._skipped: Counter[str] = Counter()
        self._seqs: dict[str, int] = {}

    def keep(self, write: Write, outcome: Outcome) -> None:
        self._writes.append(write)
        self._outcomes.append(outcome)

    def add(self, write: NewMessage) -> None:
        moved = write.message
        down = self._skipped.get(moved.room, 0)
        if down:
            moved = replace(moved, seq=moved.seq - down, rev=moved.rev - down)
        key = client_key(moved)
        first = self._known.get(key)
        if first is None:
            self._known[key] = moved
            self._seqs[moved.id] = moved.seq
            self.keep(NewMessage(moved) if down else write, Stored(moved))
            return
        self._seqs[first.id] = first.seq
        if (first.id, first.seq) == (moved.id, moved.seq):
            # An earlier attempt at this batch has stored it: the same answer, not a later text.
            self._outcomes.append(Stored(moved))
        else:
            # A new message takes one of each number, so both counters fall behind alike.
            self._skipped[moved.room] += 1
            self._outcomes.append(Stored(first) if first.id == moved.id else Duplicate(first))

    def change(self, message: Message, call: str | None) -> None:
        message = replace(
            message,
            seq=self._seqs.get(message.id, message.seq),
            rev=message.rev - self._skipped[message.room],
        )
        self.keep(ChangedMessage(message, call), Stored(message))

    def finish(self) -> Plan:
        """Of several changes of a message only the last is written, for it replaces the others."""
        last = {w.message.id: w for w in self._writes if isinstance(w, ChangedMessage)}
        writes = [
            write
            for write in self._writes
            if not isinstance(write, ChangedMessage) or last[write.message.id] is write
        ]
        return Plan(writes, self._outcomes)
