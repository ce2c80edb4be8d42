"""What every store promises about logins."""

import pytest

from models.records import new_id
from models.store import Store, Taken
from tests.contract.samples import NOT_IDS, at, session, user


def test_a_session_is_kept_as_it_was_added(store: Store) -> None:
    kept = session(
        new_id(), created=at(0.001), seen=at(0.002), expires=at(9.999), agent="", address="::1"
    )
    store.sessions.add(kept)
    assert store.sessions.get(kept.id) == kept


def test_many_sessions_are_found_at_once(store: Store) -> None:
    kept = [session(new_id()), session(new_id(), expires=at(-1000)), session(new_id())]
    for each in kept:
        store.sessions.add(each)
    asked = [kept[0].id, kept[1].id, new_id(), *NOT_IDS]
    assert store.sessions.many(asked) == {each.id: each for each in kept[:2]}
    assert store.sessions.many([]) == {}


def test_an_expired_session_is_still_found(store: Store) -> None:
    kept = session(new_id(), expires=at(-1000))
    store.sessions.add(kept)
    assert store.sessions.get(kept.id) == kept


def test_an_id_is_taken(store: Store) -> None:
    kept = session(new_id())
    store.sessions.add(kept)
    with pytest.raises(Taken) as refusal:
        store.sessions.add(session(new_id(), id=kept.id))
    assert refusal.value.field == "id"


def test_the_sessions_of_a_user_come_newest_first(store: Store) -> None:
    owner = new_id()
    older, newer = session(owner, created=at(2)), session(owner, created=at(2))
    oldest = session(owner, created=at(1))
    for each in (older, newer, oldest, session(new_id())):
        store.sessions.add(each)
    assert store.sessions.of_user(owner) == [newer, older, oldest]
    assert store.sessions.of_user(new_id()) == []


def test_touching_a_session_notes_when(store: Store) -> None:
    kept = session(new_id())
    store.sessions.add(kept)
    store.sessions.touch(kept.id, at(60.007))
    touched = store.sessions.get(kept.id)
    assert touched is not None
    assert touched.seen == at(60.007)
    assert touched.expires == kept.expires


def test_touching_an_ended_session_does_not_bring_it_back(store: Store) -> None:
    kept = session(new_id())
    store.sessions.add(kept)
    assert store.sessions.end(kept.id) is True
    store.sessions.touch(kept.id, at(60))
    assert store.sessions.get(kept.id) is None
    assert store.sessions.end(kept.id) is False


def test_ending_all_sessions_of_a_user(store: Store) -> None:
    owner = new_id()
    mine = [session(owner) for _ in range(3)]
    other = session(new_id())
    for each in (*mine, other):
        store.sessions.add(each)
    ended = store.sessions.end_all(owner)
    assert sorted(ended) == [each.id for each in mine]
    assert store.sessions.of_user(owner) == []
    assert store.sessions.get(other.id) == other
    assert store.sessions.end_all(owner) == []


def test_ending_all_sessions_but_one(store: Store) -> None:
    owner = new_id()
    mine = [session(owner) for _ in range(3)]
    for each in mine:
        store.sessions.add(each)
    assert sorted(store.sessions.end_all(owner, keep=mine[1].id)) == [mine[0].id, mine[2].id]
    assert store.sessions.of_user(owner) == [mine[1]]


def test_keeping_a_session_of_somebody_else_keeps_nothing(store: Store) -> None:
    owner = new_id()
    mine, other = session(owner), session(new_id())
    store.sessions.add(mine)
    store.sessions.add(other)
    assert store.sessions.end_all(owner, keep=other.id) == [mine.id]


def test_a_sweep_forgets_what_has_expired_before(store: Store) -> None:
    owner = new_id()
    for seconds in (1, 2, 3, 4):
        store.sessions.add(session(owner, expires=at(seconds)))
    assert store.sessions.sweep(at(3)) == 2
    assert {each.expires for each in store.sessions.of_user(owner)} == {at(3), at(4)}
    assert store.sessions.sweep(at(3)) == 0


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_session(store: Store, text: str) -> None:
    kept = session(new_id())
    store.sessions.add(kept)
    assert store.sessions.get(text) is None
    assert store.sessions.of_user(text) == []
    assert store.sessions.end(text) is False
    assert store.sessions.end_all(text) == []
    store.sessions.touch(text, at(1))
    assert store.sessions.get(kept.id) == kept
    assert store.sessions.end_all(kept.user, keep=text) == [kept.id]


def test_a_session_lives_until_it_ends_or_expires_or_its_user_may_not_enter(store: Store) -> None:
    users = [store.users.add(user()) for _ in range(4)]
    kept = [session(one.id, expires=at(10)) for one in users]
    expired, ended = session(users[0].id, expires=at(5)), session(users[0].id, expires=at(10))
    for each in (*kept, expired, ended):
        store.sessions.add(each)
    store.sessions.end(ended.id)
    store.users.change(users[1].id, disabled=True)
    store.users.change(users[2].id, deleted=at(1))
    asked = [each.id for each in (*kept, expired, ended)]
    assert store.sessions.living(asked, at(5)) == {kept[0].id, kept[3].id}
    assert store.sessions.living(asked, at(10)) == set()
    assert store.sessions.living([], at(5)) == set()


def test_a_session_of_nobody_does_not_live(store: Store) -> None:
    orphan = session(new_id(), expires=at(10))
    store.sessions.add(orphan)
    assert store.sessions.living([orphan.id, new_id(), *NOT_IDS], at(1)) == set()
