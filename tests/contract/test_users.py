"""What every store promises about users."""

import pytest
from msgspec.structs import replace

from models.records import User, new_id
from models.store import NotFound, Store, Taken
from tests.contract.samples import NOT_IDS, START, at, user

SAME_NAMES = [
    ("ada", "ADA"),
    ("Straße", "STRASSE"),
    ("İstanbul", "i\u0307stanbul"),
    ("caf\u00e9", "cafe\u0301"),
    ("CAFE\u0301", "caf\u00e9"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("ﬁn", "FIN"),
]

# Full width, a style for formulas, a small number, two that are compatible with a third one, gaps.
LOOKALIKES = [
    ("ada", "Ａｄａ"),  # noqa: RUF001
    ("𝓐da", "ada"),  # noqa: RUF001
    ("x²", "X2"),
    ("Ａda", "adＡ"),  # noqa: RUF001
    ("ada b", "ada  b "),
]

# An umlaut, a dotless i, a Cyrillic a, and two characters of SQL patterns.
DIFFERENT_NAMES = [
    ("ada", "adä"),
    ("i", "\u0131"),
    ("a", "\u0430"),
    ("k%", "k_"),
]


def test_a_user_is_kept_as_it_was_added(store: Store) -> None:
    bare = user("ada")
    full = user(
        "grace",
        display_name="Grace 🚀 Hopper",
        email="Grace@Example.org",
        password_hash="$2b$hash",
        role="admin",
        avatar="/a.webp",
        created=at(0.001),
        last_seen=at(0.999),
        disabled=True,
        deleted=at(1),
    )
    assert store.users.add(bare) == bare
    assert store.users.add(full) == full
    assert store.users.get(bare.id) == bare
    assert store.users.get(full.id) == full


@pytest.mark.parametrize(("one", "other"), SAME_NAMES)
def test_a_name_is_taken_in_any_case(store: Store, one: str, other: str) -> None:
    first = store.users.add(user(one))
    with pytest.raises(Taken) as refusal:
        store.users.add(user(other))
    assert refusal.value.field == "name"
    assert store.users.by_name(other) == first


def test_users_are_found_by_their_names(store: Store) -> None:
    ada, bob = (store.users.add(user(name)) for name in ("Ada", "bob"))
    found = store.users.named(["ADA", "Bob", "bob", "nobody", "$x", "a\0b"])
    assert sorted(one.id for one in found) == sorted((ada.id, bob.id))
    assert store.users.named([]) == []


@pytest.mark.parametrize(("one", "other"), LOOKALIKES)
def test_a_name_is_taken_by_what_looks_the_same(store: Store, one: str, other: str) -> None:
    first, second = store.users.add(user(one)), store.users.add(user("second"))
    with pytest.raises(Taken) as refusal:
        store.users.add(user(other))
    assert refusal.value.field == "name"
    with pytest.raises(Taken):
        store.users.change(second.id, name=other)
    assert store.users.by_name(other) is None
    assert store.users.by_name(one) == first
    store.users.change(first.id, name="former")
    assert store.users.change(second.id, name=other).name == other


@pytest.mark.parametrize(("one", "other"), DIFFERENT_NAMES)
def test_names_that_are_hardly_told_apart_differ(store: Store, one: str, other: str) -> None:
    first, second = store.users.add(user(one)), store.users.add(user(other))
    assert store.users.by_name(one) == first
    assert store.users.by_name(other) == second


def test_a_user_who_is_deleted_does_not_change_any_more(store: Store) -> None:
    gone = store.users.add(user("ada"))
    left = store.users.change(gone.id, name="deleted", deleted=START)
    for changes in ({"display_name": "x"}, {"deleted": None}, {"password_hash": "x"}):
        with pytest.raises(NotFound):
            store.users.change(gone.id, **changes)  # type: ignore[arg-type]
    assert store.users.get(gone.id) == left


@pytest.mark.parametrize("other", ["ada@example.org", "ADA@EXAMPLE.ORG", "Ada@Example.Org"])
def test_an_email_is_taken_in_any_case(store: Store, other: str) -> None:
    first = store.users.add(user(email="Ada@example.org"))
    with pytest.raises(Taken) as refusal:
        store.users.add(user(email=other))
    assert refusal.value.field == "email"
    assert store.users.by_email(other) == first


def test_many_users_may_have_no_email(store: Store) -> None:
    first, second = store.users.add(user()), store.users.add(user())
    assert store.users.many([first.id, second.id]) == {first.id: first, second.id: second}
    assert store.users.by_email("") is None


def test_an_id_is_taken(store: Store) -> None:
    first = store.users.add(user("ada"))
    with pytest.raises(Taken) as refusal:
        store.users.add(user("grace", id=first.id))
    assert refusal.value.field == "id"
    assert store.users.get(first.id) == first


def test_a_refused_user_leaves_nothing_behind(store: Store) -> None:
    store.users.add(user("ada"))
    refused = user("ADA", email="other@example.org")
    with pytest.raises(Taken):
        store.users.add(refused)
    assert store.users.get(refused.id) is None
    assert store.users.by_email("other@example.org") is None


def test_the_first_user_with_a_password_is_the_administrator(store: Store) -> None:
    guest = store.users.add(user())
    first = store.users.add(user(password_hash="x"))
    second = store.users.add(user(password_hash="x"))
    assert (guest.role, first.role, second.role) == ("user", "admin", "user")
    assert store.users.administrators() == [first]


def test_a_first_password_that_comes_by_a_change_counts(store: Store) -> None:
    guest = store.users.add(user())
    assert store.users.change(guest.id, password_hash="x").role == "admin"
    assert store.users.add(user(password_hash="x")).role == "user"


def test_the_first_administrator_is_made_once_for_good(store: Store) -> None:
    first = store.users.add(user(password_hash="x"))
    store.users.change(first.id, role="user", password_hash=None)
    assert store.users.add(user(password_hash="x")).role == "user"
    assert store.users.change(first.id, password_hash="y").role == "user"


def test_many_finds_those_that_exist(store: Store) -> None:
    users = [store.users.add(user()) for _ in range(3)]
    wanted = [users[2].id, new_id(), users[0].id, users[0].id, *NOT_IDS, users[1].id + "\0"]
    assert store.users.many(wanted) == {users[0].id: users[0], users[2].id: users[2]}
    assert store.users.many([]) == {}
    assert store.users.many(each.id for each in users).keys() == {each.id for each in users}


def test_many_takes_thousands_of_ids(store: Store) -> None:
    known = store.users.add(user())
    assert store.users.many([*(new_id() for _ in range(5000)), known.id]) == {known.id: known}


def test_pages_of_users(store: Store) -> None:
    users = [store.users.add(user()) for _ in range(6)]
    assert store.users.page(limit=10) == users
    assert store.users.page(limit=3) == users[:3]
    assert store.users.page(after=users[2].id, limit=3) == users[3:]
    assert store.users.page(after=users[5].id, limit=3) == []
    assert store.users.page(limit=0) == []


def test_a_page_may_start_behind_a_user_that_is_gone(store: Store) -> None:
    first, gap, last = user(), new_id(), user()
    store.users.add(last)
    store.users.add(first)
    assert store.users.page(after=gap, limit=5) == [last]


def test_pages_leave_deleted_users_out(store: Store) -> None:
    users = [store.users.add(user()) for _ in range(3)]
    store.users.change(users[1].id, deleted=START)
    store.users.change(users[2].id, disabled=True)
    assert [each.id for each in store.users.page(limit=5)] == [users[0].id, users[2].id]


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_user(store: Store, text: str) -> None:
    store.users.add(user())
    assert store.users.get(text) is None
    assert store.users.many([text]) == {}
    assert store.users.page(after=text, limit=5) == []
    assert len(store.users.search("user", limit=5, without=text)) == 1
    with pytest.raises(NotFound):
        store.users.change(text, avatar="x")


def test_an_unknown_user_cannot_be_changed(store: Store) -> None:
    with pytest.raises(NotFound):
        store.users.change(new_id(), display_name="nobody")
    with pytest.raises(NotFound):
        store.users.change(new_id())


def test_a_change_replaces_what_it_names(store: Store) -> None:
    kept = store.users.add(user("ada", email="ada@example.org", avatar="/a.webp"))
    assert store.users.change(kept.id) == kept
    changed = store.users.change(kept.id, display_name="Ada", avatar=None, last_seen=at(5.005))
    assert changed == User(
        id=kept.id,
        name="ada",
        display_name="Ada",
        email="ada@example.org",
        created=START,
        last_seen=at(5.005),
    )
    assert store.users.get(kept.id) == changed


def test_when_users_were_last_seen_only_moves_on(store: Store) -> None:
    ada, bea, cid = (store.users.add(user(name)) for name in ("ada", "bea", "cid"))
    gone = store.users.add(user("gone", deleted=at(1)))
    store.users.note_seen({})
    store.users.note_seen({one: at(5) for one in (ada.id, bea.id, gone.id, new_id(), "no id")})
    store.users.note_seen({ada.id: at(4), bea.id: at(6.007)})
    known = store.users.many([ada.id, bea.id, cid.id, gone.id])
    seen = [known[one.id].last_seen for one in (ada, bea, cid, gone)]
    assert seen == [at(5), at(6.007), None, None]
    assert known[bea.id] == replace(bea, last_seen=at(6.007))


def test_a_changed_name_frees_the_old_one(store: Store) -> None:
    kept = store.users.add(user("ada", email="ada@example.org"))
    store.users.change(kept.id, name="Countess", email="countess@example.org")
    assert store.users.by_name("ada") is None
    assert store.users.by_email("ada@example.org") is None
    assert store.users.by_name("COUNTESS") == store.users.by_email("countess@EXAMPLE.org")
    store.users.add(user("Ada", email="ada@example.org"))


def test_a_name_may_change_its_case(store: Store) -> None:
    kept = store.users.add(user("ada"))
    assert store.users.change(kept.id, name="Ada").name == "Ada"


def test_an_email_may_go(store: Store) -> None:
    kept = store.users.add(user(email="ada@example.org"))
    assert store.users.change(kept.id, email=None).email is None
    assert store.users.by_email("ada@example.org") is None
    store.users.add(user(email="ada@example.org"))


@pytest.mark.parametrize("field", ["name", "email"])
def test_a_change_to_what_is_taken_changes_nothing(store: Store, field: str) -> None:
    store.users.add(user("ada", email="ada@example.org"))
    other = store.users.add(user("grace", email="grace@example.org"))
    taken = {"name": "ADA", "email": "ADA@example.org"}[field]
    with pytest.raises(Taken) as refusal:
        store.users.change(other.id, display_name="new", **{field: taken})
    assert refusal.value.field == field
    assert store.users.get(other.id) == other


def test_administrators_can_act(store: Store) -> None:
    users = [store.users.add(user(role="admin")) for _ in range(4)]
    store.users.change(users[1].id, disabled=True)
    store.users.change(users[2].id, deleted=START)
    assert store.users.administrators() == [users[0], users[3]]


def test_search_finds_a_part_of_either_name(store: Store) -> None:
    ada = store.users.add(user("ada", display_name="Countess of Lovelace"))
    grace = store.users.add(user("Grace", display_name="Admiral Hopper"))
    assert store.users.search("AD", limit=5) == [ada, grace]
    assert store.users.search("lovelace", limit=5) == [ada]
    assert store.users.search("nobody", limit=5) == []
    assert store.users.search("", limit=5) == []
    assert store.users.search("ad", limit=5, without=ada.id) == [grace]


def test_search_is_sorted_by_name_and_limited(store: Store) -> None:
    for name in ("bob.c", "Bob.a", "bob.B"):
        store.users.add(user(name))
    names = [each.name for each in store.users.search("bob", limit=2)]
    assert names == ["Bob.a", "bob.B"]
    assert store.users.search("bob", limit=0) == []


def test_search_leaves_out_who_cannot_be_met(store: Store) -> None:
    store.users.add(user("ada.disabled", disabled=True))
    store.users.add(user("ada.deleted", deleted=START))
    assert store.users.search("ada", limit=5) == []


@pytest.mark.parametrize("text", [*"%_.*([\\'\"^$?|", "$name", "a\0b", "\\Q", "🚀"])
def test_every_character_of_a_search_stands_for_itself(store: Store, text: str) -> None:
    store.users.add(user("plain", display_name="nothing special"))
    found = store.users.add(user("special", display_name=f"before {text} after"))
    assert store.users.search(text, limit=5) == [found]


@pytest.mark.parametrize(("one", "other"), SAME_NAMES)
def test_search_knows_no_case(store: Store, one: str, other: str) -> None:
    found = store.users.add(user(display_name=f"x{one}x"))
    assert store.users.search(other, limit=5) == [found]
