"""What is stored and waits a moment, to be told together with what is stored behind it."""

import asyncio
from functools import partial
from typing import Any

import pytest

from chat.batches import NOTHING, Batch
from chat.entries import Said
from chat.live_room import LiveRoom
from chat.untold import Untold, gains
from models.store import Taken
from tests.chat.desk import Desk, edited, fail_to_tell_once, refusal
from tests.chat.desk import make_desk as make_desk
from tests.chat.engine import Gate, bare_room, fine, full, lost, turns

pytestmark = pytest.mark.gen_test(timeout=30)

# How long it takes to tell a room that takes longer to tell than any test does; and any other.
LONG, SHORT = 1000.0, 0.0


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is handed over ahead: too little waits for that."""
    monkeypatch.setattr("chat.journal.MIN_AHEAD", 50)


async def crowded(desk: Desk, seconds: float = LONG) -> LiveRoom:
    """A room that takes long to tell."""
    room = await desk.room()
    room.telling_seconds = seconds
    return room


async def test_what_waits_is_told_with_what_is_stored_before_it(desk: Desk, many: None) -> None:
    room = await crowded(desk)
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    later = [desk.say(room), desk.say(room)]
    gate.open()
    assert [(await each).message.seq for each in (first, *later)] == [1, 2, 3]
    assert (desk.tellings, desk.answered_first) == (1, 0)
    assert [len(batch) for batch in desk.store.batches] == [1, 2]
    assert room.telling_seconds < LONG
    desk.check(room)


@pytest.mark.parametrize("why", ["short", "another room", "nothing", "much"])
async def test_what_would_gain_nothing_is_told_at_once(
    desk: Desk, many: None, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "much":
        monkeypatch.setattr("chat.journal.MIN_AHEAD", 1)
    room, other = await crowded(desk, SHORT if why == "short" else LONG), await desk.room()
    gate = desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    later = None if why == "nothing" else desk.say(other if why == "another room" else room)
    gate.open()
    await first
    assert (desk.tellings, later is not None and later.done()) == (1, False)
    if later is not None:
        await later
        assert desk.tellings == 2
    desk.check(room)


async def test_a_duplicate_moves_no_numbers_of_what_is_behind_it(desk: Desk, many: None) -> None:
    room = await crowded(desk)
    first = (await desk.say(room)).message
    room.telling_seconds = LONG
    gate = desk.store.gate("commit")
    again = desk.say(room, sender=first.sender, client_id=first.client_id)
    await gate.reached()
    later = desk.say(room)
    gate.open()
    assert not (await again).fresh
    assert (await later).message.seq == 2
    desk.check(room)


async def kept_back(
    desk: Desk, room: LiveRoom, gate: Gate, becomes: Any = fine
) -> tuple[asyncio.Future[Said], asyncio.Future[Said]]:
    """Something that is stored and not told, and what is being stored behind it, up to a gate."""
    before = desk.store.gate("commit")
    desk.store.plan("commit", lambda call: gate(partial(becomes, call)))
    first = desk.say(room)
    await before.reached()
    later = desk.say(room)
    before.open()
    await gate.reached()
    assert not first.done()
    return first, later


async def test_what_takes_too_long_is_waited_for_no_longer(desk: Desk, many: None) -> None:
    room, gate = await crowded(desk), Gate()
    first, later = await kept_back(desk, room, gate)
    desk.journal._tell_untold()
    assert (await first).message.seq == 1
    assert (desk.tellings, later.done()) == (1, False)
    gate.open()
    assert (await later).message.seq == 2
    desk.check(room)


def taken(_: Any) -> Any:
    raise Taken("number")


@pytest.mark.parametrize(
    ("fault", "tellings", "stored"),
    [(full, 1, False), (taken, 3, True), (lost, 1, True)],
)
async def test_what_is_stored_is_told_whatever_becomes_of_what_is_behind_it(
    desk: Desk, many: None, fault: Any, tellings: int, stored: bool
) -> None:
    room, gate = await crowded(desk), Gate()
    first, later = await kept_back(desk, room, gate, fault)
    gate.open()
    assert (await first).message.seq == 1
    if stored:
        assert (await later).message.seq == 2
    else:
        assert await refusal(later) == "not_stored"
    assert desk.tellings == tellings
    desk.check(room)


async def test_what_is_stored_is_told_when_what_is_behind_it_cannot_begin(
    desk: Desk, many: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a bug")

    room, gate = await crowded(desk), desk.store.gate("commit")
    first = desk.say(room)
    await gate.reached()
    later = desk.say(room)
    with monkeypatch.context() as patch:
        patch.setattr("chat.journal.numbered", fail)
        gate.open()
        assert (await first).message.seq == 1
        assert await refusal(later) == "not_stored"
    assert "a batch was not written" in caplog.text
    caplog.clear()


async def test_a_change_of_what_is_not_told_yet_is_told_behind_it(desk: Desk, many: None) -> None:
    room, gate = await crowded(desk), Gate()
    old = (await desk.say(room)).message
    room.telling_seconds = LONG
    before = desk.store.gate("commit")
    desk.store.plan("commit", gate)
    first = asyncio.ensure_future(desk.alter(room, old.id, edited("first")))
    await before.reached()
    second = asyncio.ensure_future(desk.alter(room, old.id, lambda m: edited(m.text + "!")(m)))
    await turns()
    before.open()
    await gate.reached()
    assert not first.done()
    gate.open()
    assert [(await each).message.text for each in (first, second)] == ["first", "first!"]
    assert (desk.tellings, room.rev) == (2, 3)
    desk.check(room)


async def test_nobody_waits_for_an_answer_when_telling_fails(
    desk: Desk, many: None, caplog: pytest.LogCaptureFixture
) -> None:
    room, gate = await crowded(desk), Gate()
    first, later = await kept_back(desk, room, gate)
    fail_to_tell_once(desk)
    gate.open()
    assert [await refusal(each) for each in (first, later)] == ["not_stored"] * 2
    await desk.say(room)
    assert "a batch was not written" in caplog.text
    caplog.clear()


async def test_a_telling_that_fails_before_its_time_is_found_out_later(
    desk: Desk, many: None, caplog: pytest.LogCaptureFixture
) -> None:
    room, gate = await crowded(desk), Gate()
    first, later = await kept_back(desk, room, gate)
    fail_to_tell_once(desk)
    desk.journal._tell_untold()
    assert await refusal(first) == "not_stored"
    gate.open()
    assert (await later).message.seq == 2
    assert "a batch was not told" in caplog.text
    caplog.clear()


def test_only_what_waits_for_the_same_room_is_worth_a_wait() -> None:
    assert not gains(NOTHING, [], 0)


async def test_a_batch_waits_for_no_longer_than_telling_it_takes() -> None:
    room = bare_room("a")
    room.telling_seconds = 0.01
    batch = Batch([], [], [], [], {room: (1, 1)}, {})
    untold, told = Untold(), asyncio.Event()
    assert not untold
    untold.keep(batch, [], told.set)
    assert untold
    await told.wait()
    assert untold.take(NOTHING, [])[0].numbers == batch.numbers
    assert not untold
