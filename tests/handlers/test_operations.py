"""REST for whoever runs the server."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=20)


async def test_health_tells_that_the_process_lives(hub: Hubbub) -> None:
    answer = await hub.get("/health")
    assert answer.json["status"] == "OK"
    age = datetime.now(UTC) - datetime.fromisoformat(answer.json["timestamp"])
    assert age < timedelta(minutes=1)


async def test_ready_tells_whether_the_store_answers(hub: Hubbub) -> None:
    assert (await hub.get("/ready")).status == 200
    hub.core.store.close()
    answer = await hub.get("/ready")
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert (await hub.get("/health")).status == 200


async def test_a_store_that_is_gone_is_a_503_for_every_call_that_needs_it(hub: Hubbub) -> None:
    hub.core.store.close()
    fields = {"username": "ann", "password": "correct horse 42"}
    for path in ("/api/auth/register", "/api/auth/login"):
        answer = await hub.post(path, fields)
        assert (answer.status, answer.code) == (503, "store_unavailable")
