"""What every store promises about being opened, closed and opened again."""

from collections.abc import Callable

import pytest

from models.records import EVERYONE, new_id
from models.store import MovedMark, Store, Unavailable
from tests.contract.samples import (
    add_messages,
    add_room,
    at,
    at_once,
    direct,
    member,
    message,
    room,
    say,
    session,
    upload,
    user,
)

CALLS: dict[str, Callable[[Store], object]] = {
    "users.add": lambda store: store.users.add(user()),
    "users.get": lambda store: store.users.get(new_id()),
    "users.get no id": lambda store: store.users.get("abc"),
    "users.by_name": lambda store: store.users.by_name("ada"),
    "users.by_email": lambda store: store.users.by_email("ada@example.org"),
    "users.many": lambda store: store.users.many([new_id()]),
    "users.page": lambda store: store.users.page(limit=1),
    "users.search": lambda store: store.users.search("ada", limit=1),
    "users.change": lambda store: store.users.change(new_id(), name="ada"),
    "users.administrators": lambda store: store.users.administrators(),
    "sessions.add": lambda store: store.sessions.add(session(new_id())),
    "sessions.get": lambda store: store.sessions.get(new_id()),
    "sessions.of_user": lambda store: store.sessions.of_user(new_id()),
    "sessions.touch": lambda store: store.sessions.touch(new_id(), at(0)),
    "sessions.end": lambda store: store.sessions.end(new_id()),
    "sessions.end_all": lambda store: store.sessions.end_all(new_id()),
    "sessions.sweep": lambda store: store.sessions.sweep(at(0)),
    "rooms.add": lambda store: store.rooms.add(room(), []),
    "rooms.direct": lambda store: store.rooms.direct(*direct(new_id(), new_id())),
    "rooms.get": lambda store: store.rooms.get(new_id()),
    "rooms.change": lambda store: store.rooms.change(new_id(), name="x"),
    "rooms.delete": lambda store: store.rooms.delete(new_id()),
    "rooms.of_user": lambda store: store.rooms.of_user(new_id(), limit=1),
    "rooms.public": lambda store: store.rooms.public(limit=1),
    "rooms.hint": lambda store: store.rooms.hint({}),
    "rooms.members": lambda store: store.rooms.members(new_id()),
    "rooms.member": lambda store: store.rooms.member(new_id(), new_id()),
    "rooms.join": lambda store: store.rooms.join(member(new_id(), new_id())),
    "rooms.change_member": lambda store: store.rooms.change_member(new_id(), new_id(), muted=True),
    "rooms.leave": lambda store: store.rooms.leave(new_id(), new_id()),
    "messages.counters": lambda store: store.messages.counters(new_id()),
    "messages.get": lambda store: store.messages.get(new_id()),
    "messages.many": lambda store: store.messages.many([new_id()]),
    "messages.by_client_id": lambda store: store.messages.by_client_id(new_id(), "x"),
    "messages.history": lambda store: store.messages.history(new_id(), limit=1),
    "messages.changes": lambda store: store.messages.changes(new_id(), since=0, limit=1),
    "messages.index": lambda store: store.messages.index(1),
    "uploads.add": lambda store: store.uploads.add(upload(new_id())),
    "uploads.get": lambda store: store.uploads.get(new_id()),
    "uploads.of_owner": lambda store: store.uploads.of_owner(new_id(), limit=1),
    "uploads.many": lambda store: store.uploads.many([new_id()]),
    "uploads.page": lambda store: store.uploads.page(limit=1),
    "uploads.used": lambda store: store.uploads.used(new_id()),
    "uploads.has_content": lambda store: store.uploads.has_content("0" * 64),
    "uploads.rooms": lambda store: store.uploads.rooms(new_id()),
    "uploads.shown_in": lambda store: store.uploads.shown_in(new_id()),
    "uploads.is_shown_to": lambda store: store.uploads.is_shown_to(new_id(), new_id()),
    "uploads.delete": lambda store: store.uploads.delete(new_id()),
    "commit": lambda store: store.commit([MovedMark(EVERYONE, new_id(), 1, 1)]),
    "commit nothing": lambda store: store.commit([]),
    "ping": lambda store: store.ping(),
}


def test_an_open_store_answers(store: Store) -> None:
    store.ping()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_closed_store_is_unavailable(store: Store, call: Callable[[Store], object]) -> None:
    store.close()
    with pytest.raises(Unavailable):
        call(store)


