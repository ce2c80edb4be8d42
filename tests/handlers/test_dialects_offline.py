"""What clients of the Socket.IO dialects are told of the time when they were away."""

import pytest

from tests.handlers.conftest import Hubbub
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_what_came_while_one_was_away_comes_after_connecting(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob, eve = await open_hub.residents("ann", "bob", "eve")
    one = await speakers.by_token(ann, "C")
    for text in ("one", "two"):
        await one.ask("message:send", {"recipient": bob.id, "content": text, "type": "text"})
    three = await speakers.by_token(eve, "P")
    await three.ask("private_message", {"receiverId": bob.id, "message": "three"})
    two = await speakers.by_token(bob, "C")
    told = [(await two.hear("message:received"))["content"] for _ in range(3)]
    assert told == ["one", "two", "three"]
    await two.silence()
    await two.leave()
    again = await speakers.by_token(bob, "C")
    assert "message:received" not in await again.silence()
