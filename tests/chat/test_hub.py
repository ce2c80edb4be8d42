"""The hub: who hears what, how often it is encoded, and in which order it arrives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import chat.hub as hub_module
from chat.events import (
    Event,
    Form,
    MemberLeft,
    MessageChanged,
    MessageStored,
    RoomDeleted,
    UserOffline,
    UserOnline,
)
from chat.hub import Hub
from chat.live_room import LiveRoom
from models.records import EVERYONE
from tests.chat.engine import Ear, Words, bare_room, turns
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)


class House:
    """A hub with ears at it."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.words = Words()

    def ear(self, user: str, words: Words | None = None) -> Ear:
        ear = Ear(user, words or self.words)
        self.hub.connect(ear)
        return ear


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)


def said(room: LiveRoom, sender: str, number: int = 1, origin: int | None = None) -> MessageStored:
    return MessageStored(samples.message(room.id, number, sender=sender), sender, origin)


def gone(room: str = "r") -> Event:
    return RoomDeleted(room)


async def test_connections_are_counted_by_user(house: House) -> None:
    hub = house.hub
    first, second, other = Ear("a", house.words), Ear("a", house.words), Ear("b", house.words)
    assert [hub.connect(ear) for ear in (first, second, other)] == [True, False, True]
    assert (len(hub), set(hub.users())) == (3, {"a", "b"})
    assert set(hub.of_user("a")) == {first, second}
    assert hub.of_user("c") == ()
    assert [hub.disconnect(first), hub.is_connected("a")] == [False, True]
    assert [hub.disconnect(second), hub.is_connected("a")] == [True, False]
    assert (len(hub), set(hub.users())) == (1, {"b"})


Telling = Callable[[Hub, LiveRoom], None]
EVENT = gone()


@pytest.mark.parametrize(
    ("telling", "heard"),
    [
        (lambda hub, room: hub.tell_room(room, [EVENT]), "member listener"),
        (lambda hub, room: hub.tell_room(room, [EVENT], without="member"), "listener"),
        (lambda hub, room: hub.tell_members(room, EVENT), "member listener deaf"),
        (lambda hub, room: hub.tell_members(room, EVENT, without="deaf"), "member listener"),
        (lambda hub, room: hub.tell_users(["stranger", "away"], EVENT), "stranger"),
        (lambda hub, room: hub.tell_users([], EVENT), ""),
        (lambda hub, room: hub.tell_all(EVENT), "member listener deaf stranger"),
        (lambda hub, room: hub.tell_all(EVENT, without="member"), "listener deaf stranger"),
    ],
)
@pytest.mark.parametrize("crowd", ["many members", "few members"])
async def test_who_hears_what(house: House, telling: Telling, heard: str, crowd: str) -> None:
    room = bare_room("member", "listener", "deaf", "away")
    if crowd == "many members":
        room = bare_room("member", "listener", "deaf", "away", *map(str, range(9)))
    ears = {name: house.ear(name) for name in ("member", "listener", "deaf", "stranger")}
    ears["listener"].rooms, ears["deaf"].rooms = {room.id}, {"another"}
    telling(house.hub, room)
    assert [name for name, ear in ears.items() if ear.heard] == heard.split()


async def test_everybody_hears_the_room_of_everyone(house: House) -> None:
    room = bare_room(id=EVERYONE)
    one, two = house.ear("one"), house.ear("two")
    two.rooms = set()
    house.hub.tell_room(room, [EVENT])
    house.hub.tell_members(room, EVENT)
    assert (len(one.heard), len(two.heard)) == (2, 1)


async def test_all_sockets_of_a_user_hear(house: House) -> None:
    room = bare_room("a")
    ears = [house.ear("a") for _ in range(3)]
    house.hub.tell_room(room, [EVENT])
    assert [ear.heard for ear in ears] == [[EVENT]] * 3


