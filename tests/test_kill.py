"""What was acknowledged is never lost and never doubled when the server is killed in the middle."""

import random
from pathlib import Path

import pytest

from tests.process import ServerProcess
from tests.senders import (
    SENDS,
    Senders,
    Told,
    check_found,
    check_heard,
    check_log,
    check_stored,
    gather,
    open_rooms,
    same,
    stored_by,
)

pytestmark = pytest.mark.gen_test(timeout=600)

# A commit of SQLite takes some ms, so a window of one makes many small ones and of 200 few large.
WINDOWS = (1, 5, 50, 200)


@pytest.fixture(params=["sqlite", "mongodb"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server on either store."""
    if request.param == "sqlite":
        return {}
    uri: str = request.getfixturevalue("mongo_uri")
    return {"MONGODB_URI": uri}


async def _kill_in_the_middle(
    server: ServerProcess, senders: Senders, chance: random.Random, name: str
) -> tuple[Told, int]:
    """Send, and kill the server as soon as so many were acknowledged."""
    told = Told()
    senders.plan(name, chance)
    await senders.connect(server.url, told)
    wanted = chance.randrange(1, SENDS - 50)

    def on_answer() -> None:
        if len(told.acknowledged) == wanted:
            server.process.kill()

    await senders.send(told, chance.choice(WINDOWS), on_answer)
    for socket in senders.sockets:
        await socket.wait_closed()
    server.kill()
    assert not told.refused
    return told, wanted


async def _check_after_a_kill(server: ServerProcess, senders: Senders, told: Told) -> None:
    """Look what is stored and found, send all of it again, and look again."""
    stored = await stored_by(server.url, senders)
    check_stored(stored, senders, told)
    check_found(server, senders, stored)
    again = Told()
    await senders.connect(server.url, again)
    await senders.send(again, 200)
    assert not again.refused
    assert again.acknowledged.keys() == {client_id for _, client_id in senders.all_plans}
    for client_id, message in stored.items():
        assert same(again.acknowledged[client_id]) == same(message)
    now_stored = await stored_by(server.url, senders)
    check_stored(now_stored, senders, again)
    check_found(server, senders, now_stored)
    assert now_stored.keys() == again.acknowledged.keys()
    fresh = {one: message for one, message in now_stored.items() if one not in stored}
    await senders.close()
    for heard in again.heard:
        assert len(heard) == len(fresh)
        check_heard(heard, fresh)


async def _killed_servers(folder: Path, where: dict[str, str], seed: int, times: int) -> None:
    chance = random.Random(seed)
    settings = {"RATE_LIMITS": "off", **where}
    senders: Senders | None = None
    told: Told | None = None
    for number in range(times + 1):
        with ServerProcess(folder, **settings) as server:
            if senders is None:
                senders = await gather(server)
            if told is not None:
                await _check_after_a_kill(server, senders, told)
                await open_rooms(server, senders)
            if number < times:
                told, _ = await _kill_in_the_middle(server, senders, chance, f"r{number}")
            check_log(server)


async def test_a_killed_server_has_lost_and_doubled_nothing(
    tmp_path: Path, where: dict[str, str]
) -> None:
    await _killed_servers(tmp_path, where, seed=1, times=1)


@pytest.mark.long
async def test_a_server_that_is_killed_twenty_times_has_lost_and_doubled_nothing(
    tmp_path: Path, where: dict[str, str]
) -> None:
    await _killed_servers(tmp_path, where, seed=2, times=20)