def test_closing_twice_is_closing(store: Store) -> None:
    store.close()
    store.close()


def test_a_closed_store_can_be_opened_again(store: Store) -> None:
    kept = store.users.add(user())
    store.close()
    store.open()
    assert store.users.get(kept.id) == kept


def test_closing_amid_calls_ends_them_with_an_answer_or_unavailable(store: Store) -> None:
    room = add_room(store)

    def talk() -> int:
        for number in range(1, 1000):
            store.messages.history(room.id, limit=number)
        return 0

    results = at_once([talk, talk, talk, store.close])
    assert results[-1] is None
    assert all(result == 0 or isinstance(result, Unavailable) for result in results[:-1])


def test_what_was_kept_is_there_after_opening_again(
    store: Store, reopen: Callable[[], Store]
) -> None:
    someone = store.users.add(user(password_hash="x"))
    login, file = session(someone.id), upload(someone.id, placeholder="data:,")
    store.sessions.add(login)
    store.uploads.add(file)
    room = add_room(store, someone.id)
    said = add_messages(store, room.id, 3)
    store.commit([MovedMark(room.id, someone.id, 3, 2), MovedMark(EVERYONE, someone.id, 1, 1)])
    marks = store.rooms.members(room.id), store.rooms.members(EVERYONE)

    again = reopen()
    assert again.users.get(someone.id) == someone
    assert again.sessions.get(login.id) == login
    assert again.uploads.get(file.id) == file
    assert again.rooms.get(room.id) == room
    assert again.messages.history(room.id, limit=9) == said
    assert (again.rooms.members(room.id), again.rooms.members(EVERYONE)) == marks
    assert [kept.id for kept, _ in again.rooms.of_user(someone.id, limit=5)] == [room.id]


def test_opening_again_makes_nobody_an_administrator(
    store: Store, reopen: Callable[[], Store]
) -> None:
    first = store.users.add(user(password_hash="x"))
    store.users.add(user(password_hash="x"))
    store.users.change(first.id, role="user")
    again = reopen()
    assert again.users.administrators() == []
    assert again.users.add(user(password_hash="x")).role == "user"


def test_opening_again_leaves_everyone_as_it_was(store: Store, reopen: Callable[[], Store]) -> None:
    store.rooms.change(EVERYONE, name="all of us")
    say(store, message(EVERYONE, 1))
    again = reopen()
    everyone = again.rooms.get(EVERYONE)
    assert everyone is not None
    assert everyone.name == "all of us"
    assert again.messages.counters(EVERYONE).seq == 1


def test_uniqueness_outlives_opening_again(store: Store, reopen: Callable[[], Store]) -> None:
    one, other = new_id(), new_id()
    made, members = direct(one, other)
    store.rooms.add(made, members)
    said = message(made.id, 1)
    say(store, said)
    again = reopen()
    assert again.rooms.direct(*direct(one, other)) == (made, False)
    assert again.messages.by_client_id(said.sender, said.client_id) == said


def test_one_name_added_by_many_at_once_goes_to_one(store: Store) -> None:
    users = [user(name, email=f"{name}@example.org") for name in ("ada", "Ada", "aDa", "ADA") * 2]
    results = at_once([lambda each=each: store.users.add(each) for each in users])
    kept = [result for result in results if not isinstance(result, Exception)]
    assert len(kept) == 1
    assert store.users.by_name("ada") == kept[0]
    assert store.users.page(limit=20) == kept


def test_of_many_first_accounts_at_once_one_is_the_administrator(store: Store) -> None:
    users = [user(password_hash="x") for _ in range(8)]
    results = at_once([lambda each=each: store.users.add(each) for each in users])
    assert all(not isinstance(result, Exception) for result in results)
    assert len(store.users.administrators()) == 1


def test_changes_of_different_fields_at_once_all_last(store: Store) -> None:
    kept = store.users.add(user("ada"))
    at_once([
        lambda: store.users.change(kept.id, display_name="Countess"),
        lambda: store.users.change(kept.id, avatar="/a.webp"),
        lambda: store.users.change(kept.id, last_seen=at(5)),
        lambda: store.users.change(kept.id, email="ada@example.org"),
        lambda: store.users.change(kept.id, disabled=True),
    ])  # fmt: skip
    changed = store.users.get(kept.id)
    assert changed is not None
    assert (changed.display_name, changed.avatar) == ("Countess", "/a.webp")
    assert (changed.last_seen, changed.email) == (at(5), "ada@example.org")
    assert changed.disabled
