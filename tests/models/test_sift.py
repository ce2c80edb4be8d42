"""Looking at candidates, one by one."""

import time
from collections.abc import Iterator
from math import inf

import pytest

from models.contract.messages import Found, Wanted
from models.records import Message
from models.sift import place_of, sifted
from models.store import TooSlow
from models.words import Term
from tests.contract.samples import message

ROOM = "65e0782f1c9d440000000001"
WANTED = Wanted(rooms=(ROOM,), terms=(Term(("hello",)),), limit=2)
LATER = inf

SAID = [
    message(ROOM, number, text=text)
    for number, text in ((4, "hello"), (3, "bye"), (2, "hello"), (1, "hello"))
]


def cut_short(*messages: Message) -> Iterator[Message]:
    yield from messages
    raise TooSlow("no more time")


def test_a_page_says_where_the_next_one_begins_only_if_there_is_more() -> None:
    assert sifted(SAID, WANTED, LATER) == Found([SAID[0], SAID[2]], place_of(SAID[2]))
    assert sifted(SAID[:3], WANTED, LATER) == Found([SAID[0], SAID[2]])


def test_a_page_ends_with_its_time_and_goes_on_behind_what_was_looked_at() -> None:
    assert sifted(SAID[1:], WANTED, time.monotonic() - 1) == Found([], place_of(SAID[1]))


def test_candidates_that_end_in_the_middle_are_shown_so_far() -> None:
    page = sifted(cut_short(*SAID[:2]), WANTED, LATER)
    assert page == Found([SAID[0]], place_of(SAID[1]))


def test_candidates_that_never_came_are_too_slow() -> None:
    with pytest.raises(TooSlow):
        sifted(cut_short(), WANTED, LATER)
