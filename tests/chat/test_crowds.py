"""A room of ten thousand, and somebody in a thousand rooms: all is told, and none of it twice."""

import pytest

from chat.commands import JoinRoom, LeaveRoom
from chat.events import MemberJoined, MemberLeft, MessageStored
from chat.reading import Reading
from chat.rooms import Rooms
from models.records import new_id, now
from models.store import Store
from tests.chat.engine import Core, code_of, turns
from tests.chat.engine import make_core as make_core
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=60)

MEMBERS = 10_000
ROOMS = 1_000


async def test_a_room_of_ten_thousand(core: Core, store: Store) -> None:
    core.memberships._max_members = MEMBERS
    ann, bob, eve = (core.person() for _ in range(3))
    made = samples.room("public", created=now(), active=now())
    people = [ann.id, *(new_id() for _ in range(MEMBERS - 2))]
    core.real.rooms.add(made, [samples.member(made.id, one) for one in people])
    room = await core.rooms.get(made.id)
    ears = [core.ear(ann), core.ear(eve)]
    absent = len(people) - 1
    await core.memberships.join(bob.id, JoinRoom(room_id=room.id))
    assert await code_of(core.memberships.join(eve.id, JoinRoom(room_id=room.id))) == "room_full"
    assert len(room.members) == absent + 2
    for number in range(3):
        await core.say(bob, room, f"{number}")
    await core.memberships.leave(bob.id, LeaveRoom(room_id=room.id))
    await turns()
    told = [event for event in ears[0].heard if isinstance(event, MessageStored)]
    assert [event.message.text for event in told] == ["0", "1", "2"]
    assert not any(event.notify for event in told)
    assert (len(ears[0].of(MemberJoined)), len(ears[0].of(MemberLeft))) == (1, 1)
    assert ears[1].heard == []
    core.check_members(room)
    core.check_counters(room)


async def test_somebody_in_a_thousand_rooms(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    core.memberships._max_rooms = ROOMS
    ann, bob = core.person(), core.person()
    made = [samples.add_room(core.real, ann.id, active=samples.at(n)).id for n in range(ROOMS)]
    # Fewer are kept in memory than there are, as where many people are in many rooms.
    monkeypatch.setattr("chat.rooms.MAX_LIVE", 64)
    rooms = Rooms(core.store, core.disk)  # type: ignore[arg-type]
    reading = Reading(  # type: ignore[arg-type]
        core.store, core.disk, rooms, core.people, core.attachments, core.chat.hints
    )
    found: list[str] = []
    page = await reading.rooms(ann.id, limit=100)
    while True:
        found += [state.room.id for state in page.states]
        if page.next is None:
            break
        page = await reading.rooms(ann.id, before=page.next, limit=100)
    assert found == made[::-1]
    assert len(rooms) <= 64
    full = await core.room({bob.id: "owner"}, "public")
    joining = core.memberships.join(ann.id, JoinRoom(room_id=full.id))
    assert await code_of(joining) == "too_many_rooms"
