"""What a log keeps when a server ends, or is not told what came of a batch."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from models.logged import LoggedStore
from models.logged.placing import Underlying
from models.records import EVERYONE, Counters, new_id
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    Refused,
    Stored,
    Taken,
    Unavailable,
    Write,
)
from tests.contract.samples import add_room, message
from tests.logs import HookedCommit, HookedLog, away, news, say_later


def test_what_was_withdrawn_does_not_land_even_if_nobody_said_that_it_was(
    logged: LoggedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    withdraw = logged.underlying.withdraw

    def broken_off(*arguments: object, **options: int) -> None:
        withdraw(*arguments, **options)
        away()

    with monkeypatch.context() as patch:
        patch.setattr(logged.underlying, "withdraw", broken_off)
        with pytest.raises(Unavailable):
            logged.withdraw([NewMessage(said)], above=1)
    with pytest.raises(Taken):
        say_later(logged, said)


def test_a_stop_brings_what_is_pending_to_its_place(
    logged: LoggedStore, log: HookedLog, underlying: Underlying
) -> None:
    room = add_room(logged)
    said = [message(room.id, number) for number in range(1, 1_001)]
    say_later(logged, *said)
    assert len(log) == 1
    logged.close()
    underlying.open()
    assert len(log) == 0
    assert underlying.messages.history(room.id, limit=2_000) == said


def test_a_stop_does_not_wait_for_a_store_that_is_away(
    logged: LoggedStore, commits: HookedCommit, log: HookedLog, underlying: Underlying
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said)
    commits.before = away
    logged.close()
    underlying.open()
    assert len(log) == 1
    underlying.close()
    logged.open()
    assert logged.messages.history(room.id, limit=2) == [said]


def test_what_was_acknowledged_is_there_after_a_kill(
    logged: LoggedStore, log: HookedLog, survivor: Callable[[], LoggedStore]
) -> None:
    someone = new_id()
    room, other, gone = (add_room(logged, someone) for _ in range(3))
    said = [message(room.id, number) for number in range(1, 501)]
    there = [message(other.id, number) for number in range(1, 4)]
    edited = replace(said[2], rev=501, text="edited")
    say_later(logged, *said, *there, message(gone.id, 1))
    logged.commit([ChangedMessage(edited), MovedMark(room.id, someone, 500, 400)], later=True)
    logged.commit([MovedMark(EVERYONE, someone, 9, 8)], later=True)
    logged.rooms.delete(gone.id)
    logged.messages.history(other.id, limit=1)  # so a part of an entry is in its place
    assert len(log) == 3
    for _ in range(2):
        anew = survivor()
        assert list(anew.underlying.log.entries()) == []
        assert anew.messages.history(room.id, limit=999) == [*said[:2], edited, *said[3:]]
        assert anew.messages.history(other.id, limit=9) == there
        assert anew.messages.counters(room.id) == Counters(seq=500, rev=501)
        assert anew.rooms.get(gone.id) is None
        assert anew.messages.history(gone.id, limit=9) == []
        for where, delivered, read in ((room.id, 500, 400), (EVERYONE, 9, 8)):
            kept = anew.rooms.member(where, someone)
            assert kept is not None
            assert (kept.delivered, kept.read) == (delivered, read)


def test_entries_of_which_nothing_is_pending_may_come_again(
    logged: LoggedStore, log: HookedLog, survivor: Callable[[], LoggedStore]
) -> None:
    room, other = add_room(logged), add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said, message(other.id, 1))
    logged.commit([ChangedMessage(replace(said, rev=2, text="edited"))], later=True)
    assert logged.messages.counters(room.id) == Counters(seq=1, rev=2)
    newest = replace(said, rev=3, text="newest")
    logged.commit([ChangedMessage(newest)])
    assert len(log) == 2
    anew = survivor()
    assert anew.messages.history(room.id, limit=5) == [newest]
    assert anew.messages.counters(room.id) == Counters(seq=1, rev=3)


def test_a_start_that_breaks_off_can_be_repeated(
    logged: LoggedStore, commits: HookedCommit, log: HookedLog
) -> None:
    room = add_room(logged)
    said = [message(room.id, number) for number in (1, 2)]
    for each in said:
        say_later(logged, each)
    logged.underlying.close()
    commits.behind = away
    with pytest.raises(Unavailable):
        logged.open()
    with pytest.raises(Unavailable):
        logged.ping()
    logged.open()
    logged.ping()
    assert len(log) == 0
    assert logged.messages.history(room.id, limit=5) == said


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_batch_of_which_nobody_knows_is_stored_once_when_it_is_repeated(
    logged: LoggedStore, log: HookedLog, when: str, survivor: Callable[[], LoggedStore]
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    said = [message(room.id, number) for number in (1, 2)]
    batch: list[Write] = [*news(said), MovedMark(room.id, someone, 2, 1)]
    setattr(log, when, away)
    with pytest.raises(Unavailable):
        logged.commit(batch, later=True)
    for later in (True, False, True):
        assert logged.commit(batch, later=later) == [*map(Stored, said), Stored()]
    third = message(room.id, 3)
    assert say_later(logged, third) == [Stored(third)]
    for store in (survivor(), logged):
        assert store.messages.history(room.id, limit=5) == [*said, third]
        assert store.messages.counters(room.id) == Counters(seq=3, rev=3)
        kept = store.rooms.member(room.id, someone)
        assert kept is not None
        assert (kept.delivered, kept.read) == (2, 1)


@pytest.mark.parametrize("when", ["before", "behind"])
@pytest.mark.parametrize("later", [False, True])
def test_what_came_of_a_batch_is_known_before_the_next(
    logged: LoggedStore, log: HookedLog, when: str, later: bool
) -> None:
    room = add_room(logged)
    first, rival = message(room.id, 1), message(room.id, 1)
    setattr(log, when, away)
    with pytest.raises(Unavailable):
        say_later(logged, first)
    if when == "behind":
        with pytest.raises(Taken):
            logged.commit([NewMessage(rival)], later=later)
    else:
        assert logged.commit([NewMessage(rival)], later=later) == [Stored(rival)]
    kept = first if when == "behind" else rival
    assert logged.messages.history(room.id, limit=5) == [kept]


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_batch_of_which_nobody_knows_can_be_withdrawn(
    logged: LoggedStore, log: HookedLog, when: str
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    setattr(log, when, away)
    with pytest.raises(Unavailable):
        say_later(logged, said)
    logged.withdraw([NewMessage(said)], above=1)
    assert logged.messages.history(room.id, limit=5) == ([said] if when == "behind" else [])
    if when == "before":
        with pytest.raises(Taken):
            say_later(logged, said)


def test_nothing_is_said_about_a_batch_as_long_as_nobody_knows(
    logged: LoggedStore, log: HookedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    log.behind = away
    with pytest.raises(Unavailable):
        say_later(logged, said)
    with monkeypatch.context() as patch:
        patch.setattr(log, "withdraw", lambda _entry: away())
        for call in (
            lambda: logged.messages.get(said.id),
            lambda: say_later(logged, message(EVERYONE, 1)),
            lambda: logged.commit([NewMessage(message(EVERYONE, 1))]),
            lambda: logged.withdraw([NewMessage(said)], above=1),
        ):
            with pytest.raises(Unavailable):
                call()
    assert logged.messages.get(said.id) == said
    assert logged.messages.counters(EVERYONE) == Counters()


def test_an_entry_that_is_refused_is_as_good_as_none(logged: LoggedStore, log: HookedLog) -> None:
    def refuse() -> None:
        raise Refused("full")

    room = add_room(logged)
    said = message(room.id, 1)
    log.before = refuse
    with pytest.raises(Refused):
        say_later(logged, said)
    assert logged.messages.history(room.id, limit=5) == []
    assert say_later(logged, said) == [Stored(said)]
