"""What messages show, for clients that know texts and links alone."""

import pytest
from msgspec.structs import replace

from chat.attachments import Shown
from chat.conversations import Line
from chat.events import Person
from conf import kinds
from handlers.dialects import colon
from handlers.dialects.showing import base_of, whole
from models.records import Message, now
from tests import pictures
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.forms import File
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)

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


# As clients are told it.


async def test_an_upload_is_shown_by_every_dialect(open_hub: Hubbub, speakers: Speakers) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one, two = await speakers.by_token(ann, "C"), await speakers.by_token(bob, "C")
    p, native = await speakers.by_token(bob, "P"), await open_hub.socket(bob)
    picture = File("x.png", pictures.plain("PNG"), field="file")
    kept = (await open_hub.send_files(ann, picture, path="/upload")).json
    sent = {"recipient": bob.id, "content": kept["url"], "type": "image"}
    assert await one.code_of("message:send", sent) == "ok"
    told = await two.hear("message:received")
    assert told["type"] == "image"
    base = f"http://127.0.0.1:{open_hub.port}"
    assert told["content"].startswith(f"{base}/files/{kept['upload']['id']}?")
    assert (await open_hub.get(told["content"].removeprefix(base))).status == 200
    assert (await p.hear("private_message"))["message"] == told["content"]
    frame = await native.hear("MESSAGE")
    assert (frame["content"], base + frame["imageUrl"]) == ("", told["content"])
    # And so it is in what is read later.
    [line] = (await open_hub.get(f"/messages/{ann.id}", bob.token)).json
    assert (line["type"], line["content"]) == ("image", told["content"])
    [line] = (await open_hub.get(f"/api/chat/history/{ann.id}", bob.token)).json["messages"]
    assert line["message"] == told["content"]
    assert await p.code_of("get_chat_history", {"otherUserId": ann.id}) == "ok"
    [line] = (await p.hear("chat_history"))["messages"]
    assert line["message"] == told["content"]


async def test_words_and_uploads_together_are_told_as_text(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    two = await speakers.by_token(bob, "C")
    files = [File("x.png", pictures.plain("PNG")), File("x.txt", b"hello")]
    ids = [kept["id"] for kept in await open_hub.uploads(ann, *files)]
    message = {"to": bob.id, "content": " look ", "attachments": ids}
    await open_hub.post("/api/messages", message, token=ann.token)
    told = await two.hear("message:received")
    assert told["type"] == "text"
    text, *links = told["content"].split("\n")
    assert text == " look "
    assert [link.partition("/files/")[2][:24] for link in links] == ids


async def test_an_address_that_somebody_makes_up_is_shown_to_nobody_else(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    """Or a link would carry its signature there; and all others hear links that work."""
    ann, bob, eve = await open_hub.residents("ann", "bob", "eve")
    hosts = [*(f"{n}.example" for n in range(30)), "x" * 300]
    liars = []
    for host in hosts:
        liars.append(await speakers.dial("P", Host=host))
        assert "sid" in await liars[-1].connect({"token": eve.token, "dialect": "P"})
    two = await speakers.by_token(bob, "P")
    [kept] = await open_hub.uploads(ann, File("x.png", pictures.plain("PNG")))
    for person in (bob, eve):
        message = {"to": person.id, "attachments": [kept["id"]]}
        await open_hub.post("/api/messages", message, token=ann.token)
    link = (await two.hear("private_message"))["message"]
    assert link.startswith(f"http://127.0.0.1:{open_hub.port}/files/")
    for host, liar in zip(hosts, liars, strict=True):
        base = (await liar.hear("private_message"))["message"].partition("/files/")[0]
        assert base == ("" if len(host) > 255 else f"http://{host}")


@pytest.mark.parametrize("proxies", ["", "127.0.0.1"])
async def test_links_are_as_a_proxy_says_that_one_has_come(start: Starter, proxies: str) -> None:
    hub = start(trusted_proxies=kinds.networks(proxies))
    clients = Speakers(hub)
    ann, bob = await hub.residents("ann", "bob")
    headers = {"Host": "chat.example", "X-Forwarded-Proto": "https"}
    begins = f"{'https' if proxies else 'http'}://chat.example/files/"
    picture = File("x.png", pictures.plain("PNG"), field="file")
    kept = (await hub.send_files(ann, picture, path="/upload", headers=headers)).json
    assert kept["url"].startswith(begins)
    two = await clients.dial("C", **headers)
    assert "sid" in await two.connect({"token": bob.token, "dialect": "C"})
    message = {"to": bob.id, "attachments": [kept["upload"]["id"]]}
    await hub.post("/api/messages", message, token=ann.token)
    assert (await two.hear("message:received"))["content"].startswith(begins)
    [line] = (await hub.get(f"/messages/{ann.id}", bob.token, headers=headers)).json
    assert line["content"].startswith(begins)
    await clients.close()
