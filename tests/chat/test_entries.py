"""Answers: given in a call, or through a future to whoever waits."""

import asyncio

import pytest

from chat.entries import Said, fulfil
from chat.errors import Busy, Refusal
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)

SAID = Said(samples.message("r", 1), fresh=True)
REFUSAL = Busy("busy", "too much")


def future() -> asyncio.Future[Said]:
    return asyncio.get_running_loop().create_future()


async def test_whoever_waits_gets_the_answer() -> None:
    said, refused = future(), future()
    fulfil(said, SAID)
    fulfil(refused, REFUSAL)
    assert await said == SAID
    with pytest.raises(Busy):
        await refused


@pytest.mark.parametrize("answer", [SAID, REFUSAL])
async def test_whoever_waits_no_more_gets_none(answer: Said | Refusal) -> None:
    said = future()
    said.cancel()
    fulfil(said, answer)
    assert said.cancelled()
