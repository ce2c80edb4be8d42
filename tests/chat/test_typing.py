"""Who is writing: told to the others, not again and again, and over by itself."""

from collections.abc import Iterator

import pytest

from chat import typing as module
from chat.events import Pair, Person, TypingStarted, TypingStopped, TypingTo
from chat.hub import Hub
from chat.live_room import LiveRoom
from chat.people import People
from chat.typing import Typing
from models.records import EVERYONE
from tests.chat.engine import Ear, Words, bare_room, turns, until
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)

# Longer than any test may take.
LONG = 3600.0


@pytest.fixture(autouse=True)
def _it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TYPING_SECONDS", LONG)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def writing(hub: Hub) -> Iterator[Typing]:
    typing = Typing(hub, People(None, None))  # type: ignore[arg-type]
    yield typing
    typing.close()


@pytest.fixture
def room() -> LiveRoom:
    return bare_room("ann", "bob")


@pytest.fixture
def ears(hub: Hub) -> dict[str, Ear]:
    ears = {name: Ear(name, Words()) for name in ("ann", "bob", "eve")}
    for ear in ears.values():
        hub.connect(ear)
    return ears


async def test_the_others_in_the_room_are_told(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear]
) -> None:
    writing.start(room, "ann", "Ann")
    writing.stop(room, "ann")
    assert ears["bob"].heard == [
        TypingStarted(room.id, "ann", "Ann"),
        TypingStopped(room.id, "ann"),
    ]
    assert ears["ann"].heard == ears["eve"].heard == []


async def test_what_is_repeated_soon_is_told_once(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        writing.start(room, "ann", "Ann")
    assert ears["bob"].kinds() == ["TypingStarted"]
    monkeypatch.setattr(module, "QUIET_SECONDS", 0)
    writing.start(room, "ann", "Ann")
    assert ears["bob"].kinds() == ["TypingStarted"] * 2


async def test_each_writes_for_themselves(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear]
) -> None:
    other = bare_room("ann", "bob")
    writing.start(room, "ann", "Ann")
    writing.start(room, "bob", "Bob")
    writing.start(other, "ann", "Ann")
    writing.stop(room, "ann")
    assert ears["ann"].kinds() == ["TypingStarted"]
    assert ears["bob"].kinds() == ["TypingStarted", "TypingStarted", "TypingStopped"]


async def test_it_is_over_by_itself(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TYPING_SECONDS", 0)
    writing.start(room, "ann", "Ann")
    await until(lambda: len(ears["bob"].heard) == 2)
    assert ears["bob"].kinds() == ["TypingStarted", "TypingStopped"]
    assert not writing._writing
    assert not writing._told
    writing.stop(room, "ann")
    assert len(ears["bob"].heard) == 2


async def test_whoever_repeats_it_goes_on(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TYPING_SECONDS", 0)
    writing.start(room, "ann", "Ann")
    monkeypatch.setattr(module, "TYPING_SECONDS", LONG)
    writing.start(room, "ann", "Ann")
    await turns(10)
    assert ears["bob"].kinds() == ["TypingStarted"]


async def test_whoever_begins_again_is_told_at_once(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear]
) -> None:
    writing.start(room, "ann", "Ann")
    writing.stop(room, "ann")
    writing.start(room, "ann", "Ann")
    assert ears["bob"].kinds() == ["TypingStarted", "TypingStopped", "TypingStarted"]


async def test_it_is_over_with_what_is_said(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear]
) -> None:
    said = [samples.message(room.id, n, sender=who) for n, who in enumerate(("ann", "ann", "eve"))]
    writing.over(room, said)
    for name in ("ann", "bob"):
        writing.start(room, name, name)
    writing.over(bare_room("ann", "bob"), said)
    assert ears["bob"].kinds() == ["TypingStarted"]
    writing.over(room, said)
    assert ears["bob"].heard[1:] == [TypingStopped(room.id, "ann")]
    assert ears["ann"].kinds() == ["TypingStarted"]


async def test_whoever_has_not_begun_cannot_stop(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear]
) -> None:
    writing.stop(room, "ann")
    assert ears["bob"].heard == []


async def test_in_large_rooms_and_in_everybodys_nobody_is_told(
    writing: Typing, ears: dict[str, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    for room in (bare_room("ann", "bob", "eve"), bare_room(kind="public", id=EVERYONE)):
        writing.start(room, "ann", "Ann")
        writing.stop(room, "ann")
    assert ears["bob"].heard == []
    writing.start(bare_room("ann", "bob"), "ann", "Ann")
    assert ears["bob"].kinds() == ["TypingStarted"]


async def test_nothing_is_told_after_the_end(
    writing: Typing, room: LiveRoom, ears: dict[str, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TYPING_SECONDS", 0)
    writing.start(room, "ann", "Ann")
    writing.close()
    await turns(10)
    assert ears["bob"].kinds() == ["TypingStarted"]


async def test_who_has_no_room_with_somebody_may_write_to_them(
    writing: Typing, ears: dict[str, Ear]
) -> None:
    pair = Pair(Person("ann", "Ann"), Person("bob", "Bob"))
    writing.start_to(pair)
    writing.start_to(pair)
    writing.stop_to(pair)
    writing.stop_to(pair)
    assert ears["bob"].heard == [TypingTo(pair, is_typing=True), TypingTo(pair, is_typing=False)]
    assert ears["ann"].heard == ears["eve"].heard == []


async def test_who_began_without_a_room_stops_in_it(writing: Typing, ears: dict[str, Ear]) -> None:
    writing.start_to(Pair(Person("ann", "Ann"), Person("bob", "Bob")))
    writing.stop(bare_room("ann", "bob", kind="direct", pair="ann:bob"), "ann")
    assert ears["bob"].kinds() == ["TypingTo", "TypingStopped"]
