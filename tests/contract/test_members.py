"""What every store promises about who is in a room, and how far they are."""

import pytest

from models.records import EVERYONE, RoomRole, new_id
from models.store import MovedMark, NotFound, Refused, Store, Stored
from tests.contract.samples import NOT_IDS, add_room, at, at_once, member


def marks(store: Store, room_id: str, user_id: str) -> tuple[int, int]:
    kept = store.rooms.member(room_id, user_id)
    assert kept is not None
    return kept.delivered, kept.read


def test_a_membership_is_kept_as_it_joined(store: Store) -> None:
    room = add_room(store)
    joined = member(
        room.id,
        new_id(),
        role="admin",
        joined=at(0.001),
        delivered=1 << 40,
        read=7,
        muted=True,
        hidden=True,
    )
    assert store.rooms.join(joined) == joined
    assert store.rooms.member(room.id, joined.user) == joined


def test_who_is_a_member_already_stays_as_they_are(store: Store) -> None:
    owner = new_id()
    room = add_room(store)
    first = store.rooms.join(member(room.id, owner, role="owner", read=5))
    assert store.rooms.join(member(room.id, owner, joined=at(9), muted=True)) == first
    assert store.rooms.members(room.id) == [first]


def test_nobody_joins_a_room_that_is_not_there(store: Store) -> None:
    unknown, someone = new_id(), new_id()
    with pytest.raises(NotFound):
        store.rooms.join(member(unknown, someone))
    assert store.rooms.member(unknown, someone) is None


def test_many_joins_of_one_member_at_once_are_one(store: Store) -> None:
    room, someone = add_room(store), new_id()
    attempts = [member(room.id, someone, joined=at(n)) for n in range(8)]
    kept = at_once([lambda each=each: store.rooms.join(each) for each in attempts])
    assert store.rooms.members(room.id) == [kept[0]]
    assert kept == [kept[0]] * 8


def test_members_come_by_user_in_pages(store: Store) -> None:
    users = sorted(new_id() for _ in range(6))
    room = add_room(store, *reversed(users))
    everybody = [member(room.id, each) for each in users]
    assert store.rooms.members(room.id) == everybody
    assert store.rooms.members(room.id, limit=3) == everybody[:3]
    assert store.rooms.members(room.id, after=users[2], limit=3) == everybody[3:]
    assert store.rooms.members(room.id, after=users[1]) == everybody[2:]
    assert store.rooms.members(room.id, after=users[5], limit=3) == []
    assert store.rooms.members(new_id()) == []


