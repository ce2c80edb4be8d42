"""Who is online, and who is told."""

import asyncio

import pytest
from msgspec.structs import replace

from chat import presence as module
from chat.events import Event, Form, UserOffline, UserOnline
from chat.hub import Hub
from chat.people import People
from chat.presence import Presence
from models.disk import Disk
from models.sqlite import SQLiteStore
from models.store import Unavailable
from tests.contract.samples import user

pytestmark = pytest.mark.gen_test(timeout=5)

# Longer than any test may take.
LONG = 3600

ANN, BOB = user("ann"), user("bob")


class Plain:
    """A dialect that says what happened, but not to whoever it is about."""

    names_people = False
    is_alike = False

    def encode(self, event: Event, form: Form) -> bytes:
        if form == "own":
            return b""
        return f"{type(event).__name__}:{getattr(event, 'name', '')} ".encode()


class Socket:
    """A connection that keeps what it is told."""

    dialect = Plain()
    number = 0
    rooms: set[str] | None = None
    held: list[tuple[Event, Form]] | None = None

    def __init__(self, user_id: str) -> None:
        self.user = user_id
        self.heard = ""

    def send(self, data: bytes) -> None:
        self.heard += data.decode()


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def people(sqlite_store: SQLiteStore, disk: Disk) -> People:
    people = People(sqlite_store, disk)
    people.note(ANN)
    people.note(BOB)
    return people


@pytest.fixture
def patient(hub: Hub, people: People) -> Presence:
    """A presence whose grace never ends."""
    return Presence(hub, people, LONG)


@pytest.fixture
def hasty(hub: Hub, people: People) -> Presence:
    """A presence without a grace."""
    return Presence(hub, people, 0)


@pytest.fixture(autouse=True)
def _tell_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_SECONDS", 0)


async def after_the_grace() -> None:
    """Let a grace of no time end, and then what was gathered be told."""
    for _ in range(2):
        over = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0, over.set_result, None)
        await over


async def test_nobody_is_online_at_first(patient: Presence) -> None:
    assert not patient.is_online(ANN.id)
    assert patient.online() == []


async def test_the_first_socket_of_a_user_is_announced_to_everybody_else(
    patient: Presence,
) -> None:
    bob, ann = Socket(BOB.id), Socket(ANN.id)
    patient.connect(bob)
    await after_the_grace()
    for socket in (ann, Socket(ANN.id)):
        patient.connect(socket)
    await after_the_grace()
    assert patient.online() == sorted([ANN.id, BOB.id])
    assert bob.heard == f"{UserOnline.__name__}:ann "
    assert ann.heard == ""


async def test_the_last_socket_of_a_user_is_announced_after_the_grace(hasty: Presence) -> None:
    bob, ann, ann_too = Socket(BOB.id), Socket(ANN.id), Socket(ANN.id)
    for socket in (ann, ann_too, bob):
        hasty.connect(socket)
    await after_the_grace()
    bob.heard = ""
    hasty.disconnect(ann)
    await after_the_grace()
    assert (hasty.is_online(ANN.id), bob.heard) == (True, "")
    hasty.disconnect(ann_too)
    assert hasty.is_online(ANN.id)
    await after_the_grace()
    assert (hasty.is_online(ANN.id), bob.heard) == (False, f"{UserOffline.__name__}:ann ")


async def test_a_page_that_is_loaded_again_does_not_flicker(hasty: Presence) -> None:
    bob, ann = Socket(BOB.id), Socket(ANN.id)
    hasty.connect(ann)
    await after_the_grace()
    hasty.connect(bob)
    hasty.disconnect(ann)
    assert hasty.is_online(ANN.id)
    hasty.connect(Socket(ANN.id))
    await after_the_grace()
    assert hasty.is_online(ANN.id)
    assert bob.heard == ""


