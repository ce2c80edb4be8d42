"""What clients of the Socket.IO dialects do besides saying something."""

import pytest

from tests.handlers.conftest import Hubbub
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_nobody_reads_what_is_not_theirs(open_hub: Hubbub, speakers: Speakers) -> None:
    ann, bob, eve = await open_hub.residents("ann", "bob", "eve")
    one, three = await speakers.by_token(ann, "P"), await speakers.by_token(eve, "P")
    said = await one.ask("private_message", {"receiverId": bob.id, "message": "secret"})
    assert await three.code_of("message_read", {"messageId": said["id"]}) == "message_not_found"
    assert await three.code_of("sync", {"roomId": said["roomId"], "since": 0}) == "room_not_found"
    await three.ask("get_chat_history", {"otherUserId": bob.id})
    assert (await three.hear("chat_history"))["messages"] == []


async def test_typing_reaches_whom_one_has_not_said_a_word_to(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    eve = await open_hub.resident("eve")
    ann, bob = await speakers.j("ann"), await speakers.j("bob")
    three, native = await speakers.by_token(eve, "P"), await open_hub.socket(eve)
    native.forget()
    for on in (True, False):
        typing = {"to": "bob", "from": "ann", "isTyping": on}
        assert await ann.code_of("typing", {**typing, "to": "BOB"}) == "ok"
        assert await bob.hear("userTyping") == typing
        assert await ann.code_of("typing", {**typing, "to": "eve"}) == "ok"
        told = await three.hear("typing")
        assert (told["username"], told["isTyping"]) == ("ann", on)
    assert await ann.code_of("typing", {"to": "nobody", "from": "ann", "isTyping": True}) == "ok"
    assert await ann.code_of("typing", {"to": "ann", "from": "ann", "isTyping": True}) == "ok"
    await native.caught_up()
    assert native.heard("TYPING") == []