async def test_only_its_sender_hears_what_only_its_sender_knows(house: House) -> None:
    room = bare_room("a", "b")
    origin, own, other = house.ear("a"), house.ear("a"), house.ear("b")
    first, second = said(room, "a", 1, origin.number), said(room, "b", 2, other.number)
    changed = MessageChanged(first.message, "a")
    house.hub.tell_room(room, [first, second, changed])
    assert origin.forms == ["origin", "others", "own"]
    assert own.forms == ["own", "others", "own"]
    assert other.forms == ["others", "origin", "others"]
    assert origin.heard == own.heard == other.heard == [first, second, changed]


async def test_those_who_are_told_alike_hear_a_message_in_the_words_of_all(house: House) -> None:
    room, words = bare_room("a", "b"), Words()
    words.is_alike = True
    origin, other = house.ear("a", words), house.ear("b", words)
    first, second = said(room, "a", 1, origin.number), said(room, "b", 2)
    house.hub.tell_room(room, [first, second])
    assert words.encoded == [(first, "others"), (second, "others")]
    assert origin.heard == other.heard == [first, second]
    changed = MessageChanged(first.message, "a")
    house.hub.tell_room(room, [second, changed])
    assert (origin.forms[-1], other.forms[-1]) == ("own", "others")


async def test_a_number_of_no_socket_is_no_origin(house: House) -> None:
    room = bare_room("a")
    ear = house.ear("a")
    house.hub.tell_room(room, [said(room, "a"), said(room, "a", 2, ear.number + 1)])
    assert ear.forms == ["own", "own"]


async def test_each_form_is_encoded_once_for_each_dialect(house: House) -> None:
    other_words = Words()
    users = [f"user{n}" for n in range(20)]
    room = bare_room(*users)
    ears = [house.ear(user, words) for user in users for words in (house.words, other_words)]
    events = [said(room, "user0", 1, ears[0].number), said(room, "user1", 2), gone()]
    house.hub.tell_room(room, events)
    for words in (house.words, other_words):
        assert len(words.encoded) == len(set(map(repr, words.encoded)))
    # Three for the others, one for the origin, one for each sender's own sockets.
    assert (len(house.words.encoded), len(other_words.encoded)) == (5, 5)
    assert all(len(ear.writes) == 1 and ear.heard == events for ear in ears)


async def test_nothing_is_encoded_for_a_dialect_that_nobody_speaks(house: House) -> None:
    room = bare_room("a", "b")
    house.ear("c")
    house.hub.tell_room(room, [EVENT])
    house.hub.tell_users(["a"], EVENT)
    assert house.words.encoded == []


async def test_whoever_is_told_nothing_is_sent_nothing(house: House) -> None:
    room = bare_room("a", "b")
    ears = [house.ear("a"), house.ear("b")]
    house.words.silent = (MessageStored, RoomDeleted)
    house.hub.tell_room(room, [said(room, "a"), gone()])
    assert [ear.writes for ear in ears] == [[], []]


async def test_what_is_told_while_a_socket_is_caught_up_is_held(house: House) -> None:
    room = bare_room("a", "b")
    held, own, other = house.ear("a"), house.ear("a"), house.ear("b")
    held.held = []
    first, second = said(room, "a", 1, held.number), said(room, "b", 2)
    house.hub.tell_room(room, [first])
    house.hub.tell_room(room, [second])
    assert held.writes == []
    assert held.held == [(first, "origin"), (second, "others")]
    assert (own.forms, other.forms) == (["own", "others"], ["others", "own"])
    held.held = None
    house.hub.tell_room(room, [gone()])
    assert held.heard == [gone()]


async def test_an_event_without_words_keeps_nobody_from_the_rest(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Words):
        def encode(self, event: Event, form: Form) -> bytes:
            if isinstance(event, MessageStored):
                raise TypeError("no words")
            return super().encode(event, form)

    room = bare_room("a", "b")
    ears = [house.ear(user, words) for words in (Broken(), house.words) for user in ("a", "b")]
    event = said(room, "a")
    house.hub.tell_room(room, [event, gone()])
    assert [ear.heard for ear in ears] == [[gone()], [gone()], [event, gone()], [event, gone()]]
    assert {record.message for record in caplog.records} == {"an event has no words: MessageStored"}
    caplog.clear()


