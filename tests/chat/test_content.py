"""What a file is, by what is in it; and what it is called."""

import time

import pytest

from chat.content import (
    PICTURES,
    PLAIN,
    clean_name,
    is_named_as_picture,
    kind_of,
    refused_types,
    type_of,
)
from tests import pictures

TYPES = [
    (pictures.plain("JPEG"), "image/jpeg"),
    (pictures.plain("PNG"), "image/png"),
    (pictures.plain("GIF"), "image/gif"),
    (pictures.plain("WEBP"), "image/webp"),
    (b"GIF89a/*", "image/gif"),
    (b"RIFF....WAVEfmt ", "audio/wav"),
    (b"\0\0\0\x20ftypisom", "video/mp4"),
    (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
    (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
    (b"\0\0\0\x20ftypheic", "image/heif"),
    (b"\x1a\x45\xdf\xa3....\x42\x82\x84webm", "video/webm"),
    (b"\x1a\x45\xdf\xa3....\x42\x82\x88matroska", "video/x-matroska"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90d", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"%PDF-1.7", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"MZ\x90", "application/x-executable"),
    (b"\x7fELF\x02", "application/x-executable"),
    (b"#!/bin/sh\n", "text/x-shellscript"),
    (b"hello", "text/plain"),
    ("grüße".encode(), "text/plain"),
    ("ü".encode()[:1], "text/plain"),
    (b"\xff\xfe\x00x" * 9, "application/octet-stream"),
    (b"a\0b", "application/octet-stream"),
    (b"\x80" * 99, "application/octet-stream"),
    (b"<!DOCTYPE html><p>", "text/html"),
    (b"\xef\xbb\xbf \n<HTML>", "text/html"),
    (b"<!-- a --><!-- b --> <script>", "text/html"),
    (b"<svg xmlns='x'>", "image/svg+xml"),
    (b"<?xml version='1.0'?>\n<!-- x -->\n<svg:svg>", "image/svg+xml"),
    (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC 'x'>\n<svg>", "image/svg+xml"),
    (b"<?xml version='1.0'?><note/>", "text/xml"),
    (b"# A page\n<script>alert(1)</script>", "text/plain"),
    (b"", "text/plain"),
]


@pytest.mark.parametrize(("head", "media_type"), TYPES)
def test_what_a_file_is(head: bytes, media_type: str) -> None:
    assert type_of(head[:4096]) == media_type


def test_nothing_takes_long_to_look_at() -> None:
    started = time.perf_counter()
    for head in (
        b"<!-- -->" * 512,
        b"<!--" * 1024,
        b" " * 4096,
        b"<?" * 2048,
        b"<!doctype svg" * 300,
    ):
        type_of(head)
    assert time.perf_counter() - started < 1


def test_only_what_cannot_run_is_plain() -> None:
    assert {kind.partition("/")[0] for kind in PLAIN} == {"image", "audio", "video"}
    assert not {"image/svg+xml", "text/html", "application/pdf", "text/xml"} & PLAIN
    assert [kind_of(kind) for kind in PICTURES] == ["image"] * 4
    assert [kind_of(kind) for kind in ("video/mp4", "audio/mpeg", "text/plain", "image/heif")] == [
        "video", "audio", "file", "file",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "media_type", "name"),
    [
        ("a photo.JPG", "image/jpeg", "a photo.JPG"),
        ("../../etc/passwd", "text/plain", "passwd"),
        ("C:\\Users\\ann\\me.png", "image/png", "me.png"),
        ("a\0b.txt", "text/plain", "ab.txt"),
        ("gpj.\u202etxt.exe", "text/plain", "gpj.txt.exe"),
        ("\u200b\u2066x\ud800.txt", "text/plain", "x.txt"),
        ("  . .  ", "text/plain", "file"),
        ("", "application/zip", "file"),
        (".bashrc", "text/plain", "bashrc"),
        ("con", "text/plain", "_con"),
        ("NUL.txt", "text/plain", "_NUL.txt"),
        ('a"b<c>:d|e?.txt', "text/plain", "a_b_c__d_e_.txt"),
        ("x" * 300 + ".txt", "text/plain", "x" * 103 + ".txt"),
        ("é" * 300, "text/plain", "é" * 103),
        ("\U0001f600" * 300 + ".txt", "text/plain", "\U0001f600" * 59 + ".txt"),
        ("\u65e5" * 300 + ".zip", "application/zip", "\u65e5" * 78 + ".zip"),
        ("page.html", "image/png", "page.html.png"),
        ("photo.png", "image/webp", "photo.webp"),
        ("photo", "image/gif", "photo.gif"),
        ("a\nb\tc.txt", "text/plain", "abc.txt"),
        ("e\u0301.txt", "text/plain", "é.txt"),
    ],
)
def test_a_name_can_be_shown_and_saved_anywhere(given: str, media_type: str, name: str) -> None:
    assert clean_name(given, media_type) == name


def test_what_is_refused() -> None:
    refused = refused_types(("text/html", "exe", ".bat"))
    assert refused.refuse("text/html", "x.txt")
    assert refused.refuse("text/plain", "x.EXE")
    assert refused.refuse("text/plain", "x.bat. ")
    assert not refused.refuse("text/plain", "x.exe.txt")
    assert not refused_types(()).refuse("text/html", "x.exe")


def test_names_of_pictures() -> None:
    assert is_named_as_picture("x.PNG")
    assert is_named_as_picture("x.jpeg")
    assert not is_named_as_picture("x.png.txt")
