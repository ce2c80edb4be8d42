"""The first frame, which tells what kind of client a socket has."""

import pytest

from chat.errors import Invalid, Refusal, Unauthenticated
from handlers.dialects.first import AUTHENTICATE, NATIVE, first_frame
from handlers.dialects.words import Auth


@pytest.mark.parametrize(("kind", "words"), [("AUTH", NATIVE), ("AUTHENTICATE", AUTHENTICATE)])
def test_the_type_says_which_words_are_spoken(kind: str, words: object) -> None:
    frame, spoken = first_frame(f'{{"type":"{kind}","id":3,"payload":{{"token":"t"}}}}')
    assert spoken is words
    assert isinstance(frame.payload, Auth)
    assert (frame.payload.token, frame.payload.rooms, frame.id) == ("t", {}, 3)


def test_rooms_may_be_named() -> None:
    frame, _ = first_frame('{"type":"AUTH","payload":{"token":"t","rooms":{"r":5}}}')
    assert frame.payload.rooms == {"r": 5}


@pytest.mark.parametrize(
    ("text", "refusal", "code"),
    [
        ('{"type":"PRESENCE"}', Unauthenticated, "not_authenticated"),
        (
            '{"type":"SEND_MESSAGE","payload":{"roomId":"r","content":"x"}}',
            Unauthenticated,
            "not_authenticated",
        ),
        ("hello", Invalid, "invalid_json"),
        ("[]", Invalid, "invalid_frame"),
        ('{"type":"HELLO","payload":{}}', Invalid, "invalid_frame"),
        ('{"type":"AUTH","payload":{}}', Invalid, "invalid_frame"),
        ('{"type":"AUTH","payload":{"token":null}}', Invalid, "invalid_frame"),
        ('{"type":"AUTHENTICATE","payload":{"token":{"$ne":1}}}', Invalid, "invalid_frame"),
    ],
)
def test_anything_else_is_refused(text: str, refusal: type[Refusal], code: str) -> None:
    with pytest.raises(refusal) as refused:
        first_frame(text)
    assert refused.value.code == code


@pytest.mark.parametrize("kind", ["AUTH", "AUTHENTICATE"])
def test_a_refusal_says_what_is_wrong_with_a_login(kind: str) -> None:
    with pytest.raises(Invalid, match="missing required field `token`"):
        first_frame(f'{{"type":"{kind}","payload":{{}}}}')
