"""A batch of the journal: numbered before it is written, settled when it is stored."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from chat.entries import Alter, Entry, Mark, Said, Say, Told, ToldMarks, ToldMessage, fulfil
from chat.errors import Busy, Refusal
from chat.live_room import LiveRoom
from models.records import Message
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    Outcome,
    Stored,
    Write,
)

log = logging.getLogger("hubbub.journal")


class Batch(Struct, frozen=True, eq=False):
    """Entries with the writes that store them; `idle` are changes that find nothing to do.

    `refused` are those that may not be made, perhaps because of what is not stored yet. `numbers`
    are those that its rooms come to by it, and `altered` the messages that it changes. `covered`
    are marks that move by what else is written.
    """

    entries: list[Entry]
    writes: list[Write]
    idle: list[Alter]
    refused: list[tuple[Alter, Refusal]]
    numbers: dict[LiveRoom, tuple[int, int]]
    altered: dict[str, Message]
    covered: list[Mark] = []


NOTHING = Batch([], [], [], [], {}, {})


def joined(front: Batch, behind: Batch) -> Batch:
    """Two batches as one, the second numbered behind the first."""
    return Batch(
        front.entries + behind.entries,
        front.writes + behind.writes,
        front.idle + behind.idle,
        front.refused + behind.refused,
        front.numbers | behind.numbers,
        front.altered | behind.altered,
        front.covered + behind.covered,
    )


def numbered(gathered: Sequence[Entry], front: Batch = NOTHING) -> Batch:
    """Give each write its numbers; changes that find nothing to do are left out.

    What is in front, and not settled yet, is presumed to be stored as it was numbered.
    """
    batch = Batch([], [], [], [], {}, {})
    numbers, presumed = batch.numbers, front.numbers
    marks: list[Mark] = []
    for entry in gathered:
        # What is said is asked for first, here and below: `isinstance` takes 0.1 µs to say no.
        if not isinstance(entry, Say) and isinstance(entry, Mark):
            marks.append(entry)
            continue
        room = entry.room
        seq, rev = numbers.get(room) or presumed.get(room) or (room.seq, room.rev)
        if isinstance(entry, Say):
            seq, rev = seq + 1, rev + 1
            write: Write = NewMessage(replace(entry.draft, seq=seq, rev=rev))
        else:
            try:
                changed = _altered(entry, batch.altered, front.altered, rev + 1)
            except Refusal as refusal:
                batch.refused.append((entry, refusal))
                continue
            if changed is None:
                batch.idle.append(entry)
                continue
            rev += 1
            write = ChangedMessage(changed, entry.call)
        numbers[room] = seq, rev
        batch.entries.append(entry)
        batch.writes.append(write)
    if marks:
        _add_marks(batch, marks, presumed)
    return batch


def _add_marks(
    batch: Batch, marks: Sequence[Mark], presumed: Mapping[LiveRoom, tuple[int, int]]
) -> None:
    """Write the marks of a batch, once for each person in a room, and none that are implied."""
    speaking = _speaking(batch, {mark.room for mark in marks if mark.is_implied})
    further: dict[tuple[LiveRoom, str], Mark] = {}
    for mark in marks:
        if mark.is_implied and mark.user in speaking[mark.room]:
            batch.covered.append(mark)
            continue
        place = mark.room, mark.user
        former = further.get(place)
        if former is None:
            further[place] = mark
            continue
        batch.covered.extend((mark,) if former.done is None else (former, mark))
        delivered, read = max(former.delivered, mark.delivered), max(former.read, mark.read)
        further[place] = Mark(mark.room, mark.user, delivered, read)
    for mark in further.values():
        room = mark.room
        batch.numbers.setdefault(room, presumed.get(room) or (room.seq, room.rev))
        batch.entries.append(mark)
        batch.writes.append(MovedMark(room.id, mark.user, mark.delivered, mark.read))


def _speaking(batch: Batch, rooms: Iterable[LiveRoom]) -> dict[LiveRoom, set[str]]:
    """Who says something in some rooms by a batch."""
    speaking: dict[LiveRoom, set[str]] = {room: set() for room in rooms}
    if speaking:
        for entry in batch.entries:
            if isinstance(entry, Say) and entry.room in speaking:
                speaking[entry.room].add(entry.draft.sender)
    return speaking


def _altered(
    entry: Alter, altered: dict[str, Message], presumed: dict[str, Message], rev: int
) -> Message | None:
    if entry.done.done():
        # Given up: then nobody may hold the message, and it may be an old one.
        return None
    message = entry.held.message
    assert message is not None  # noqa: S101 - it is held, and was read before it was queued
    message = altered.get(message.id) or presumed.get(message.id, message)
    changed = entry.change(message)
    if changed is None:
        return None
    altered[message.id] = replace(changed, rev=rev)
    return altered[message.id]


def settle(entry: Entry, outcome: Outcome) -> Told | None:
    """Note in the live room what is stored now, and say what is to be told of it, if it is news.

    What has a number that the room has come past already was told when it was found in the store.
    """
    room = entry.room
    if not isinstance(entry, Say) and isinstance(entry, Mark):
        return ToldMarks(room, entry.user, entry.delivered, entry.read)
    message = outcome.message if isinstance(outcome, Stored) else None
    if message is None or message.rev <= room.rev:
        return None
    room.rev = message.rev
    if message.seq > room.seq:
        room.seq = message.seq
    room.note_message(message)
    if not isinstance(entry, Say):
        return ToldMessage(room, message, new=False)
    room.note_sender(message)
    return ToldMessage(room, message, new=True, origin=entry.origin)


def answer(entry: Entry, outcome: Outcome, told: Told | None) -> None:
    """Answer to whoever waits for an entry, now that it is stored and told."""
    if not isinstance(entry, Say) and isinstance(entry, Mark):
        _fulfil_mark(entry)
    elif isinstance(told, ToldMessage):
        _answer(entry, Said(told.message, fresh=True, forms=told.forms))
    elif not isinstance(outcome, Stored):
        _answer(entry, Said(outcome.first, fresh=False))
    elif outcome.message is not None:
        _answer(entry, Said(outcome.message, fresh=True))


def answer_covered(mark: Mark) -> bool:
    """Answer for a mark that has moved by something else.

    False where it has not: what was said was said before, and stored by another batch.
    """
    member = mark.room.members.get(mark.user)
    if mark.is_implied and member is not None and member.delivered < mark.delivered:
        return False
    _fulfil_mark(mark)
    return True


def _fulfil_mark(mark: Mark) -> None:
    if mark.done is not None and not mark.done.done():
        mark.done.set_result(None)


def answer_idle(entry: Alter) -> None:
    """Answer where there was nothing to do, perhaps because of a change that is stored only now."""
    message = entry.held.message
    if message is not None:
        fulfil(entry.done, Said(message, fresh=False))


def refuse(entries: Sequence[Entry], refusal: Refusal) -> None:
    """Tell whoever waits for some entries that they were not stored."""
    for entry in entries:
        if not isinstance(entry, Mark):
            _answer(entry, refusal)
        elif entry.done is not None and not entry.done.done():
            entry.done.set_exception(refusal)


def _answer(entry: Say | Alter, said: Said | Refusal) -> None:
    if not isinstance(entry, Say):
        fulfil(entry.done, said)
        return
    try:
        entry.answer(said)
    except Exception:  # a fault of ours; all others have their answers
        log.exception("an answer was not taken")


def not_stored() -> Busy:
    """The refusal of what may be sent again."""
    return Busy("not_stored", "this was not stored; send it again", retry_after=2)
