"""Whatever people do at once, what a client knows by events alone is what the server answers.

Several people do random things at the same time, in bursts. Each of their devices keeps a copy of
its rooms that is built from events and answers, and comes back with the last `rev` that it heard.
Behind each burst every copy is compared with HISTORY, with a fresh AUTH_SUCCESS and with the store.
What threads answer is handed on in a random order, so that orders are tried that are rare in life.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from chat.live_room import LiveRoom
from chat.rooms import Rooms
from conf.settings import Settings
from models.records import EVERYONE
from models.store import Store
from tests.chat.engine import until
from tests.devices import Copy, Device
from tests.handlers.conftest import Hubbub, Person
from tests.shuffled_disk import ShuffledDisk
from tests.socket import Closed, Command, Payload, Refused, Socket

EMOJI = ("👍", "🎉")
OWN = ("clientId", "tempId")

# The first has two devices; and a device learns only by itself what rooms it has made.
DEVICES = (0, 0, 1, 2, 3)
PEOPLE = 4

# What may be refused to those who act on what they knew a moment ago; anything else is a fault.
MAY_BE_REFUSED = {
    "room_not_found",
    "message_not_found",
    "message_deleted",
    "member_not_found",
    "not_yours",
    "not_in_charge",
    "not_the_owner",
    "outranked",
    "last_owner",
    "direct_room",
    "everyones_room",
}

_names = count(1)


@dataclass(frozen=True)
class Act:
    """One thing that somebody does; what the numbers choose depends on what they know."""

    kind: str
    device: int
    room: int
    what: int
    whom: int


ACTS = (
    *("send",) * 6,
    *("again",) * 2,
    *("edit", "delete", "react", "unreact", "pin", "read", "read", "delivered"),
    *("create", "direct", "join", "leave", "invite", "invite", "remove", "role", "rename"),
    *("delete_room", "drop", "close", "drop", "forget", "forget"),
)

acts = st.builds(
    Act,
    kind=st.sampled_from(ACTS),
    device=st.integers(0, len(DEVICES) - 1),
    room=st.integers(0, 5),
    what=st.integers(0, 20),
    whom=st.integers(0, PEOPLE - 1),
)
bursts = st.lists(st.lists(acts, min_size=1, max_size=8), min_size=1, max_size=8)


class World:
    """Some people, their devices, and a server."""

    def __init__(self, hub: Hubbub, store: Store) -> None:
        self.hub = hub
        self.store = store
        self.people: list[Person] = []
        self.devices: list[Device] = []
        self.bystander: Socket | None = None
        self.public: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.asked: list[Command] = []
        self.numbers = count(1)

    async def begin(self) -> None:
        """Let people come who know nothing yet, and two rooms with some of them."""
        everyone = self.store.messages.counters(EVERYONE)
        self.people = await self.hub.residents(*(f"p{next(_names)}" for _ in range(PEOPLE + 1)))
        bystander = self.people.pop()
        self.bystander = await Socket.connect(f"http://127.0.0.1:{self.hub.port}")
        await self.bystander.authenticate(bystander.token)
        self.own_room = await self.bystander.command("CREATE_ROOM", kind="private")
        self.devices = [Device(self.people[number], self.hub, everyone) for number in DEVICES]
        ids = [person.id for person in self.people]
        for device in self.devices[2:4]:
            await device.connect()
            kind, members = ("public", ids[:2]) if device is self.devices[2] else ("private", ids)
            assert device.socket is not None
            made = await device.socket.command("CREATE_ROOM", kind=kind, participantIds=members)
            if kind == "public":
                self.public.append(made["room"]["id"])

    async def end(self) -> None:
        for device in self.devices:
            await device.leave(politely=True)
        if self.bystander is not None:
            await self.bystander.close()

    async def burst(self, doings: list[Act]) -> None:
        """Let some things be done at once, and wait until all of it has happened."""
        for act in doings:
            self.do(act)
        await asyncio.gather(*self.tasks)
        self.tasks.clear()
        asked, self.asked = self.asked, []
        for command in asked:
            try:
                answer = await command.answer
            except Refused as refusal:
                if refusal.code not in MAY_BE_REFUSED:
                    raise
            except Closed:
                pass
            else:
                if command.type == "CREATE_ROOM" and answer["room"]["kind"] == "public":
                    self.public.append(answer["room"]["id"])
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until whatever was done by those who have gone has happened too."""
        connected = [device for device in self.devices if device.socket is not None]
        await until(lambda: len(self.hub.services.sockets) == len(connected) + 1)
        assert self.bystander is not None
        room = self.own_room["room"]["id"]
        await self.bystander.command("SEND_MESSAGE", roomId=room, content="am I last?")
        for device in connected:
            assert device.socket is not None
            # The first round trip is behind all that was told; the second behind what a device
            # asked when it heard of that.
            await device.socket.command("PRESENCE")
            await device.socket.command("PRESENCE")

    def do(self, act: Act) -> None:
        device = self.devices[act.device]
        if act.kind == "forget":
            # As when somebody changes their profile: the next to name them must ask the store.
            self.hub.core.people.forget(self.people[act.whom].id)
        elif device.socket is None:
            if not any(task.get_name() == str(act.device) for task in self.tasks):
                self.tasks.append(asyncio.create_task(device.connect(), name=str(act.device)))
        elif act.kind in ("drop", "close"):
            leaving = device.leave(politely=act.kind == "close")
            self.tasks.append(asyncio.create_task(leaving, name=str(act.device)))
        else:
            asked = self.command(device, act)
            if asked is not None:
                self.asked.append(device.socket.ask(asked[0], **asked[1]))

    def command(self, device: Device, act: Act) -> tuple[str, Payload] | None:
        """The command for an act, by what the device knows; None where there is nothing to do."""
        whom = self.people[act.whom].id
        if act.kind in ("create", "direct"):
            return self.making(device, act, whom)
        if act.kind == "join":
            return ("JOIN_ROOM", {"roomId": _one(self.public, act.room)}) if self.public else None
        if act.kind == "again":
            return _sending(device, _one([*device.sent], act.what)) if device.sent else None
        room_id = _one([*device.rooms], act.room)
        if act.kind == "send":
            client_id = f"{act.device}-{next(self.numbers)}"
            device.sent[client_id] = room_id, f"text {client_id}"
            return _sending(device, client_id)
        to, of_user = {"roomId": room_id}, {"roomId": room_id, "userId": whom}
        role = ("owner", "admin", "member")[act.what % 3]
        about_rooms: dict[str, tuple[str, Payload]] = {
            "leave": ("LEAVE_ROOM", to),
            "delete_room": ("DELETE_ROOM", to),
            "invite": ("INVITE", of_user),
            "remove": ("REMOVE_MEMBER", of_user),
            "role": ("SET_ROLE", {**of_user, "role": role}),
            "rename": ("UPDATE_ROOM", {**to, "name": f"name {act.what}"}),
        }
        return about_rooms.get(act.kind) or self.changing(act, device.rooms[room_id])

    def making(self, device: Device, act: Act, whom: str) -> tuple[str, Payload] | None:
        if DEVICES.count(DEVICES[act.device]) > 1 or whom == device.person.id:
            return None
        kind = "direct" if act.kind == "direct" else ("private", "public")[act.what % 2]
        return "CREATE_ROOM", {"kind": kind, "participantIds": [whom]}

    def changing(self, act: Act, copy: Copy) -> tuple[str, Payload] | None:
        if not copy.messages:
            return None
        message_id = _one([*copy.messages], act.what)
        emoji = {"messageId": message_id, "emoji": _one(EMOJI, act.whom)}
        return {
            "edit": ("EDIT_MESSAGE", {"messageId": message_id, "content": f"edit {act.whom}"}),
            "delete": ("DELETE_MESSAGE", {"messageId": message_id}),
            "react": ("REACT", {**emoji, "on": True}),
            "unreact": ("REACT", {**emoji, "on": False}),
            "pin": ("PIN", {"messageId": message_id, "on": act.whom % 2 == 0}),
            "read": ("READ", {"messageId": message_id}),
            "delivered": ("DELIVERED", {"messageId": message_id}),
        }[act.kind]

    async def check(self) -> None:
        """Compare what every device knows with what it would be told if it asked."""
        for device in self.devices:
            assert not device.faults, "\n".join(device.faults)
            assert device.socket is None or not device.strays
        for person in self.people:
            devices = [d for d in self.devices if d.person is person and d.socket is not None]
            fresh = await Socket.connect(f"http://127.0.0.1:{self.hub.port}")
            try:
                welcome = await fresh.authenticate(person.token)
                rooms = {room["id"]: room for room in welcome["rooms"]}
                for device in devices:
                    await self.check_device(device, rooms, fresh)
            finally:
                await fresh.close()
        for room_id in {room for device in self.devices for room in device.rooms}:
            self.check_store(self.hub.core.rooms.live(room_id))

    async def check_device(self, device: Device, rooms: dict[str, Payload], fresh: Socket) -> None:
        known = {one for one, copy in device.rooms.items() if not copy.hidden}
        assert known == {EVERYONE, *rooms}
        for room_id in known:
            copy = device.rooms[room_id]
            assert copy.read_through
            page = await fresh.command("HISTORY", roomId=room_id, after=copy.base, limit=200)
            assert not page["hasMore"]
            assert _plain(copy.messages.values()) == _plain(page["messages"])
            seqs = [message["seq"] for message in page["messages"]]
            assert seqs == [*range(copy.base + 1, copy.base + len(seqs) + 1)]
            assert all(one < other for one, other in pairwise(sorted(_revs(page["messages"]))))
            if room_id != EVERYONE:
                _check_room(copy, rooms[room_id])
        for client_id, message in device.acknowledged.items():
            copy = device.rooms.get(message["roomId"], Copy(""))
            if copy.read_through and not copy.hidden:
                kept = copy.messages[message["id"]]
                assert (kept["seq"], kept["senderId"]) == (message["seq"], device.person.id)
                assert kept.get("clientId", client_id) == client_id

    def check_store(self, live: LiveRoom | None) -> None:
        """What is in memory is what would be read after a restart."""
        if live is None:
            return
        stored = Rooms(self.store, self.hub.core.disk)._read(live.id)[0]
        assert (live.seq, live.rev, live.room.name) == (stored.seq, stored.rev, stored.room.name)
        assert live.last == stored.last
        if not live.is_everyone:  # who has no row there until they read something
            assert _members(live) == _members(stored)


