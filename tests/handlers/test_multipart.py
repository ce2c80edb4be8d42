"""The grammar of forms, by literal vectors, in one piece and byte by byte."""

import pytest

from chat.errors import Invalid
from handlers.multipart import MAX_PARTS, Event, Multipart, PartBegun, PartData, PartEnded

KIND = "multipart/form-data; boundary=b"
HEAD = b'Content-Disposition: form-data; name="f"; filename="a.txt"'


def read(body: bytes, step: int | None = None, kind: str = KIND) -> list[tuple[object, ...]]:
    """What there is in a body: the name, file name and content of each part that ended."""
    form = Multipart(kind)
    events: list[Event] = []
    step = step or max(1, len(body))
    for start in range(0, len(body), step):
        events += form.feed(body[start : start + step])
    parts: list[tuple[object, ...]] = []
    data = b""
    for event in events:
        match event:
            case PartBegun():
                begun, data = event, b""
            case PartData():
                data += event.data
            case PartEnded():
                parts.append((begun.name, begun.filename, data))
    return [*parts, form.is_whole]


VECTORS = [
    (b"--b\r\n" + HEAD + b"\r\n\r\nhello\r\n--b--\r\n", [("f", "a.txt", b"hello")]),
    (b"--b\r\n" + HEAD + b"\r\n\r\n\r\n--b--", [("f", "a.txt", b"")]),
    (b"\r\n--b \t\r\n" + HEAD + b"\r\n\r\nx\r\n--b--", [("f", "a.txt", b"x")]),
    (b"a preamble\r\n--b\r\n" + HEAD + b"\r\n\r\nx\r\n--b--end", [("f", "a.txt", b"x")]),
    (b"--b\r\n" + HEAD + b"\r\n\r\n\r\r\n-\r\n--\r\n--c\r\n--b--",
     [("f", "a.txt", b"\r\r\n-\r\n--\r\n--c")]),
    (b"--b\r\nX: y\r\ncontent-disposition:form-data;name=g\r\n\r\n1\r\n--b\r\n" + HEAD
     + b"\r\n\r\n2\r\n--b--", [("g", None, b"1"), ("f", "a.txt", b"2")]),
    (b"--b--", []),
]  # fmt: skip


@pytest.mark.parametrize("step", [None, 1, 2, 3, 7])
@pytest.mark.parametrize(("body", "parts"), VECTORS)
def test_a_form_is_read(body: bytes, parts: list[object], step: int | None) -> None:
    assert read(body, step) == [*parts, True]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_form_that_breaks_off_is_not_whole(cut: int) -> None:
    assert read(VECTORS[0][0][:-cut] if cut > 5 else VECTORS[0][0][: -cut - 5])[-1] is False


@pytest.mark.parametrize(
    ("head", "name", "filename"),
    [
        ('form-data; name="a"; filename="b\\"c.txt"', "a", 'b"c.txt'),
        ('form-data; name="a"; filename="b%22c.txt"', "a", 'b"c.txt'),
        ('form-data; name="a"; filename="ü.txt"', "a", "ü.txt"),
        ('form-data; name="a"; filename="x"; filename*=utf-8\'\'%C3%BC.txt', "a", "ü.txt"),
        ('form-data; name="a"; filename="C:\\x.txt"', "a", "C:\\x.txt"),
        ('form-data; name="a"; filename=""', "a", ""),
        ('FORM-DATA; NAME="a"; FILENAME=x', "a", "x"),
        ('form-data; name="a;b"; filename="; name=c"', "a;b", "; name=c"),
        ("form-data", "", None),
    ],
)
def test_names_of_parts(head: str, name: str, filename: str | None) -> None:
    body = f"--b\r\nContent-Disposition: {head}\r\n\r\n\r\n--b--".encode()
    assert read(body) == [(name, filename, b""), True]


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/form-data; boundary="b"',
        "Multipart/Form-Data; charset=utf-8; Boundary=b",
        "multipart/form-data;boundary=b; charset=utf-8",
    ],
)
def test_boundaries(kind: str) -> None:
    assert read(VECTORS[0][0], kind=kind)[-1] is True


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=ü",
        "multipart/mixed; boundary=b",
    ],
)
def test_a_boundary_is_needed(kind: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Multipart(kind)
    assert refusal.value.code == "invalid_multipart"


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 2000,
        b"--bb\r\n" + HEAD,
        b"--b" + b" " * 99,
        b"--b\r\n\r\n\r\n--b--",
        b"--b\r\nContent-Type: x\r\n\r\n\r\n--b--",
        b"--b\r\nContent-Disposition: attachment\r\n\r\n\r\n--b--",
        b"--b\r\nX: \xff\r\n\r\n",
        b"--b\r\nX: " + b"x" * 9000,
        b"--b\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        (b"--b\r\n" + HEAD + b"\r\n\r\n\r\n") * (MAX_PARTS + 1),
    ],
)
@pytest.mark.parametrize("step", [None, 5])
def test_what_is_no_form_is_refused(body: bytes, step: int | None) -> None:
    with pytest.raises(Invalid) as refusal:
        read(body, step)
    assert refusal.value.code == "invalid_multipart"


def test_no_more_is_kept_than_was_fed() -> None:
    form = Multipart(KIND)
    list(form.feed(b"--b\r\n" + HEAD + b"\r\n\r\n"))
    for _ in range(64):
        list(form.feed(b"\r\n--" * 1000 + b"\r"))
        assert len(form._buffer) <= 8
