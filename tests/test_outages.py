"""What was acknowledged is never lost and never doubled when mongod is harmed in the middle."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mongod import Mongod
from tests.process import ServerProcess
from tests.senders import (
    SENDS,
    Senders,
    Told,
    check_heard,
    check_log,
    check_stored,
    gather,
    open_rooms,
    same,
    stored_by,
)

pytestmark = pytest.mark.gen_test(timeout=600)

# What happens to the mongod, once so many were acknowledged; and what makes it good again.
Harm = Callable[[Mongod], None]


def _restart_after_a_crash(mongod: Mongod) -> None:
    mongod.kill()
    mongod.start()


def _pause(mongod: Mongod) -> None:
    mongod.pause()


def _kill(mongod: Mongod) -> None:
    mongod.kill()


def _resume(mongod: Mongod) -> None:
    mongod.resume()


def _start(mongod: Mongod) -> None:
    mongod.start()


def _nothing(_: Mongod) -> None:
    pass


# The harm, what must be seen before it is made good (a refusal to a sender, an answer of the server
# that the store is away, or nothing), and what makes it good.
OUTAGES: dict[str, tuple[Harm, str, Harm]] = {
    "restarted": (Mongod.restart, "nothing", _nothing),
    "killed and started at once": (_restart_after_a_crash, "nothing", _nothing),
    "killed until a sender is told": (_kill, "refusal", _start),
    "killed until it is missed": (_kill, "unready", _start),
    "frozen until a sender is told": (_pause, "refusal", _resume),
    "frozen until it is missed": (_pause, "unready", _resume),
}


async def _suffer(
    server: ServerProcess,
    mongod: Mongod,
    senders: Senders,
    outage: str,
    chance: random.Random,
    name: str,
) -> None:
    """Send while the store has an outage, then see what has come of it."""
    harm, until, good = OUTAGES[outage]
    told = Told()
    senders.plan(name, chance)
    await senders.connect(server.url, told)
    wanted = chance.randrange(1, SENDS - 400)
    reached, refused = asyncio.Event(), asyncio.Event()

    def on_answer() -> None:
        if len(told.acknowledged) == wanted:
            reached.set()
        if told.refused:
            refused.set()

    async def have_an_outage() -> None:
        await reached.wait()
        await asyncio.to_thread(harm, mongod)
        if until == "refusal":
            await refused.wait()
        if until == "unready":
            await asyncio.to_thread(_wait_for_status, server, 503)
        await asyncio.to_thread(good, mongod)

    # At most fifty under way on each socket, so that some are sent only after the recovery.
    await asyncio.gather(senders.send(told, chance.choice((20, 50)), on_answer), have_an_outage())
    assert len(told.acknowledged) + len(set(told.refused)) == SENDS
    await asyncio.to_thread(_wait_for_status, server, 200)
    await _check_after_an_outage(server, senders, told)


def _wait_for_status(server: ServerProcess, status: int) -> None:
    for _ in range(10_000):
        if server.call("GET", "/ready")[0] == status:
            return
    raise AssertionError(f"the server never answered {status}")


async def _check_after_an_outage(server: ServerProcess, senders: Senders, told: Told) -> None:
    """Send again what was refused, on the same sockets, until it is acknowledged."""
    first, plans = dict(told.acknowledged), senders.plans
    while told.refused:
        again, told.refused = set(told.refused), []
        senders.plans = [[one for one in plan if one[1] in again] for plan in plans]
        await senders.send(told, 50)
    senders.plans = [[one for one in plan if one[1] in first] for plan in plans]
    assert {one: same(message) for one, message in first.items()} == {
        one: same(told.acknowledged[one]) for one in first
    }
    stored = await stored_by(server.url, senders)
    check_stored(stored, senders, told)
    assert stored.keys() == told.acknowledged.keys()
    # All of it again: nothing new comes of that.
    senders.plans = plans
    repeated = Told()
    await senders.send(repeated, 200)
    for client_id, message in repeated.acknowledged.items():
        assert same(message) == same(stored[client_id])
    assert len(repeated.acknowledged) == SENDS
    await senders.close()
    for heard in told.heard:
        check_heard(heard, stored)


async def _harmed_stores(
    folder: Path, program: Path, outages: list[str], seed: int, times: int
) -> None:
    chance = random.Random(seed)
    with (
        Mongod(program) as mongod,
        ServerProcess(
            folder, MONGODB_URI=mongod.uri(), STORE_TIMEOUT="1", RATE_LIMITS="off"
        ) as server,
    ):
        senders = await gather(server)
        for number in range(times):
            for outage in outages:
                await _suffer(server, mongod, senders, outage, chance, f"o{number}{outage}")
                await open_rooms(server, senders)
        check_log(server)


async def test_a_killed_mongod_has_lost_and_doubled_nothing(
    tmp_path: Path, mongod_program: Path
) -> None:
    await _harmed_stores(tmp_path, mongod_program, ["killed and started at once"], seed=3, times=1)


@pytest.mark.long
@pytest.mark.parametrize("outage", OUTAGES)
async def test_a_mongod_that_is_harmed_again_and_again_has_lost_and_doubled_nothing(
    tmp_path: Path, mongod_program: Path, outage: str
) -> None:
    await _harmed_stores(tmp_path, mongod_program, [outage], seed=4, times=3)
