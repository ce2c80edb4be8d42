"""The parts of a store that show what its log holds."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from models.contract.messages import Wanted
from models.logged import LoggedStore
from models.records import EVERYONE, Counters, new_id
from models.store import ChangedMessage, MovedMark, NewMessage, Stored, Taken, Unavailable
from models.words import Term
from tests.contract.samples import add_room, member, message
from tests.logs import HookedCommit, HookedLog, away, news, say_later

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


def test_what_is_pending_is_found_by_its_ids_where_it_is(
    logged: LoggedStore, commits: HookedCommit
) -> None:
    room = add_room(logged)
    one, other, placed = (message(room.id, number) for number in (1, 2, 3))
    say_later(logged, one, other)
    messages = logged.messages
    assert messages.get(one.id) == one
    assert messages.many([one.id, other.id, new_id(), "no id"]) == {one.id: one, other.id: other}
    assert messages.by_client_id(one.sender, one.client_id) == one
    assert messages.by_client_id(one.sender, other.client_id) is None
    assert commits.batches == []
    messages.index(9)
    say_later(logged, placed)
    assert messages.many([one.id, placed.id]) == {one.id: one, placed.id: placed}


@pytest.mark.parametrize("name", ["get", "many", "by_client_id"])
@pytest.mark.parametrize("is_placed", [False, True])
def test_a_change_that_is_pending_is_found_with_what_cannot_change(
    logged: LoggedStore, name: str, *, is_placed: bool
) -> None:
    room = add_room(logged)
    said = message(room.id, 1, reply_to=new_id())
    edited = replace(said, rev=2, text="edited")
    say_later(logged, said)
    if is_placed:
        logged.messages.index(9)
    logged.commit([ChangedMessage(replace(edited, reply_to=None))], later=True)
    found = {
        "get": lambda: logged.messages.get(said.id),
        "many": lambda: logged.messages.many([said.id])[said.id],
        "by_client_id": lambda: logged.messages.by_client_id(said.sender, said.client_id),
    }[name]()
    assert found == edited


def test_the_last_messages_are_those_of_all_rooms(logged: LoggedStore) -> None:
    rooms = [add_room(logged) for _ in range(3)]
    said = [message(room.id, number) for number in (1, 2) for room in rooms]
    say_later(logged, *said)
    assert logged.messages.latest(4) == said[:1:-1]


def test_marks_are_shown_while_they_are_pending(logged: LoggedStore, commits: HookedCommit) -> None:
    people = sorted(new_id() for _ in range(3))
    room = add_room(logged, *people)
    marks = [MovedMark(room.id, each, 5, at) for at, each in enumerate(people[:2], 1)]
    logged.commit(marks, later=True)
    logged.commit([MovedMark(room.id, people[0], 2, 2)], later=True)
    shown = [
        member(room.id, people[0], delivered=5, read=2),
        member(room.id, people[1], delivered=5, read=2),
        member(room.id, people[2]),
    ]
    assert logged.rooms.members(room.id) == shown
    assert logged.rooms.members(room.id, after=people[0], limit=1) == shown[1:2]
    assert [logged.rooms.member(room.id, each) for each in people] == shown
    assert logged.rooms.of_user(people[0], limit=5) == [(room, shown[0])]
    assert commits.batches == []
    logged.messages.index(9)
    assert logged.underlying.rooms.members(room.id) == shown


def test_whoever_leaves_and_comes_back_begins_with_their_new_marks(
    logged: LoggedStore, survivor: Callable[[], LoggedStore]
) -> None:
    owner, someone = sorted(new_id() for _ in range(2))
    room = add_room(logged)
    for role, user in (("owner", owner), ("member", someone)):
        logged.rooms.join(member(room.id, user, role=role))
    said = [message(room.id, number) for number in (1, 2, 3)]
    logged.commit([*news(said), MovedMark(room.id, owner, 3, 3)], later=True)
    logged.commit([MovedMark(room.id, someone, 3, 1)], later=True)
    assert logged.rooms.leave(room.id, someone)
    assert logged.rooms.member(room.id, someone) is None
    # Whoever comes has read what was said before.
    back = member(room.id, someone, delivered=3, read=3)
    assert logged.rooms.join(back) == back
    logged.rooms.hand_over(room.id, owner, someone, role=None)
    heir = replace(back, role="owner")
    assert logged.rooms.members(room.id) == [heir]
    assert survivor().rooms.members(room.id) == [heir]
    again = member(room.id, owner, delivered=2, read=2)
    assert logged.rooms.join(again) == again
    assert logged.rooms.members(room.id) == [again, heir]


def test_a_room_that_is_deleted_while_a_batch_is_on_its_way_stays_empty(
    logged: LoggedStore, commits: HookedCommit, survivor: Callable[[], LoggedStore]
) -> None:
    room, other = add_room(logged), add_room(logged)
    lost, there = message(room.id, 1), message(other.id, 1)
    say_later(logged, lost, there)
    commits.before = lambda: logged.rooms.delete(room.id)
    assert logged.messages.latest(5) == [there]
    for store in (logged, survivor()):
        assert store.messages.get(lost.id) is None
        assert store.messages.by_client_id(lost.sender, lost.client_id) is None
        assert store.messages.history(room.id, limit=5) == []
        assert store.rooms.delete(room.id) is False
    again = replace(lost, id=new_id(), room=other.id, seq=2, rev=2)
    assert say_later(logged, again) == [Stored(again)]


def test_uploads_are_shown_by_what_is_pending_and_not_by_what_it_takes_away(
    logged: LoggedStore,
) -> None:
    someone, stranger = new_id(), new_id()
    file, placed = new_id(), new_id()
    room, other = add_room(logged, someone), add_room(logged, someone)
    first = message(room.id, 1, attachments=(placed,))
    logged.commit([NewMessage(first)])
    say_later(logged, message(other.id, 1, attachments=(file, placed)))
    assert logged.uploads.rooms(placed) == sorted([room.id, other.id])
    assert logged.uploads.is_shown_to(file, someone)
    assert not logged.uploads.is_shown_to(file, stranger)
    logged.commit([ChangedMessage(replace(first, rev=2, attachments=(file,)))], later=True)
    assert logged.uploads.shown_in(room.id) == [file]
    logged.commit([ChangedMessage(replace(first, rev=3, attachments=()))], later=True)
    assert logged.uploads.rooms(file) == [other.id]
    logged.rooms.delete(other.id)
    assert not logged.uploads.is_shown_to(file, someone)


def test_an_upload_of_a_deleted_room_is_not_shown_by_what_was_pending(logged: LoggedStore) -> None:
    someone, file = new_id(), new_id()
    room = add_room(logged, someone)
    say_later(logged, message(room.id, 1, attachments=(file,)))
    logged.rooms.delete(room.id)
    assert logged.uploads.rooms(file) == logged.uploads.shown_in(room.id) == []
    assert not logged.uploads.is_shown_to(file, someone)
