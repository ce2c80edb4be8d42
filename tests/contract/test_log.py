"""What a store with a log in front of it keeps when its process is killed, over either kind."""

import time
from collections.abc import Callable
from itertools import count

import pytest
from msgspec.structs import replace

from models import records
from models.logged import LoggedStore
from models.logged.placing import Underlying
from models.records import EVERYONE
from models.store import ChangedMessage, NewMessage
from tests.contract.samples import message

Kill = Callable[[], LoggedStore]


@pytest.fixture(params=["sqlite_store", "mongo_store"])
def underlying(request: pytest.FixtureRequest) -> Underlying:
    """A store with a log beside its places."""
    kept: Underlying = request.getfixturevalue(request.param)
    return kept


@pytest.fixture
def store(underlying: Underlying) -> LoggedStore:
    """The log in front of it."""
    return LoggedStore(underlying)


@pytest.fixture
def kill(underlying: Underlying) -> Kill:
    """Forget all that is in memory, and begin anew."""

    def killed() -> LoggedStore:
        underlying.close()
        anew = LoggedStore(underlying)
        anew.open()
        return anew

    return killed


@pytest.mark.parametrize("clock", ["back", "still"])
def test_entries_come_back_in_order_whatever_the_clock_does(
    store: LoggedStore, kill: Kill, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    # Each message takes an id too, so at 14 thousand a second they begin anew every 20 minutes.
    moment = time.time()
    monkeypatch.setattr(records, "_numbers", count(0xFFFFFF))
    monkeypatch.setattr(time, "time", lambda: moment)
    said = message(EVERYONE, 1, text="hello")
    store.commit([NewMessage(said)], later=True)
    if clock == "back":
        moment -= 3600
    edited = replace(said, rev=2, text="hullo")
    store.commit([ChangedMessage(edited)], later=True)
    assert kill().messages.get(said.id) == edited
