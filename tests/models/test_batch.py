"""What is left of a batch once its duplicates are known."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.batch import ClientKey, client_key, client_keys, plan
from models.records import Message, new_id
from models.store import ChangedMessage, Duplicate, MovedMark, NewMessage, Stored, Write
from tests.contract.samples import message

ROOM, OTHER = new_id(), new_id()

NAMES = st.sampled_from("abcdefgh")


def again(first: Message, number: int) -> Message:
    """Another message under the client id of the first."""
    return message(first.room, number, sender=first.sender, client_id=first.client_id)


def test_an_empty_batch() -> None:
    assert plan([], {}).writes == []
    assert plan([], {}).outcomes == []


def test_without_duplicates_everything_stays() -> None:
    said = message(ROOM, 1)
    writes: list[Write] = [
        NewMessage(said),
        ChangedMessage(replace(said, rev=2)),
        MovedMark(ROOM, new_id(), 1, 1),
    ]
    batch = plan(writes, {})
    assert batch.writes == writes
    assert batch.outcomes == [Stored(said), Stored(replace(said, rev=2)), Stored()]


def test_keys_are_asked_for_once_and_in_order() -> None:
    one, other = message(ROOM, 1), message(ROOM, 3)
    writes: list[Write] = [NewMessage(each) for each in (one, again(one, 2), other)]
    assert client_keys([*writes, ChangedMessage(message(ROOM, 4))]) == [
        client_key(one),
        client_key(other),
    ]


def test_a_known_client_id_is_a_duplicate_and_the_rest_moves_down() -> None:
    first, behind, elsewhere = message(ROOM, 1), message(ROOM, 3), message(OTHER, 5)
    moved = replace(behind, seq=2, rev=2)
    writes = [NewMessage(again(first, 2)), NewMessage(behind), NewMessage(elsewhere)]
    batch = plan(writes, {client_key(first): first})
    assert batch.writes == [NewMessage(moved), NewMessage(elsewhere)]
    assert batch.outcomes == [Duplicate(first), Stored(moved), Stored(elsewhere)]


def test_a_message_that_is_stored_already_is_not_written_again() -> None:
    first, second = message(ROOM, 1), message(ROOM, 2)
    batch = plan([NewMessage(first), NewMessage(second)], {client_key(first): first})
    assert batch.writes == [NewMessage(second)]
    assert batch.outcomes == [Stored(first), Stored(second)]


def test_a_message_that_was_stored_and_changed_is_answered_as_it_was_sent() -> None:
    said = message(ROOM, 1)
    edited = replace(said, rev=2, text="edited")
    writes: list[Write] = [NewMessage(said), ChangedMessage(edited)]
    batch = plan(writes, {client_key(said): edited})
    assert batch.writes == [ChangedMessage(edited)]
    assert batch.outcomes == [Stored(said), Stored(edited)]


def test_a_message_stored_under_other_numbers_leaves_no_gap() -> None:
    stored, behind = message(ROOM, 1), message(ROOM, 6)
    moved = replace(behind, seq=5, rev=5)
    writes = [NewMessage(replace(stored, seq=5, rev=5)), NewMessage(behind)]
    batch = plan(writes, {client_key(stored): stored})
    assert batch.outcomes == [Stored(stored), Stored(moved)]


def test_of_several_changes_the_last_is_written() -> None:
    said, other = message(ROOM, 1), message(ROOM, 2)
    changes = [
        ChangedMessage(replace(said, rev=3)),
        ChangedMessage(replace(other, rev=4)),
        ChangedMessage(replace(said, rev=5)),
    ]
    batch = plan(changes, {})
    assert batch.writes == changes[1:]
    assert batch.outcomes == [Stored(change.message) for change in changes]


class Drawn(NamedTuple):
    """A batch, the messages that are stored already, and the counters of the rooms before it."""

    writes: list[Write]
    firsts: dict[ClientKey, Message]
    seqs: dict[str, int]
    revs: dict[str, int]


@st.composite
def batches(draw: st.DrawFn) -> Drawn:
    """Rooms with counters of their own, in which client ids and messages come again and again."""
    rooms = st.sampled_from((ROOM, OTHER))
    seqs = {room: draw(st.integers(0, 5)) for room in (ROOM, OTHER)}
    revs = {room: seqs[room] + draw(st.integers(0, 5)) for room in (ROOM, OTHER)}
    used = [message(draw(rooms), 99, sender="s", client_id=name) for name in draw(st.sets(NAMES))]
    drawn = Drawn([], {client_key(first): first for first in used}, dict(seqs), dict(revs))
    said: list[Message] = []
    for kind in draw(st.lists(st.sampled_from(("new", "again", "change", "mark")), max_size=30)):
        if kind == "mark":
            drawn.writes.append(MovedMark(ROOM, "u", 1, 1))
            continue
        if kind == "new" or not said:
            said.append(message(draw(rooms), 0, sender="s", client_id=draw(NAMES)))
            base, kind = said[-1], "new"
        else:
            base = draw(st.sampled_from(said))
        revs[base.room] += 1
        if kind == "change":
            drawn.writes.append(ChangedMessage(replace(base, rev=revs[base.room])))
        else:
            seqs[base.room] += 1
            numbered = replace(base, seq=seqs[base.room], rev=revs[base.room])
            drawn.writes.append(NewMessage(numbered))
    return drawn


def new_messages(writes: Sequence[Write]) -> dict[str, Message]:
    """The new messages among some writes, by id."""
    return {write.message.id: write.message for write in writes if isinstance(write, NewMessage)}


@given(batches())
def test_numbers_are_unique_and_without_gaps(drawn: Drawn) -> None:
    batch = plan(drawn.writes, drawn.firsts)
    to_store = new_messages(batch.writes)
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    revs: defaultdict[str, list[int]] = defaultdict(list)
    for write, outcome in zip(drawn.writes, batch.outcomes, strict=True):
        match write, outcome:
            case NewMessage(), Stored(message=Message() as kept) if to_store.pop(kept.id, None):
                seqs[kept.room].append(kept.seq)
                revs[kept.room].append(kept.rev)
            case ChangedMessage(), Stored(message=Message() as kept):
                revs[kept.room].append(kept.rev)
    assert to_store == {}
    for room in (ROOM, OTHER):
        assert seqs[room] == [drawn.seqs[room] + n for n in range(1, len(seqs[room]) + 1)]
        assert revs[room] == [drawn.revs[room] + n for n in range(1, len(revs[room]) + 1)]


@given(batches())
def test_a_batch_planned_again_after_it_was_stored_answers_the_same(drawn: Drawn) -> None:
    batch = plan(drawn.writes, drawn.firsts)
    stored = {client_key(new): new for new in new_messages(batch.writes).values()}
    repeated = plan(drawn.writes, {**drawn.firsts, **stored})
    assert new_messages(repeated.writes) == {}
    assert repeated.outcomes == batch.outcomes
