"""Who sent the last messages of a room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.senders import Senders

ANN, BOB, EVE = "ann", "bob", "eve"


def senders(*users: str, first: int = 1, most: int = 4) -> Senders:
    made = Senders(most)
    for seq, user in enumerate(users, start=first):
        made.note(seq, user)
    return made


def test_whoever_sent_what_lies_between_is_known() -> None:
    made = senders(ANN, BOB, EVE)
    assert made.between(0, 2) == {ANN, BOB}
    assert made.between(2, 3) == {EVE}
    assert made.between(3, 3) == made.between(9, 2) == set()
    assert made.between(2, 4) is None


def test_the_oldest_is_forgotten_and_named_by_that() -> None:
    made = senders(ANN, BOB, EVE, ANN)
    assert made.note(5, BOB) == ANN
    assert made.note(6, BOB) == BOB
    assert made.between(1, 3) is None
    assert made.between(2, 4) == {EVE, ANN}


@pytest.mark.parametrize("seq", [9, 2])
def test_a_gap_forgets_what_is_before_it(seq: int) -> None:
    made = senders(ANN, BOB)
    assert made.note(seq, EVE) is None
    assert made.between(0, 2) is None
    assert made.between(seq - 1, seq) == {EVE}
    assert made.last_of(ANN) == 0


def test_the_last_of_somebody() -> None:
    made = senders(ANN, BOB, BOB, EVE, EVE, first=7)
    assert [made.last_of(user) for user in (ANN, BOB, EVE)] == [0, 9, 11]


def test_who_sent_all_alone() -> None:
    made = senders(ANN, BOB, BOB)
    assert made.is_alone(BOB, 1, 3)
    assert made.is_alone(ANN, 3, 3)
    assert not made.is_alone(BOB, 0, 3)
    assert not made.is_alone(BOB, 2, 4)  # for the last is not known


@given(st.lists(st.sampled_from([ANN, BOB]), max_size=12), st.integers(0, 14), st.integers(0, 14))
def test_it_is_as_a_table_of_the_last_ones(users: list[str], after: int, upto: int) -> None:
    made = senders(*users)
    table = dict(list(enumerate(users, start=1))[-4:])
    found = {table.get(seq) for seq in range(after + 1, upto + 1)}
    assert made.between(after, upto) == (None if None in found else found)
    assert made.is_alone(ANN, after, upto) == (found <= {ANN})
