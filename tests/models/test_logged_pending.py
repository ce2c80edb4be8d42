"""What is in the log and not in its place yet."""

import pytest
from msgspec.structs import replace

from models.batch import client_key
from models.logged import pending as pending_module
from models.logged.pending import Pending, marked
from models.logged.sorting import room_of, sort
from models.records import Message, new_id
from models.store import ChangedMessage, MovedMark, NewMessage, Write
from tests.contract.samples import member, message

ROOM, OTHER, THIRD = new_id(), new_id(), new_id()
ADA, BOB = new_id(), new_id()


def news(room: str, amount: int, first: int = 1) -> list[Message]:
    return [message(room, number) for number in range(first, first + amount)]


def added(*entries: list[Write]) -> Pending:
    """What is pending of some entries, which are named by their numbers."""
    pending = Pending()
    for number, writes in enumerate(entries, 1):
        assert pending.add(str(number), sort(writes), len(writes))
    return pending


def test_nothing_is_pending_at_first() -> None:
    pending = Pending()
    assert (len(pending), pending.bytes, pending.entries) == (0, 0, 0)
    assert pending.rooms() == pending.showing() == pending.take(9).writes == []
    assert pending.placed(pending.take(9)) == []
    assert ROOM not in pending
    assert not pending.has(ROOM, 9)


def test_a_message_is_known_by_its_id_and_its_client_id_as_it_was_written_last() -> None:
    first, second = news(ROOM, 2)
    edit = ChangedMessage(replace(first, rev=3))
    pending = added([NewMessage(first), NewMessage(second)], [edit])
    assert pending.write(first.id) == pending.of_key(client_key(first)) == edit
    assert pending.write(second.id) == pending.of_key(client_key(second)) == NewMessage(second)
    assert pending.write(new_id()) is pending.of_key((ADA, "x")) is None


def test_a_message_without_a_name_of_its_own_is_known_by_its_id_and_only_if_it_has_none() -> None:
    plain, named = message(ROOM, 1, id=(own := new_id()), client_id=own), message(ROOM, 2)
    pending = added([NewMessage(plain), NewMessage(named)])
    key, other, stranger = client_key(plain), (named.sender, named.id), (ADA, plain.id)
    assert pending.of_key(key) == NewMessage(plain)
    assert pending.has_any({key})
    assert pending.of_key(other) is pending.of_key(stranger) is None
    edit = ChangedMessage(replace(plain, rev=3))
    pending.add("2", sort([edit]))
    pending.placed(pending.take(2))
    assert pending.of_key(key) == edit
    pending.placed(pending.take(1))
    assert pending.of_key(key) is None
    assert not pending.has_any({key, other, stranger})


def test_the_numbers_of_a_room_are_those_of_its_last_writes() -> None:
    first, second = news(ROOM, 2)
    pending = added([NewMessage(first), NewMessage(second), ChangedMessage(replace(first, rev=3))])
    assert pending.head(ROOM) == (2, 3)
    assert pending.head(OTHER) == (0, 0)


def test_all_that_is_written_of_one_message_counts() -> None:
    said = message(ROOM, 1)
    edits = [ChangedMessage(replace(said, rev=rev)) for rev in (2, 3)]
    pending = added([NewMessage(said), *edits])
    assert len(pending) == 3
    pending.placed(pending.take(2))
    assert len(pending) == 1
    pending.forget(ROOM)
    assert len(pending) == 0


def test_a_portion_has_so_many_messages_each_room_in_order() -> None:
    here, there = news(ROOM, 3), news(OTHER, 2)
    writes = [NewMessage(each) for pair in zip(here, there, strict=False) for each in pair]
    pending = added([*writes, NewMessage(here[2])])
    taken = pending.take(4)
    assert taken.size == len(taken.writes) == 4
    for room, said in ((ROOM, here), (OTHER, there)):
        of_room = [write for write in taken.writes if room_of(write) == room]
        assert of_room == [NewMessage(each) for each in said[: len(of_room)]]
    assert pending.take(4).writes == taken.writes
    pending.placed(taken)
    assert len(pending.take(4).writes) == len(pending) == 1