def _sending(device: Device, client_id: str) -> tuple[str, Payload]:
    room_id, content = device.sent[client_id]
    return "SEND_MESSAGE", {"roomId": room_id, "content": content, "clientId": client_id}


def _check_room(copy: Copy, room: Payload) -> None:
    last = copy.last
    assert (copy.name, copy.people) == (room["name"], {one["id"] for one in room["participants"]})
    assert room["seq"] == (last["seq"] if last else 0)
    assert room["rev"] == max(_revs(copy.messages.values()), default=0)
    assert copy.rev <= room["rev"]
    assert room["unread"] == room["seq"] - room["read"]
    assert (room["lastMessage"] or {}).get("id") == (last or {}).get("id")
    if copy.marks is not None:
        assert copy.marks == (room["delivered"], room["read"])


def _revs(messages: Any) -> list[int]:
    return [message["rev"] for message in messages]


def _plain(messages: Any) -> list[Payload]:
    """Messages in order, without what only their sender's sockets are told, and not every time."""
    kept = [{k: v for k, v in message.items() if k not in OWN} for message in messages]
    return sorted(kept, key=lambda message: message["seq"])


def _members(room: LiveRoom) -> dict[str, Any]:
    return {m.user: (m.role, m.delivered, m.read, m.hidden) for m in room.members.values()}


