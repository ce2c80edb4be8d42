"""Links: the same for everybody for some hours, good for a day, and worth nothing when altered."""

import jwt
import pytest

from chat.errors import Unauthenticated
from chat.links import Links, upload_of
from chat.tokens import Tokens

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ID, OTHER = "a" * 24, "b" * 24
DAY = 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def parts(link: str) -> tuple[str, str, str]:
    path, _, query = link.partition("?")
    fields = dict(field.split("=") for field in query.split("&"))
    return path, fields["expires"], fields["signature"]


def test_a_link_is_the_same_for_a_while_and_good_for_its_time() -> None:
    clock = Clock()
    links = Links(SECRET, DAY, clock=clock)
    first = links.link(ID)
    seen = set()
    for _ in range(24 * 4):
        seen.add(links.link(ID))
        path, expires, signature = parts(links.link(ID))
        assert path == f"/files/{ID}"
        left = links.seconds_left(ID, "", expires, signature)
        assert DAY * 7 / 8 <= left <= DAY
        clock.now += 900
    assert len(seen) in (8, 9)
    _, expires, signature = parts(first)
    clock.now = int(expires) - 1
    assert links.seconds_left(ID, "", expires, signature) == 1
    clock.now += 1
    assert links.seconds_left(ID, "", expires, signature) == 0


def test_a_short_life_is_still_one() -> None:
    links = Links(SECRET, 1.0)
    _, expires, signature = parts(links.link(ID))
    assert links.seconds_left(ID, "", expires, signature) in (0, 1)


def test_a_link_holds_for_one_upload_and_its_thumbnails_but_not_its_avatars() -> None:
    links = Links(SECRET, DAY)
    _, expires, signature = parts(links.link(ID))
    assert links.seconds_left(ID, "320", expires, signature)
    assert not links.seconds_left(OTHER, "", expires, signature)
    assert not links.seconds_left(ID, "avatar-64", expires, signature)
    avatars = links.avatars(ID)
    assert avatars is not None
    assert list(avatars) == ["64", "256"]
    _, expires, signature = parts(avatars["64"])
    assert links.seconds_left(ID, "avatar-256", expires, signature)
    assert not links.seconds_left(ID, "", expires, signature)
    assert links.avatars(None) is None


@pytest.mark.parametrize(
    ("expires", "signature"),
    [
        ("", ""),
        ("9999999999", None),
        (None, ""),
        (None, "ü"),
        ("٣", None),
        ("9" * 13, None),
        ("-1", None),
        ("1e9", None),
    ],
)
def test_an_altered_link_is_worth_nothing(expires: str | None, signature: str | None) -> None:
    links = Links(SECRET, DAY)
    _, right_expires, right_signature = parts(links.link(ID))
    given = right_expires if expires is None else expires
    signed = right_signature if signature is None else signature
    assert links.seconds_left(ID, "", given, signed) == 0


def test_every_bit_of_a_signature_counts() -> None:
    links = Links(SECRET, DAY)
    _, expires, signature = parts(links.link(ID))
    for place in range(len(signature)):
        other = "A" if signature[place] != "A" else "B"
        altered = signature[:place] + other + signature[place + 1 :]
        assert links.seconds_left(ID, "", expires, altered) == 0
    assert Links(SECRET + "x", DAY).seconds_left(ID, "", expires, signature) == 0


def test_a_link_is_no_token_and_a_token_no_link() -> None:
    links, tokens = Links(SECRET, DAY), Tokens(SECRET)
    _, expires, signature = parts(links.link(ID))
    for text in (signature, links.link(ID)):
        with pytest.raises(Unauthenticated):
            tokens.read(text)
    token = jwt.encode({"sub": ID, "exp": int(expires)}, SECRET, "HS256")
    for part in (token, *token.split(".")):
        assert links.seconds_left(ID, "", expires, part) == 0


def test_what_stands_before_links() -> None:
    assert (
        Links(SECRET, DAY, "https://c/chat")
        .link(ID, "320")
        .startswith(f"https://c/chat/files/{ID}/320?expires=")
    )


@pytest.mark.parametrize(
    "address",
    [
        "/files/{}",
        "/files/{}?expires=1&signature=x",
        "/files/{}/320?expires=1",
        " http://localhost:5000/files/{} ",
        "https://chat.example/files/{}?expires=1#x",
    ],
)
def test_an_upload_is_recognised_by_its_address(address: str) -> None:
    assert upload_of(address.format(ID)) == ID


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/files/",
        "/files/{}x",
        "/other/{}",
        "x/files/{}",
        "javascript:/files/{}",
        "//evil/files/{}",
        "https://evil/x.png?/files/{}",
        "https://evil/files/../files/{}",
        "/files/{} onerror=x",
        "data:,/files/{}",
    ],
)
def test_any_other_address_is_none(address: str) -> None:
    assert upload_of(address.format(ID)) is None
