"""What messages show, for clients that know texts and links alone."""

import pytest
from msgspec.structs import replace

from chat.attachments import Shown
from chat.conversations import Line
from chat.events import Person
from handlers.dialects import colon
from handlers.dialects.showing import base_of, whole
from models.records import Message, now

LINE = Line(
    Message(id="m", room="r", seq=1, rev=1, sender="a", client_id="c", text=" hi ", created=now()),
    Person("a", "ann"),
    Person("b", "bob"),
)
PICTURE = Shown(
    id="u",
    name="x.png",
    type="image/png",
    kind="image",
    size=1,
    width=1,
    height=1,
    url="/files/u?signature=x",
    thumbnails=None,
    placeholder=None,
)


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Host": "chat.example:5000"}, "http://chat.example:5000"),
        ({"Host": "[::1]:5000"}, "http://[::1]:5000"),
        ({"Host": "x", "X-Forwarded-Proto": "https"}, "https://x"),
        ({"Host": "x", "X-Forwarded-Proto": "javascript"}, "http://x"),
        ({"Host": "x/y"}, ""),
        ({"Host": 'x"y'}, ""),
        ({"Host": "x" * 256}, ""),
        ({}, ""),
    ],
)
def test_where_a_client_has_come(headers: dict[str, str], base: str) -> None:
    assert base_of(headers) == base


def test_a_link_is_made_whole_once() -> None:
    line = whole(replace(LINE, shown=(PICTURE,)), "http://x")
    assert line.shown[0].url == "http://x/files/u?signature=x"
    assert whole(line, "http://y") == line
    assert whole(LINE, "http://x") is LINE


def test_what_was_said_stays_as_it_was_and_links_come_behind_it() -> None:
    assert LINE.text == " hi "
    assert replace(LINE, shown=(PICTURE, PICTURE)).text == " hi \n" + "\n".join([PICTURE.url] * 2)
    silent = replace(LINE, message=replace(LINE.message, text=""), shown=(PICTURE,))
    assert silent.text == PICTURE.url


@pytest.mark.parametrize(
    ("kind", "told"),
    [("image", "image"), ("video", "video"), ("audio", "file"), ("file", "file")],
)
def test_c_has_words_for_kinds(kind: str, told: str) -> None:
    shown = replace(PICTURE, kind=kind)
    silent = replace(LINE, message=replace(LINE.message, text=""), shown=(shown,))
    message = colon.message(silent)
    assert (message.type, message.content) == (told, PICTURE.url)
    assert colon.message(replace(silent, shown=(shown, shown))).type == "text"
    assert colon.message(replace(LINE, shown=(shown,))).type == "text"
