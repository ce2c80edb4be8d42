"""The rooms that are known to be there, and when they are not any more."""

import time

import pytest

import models.mongo.known_rooms as known_rooms_module
from models.mongo.known_rooms import KnownRooms
from models.store import Unavailable


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> KnownRooms:
    monkeypatch.setattr(known_rooms_module, "KNOWN_SECONDS", 60.0)
    return KnownRooms()


def see(known: KnownRooms, *rooms: str) -> None:
    known.look().note(rooms)


def test_what_was_seen_is_known_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownRooms()
    assert known.look().unknown({"a", "b"}) == {"a", "b"}
    see(known, "a")
    assert known.look().unknown({"a", "b"}) == {"b"}
    late = time.monotonic() + known_rooms_module.KNOWN_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: late + 0.001)
    assert known.look().unknown({"a", "b"}) == {"a", "b"}


def test_a_room_is_unknown_as_soon_as_its_deletion_begins(known: KnownRooms) -> None:
    see(known, "a", "b")
    with known.deleting("a"):
        assert known.unknown(["a", "b"]) == {"a"}
        see(known, "a", "c")  # it may still be there
        assert known.unknown(["a", "b", "c"]) == {"a", "c"}
    see(known, "c")
    assert known.unknown(["a", "b", "c"]) == {"a"}


def test_what_was_looked_for_before_a_deletion_is_not_noted_behind_it(known: KnownRooms) -> None:
    before = known.look()
    with known.deleting("a"):
        within = known.look()
    before.note(["a"])
    within.note(["a"])
    assert known.unknown(["a"]) == {"a"}


def test_a_deletion_without_an_answer_leaves_nothing_known_for_a_while(
    known: KnownRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(known, "b")
    with pytest.raises(Unavailable), known.deleting("a"):
        raise Unavailable("no answer")
    see(known, "a", "b")
    assert known.unknown(["a", "b"]) == {"a", "b"}
    late = time.monotonic() + known_rooms_module.LATE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: late)
    see(known, "b")
    assert known.unknown(["a", "b"]) == {"a"}


def test_so_many_are_known(known: KnownRooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rooms_module, "MAX_KNOWN", 2)
    see(known, "a", "b")
    see(known, "c")
    assert known.unknown(["a", "b", "c"]) == {"a", "b"}
