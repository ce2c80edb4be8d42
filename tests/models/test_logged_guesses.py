"""A message that its client gives no name has its id for one, which another may have guessed."""

import time
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from msgspec.structs import replace

from models import records
from models.logged import LoggedStore
from models.records import Counters, Message, new_id
from models.store import Duplicate, NewMessage, Stored, Taken, Unavailable
from tests.contract.samples import add_room, message
from tests.logs import HookedLog, away, news, say_later


def plain(room: str, number: int, **fields: str) -> Message:
    """A message that its client gives no name."""
    own = new_id()
    return message(room, number, **{"id": own, "client_id": own, **fields})


def test_only_what_may_have_been_stored_before_is_looked_for(
    logged: LoggedStore, log: HookedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[Message] = []

    def is_news(messages: Sequence[Message]) -> bool:
        looked_for.extend(messages)
        return True

    monkeypatch.setattr(log, "is_news", is_news)
    room = add_room(logged)
    first, second, third = plain(room.id, 1), message(room.id, 2), plain(room.id, 3)
    assert say_later(logged, first, second, third) == [*map(Stored, (first, second, third))]
    assert looked_for == [second]


@pytest.mark.parametrize("how", ["at once", "pending", "placed", "small"])
@pytest.mark.parametrize("is_first", [False, True])
def test_whoever_guesses_an_id_has_said_one_message(
    logged: LoggedStore, how: str, is_first: bool, survivor: Callable[[], LoggedStore]
) -> None:
    room, other, sender = add_room(logged), add_room(logged), new_id()
    one, two = (plain(where, 1, sender=sender) for where in (room.id, other.id))
    # The next id is known, for they are counted; or an id that is told already is sent as a name.
    first, second = (
        (replace(one, client_id=two.id), two) if is_first else (one, replace(two, client_id=one.id))
    )
    behind = plain(other.id, 2)
    stored_behind = Stored(replace(behind, seq=1, rev=1))
    if how == "at once":
        outcomes = say_later(logged, first, second, behind)
    else:
        outcomes = logged.commit(news([first]), later=how != "small")
        if how == "placed":
            assert logged.messages.history(room.id, limit=5) == [first]
        outcomes += say_later(logged, second, behind)
    assert outcomes == [Stored(first), Duplicate(first), stored_behind]
    for store in (logged, survivor()):
        assert store.messages.history(room.id, limit=5) == [first]
        assert store.messages.history(other.id, limit=5) == [stored_behind.message]
        assert store.messages.counters(other.id) == Counters(seq=1, rev=1)
        assert store.messages.by_client_id(sender, first.client_id) == first


@pytest.mark.parametrize("when", ["before", "behind"])
def test_what_was_tried_in_vain_is_stored_once(
    logged: LoggedStore, log: HookedLog, when: str, survivor: Callable[[], LoggedStore]
) -> None:
    room = add_room(logged)
    said = [plain(room.id, 1), plain(room.id, 2)]
    setattr(log, when, away)
    with pytest.raises(Unavailable):
        say_later(logged, *said)
    for later in (True, False, True):
        assert logged.commit(news(said), later=later) == [*map(Stored, said)]
    for store in (logged, survivor()):
        assert store.messages.history(room.id, limit=5) == said


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("clock", ["back", "still"])
def test_what_is_stored_is_stored_once_whatever_the_clock_does(
    logged: LoggedStore, monkeypatch: pytest.MonkeyPatch, clock: str, later: bool
) -> None:
    room, other = add_room(logged), add_room(logged)
    moment = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: moment)
    monkeypatch.setattr(records, "_numbers", count(0xFFFFFE))
    first = plain(room.id, 1)
    assert logged.commit(news([first]), later=later) == [Stored(first)]
    if clock == "back":
        moment -= 3600
    second = plain(room.id, 2)
    assert second.id < first.id
    assert logged.commit(news([second]), later=later) == [Stored(second)]
    for one in (first, second):
        say_later(logged, replace(one, room=other.id, seq=1, rev=1))
    assert logged.messages.history(room.id, limit=5) == [first, second]
    assert logged.messages.counters(other.id) == Counters()


def test_what_a_killed_server_has_left_is_stored_once(
    logged: LoggedStore, survivor: Callable[[], LoggedStore]
) -> None:
    room, other = add_room(logged), add_room(logged)
    said = [plain(room.id, 1), plain(room.id, 2)]
    say_later(logged, *said)
    anew = survivor()
    say_later(anew, *(replace(one, room=other.id) for one in said))
    third = plain(room.id, 3)
    assert say_later(anew, third) == [Stored(third)]
    assert anew.messages.history(room.id, limit=5) == [*said, third]
    assert anew.messages.counters(other.id) == Counters()


def test_what_was_withdrawn_and_never_tried_is_not_stored(logged: LoggedStore) -> None:
    room = add_room(logged)
    said = plain(room.id, 1)
    logged.withdraw([NewMessage(said)], above=1)
    with pytest.raises(Taken):
        say_later(logged, said)
    other = plain(room.id, 1)
    assert say_later(logged, other) == [Stored(other)]
    assert logged.messages.history(room.id, limit=5) == [other]
