"""Which messages are new without a look into the store."""

import time
from itertools import count

import pytest
from msgspec.structs import replace

from models import records
from models.logged import attempts as attempts_module
from models.logged.attempts import Attempts
from models.records import Message, new_id
from tests.contract.samples import message

ROOM, ADA, BOB = new_id(), new_id(), new_id()


def plain(sender: str = ADA) -> Message:
    """A message without a name of its own."""
    own = new_id()
    return message(ROOM, 1, id=own, client_id=own, sender=sender)


def named(name: str, sender: str = ADA) -> Message:
    """A message that its client has named."""
    return message(ROOM, 1, client_id=name, sender=sender)


def test_what_has_no_name_is_new_once() -> None:
    attempts = Attempts()
    said = [plain(), plain()]
    assert attempts.begin([]) == attempts.begin(said) == []
    assert attempts.begin(said) == said
    both = [said[1], plain()]
    assert attempts.begin(both) == both
    assert attempts.begin([plain()]) == []


def test_what_is_there_twice_is_not_new() -> None:
    said = plain()
    assert Attempts().begin([said, said]) == [said, said]


def test_what_came_before_all_this_is_not_new() -> None:
    said = plain()
    assert Attempts().begin([said]) == [said]


def test_a_name_is_always_looked_for_and_its_message_counts_as_tried() -> None:
    attempts = Attempts()
    first, second, third = named("a"), plain(), named("a")
    assert attempts.begin([first, second, third]) == [first, third]
    assert attempts.begin([second]) == [second]


@pytest.mark.parametrize("clock", ["back", "still"])
def test_nothing_is_new_behind_what_is_greater(monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    moment = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: moment)
    monkeypatch.setattr(records, "_numbers", count(0xFFFFFE))
    attempts = Attempts()
    first = plain()
    assert attempts.begin([first]) == []
    if clock == "back":
        moment -= 3600
    second, third = plain(), plain()
    assert second.id < third.id < first.id
    assert attempts.begin([second]) == [second]
    assert attempts.begin([first]) == [first]
    assert attempts.begin([third, first]) == [third, first]
    moment += 7200
    assert attempts.begin([plain()]) == []


@pytest.mark.parametrize("is_first", [False, True])
def test_whoever_names_a_message_like_one_of_ours_is_looked_for_from_then_on(
    is_first: bool,
) -> None:
    attempts = Attempts()
    other, one, two = plain(BOB), plain(), plain()
    batch = [replace(one, client_id=two.id), two] if is_first else [one, named(one.id)]
    assert attempts.begin([other, *batch]) == batch
    again, more = plain(BOB), plain()
    assert attempts.begin([again, more]) == [more]


@pytest.mark.parametrize("name", ["f" * 24, "0" * 24, "a", "=" * 64 + "0" * 24])
def test_other_names_are_no_reason_to_look(name: str) -> None:
    attempts = Attempts()
    attempts.begin([named(name)])
    assert attempts.begin([plain()]) == []


def test_where_many_guess_everything_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts_module, "MAX_IMITATORS", 2)
    attempts = Attempts()
    for _ in range(2):
        attempts.begin([named(new_id(), new_id())])
    assert attempts.begin([plain()]) == []
    attempts.begin([named(new_id(), new_id())])
    for _ in range(2):
        said = [plain(), plain(BOB)]
        assert attempts.begin(said) == said
