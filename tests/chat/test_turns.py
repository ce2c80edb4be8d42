"""Turns: what lets the batch behind another be written."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chat.turns import Turn, commit_in_turn
from models.records import new_id
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    Outcome,
    Store,
    Stored,
    Unavailable,
    Withheld,
    Write,
)
from tests.contract.samples import add_room, message, say

LONGEST = 10.0


def in_turn(store: Any, turn: Turn, before: Turn | None, *writes: Write) -> list[Outcome]:
    return commit_in_turn(store, turn, before, writes, later=False)


def test_a_turn_comes_when_the_one_before_it_has_ended() -> None:
    turn, came = Turn(), list[bool]()
    waiting = threading.Thread(target=lambda: came.append(turn.came()))
    waiting.start()
    assert (came, turn.as_presumed) == ([], False)
    turn.end(as_presumed=True)
    waiting.join(LONGEST)
    assert (came, turn.as_presumed) == ([True], True)


def test_what_is_said_first_counts() -> None:
    turn, other = Turn(), Turn.over()
    turn.end(as_presumed=False)
    turn.end(as_presumed=True)
    other.end(as_presumed=False)
    assert (turn.came(), other.came()) == (False, True)


def test_a_batch_that_is_stored_as_it_was_numbered_lets_the_next_be_written(store: Store) -> None:
    room, turn, next_turn = add_room(store), Turn(), Turn()
    first, second = message(room.id, 1), message(room.id, 2)
    mark = MovedMark(room.id, new_id(), 1, 1)
    edit = ChangedMessage(message(room.id, 1, id=first.id, rev=2))
    assert in_turn(store, turn, None, NewMessage(first), mark, edit)
    assert in_turn(store, next_turn, turn, NewMessage(message(room.id, 2, rev=3)))
    assert (turn.as_presumed, next_turn.as_presumed) == (True, True)
    assert store.messages.counters(room.id).seq == second.seq


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
    class Failing:
        def commit(self, _: Any, *, later: bool, turn: Callable[[], bool]) -> list[Outcome]:
            raise Unavailable(f"no answer ({later}, {turn()})")

    turn = Turn()
    with pytest.raises(Unavailable):
        in_turn(Failing(), turn, None, NewMessage(message(new_id(), 1)))
    assert not turn.came()


def test_an_answer_that_is_too_short_holds_back_what_is_behind() -> None:
    class Short:
        def commit(self, *_: Any, **__: Any) -> list[Outcome]:
            return [Stored()]

    turn = Turn()
    with pytest.raises(ValueError, match="zip"):
        in_turn(Short(), turn, None, *[MovedMark(new_id(), new_id(), 1, 1)] * 2)
    assert not turn.came()