def test_a_portion_can_be_of_some_rooms() -> None:
    here, there = news(ROOM, 2), news(OTHER, 2)
    pending = added([NewMessage(each) for each in (*here, *there)])
    assert pending.take(9, [THIRD, OTHER]).writes == [NewMessage(each) for each in there]
    assert pending.take(9, []).writes == []


def test_marks_alone_take_a_part_of_the_limit_too() -> None:
    marks = [MovedMark(room, ADA, 1, 1) for room in (ROOM, OTHER, THIRD)]
    pending = added([*marks])
    assert (pending.take(2).size, pending.take(9).size) == (2, 3)


def test_what_is_placed_is_not_pending_any_more() -> None:
    first, second = news(ROOM, 2)
    pending = added([NewMessage(first), NewMessage(second), MovedMark(ROOM, ADA, 2, 2)])
    assert pending.placed(pending.take(1)) == []
    assert pending.write(first.id) is pending.of_key(client_key(first)) is None
    assert pending.write(second.id) == NewMessage(second)
    assert pending.mark(ROOM, ADA) is None
    assert pending.placed(pending.take(1)) == ["1"]
    assert ROOM not in pending
    assert (len(pending), pending.bytes) == (0, 0)


def test_an_entry_is_needed_as_long_as_something_of_it_or_before_it_is_pending() -> None:
    here, there = news(ROOM, 2), news(OTHER, 2)
    pending = added(
        *([NewMessage(one), NewMessage(other)] for one, other in zip(here, there, strict=True))
    )
    assert pending.placed(pending.take(9, [ROOM])) == []
    assert pending.bytes == 4
    assert pending.placed(pending.take(1, [OTHER])) == ["1"]
    assert pending.bytes == 2
    assert pending.placed(pending.take(9)) == ["2"]


def test_what_comes_while_a_portion_is_on_its_way_stays_pending() -> None:
    first, second = news(ROOM, 2)
    pending = added([NewMessage(first), MovedMark(ROOM, ADA, 1, 0), MovedMark(ROOM, BOB, 1, 0)])
    portion = pending.take(9)
    pending.add("2", sort([NewMessage(second), MovedMark(ROOM, ADA, 0, 2)]), 1)
    assert pending.placed(portion) == ["1"]
    assert pending.take(9).writes == [NewMessage(second), MovedMark(ROOM, ADA, 1, 2)]
    assert not pending.has(ROOM, 1)
    assert pending.has(ROOM, 2)


def test_a_change_that_comes_while_its_message_is_on_its_way_is_the_last_write_of_it() -> None:
    said = message(ROOM, 1)
    edit = ChangedMessage(replace(said, rev=2))
    pending = added([NewMessage(said)])
    portion = pending.take(9)
    pending.add("2", sort([edit]))
    pending.placed(portion)
    assert pending.write(said.id) == edit
    assert pending.of_key(client_key(said)) is None


def test_the_oldest_entries_come_first_however_busy_a_room_is() -> None:
    busy, quiet = news(ROOM, 9), message(OTHER, 1)
    pending = added([NewMessage(each) for each in busy[:8]])
    pending.placed(pending.take(1))
    pending.add("2", sort([NewMessage(quiet)]))
    pending.placed(pending.take(7))
    pending.add("3", sort([NewMessage(busy[8])]))
    assert pending.take(1).writes == [NewMessage(quiet)]


def test_marks_move_forward_each_by_itself() -> None:
    pending = added([MovedMark(ROOM, ADA, 5, 1)], [MovedMark(ROOM, ADA, 3, 3)])
    assert pending.marks(ROOM) == {ADA: MovedMark(ROOM, ADA, 5, 3)}
    assert pending.marks_of(ADA) == {ROOM: pending.mark(ROOM, ADA)}
    assert pending.marks(OTHER) == pending.marks_of(BOB) == {}
    assert pending.mark(OTHER, ADA) is pending.mark(ROOM, BOB) is None


