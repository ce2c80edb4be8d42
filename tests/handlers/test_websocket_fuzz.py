"""Whatever is sent is answered by a frame or a close."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from handlers.dialects.native import COMMANDS
from models.records import EVERYONE
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.sockets import CLOSE, frame, text

pytestmark = pytest.mark.gen_test(timeout=60)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ("roomId", "content", "messageId", "seq", "userId", "kind", "name", "since", "limit", "to")
VALUES = JSONS | st.sampled_from([EVERYONE, "0" * 24, 0, 1, "direct", "everyone"])
FRAMES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda words: text(words.encode("utf-8", "replace"))),
    JSONS.map(lambda words: text(json.dumps(words))),
    st.builds(
        lambda kind, number, payload: text(
            json.dumps({"type": kind, "id": number, "payload": payload})
        ),
        st.sampled_from(sorted(COMMANDS.keys() - {"AUTH"})),
        st.integers() | st.text(max_size=5),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    ),
)


@pytest.fixture
def quiet_hub(io_loop: IOLoop, start: Starter) -> tuple[Hubbub, Person]:
    hub = start()
    return hub, io_loop.run_sync(lambda: hub.resident("eve"))


@pytest.mark.gen_test(run_sync=False)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=st.lists(FRAMES, min_size=1, max_size=4))
def test_whatever_is_sent_is_answered_or_ends_the_socket(
    io_loop: IOLoop, quiet_hub: tuple[Hubbub, Person], frames: list[bytes]
) -> None:
    hub, eve = quiet_hub

    async def send() -> None:
        socket = await hub.socket(eve)
        socket.write(b"".join(frames) + frame(CLOSE, b"\x03\xe8"))
        # Half a frame waits for the rest, which never comes.
        with suppress(AssertionError):
            await socket.until(lambda: socket.code is not None, longest=0.05)
        await socket.over()
        hub.clients.remove(socket)
        await until(lambda: len(hub.services.sockets) == 0)

    io_loop.run_sync(send)
