"""Whatever is done, a store with a log in front of it answers as one without."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.contract.messages import Wanted
from models.logged import LoggedStore
from models.records import EVERYONE, Message, new_id
from models.sqlite import SQLiteStore
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    NotFound,
    Store,
    Taken,
    Unavailable,
    Write,
)
from models.words import Term
from tests.contract.samples import START, at, member, message, room
from tests.logs import HookedLog, away
from tests.stores import SQLiteStores

PEOPLE = [new_id() for _ in range(3)]
FILES = [new_id() for _ in range(2)]
TEXTS = ("hello", "hello world", "goodbye", "")


@dataclass(frozen=True)
class Act:
    """One thing that is written, or done; what the numbers choose depends on what is there."""

    kind: str
    room: int
    whom: int
    what: int


def acts(*kinds: str) -> st.SearchStrategy[Act]:
    """Things of some kinds."""
    numbers = st.integers(0, 30)
    return st.builds(Act, st.sampled_from(kinds), st.integers(0, 3), st.integers(0, 2), numbers)


batches = st.tuples(
    st.sampled_from(("commit", "later", "later", "later", "lost", "doubtful", "given up")),
    st.lists(
        acts(
            *("new", "new", "new", "again", "same", "guess", "stale"),
            *("edit", "show", "delete", "mark"),
        ),
        min_size=1,
        max_size=6,
    ),
)
steps = batches | acts("index", "reopen", "add room", "delete room", "leave", "join", "look")


class Twins:
    """A store with a log in front of it, and another of which the same is asked."""

    def __init__(self, stores: SQLiteStores, folder: Path) -> None:
        self._path = folder / "logged.db"
        self._opened = stores.open(self._path)
        self.plain = stores.open(folder / "plain.db")
        self._begin()
        self.rooms = [EVERYONE]
        self.said: list[Message] = []
        for _ in range(2):
            self.add_room()

    def _begin(self) -> None:
        self.log = HookedLog(self._opened.log)
        self._opened.log = self.log  # type: ignore[assignment]
        self.logged = LoggedStore(self._opened)

    def close(self) -> None:
        self.logged.close()
        self.plain.close()

    def reopen(self) -> None:
        """Go on as a process that is started because the other was killed."""
        self._opened.close()
        self._opened = SQLiteStore(self._path)
        self._begin()
        self.logged.open()
        assert len(self.log) == 0

    def both(self, call: Callable[[Store], object]) -> Any:
        """What both stores answer."""
        results = [_result(call, store) for store in (self.logged, self.plain)]
        assert results[0] == results[1]
        return results[1]

    def add_room(self) -> None:
        """Make a room of which all are members."""
        made = room()
        members = [member(made.id, each) for each in PEOPLE]
        self.both(lambda store: store.rooms.add(made, members))
        self.rooms.append(made.id)

    def do(self, act: Act) -> None:
        """Do something that is no batch."""
        where, whom = self._room(act), PEOPLE[act.whom]
        match act.kind:
            case "index":
                self.logged.messages.index(act.what)
            case "reopen":
                self.reopen()
            case "add room":
                self.add_room()
            case "delete room" if where != EVERYONE:
                self.both(lambda store: store.rooms.delete(where))
            case "leave" if where != EVERYONE:
                self.both(lambda store: store.rooms.leave(where, whom))
            case "join" if where != EVERYONE:
                # Whoever comes has read what was said before.
                last = self.plain.messages.counters(where).seq
                came = member(where, whom, delivered=last, read=last)
                self.both(lambda store: store.rooms.join(came))
            case "look":
                self.look(act)

    def look(self, act: Act) -> None:
        """Compare one of many things that can be read."""
        looks = self.looks(self._room(act), PEOPLE[act.whom], self._message(act))
        self.both(looks[act.what % len(looks)])

    def look_at_all(self) -> None:
        """Compare all that can be read."""
        for where in self.rooms:
            for whom in PEOPLE:
                for look in self.looks(where, whom, self._message(Act("", 0, 0, 0))):
                    self.both(look)
        self.both(lambda store: store.messages.many(each.id for each in self.said))
        self.both(lambda store: [store.messages.get(each.id) for each in self.said])

    def looks(self, where: str, whom: str, said: Message) -> list[Callable[[Store], object]]:
        """Ways to read what is there."""
        wanted = Wanted(rooms=(where, EVERYONE), terms=(Term(("hello",)),))
        key = said.sender, said.client_id
        return [
            lambda store: store.messages.counters(where),
            lambda store: store.messages.history(where, limit=100),
            lambda store: store.messages.history(where, after=2, limit=3),
            lambda store: store.messages.changes(where, since=3, limit=100),
            lambda store: store.messages.pinned(where, limit=100),
            lambda store: store.messages.naming(where, limit=100),
            lambda store: store.messages.get(said.id),
            lambda store: store.messages.by_client_id(*key),
            lambda store: store.messages.latest(5),
            lambda store: _indexed(store).messages.search(wanted).messages,
            lambda store: [replace(one, joined=START) for one in store.rooms.members(where)],
            lambda store: store.rooms.of_user(whom, limit=9),
            lambda store: store.uploads.rooms(FILES[0]),
            lambda store: store.uploads.shown_in(where),
            lambda store: [store.uploads.is_shown_to(each, whom) for each in FILES],
        ]

    def commit(self, how: str, acts: list[Act]) -> None:
        """Write a batch to both stores, however it goes."""
        writes = self._writes(acts)
        if how == "given up":
            given_up = [one for one in writes if not isinstance(one, MovedMark)]
            rooms = {one.message.room for one in given_up}
            if len(rooms) != 1:
                return
            above = max(
                self.plain.messages.counters(rooms.pop()).rev,
                *(one.message.rev for one in given_up),
            )
            self.both(lambda store: store.withdraw(given_up, above=above))
        elif how in ("lost", "doubtful"):
            if how == "lost":
                self.log.before = away
            else:
                self.log.behind = away
            with suppress(Taken, NotFound):
                try:
                    self.logged.commit(writes, later=True)
                except Unavailable:
                    pass
                else:
                    self.plain.commit(writes)
            self.log.before = self.log.behind = lambda: None
        later = how != "commit"
        outcomes = self.both(
            lambda store: store.commit(writes, later=later and store is self.logged)
        )
        if isinstance(outcomes, list):
            new = [write.message for write in writes if isinstance(write, NewMessage)]
            self.said += self.plain.messages.many(one.id for one in new).values()

    def _writes(self, acts: list[Act]) -> list[Write]:
        numbers: dict[str, tuple[int, int]] = {}
        writes: list[Write] = []
        for act in acts:
            where = self._room(act)
            counters = self.plain.messages.counters(where)
            seq, rev = numbers.get(where, (counters.seq, counters.rev))
            whom, said = PEOPLE[act.whom], self._message(act)
            match act.kind:
                case "new" | "again" | "same" | "stale":
                    seq, rev = seq + 1, rev + 1
                    new = message(where, seq, rev=rev, sender=whom, text=TEXTS[act.what % 4])
                    if act.what % 2 == 0:
                        new = replace(new, client_id=new.id)
                    if act.what % 3 == 0:
                        new = replace(new, attachments=(FILES[act.what % 2],), mentions=(whom,))
                    if act.kind == "again":
                        new = replace(new, sender=said.sender, client_id=said.client_id)
                    elif act.kind == "same" and said.room == where:
                        new = replace(said, seq=seq, rev=rev)
                    elif act.kind == "stale" and act.what < 8:
                        new = replace(new, seq=max(1, seq - 1), rev=max(1, rev - 1))
                    writes.append(NewMessage(new))
                case "guess":
                    pair = [message(where, seq + n, rev=rev + n, sender=whom) for n in (1, 2)]
                    named = pair[act.what % 2].id
                    writes += [NewMessage(replace(one, client_id=named)) for one in pair]
                    seq, rev = seq + 2, rev + 2
                case "mark":
                    read = act.what % (seq + 1)
                    writes.append(MovedMark(where, whom, max(read, seq - 1), read))
                case _:
                    where = said.room
                    counters = self.plain.messages.counters(where)
                    seq, rev = numbers.get(where, (counters.seq, counters.rev))
                    rev += 1
                    writes.append(ChangedMessage(_changed(act, replace(said, rev=rev))))
            numbers[where] = seq, rev
        return writes

    def _room(self, act: Act) -> str:
        return self.rooms[-1 - act.room % len(self.rooms)]

    def _message(self, act: Act) -> Message:
        if not self.said:
            return message(EVERYONE, 1)
        said = self.said[-1 - act.what % len(self.said)]
        return self.plain.messages.get(said.id) or said


def _changed(act: Act, said: Message) -> Message:
    if act.kind == "delete":
        return replace(said, text="", attachments=(), mentions=(), deleted=at(act.what))
    if act.kind == "show":
        return replace(said, attachments=(FILES[act.what % 2],), pinned=act.what % 2 == 0)
    return replace(said, text=TEXTS[act.what % 4], attachments=(), edited=at(act.what))


def _indexed(store: Store) -> Store:
    while store.messages.index(100) == 100:
        pass
    return store


def _result(call: Callable[[Store], object], store: Store) -> object:
    try:
        return call(store)
    except Taken as taken:
        return "taken", taken.field
    except NotFound:
        return "not found"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(steps, min_size=4, max_size=25))
def test_nobody_can_tell_whether_there_is_a_log(
    sqlite_stores: SQLiteStores, steps: list[tuple[str, list[Act]] | Act]
) -> None:
    with TemporaryDirectory() as folder:
        twins = Twins(sqlite_stores, Path(folder))
        try:
            for step in steps:
                if isinstance(step, Act):
                    twins.do(step)
                else:
                    twins.commit(*step)
            twins.look_at_all()
            twins.reopen()
            twins.look_at_all()
        finally:
            twins.close()