def test_a_membership_has_the_further_of_its_marks() -> None:
    kept = member(ROOM, ADA, delivered=4, read=4)
    assert marked(kept, None) == kept
    assert marked(kept, MovedMark(ROOM, ADA, 5, 3)) == replace(kept, delivered=5)


def test_marks_can_be_taken_alone() -> None:
    said = NewMessage(message(ROOM, 1))
    pending = added([said, MovedMark(ROOM, ADA, 1, 1)])
    assert pending.has_marks(ROOM)
    assert pending.placed(pending.take_marks(ROOM)) == []
    assert not pending.has_marks(ROOM)
    assert not pending.has_marks(OTHER)
    assert pending.take_marks(ROOM).writes == pending.take_marks(OTHER).writes == []
    assert pending.placed(pending.take(9)) == ["1"]


def test_marks_of_somebody_who_left_are_forgotten_and_so_is_a_room_without_any() -> None:
    pending = added([MovedMark(ROOM, ADA, 1, 1), MovedMark(ROOM, BOB, 1, 1)])
    pending.forget_marks(ROOM, ADA)
    assert pending.marks(ROOM) == {BOB: MovedMark(ROOM, BOB, 1, 1)}
    pending.forget_marks(ROOM, BOB)
    pending.forget_marks(OTHER, BOB)
    assert not pending.has(ROOM, 1)
    assert pending.placed(pending.take(9)) == ["1"]


def test_rooms_where_an_upload_is_shown_or_not_any_more_are_known() -> None:
    shown = message(ROOM, 1, attachments=(new_id(),))
    edit = ChangedMessage(message(OTHER, 1, rev=2))
    pending = added([NewMessage(shown), edit, NewMessage(message(THIRD, 1))])
    assert sorted(pending.showing()) == sorted([ROOM, OTHER])
    pending.placed(pending.take(9, [ROOM]))
    assert pending.showing() == [OTHER]
    pending.forget(OTHER)
    assert pending.showing() == []


def test_what_was_on_its_way_to_a_room_that_is_gone_is_not_pending() -> None:
    lost, there = message(ROOM, 1), message(OTHER, 1)
    pending = Pending()
    pending.forget(ROOM)
    assert not pending.add(
        "1", sort([NewMessage(lost), NewMessage(there), MovedMark(ROOM, ADA, 1, 1)])
    )
    assert pending.add("2", sort([ChangedMessage(lost), MovedMark(ROOM, ADA, 1, 1)]))
    assert pending.rooms() == [OTHER]
    assert pending.write(lost.id) is None
    assert pending.placed(pending.take(9)) == ["1", "2"]


def test_a_room_that_goes_while_a_portion_is_on_its_way_stays_gone() -> None:
    here, there = news(ROOM, 2), message(OTHER, 1)
    pending = added([NewMessage(each) for each in (*here, there)])
    portion = pending.take(1, [ROOM])
    pending.forget(ROOM)
    assert pending.placed(portion) == []
    assert (len(pending), pending.rooms()) == (1, [OTHER])
    assert pending.of_key(client_key(here[1])) is None


def test_rooms_that_are_gone_are_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_module, "MAX_GONE", 2)
    pending = Pending()
    for room in (ROOM, OTHER, THIRD):
        pending.forget(room)
    assert not pending.add("1", sort([NewMessage(message(THIRD, 1))]))
    assert pending.add("2", sort([NewMessage(message(ROOM, 1))]))


def test_everything_can_be_forgotten_to_be_read_again() -> None:
    said = message(ROOM, 1, attachments=(new_id(),))
    pending = added([NewMessage(said), MovedMark(ROOM, ADA, 1, 1)])
    pending.clear()
    assert (len(pending), pending.bytes) == (0, 0)
    assert pending.rooms() == pending.showing() == []
    assert pending.write(said.id) is pending.of_key(client_key(said)) is None
    assert pending.placed(pending.take(9)) == []