@pytest.mark.usefixtures("slices")
async def test_slices_keep_the_order(house: House) -> None:
    room, small = bare_room(*map(str, range(7))), bare_room("1", "6")
    ears = [house.ear(str(n)) for n in range(7)]
    told: list[list[Event]] = [[] for _ in ears]
    for number in range(1, 5):
        event, short = said(room, "3", number), gone(f"{number}")
        house.hub.tell_room(room, [event])
        house.hub.tell_room(small, [short])
        for n, events in enumerate(told):
            events.append(event)
            if n in (1, 6):
                events.append(short)
        await turns(number)
    await turns(60)
    assert [ear.heard for ear in ears] == told
    assert not house.hub._backlog


@pytest.mark.usefixtures("slices")
async def test_a_slice_gives_the_others_a_turn(house: House) -> None:
    room = bare_room(*map(str, range(5)))
    ears = [house.ear(str(n)) for n in range(5)]
    house.hub.tell_room(room, [EVENT])
    counts = []
    for _ in range(4):
        counts.append(sum(len(ear.heard) for ear in ears))
        await asyncio.sleep(0)
    assert counts[:3] == [2, 4, 5]


@pytest.mark.usefixtures("slices")
async def test_a_backlog_can_be_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_BACKLOG", 3)
    room = bare_room(*map(str, range(5)))
    ears = [house.ear(str(n)) for n in range(5)]
    for _ in range(2):
        house.hub.tell_room(room, [EVENT])
    assert house.hub._caught_up.is_set()
    house.hub.tell_room(room, [EVENT])
    behind = house.hub.caught_up()
    assert behind is not None
    waiting = asyncio.ensure_future(behind.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
    assert all(ear.heard for ear in ears)
    assert len(house.hub._backlog) < 3
    await turns(20)
    assert [len(ear.heard) for ear in ears] == [3] * 5


@pytest.mark.usefixtures("slices")
async def test_those_who_go_and_come_between_slices_do_no_harm(house: House) -> None:
    room = bare_room(*map(str, range(6)))
    ears = [house.ear(str(n)) for n in range(6)]
    house.hub.tell_room(room, [gone("1")])
    house.hub.disconnect(ears[4])
    house.hub.tell_room(room, [gone("2")])
    late = house.ear("4")
    house.hub.tell_room(room, [gone("3")])
    await turns(30)
    assert [len(ears[n].heard) for n in (0, 1, 2, 3, 5)] == [3] * 5
    assert late.heard == [gone("3")]
    assert len(house.hub) == 6


@pytest.mark.usefixtures("slices")
async def test_whoever_goes_while_he_is_told_does_no_harm(house: House) -> None:
    """A write that fails may close the socket, and tell of it, in the middle of a telling."""
    room = bare_room(*map(str, range(6)))
    ears = [house.ear(str(n)) for n in range(6)]

    def leave() -> None:
        ears[1].on_send = None
        house.hub.disconnect(ears[1])
        house.hub.tell_all(UserOffline("1", "one"))

    ears[1].on_send = leave
    house.hub.tell_room(room, [gone("1")])
    house.hub.tell_room(room, [gone("2")])
    await turns(40)
    for n in (0, 2, 3, 4, 5):
        assert [type(each) for each in ears[n].heard] == [RoomDeleted, UserOffline, RoomDeleted]


@pytest.mark.expects_errors
@pytest.mark.usefixtures("slices")
async def test_what_cannot_be_said_does_not_silence_the_hub(house: House) -> None:
    class Broken(Words):
        def encode(self, event: Event, form: Any) -> bytes:
            assert not isinstance(event, MemberLeft), "a bug"
            return super().encode(event, form)

    words = Broken()
    room = bare_room(*map(str, range(5)))
    ears = [house.ear(str(n), words if n == 4 else house.words) for n in range(5)]
    house.hub.tell_room(room, [MemberLeft(room.id, "9")])
    house.hub.tell_room(room, [gone()])
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    await turns(30)
    assert all(ear.heard[-1] == gone() for ear in ears)
    house.hub.tell_all(UserOnline("1", "one"))
    await turns(30)
    assert all(isinstance(ear.heard[-1], UserOnline) for ear in ears)