async def test_nobody_is_announced_after_the_end(hasty: Presence) -> None:
    bob, ann = Socket(BOB.id), Socket(ANN.id)
    hasty.connect(ann)
    hasty.connect(bob)
    hasty.disconnect(ann)
    hasty.close()
    await after_the_grace()
    assert bob.heard == ""


async def test_a_crowd_is_neither_announced_nor_listed_in_full(
    patient: Presence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TOLD", 1)
    bob = Socket(BOB.id)
    patient.connect(bob)
    patient.connect(Socket(ANN.id))
    assert bob.heard == ""
    assert len(patient.online()) == 1


class Neighbourhood:
    """Who shares a room with whom."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = {}
        self.away = False

    async def __call__(self, user_id: str) -> set[str]:
        if self.away:
            raise Unavailable("away")
        return self.of.get(user_id, set())


@pytest.fixture
def near() -> Neighbourhood:
    return Neighbourhood()


@pytest.fixture
def crowded(
    hub: Hub, people: People, near: Neighbourhood, monkeypatch: pytest.MonkeyPatch
) -> Presence:
    """A presence to which two are a crowd."""
    monkeypatch.setattr(module, "MAX_TOLD", 1)
    return Presence(hub, people, 0, near)


async def test_in_a_crowd_neighbours_alone_are_told(crowded: Presence, near: Neighbourhood) -> None:
    eve = user("eve")
    near.of = {ANN.id: {BOB.id}}
    bob, stranger, ann = Socket(BOB.id), Socket(eve.id), Socket(ANN.id)
    crowded.connect(bob)
    crowded.connect(stranger)
    await after_the_grace()
    bob.heard = stranger.heard = ""
    crowded.connect(ann)
    await after_the_grace()
    assert (bob.heard, stranger.heard, ann.heard) == ("UserOnline:ann ", "", "")
    crowded.disconnect(ann)
    await after_the_grace()
    await after_the_grace()
    assert (bob.heard, stranger.heard) == ("UserOnline:ann UserOffline:ann ", "")


async def test_in_a_crowd_a_store_that_does_not_answer_ends_nothing(
    crowded: Presence, near: Neighbourhood, caplog: pytest.LogCaptureFixture
) -> None:
    near.of, near.away = {ANN.id: {BOB.id}}, True
    bob = Socket(BOB.id)
    crowded.connect(bob)
    with caplog.at_level("WARNING", "hubbub.presence"):
        crowded.connect(Socket(ANN.id))
        await after_the_grace()
    assert "could not tell who comes and goes" in caplog.text
    assert bob.heard == ""
    near.away = False
    ann = next(iter(crowded._hub.of_user(ANN.id)))
    crowded.disconnect(ann)
    await after_the_grace()
    await after_the_grace()
    assert crowded.online() == [BOB.id]


async def test_who_comes_and_goes_at_once_is_told_in_one_write(
    hasty: Presence, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, writes = Socket(BOB.id), []
    hasty.connect(bob)
    await after_the_grace()
    monkeypatch.setattr(bob, "send", writes.append)
    for _ in range(3):
        hasty.connect(Socket(user().id))
    await after_the_grace()
    assert len(writes) == 1
    assert writes[0].count(b"UserOnline") == 3


async def test_what_was_gathered_at_the_end_is_told_to_nobody(hasty: Presence) -> None:
    bob = Socket(BOB.id)
    hasty.connect(bob)
    await after_the_grace()
    hasty.connect(Socket(ANN.id))
    hasty.close()
    await after_the_grace()
    assert bob.heard == ""


async def test_who_is_online_comes_in_pages(patient: Presence, people: People) -> None:
    everybody = sorted([user() for _ in range(6)], key=lambda one: one.id)
    for number, one in enumerate(everybody):
        people.note(replace(one, invisible=number == 1))
        patient.connect(Socket(one.id))
    ids = [one.id for number, one in enumerate(everybody) if number != 1]
    seen: list[str] = []
    after = None
    for more in (True, True, False):
        page = patient.page(after=after, limit=2)
        assert page.has_more is more
        seen += page.users
        after = page.users[-1]
    assert seen == ids
    assert patient.page(after=after).users == []
    some = [ids[3], "nobody", ids[0], everybody[1].id]
    assert patient.page(some).users == [ids[0], ids[3]]
    assert patient.page(some, after=ids[0], limit=1).users == [ids[3]]


async def test_whoever_goes_is_noted_with_their_last_socket(hub: Hub, people: People) -> None:
    gone: list[str] = []
    presence = Presence(hub, people, LONG, note_gone=gone.append)
    sockets = [Socket(ANN.id), Socket(ANN.id)]
    for socket in sockets:
        presence.connect(socket)
    presence.disconnect(sockets[0])
    assert gone == []
    presence.disconnect(sockets[1])
    assert gone == [ANN.id]


async def test_one_who_is_invisible_is_neither_announced_nor_listed(
    hasty: Presence, people: People
) -> None:
    people.note(replace(ANN, invisible=True))
    bob, ann = Socket(BOB.id), Socket(ANN.id)
    hasty.connect(bob)
    hasty.connect(ann)
    await after_the_grace()
    assert (hasty.is_online(ANN.id), hasty.online(), bob.heard) == (False, [BOB.id], "")
    hasty.disconnect(ann)
    await after_the_grace()
    assert bob.heard == ""


async def test_whoever_hides_goes_for_the_others_and_comes_back(
    hasty: Presence, people: People
) -> None:
    bob, ann = Socket(BOB.id), Socket(ANN.id)
    for socket in (bob, ann):
        hasty.connect(socket)
    await after_the_grace()
    for invisible, told, online in (
        (True, "UserOffline:ann ", [BOB.id]),
        (False, "UserOnline:ann ", sorted([ANN.id, BOB.id])),
    ):
        bob.heard = ann.heard = ""
        for before in (not invisible, invisible):  # and once more, which is no news
            hasty.reveal(replace(ANN, invisible=invisible), before=before)
        assert (hasty.is_online(ANN.id), hasty.online()) == (not invisible, online)
        await after_the_grace()
        assert (bob.heard, ann.heard) == (told, "")


async def test_of_one_who_is_not_there_nobody_hears_that_they_hide(
    hasty: Presence, people: People
) -> None:
    bob = Socket(BOB.id)
    hasty.connect(bob)
    await after_the_grace()
    bob.heard = ""
    hasty.reveal(replace(ANN, invisible=True), before=False)
    await after_the_grace()
    assert (bob.heard, people.is_invisible(ANN.id)) == ("", True)


async def test_those_who_leave_are_let_go_in_turn(hub: Hub, people: People) -> None:
    """One timer is for all of them, and whoever comes back is let go later, or not at all."""
    grace = 0.05
    presence = Presence(hub, people, grace)
    cid, dan = user("cid"), user("dan")
    sockets = {one.id: Socket(one.id) for one in (ANN, BOB, cid, dan)}
    for socket in sockets.values():
        presence.connect(socket)
    for one in (ANN, BOB, cid):
        presence.disconnect(sockets[one.id])
    presence.connect(sockets[ANN.id])
    presence.disconnect(sockets[ANN.id])
    presence.connect(sockets[BOB.id])
    assert list(presence._leaving) == [cid.id, ANN.id]
    loop = asyncio.get_running_loop()
    began, gone = loop.time(), {}
    while presence._leaving:
        await asyncio.sleep(0.001)
        for one in (ANN, cid):
            if not presence.is_online(one.id):
                gone.setdefault(one.id, loop.time() - began)
    assert min(gone.values()) >= grace * 0.9
    assert presence.online() == sorted([BOB.id, dan.id])
    presence.disconnect(sockets[dan.id])
    assert presence._timer is not None
    presence.close()
    assert presence._timer.cancelled()
