"""How whoever comes by a socket says who they are."""

import pytest

from handlers.entering import handshake_token


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer  abc "}, "abc"),
        ({"Authorization": "Basic abc"}, None),
        ({"Authorization": "Bearer "}, None),
        ({"Sec-WebSocket-Protocol": "hubbub"}, None),
        ({"Sec-WebSocket-Protocol": "hubbub, bearer.abc"}, "abc"),
        ({"Sec-WebSocket-Protocol": "bearer.abc,hubbub"}, "abc"),
        ({"Authorization": "Bearer one", "Sec-WebSocket-Protocol": "bearer.two"}, "one"),
    ],
)
def test_a_handshake_brings_a_token_in_either_way(
    headers: dict[str, str], token: str | None
) -> None:
    assert handshake_token(headers) == token
