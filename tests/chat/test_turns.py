"""Turns: what lets the batch behind another be written."""

from typing import Any

import pytest

from chat.turns import Turn, Withheld, commit_in_turn
from models.records import new_id
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    Outcome,
    Store,
    Stored,
    Unavailable,
    Write,
)
from tests.contract.samples import add_room, message, say


def in_turn(store: Store, turn: Turn, before: Turn | None, *writes: Write) -> list[Outcome]:
    return commit_in_turn(lambda: store.prepare(writes), writes, turn, before)


def test_a_batch_that_is_stored_as_it_was_numbered_lets_the_next_be_written(store: Store) -> None:
    room, turn, next_turn = add_room(store), Turn(), Turn()
    first = message(room.id, 1)
    mark = MovedMark(room.id, new_id(), 1, 1)
    edit = ChangedMessage(message(room.id, 1, id=first.id, rev=2))
    assert in_turn(store, turn, None, NewMessage(first), mark, edit)
    assert in_turn(store, next_turn, turn, NewMessage(message(room.id, 2, rev=3)))
    assert (turn.as_presumed, next_turn.as_presumed) == (True, True)
    assert store.messages.counters(room.id).seq == 2


@pytest.mark.parametrize("behind", [0, 1])
def test_numbers_that_move_down_hold_back_what_is_behind(store: Store, behind: int) -> None:
    room, turn, next_turn = add_room(store), Turn(), Turn()
    first = message(room.id, 1)
    say(store, first)
    again = message(room.id, 2, sender=first.sender, client_id=first.client_id)
    others = [NewMessage(message(room.id, 3 + n)) for n in range(behind)]
    in_turn(store, turn, None, NewMessage(again), *others)
    assert not turn.as_presumed
    with pytest.raises(Withheld):
        in_turn(store, next_turn, turn, NewMessage(message(room.id, 3 + behind)))
    assert not next_turn.as_presumed
    assert store.messages.counters(room.id).seq == 1 + behind


def test_a_failure_holds_back_what_is_behind() -> None:
    def fail() -> Any:
        raise Unavailable("no answer")

    writes, turn = [NewMessage(message(new_id(), 1))], Turn()
    with pytest.raises(Unavailable):
        commit_in_turn(lambda: fail, writes, turn, Turn(as_presumed=True))
    assert not turn.as_presumed


def test_an_answer_that_is_too_short_holds_back_what_is_behind() -> None:
    writes, turn = [MovedMark(new_id(), new_id(), 1, 1)] * 2, Turn()
    with pytest.raises(ValueError, match="zip"):
        commit_in_turn(lambda: lambda: [Stored()], writes, turn, None)
    assert not turn.as_presumed
