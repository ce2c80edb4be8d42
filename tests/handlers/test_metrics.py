"""What the server counts, and who may see it."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.speakers import Speakers

pytestmark = pytest.mark.gen_test(timeout=20)

TOKEN = "a-token-for-the-scraper"


async def numbers(hub: Hubbub, **labels: str) -> dict[str, float]:
    """The numbers of a scrape, by name and then by label."""
    status, headers, body = await hub.raw_get("/metrics", labels)
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_what_happens_is_counted(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    one, _ = await hub.sockets(ann, bob)
    old = await hub.dial()
    old.tell("AUTHENTICATE", token=bob.token)
    await old.hear("ONLINE_USERS")
    await one.ask("SEND_MESSAGE", roomId=room.id, content="hello")
    assert await one.code_of("SEND_MESSAGE", roomId=room.id, content="") == "empty_message"
    await hub.get("/api/rooms")
    found = await numbers(hub)
    assert found["hubbub_sockets native"] == 2
    assert found["hubbub_sockets authenticate"] == 1
    assert found["hubbub_users_online"] == 2
    assert found["hubbub_messages_total"] == 1
    assert found["hubbub_commit_seconds_count"] == found["hubbub_commit_writes_count"] >= 1
    assert found["hubbub_commit_writes_bucket +Inf"] >= found["hubbub_commit_writes_bucket 1.0"]
    assert found["hubbub_telling_seconds_count"] >= 1
    assert found["hubbub_rejections_total empty_message"] == 1
    assert found["hubbub_rejections_total missing_token"] == 1
    assert found["hubbub_answers_total 401"] == 1
    assert found["hubbub_journal_waiting"] == found["hubbub_index_waiting"] == 0
    assert "python_gc_collections_total 0" in found


async def test_sockets_are_counted_by_what_they_speak(start: Starter) -> None:
    hub = start(open_mode=True)
    ann = await hub.resident("ann")
    speakers = Speakers(hub)
    for dialect in ("P", "C", "C", ""):
        await speakers.by_token(ann, dialect)
    await speakers.j("Jo")
    await speakers.r("Ray")
    waiting = asyncio.create_task(hub.get("/api/sync?wait=30", ann.token))
    await until(lambda: len(hub.core.hub.of_user(ann.id)) == 5)
    found = await numbers(hub)
    sockets = {name.partition(" ")[2]: n for name, n in found.items() if "_sockets" in name}
    assert sockets == {"P": 1, "C": 2, "P/C": 1, "J": 1, "R": 1, "poll": 1}
    hub.services.sockets.close_all()
    await waiting
    await speakers.close()


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
async def test_what_a_proxy_brings_finds_nothing(hub: Hubbub, name: str) -> None:
    status, _, _ = await hub.raw_get("/metrics", {name: "127.0.0.1"})
    assert status == 404


async def test_with_a_token_it_alone_counts(start: Starter) -> None:
    hub = start(metrics_token=TOKEN)
    assert (await hub.get("/metrics")).status == 404
    for wrong in (f"Bearer {TOKEN}x", "Bearer", TOKEN, "Bearer é"):
        status, _, _ = await hub.raw_get("/metrics", {"Authorization": wrong})
        assert status == 404
    assert await numbers(hub, Authorization=f"Bearer {TOKEN}")