def _one(choices: Any, number: int) -> Any:
    return choices[number % len(choices)]


@pytest.fixture
def hub(
    io_loop: IOLoop, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hubbub]:
    """A server without limits on rates."""
    made = Hubbub(Settings(bcrypt_rounds=4, data_dir=tmp_path, rate_limits=False), store)
    monkeypatch.setattr(made.core.disk, "run", made.core.disk.run)  # put back at the end
    yield made
    io_loop.run_sync(made.stop)


async def play(hub: Hubbub, store: Store, doings: list[list[Act]], seed: int) -> None:
    """Play an example through, and compare behind every burst."""
    world = World(hub, store)
    original = hub.core.disk.run
    try:
        await world.begin()
        hub.core.disk.run = ShuffledDisk(hub.core.disk, random.Random(seed)).run  # type: ignore[method-assign]
        for burst in doings:
            await world.burst(burst)
            await world.check()
    finally:
        hub.core.disk.run = original  # type: ignore[method-assign]
        await world.end()
    await until(lambda: len(hub.services.sockets) == 0)


def run_examples(io_loop: IOLoop, hub: Hubbub, store: Store, examples: int) -> Counter[str]:
    """Play many examples on one server; everybody in them is new."""
    played: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what threads have a part in does not shrink
        suppress_health_check=list(HealthCheck),
    )
    @given(doings=bursts, seed=st.integers(0, 1 << 30))
    def example(doings: list[list[Act]], seed: int) -> None:
        played.update(act.kind for burst in doings for act in burst)
        io_loop.run_sync(lambda: play(hub, store, doings, seed), timeout=60)

    example()
    return played