def test_a_change_replaces_what_it_names(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    store.commit([MovedMark(room.id, someone, 4, 3)])
    changed = store.rooms.change_member(room.id, someone, role="admin", muted=True)
    assert changed == member(room.id, someone, role="admin", muted=True, delivered=4, read=3)
    assert store.rooms.change_member(room.id, someone) == changed
    assert store.rooms.change_member(room.id, someone, hidden=True, muted=False).role == "admin"


def test_an_unknown_membership_cannot_be_changed(store: Store) -> None:
    room = add_room(store)
    with pytest.raises(NotFound):
        store.rooms.change_member(room.id, new_id(), muted=True)


def test_leaving_ends_one_membership(store: Store) -> None:
    one, other = new_id(), new_id()
    room, second = add_room(store, one, other), add_room(store, one)
    assert store.rooms.leave(room.id, one) is True
    assert store.rooms.leave(room.id, one) is False
    assert store.rooms.member(room.id, one) is None
    assert store.rooms.member(room.id, other) is not None
    assert [kept for kept, _ in store.rooms.of_user(one, limit=5)] == [second]


def test_who_comes_back_begins_anew(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    store.commit([MovedMark(room.id, someone, 9, 9)])
    store.rooms.leave(room.id, someone)
    assert store.rooms.join(member(room.id, someone)) == member(room.id, someone)


def test_marks_move_forward(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    assert store.commit([MovedMark(room.id, someone, 5, 3)]) == [Stored()]
    assert marks(store, room.id, someone) == (5, 3)


def test_marks_never_move_back(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    for delivered, read in ((5, 3), (4, 2), (2, 4), (0, 0)):
        store.commit([MovedMark(room.id, someone, delivered, read)])
    assert marks(store, room.id, someone) == (5, 4)


def test_marks_of_one_batch_add_up_in_any_order(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    outcomes = store.commit([MovedMark(room.id, someone, *moved) for moved in ((9, 1), (2, 8))])
    assert outcomes == [Stored(), Stored()]
    assert marks(store, room.id, someone) == (9, 8)


def test_marks_of_many_threads_leave_the_greatest(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    moves = [MovedMark(room.id, someone, n, 9 - n) for n in range(1, 9)]
    at_once([lambda move=move: store.commit([move]) for move in moves])
    assert marks(store, room.id, someone) == (8, 8)


def test_a_mark_makes_no_member(store: Store) -> None:
    room, someone = add_room(store), new_id()
    writes = [MovedMark(room.id, someone, 1, 1), MovedMark(new_id(), someone, 1, 1)]
    assert store.commit(writes) == [Stored(), Stored()]
    assert store.rooms.members(room.id) == []


def test_in_everyone_a_mark_makes_the_membership_that_carries_it(store: Store) -> None:
    someone = new_id()
    store.commit([MovedMark(EVERYONE, someone, 5, 3), MovedMark(EVERYONE, someone, 4, 4)])
    kept = store.rooms.member(EVERYONE, someone)
    assert kept == member(EVERYONE, someone, joined=kept and kept.joined, delivered=5, read=4)


def test_in_everyone_first_marks_at_once_make_one_membership(store: Store) -> None:
    someone = new_id()
    moves = [MovedMark(EVERYONE, someone, n, n) for n in range(1, 9)]
    outcomes = at_once([lambda move=move: store.commit([move]) for move in moves])
    assert outcomes == [[Stored()]] * 8
    assert marks(store, EVERYONE, someone) == (8, 8)
    assert len(store.rooms.members(EVERYONE)) == 1


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_membership(store: Store, text: str) -> None:
    someone = new_id()
    room = add_room(store, someone)
    assert store.rooms.members(text) == []
    assert store.rooms.members(room.id, after=text) == []
    for room_id, user_id in ((text, someone), (room.id, text)):
        assert store.rooms.member(room_id, user_id) is None
        assert store.rooms.leave(room_id, user_id) is False
        assert store.commit([MovedMark(room_id, user_id, 1, 1)]) == [Stored()]
        with pytest.raises(NotFound):
            store.rooms.change_member(room_id, user_id, muted=True)
    with pytest.raises(NotFound):
        store.rooms.join(member(text, someone))
    assert store.rooms.members(room.id) == [member(room.id, someone)]


@pytest.mark.parametrize("role", ["admin", "member", None])
def test_a_room_is_handed_over(store: Store, role: RoomRole | None) -> None:
    owner, heir, other = new_id(), new_id(), new_id()
    room = add_room(store, heir, other)
    store.rooms.join(member(room.id, owner, role="owner", read=3))
    store.rooms.hand_over(room.id, owner, heir, role=role)
    roles = {each.user: each.role for each in store.rooms.members(room.id)}
    left = {} if role is None else {owner: role}
    assert roles == {heir: "owner", other: "member", **left}
    assert [room.id for room, _ in store.rooms.of_user(heir, limit=5)] == [room.id]
    assert [own.role for _, own in store.rooms.of_user(owner, limit=5)] == list(left.values())


def test_a_room_is_handed_over_again_and_again(store: Store) -> None:
    owner, heir = new_id(), new_id()
    room = add_room(store, heir)
    store.rooms.join(member(room.id, owner, role="owner"))
    for _ in range(3):
        store.rooms.hand_over(room.id, owner, heir, role="admin")
        owner, heir = heir, owner
    store.rooms.hand_over(room.id, owner, heir, role=None)
    store.rooms.join(member(room.id, owner))
    store.rooms.hand_over(room.id, heir, owner, role="member")
    roles = {each.user: each.role for each in store.rooms.members(room.id)}
    assert roles == {owner: "owner", heir: "member"}


def test_a_room_is_handed_over_by_members_to_members(store: Store) -> None:
    owner, heir, stranger = new_id(), new_id(), new_id()
    room = add_room(store, heir)
    store.rooms.join(member(room.id, owner, role="owner"))
    there = store.rooms.members(room.id)
    for one, other in ((owner, stranger), (stranger, heir), (NOT_IDS[0], NOT_IDS[5])):
        with pytest.raises(NotFound):
            store.rooms.hand_over(room.id, one, other, role=None)
    with pytest.raises(NotFound):
        store.rooms.hand_over(new_id(), owner, heir, role=None)
    assert store.rooms.members(room.id) == there


@pytest.mark.parametrize("role", ["admin", "member", None])
def test_a_room_is_handed_over_by_its_owner_alone(store: Store, role: RoomRole | None) -> None:
    owner, heir, other = new_id(), new_id(), new_id()
    room = add_room(store, heir, other)
    store.rooms.join(member(room.id, owner, role="owner"))
    store.rooms.hand_over(room.id, owner, heir, role="admin")
    there = store.rooms.members(room.id)
    for one in (owner, other):
        with pytest.raises(NotFound):
            store.rooms.hand_over(room.id, one, other if one == owner else owner, role=role)
    assert store.rooms.members(room.id) == there


def test_an_owner_neither_leaves_nor_comes_to_be_but_by_handing_over(store: Store) -> None:
    owner, other = new_id(), new_id()
    room = add_room(store, other)
    store.rooms.join(member(room.id, owner, role="owner"))
    with pytest.raises(Refused):
        store.rooms.leave(room.id, owner)
    with pytest.raises(Refused):
        store.rooms.change_member(room.id, owner, role="admin", muted=True)
    with pytest.raises(Refused):
        store.rooms.change_member(room.id, other, role="owner")
    assert {each.user: each.role for each in store.rooms.members(room.id)} == {
        owner: "owner",
        other: "member",
    }
    kept = store.rooms.change_member(room.id, owner, role="owner", muted=True)
    assert kept == member(room.id, owner, role="owner", muted=True)


def test_of_many_heirs_at_once_there_is_one(store: Store) -> None:
    owner, *heirs = (new_id() for _ in range(6))
    room = add_room(store, *heirs)
    store.rooms.join(member(room.id, owner, role="owner"))
    hand_over = store.rooms.hand_over
    at_once([lambda heir=heir: hand_over(room.id, owner, heir, role=None) for heir in heirs])
    assert [each.role for each in store.rooms.members(room.id)].count("owner") == 1
    assert store.rooms.member(room.id, owner) is None
