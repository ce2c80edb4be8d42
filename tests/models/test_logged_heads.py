"""The last numbers of rooms, as far as they are known for certain."""

from collections.abc import Callable

import pytest

from models.logged import heads as heads_module
from models.logged.heads import Heads
from models.records import Counters

NONE = Counters()
SOME = Counters(seq=3, rev=7)


def reading(
    answer: Counters, meanwhile: Callable[[], None] = lambda: None
) -> Callable[[str], Counters]:
    """What reads counters, while something else happens."""

    def read(_room: str) -> Counters:
        meanwhile()
        return answer

    return read


def test_nothing_is_known_at_first() -> None:
    assert Heads().get("room") is None


def test_what_was_read_is_known() -> None:
    heads = Heads()
    assert heads.read("room", reading(SOME)) == SOME
    assert heads.get("room") == (3, 7)
    assert heads.get("other") is None


def test_what_was_written_moves_known_numbers_forward_and_never_back() -> None:
    heads = Heads()
    heads.read("room", reading(SOME))
    heads.note({"room": (4, 6), "other": (1, 1)})
    assert heads.get("room") == (4, 7)
    assert heads.get("other") is None


@pytest.mark.parametrize("name", ["begin", "note", "forget"])
def test_what_was_read_during_a_write_is_not_known(name: str) -> None:
    heads = Heads()
    meanwhile = {
        "begin": heads.begin,
        "note": lambda: heads.note({"room": (9, 9)}),
        "forget": heads.forget,
    }[name]
    assert heads.read("room", reading(NONE, meanwhile)) == NONE
    assert heads.get("room") is None


def test_what_was_read_in_front_of_a_write_that_is_noted_behind_is_known_as_written() -> None:
    heads = Heads()
    heads.begin()
    heads.read("room", reading(NONE))
    heads.note({"room": (1, 1)})
    assert heads.get("room") == (1, 1)


def test_nothing_is_known_once_all_is_forgotten() -> None:
    heads = Heads()
    heads.read("room", reading(SOME))
    heads.forget()
    assert heads.get("room") is None


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads_module, "MAX_HEADS", 3)
    heads = Heads()
    for number in range(10):
        heads.read(str(number), reading(SOME))
        assert heads.get(str(number)) == (3, 7)
    assert sum(heads.get(str(number)) is not None for number in range(10)) <= 3