@pytest.mark.gen_test
async def test_nobody_comes_back_to_a_public_room_that_they_have_left(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    url = f"http://127.0.0.1:{hub.port}"
    first, second = await Socket.connect(url), await Socket.connect(url)
    await first.authenticate(ann.token)
    await second.authenticate(bob.token)
    made = await first.command("CREATE_ROOM", kind="public", participantIds=[bob.id])
    room = made["room"]["id"]
    await second.close()
    await first.command("REMOVE_MEMBER", roomId=room, userId=bob.id)
    await first.command("SEND_MESSAGE", roomId=room, content="he is gone")
    second = await Socket.connect(url)
    await second.authenticate(bob.token, {room: 0})
    await second.command("PRESENCE")
    assert [refusal["code"] for refusal in second.of("ERROR")] == ["room_not_found"]
    assert second.of("MESSAGE", "SYNCED") == []
    await first.close()
    await second.close()


@pytest.mark.gen_test
async def test_one_who_comes_back_knows_their_message_though_it_has_changed(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    url = f"http://127.0.0.1:{hub.port}"
    first, second = await Socket.connect(url), await Socket.connect(url)
    await first.authenticate(ann.token)
    await second.authenticate(bob.token)
    first.ask("SEND_MESSAGE", roomId=room.id, content="did it arrive?", clientId="mine")
    told = await second.wait_for(lambda event: event.type == "MESSAGE")
    await first.close()
    await second.command("REACT", messageId=told.payload["id"], emoji="👍", on=True)
    first = await Socket.connect(url)
    await first.authenticate(ann.token, {room.id: 0})
    changed = await first.wait_for(lambda event: event.type == "MESSAGE_CHANGED")
    assert changed.payload["clientId"] == "mine"
    await first.close()
    await second.close()


@pytest.mark.gen_test
async def test_a_room_that_is_deleted_meanwhile_keeps_nobody_out(
    hub: Hubbub, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await hub.resident("ann")
    room, kept = [await hub.room({ann.id: "owner"}) for _ in range(2)]
    list_rooms = store.rooms.of_user

    def delete_behind(user: str, **page: Any) -> Any:
        found = list_rooms(user, **page)
        store.rooms.delete(room.id)
        return found

    monkeypatch.setattr(store.rooms, "of_user", delete_behind)
    socket = await Socket.connect(f"http://127.0.0.1:{hub.port}")
    welcome = await socket.authenticate(ann.token)
    assert [one["id"] for one in welcome["rooms"]] == [kept.id]
    await socket.close()


def test_what_is_heard_is_what_is_there(io_loop: IOLoop, hub: Hubbub, store: Store) -> None:
    run_examples(io_loop, hub, store, 10)


@pytest.mark.long
def test_what_is_heard_is_what_is_there_for_long(
    io_loop: IOLoop, hub: Hubbub, store: Store
) -> None:
    played = run_examples(io_loop, hub, store, 300)
    assert set(played) == set(ACTS)
