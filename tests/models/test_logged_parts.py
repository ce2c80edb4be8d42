"""The parts of a store that show what its log holds."""

from collections.abc import Callable

import pytest

from models.contract.messages import Wanted
from models.logged import LoggedStore
from models.records import EVERYONE, Counters, new_id
from models.store import MovedMark, NewMessage, Taken, Unavailable
from models.words import Term
from tests.contract.samples import add_room, member, message
from tests.logs import HookedCommit, HookedLog, away, say_later

READS = [
    "counters",
    "get",
    "many",
    "latest",
    "by_client_id",
    "history",
    "pinned",
    "naming",
    "search",
    "changes",
    "of_user",
    "members",
    "member",
    "rooms",
    "shown_in",
    "is_shown_to",
]


def test_a_room_can_be_read_of_which_only_the_marks_of_one_who_left_were_pending(
    logged: LoggedStore,
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    logged.commit([MovedMark(room.id, someone, 1, 1)], later=True)
    assert logged.rooms.leave(room.id, someone)
    assert logged.messages.history(room.id, limit=5) == []


def test_numbers_that_were_read_as_another_batch_came_are_not_taken_for_the_last(
    logged: LoggedStore, commits: HookedCommit
) -> None:
    room = add_room(logged)
    first, second, rival = (message(room.id, number) for number in (1, 2, 2))
    say_later(logged, first)
    commits.behind = lambda: say_later(logged, second)
    logged.messages.counters(room.id)
    with pytest.raises(Taken):
        say_later(logged, rival)
    assert logged.messages.history(room.id, limit=5) == [first, second]


@pytest.mark.parametrize("name", ["of_user", "members", "member", "join", "change_member"])
def test_a_mark_is_seen_that_comes_to_its_place_as_the_membership_is_read(
    logged: LoggedStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    logged.commit([MovedMark(room.id, someone, 3, 2)], later=True)
    read = getattr(logged.underlying.rooms, name)

    def overtaken(*arguments: object, **options: object) -> object:
        found = read(*arguments, **options)
        logged.messages.index(9)
        return found

    monkeypatch.setattr(logged.underlying.rooms, name, overtaken)
    calls = {
        "of_user": lambda: logged.rooms.of_user(someone, limit=5)[0][1],
        "members": lambda: logged.rooms.members(room.id)[0],
        "member": lambda: logged.rooms.member(room.id, someone),
        "join": lambda: logged.rooms.join(member(room.id, someone)),
        "change_member": lambda: logged.rooms.change_member(room.id, someone, hidden=False),
    }
    assert calls[name]() == member(room.id, someone, delivered=3, read=2)


def test_a_mark_makes_whoever_has_it_a_member_of_everybodys_room(logged: LoggedStore) -> None:
    people = [new_id() for _ in range(4)]
    logged.commit([MovedMark(EVERYONE, each, 3, 2) for each in people], later=True)
    logged.rooms.leave(EVERYONE, people[3])
    assert [each.user for each in logged.rooms.members(EVERYONE)] == people[:3]


def test_a_membership_of_everybodys_room_can_be_changed_at_once(logged: LoggedStore) -> None:
    one, other = new_id(), new_id()
    logged.commit([MovedMark(EVERYONE, each, 3, 2) for each in (one, other)], later=True)
    assert logged.rooms.change_member(EVERYONE, one, muted=True).read == 2
    logged.commit([MovedMark(EVERYONE, one, 4, 4)], later=True)
    came = logged.rooms.join(member(EVERYONE, one))
    assert (came.muted, came.delivered, came.read) == (True, 4, 4)


@pytest.mark.parametrize("name", READS)
def test_whatever_is_read_first_finds_out_what_came_of_a_batch(
    logged: LoggedStore, log: HookedLog, name: str
) -> None:
    someone, shown = new_id(), new_id()
    room = add_room(logged, someone)
    said = message(room.id, 1, text="hello", attachments=(shown,), mentions=(someone,), pinned=True)
    log.behind = away
    with pytest.raises(Unavailable):
        logged.commit([NewMessage(said), MovedMark(room.id, someone, 1, 1)], later=True)
    reached = member(room.id, someone, delivered=1, read=1)
    messages, rooms, uploads = logged.messages, logged.rooms, logged.uploads
    wanted = Wanted(rooms=(room.id,), terms=(Term(("hello",)),))
    reads: dict[str, tuple[Callable[[], object], object]] = {
        "counters": (lambda: messages.counters(room.id), Counters(seq=1, rev=1)),
        "get": (lambda: messages.get(said.id), said),
        "many": (lambda: messages.many([said.id]), {said.id: said}),
        "latest": (lambda: messages.latest(5), [said]),
        "by_client_id": (lambda: messages.by_client_id(said.sender, said.client_id), said),
        "history": (lambda: messages.history(room.id, limit=5), [said]),
        "pinned": (lambda: messages.pinned(room.id, limit=5), [said]),
        "naming": (lambda: messages.naming(room.id, limit=5), [(1, (someone,))]),
        "search": (lambda: messages.search(wanted).messages, [said]),
        "changes": (lambda: messages.changes(room.id, since=0, limit=5), [said]),
        "of_user": (lambda: rooms.of_user(someone, limit=5), [(room, reached)]),
        "members": (lambda: rooms.members(room.id), [reached]),
        "member": (lambda: rooms.member(room.id, someone), reached),
        "rooms": (lambda: uploads.rooms(shown), [room.id]),
        "shown_in": (lambda: uploads.shown_in(room.id), [shown]),
        "is_shown_to": (lambda: uploads.is_shown_to(shown, someone), True),
    }
    read, expected = reads[name]
    assert read() == expected
