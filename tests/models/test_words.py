"""Texts as search sees them, one by one."""

# ruff: noqa: RUF001 - letters that look alike are the point

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.words import (
    Term,
    Tokens,
    _located,
    atoms_of,
    folded_text,
    is_in,
    needed,
    spans,
    tokens_of,
)
from tests.contract.samples import at, message

TRICKY = st.text(
    st.sampled_from(
        "aAäÄéßſﬁＡｶﾞガ한ᄒ\u1161\u11ab東京 .,_-\u0301\u200d\ufe0f👍🏽İıŉΐάς๏กहि½㎏\u0345\u093f"
    ),
    max_size=12,
)
TEXTS = st.text(max_size=30) | TRICKY


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("", []),
        ("Hello, World_2!", ["hello", "world", "2"]),
        ("don't", ["don", "t"]),
        ("Ｆｕｌｌ ﬁ ß ſ", ["full", "fi", "ss", "s"]),
        ("naïve Ärger йод", ["naive", "arger", "иод"]),
        ("soft\u00adhyphen", ["softhyphen"]),
        ("हिन्दी", ["हिन्दी"]),
        ("東京タワーiPhone15", [*"東京タワー", "iphone15"]),
        ("ｶﾞ", ["ガ"]),
        ("ไทย", [*"ไทย"]),
        ("👍🏽☂️", ["👍", "🏽", "☂"]),
        ("、。!?", []),
    ],
)
def test_a_text_is_cut_into_atoms(text: str, atoms: list[str]) -> None:
    assert atoms_of(text) == atoms


@pytest.mark.parametrize(
    ("term", "text", "marked"),
    [
        (Term(("b",)), "a b c", ["b"]),
        (Term(("b",)), "ab bc", []),
        (Term(("b",), begun=True), "ab bcd", ["bcd"]),
        (Term(("foo", "bar")), "foo, BAR foo", ["foo, BAR"]),
        (Term(("foo", "b"), begun=True), "foo bar", ["foo bar"]),
        (Term(("東", "京")), "東京と東、京", ["東京", "東、京"]),
        (Term(("strasse",)), "Die STRAßE!", ["STRAßE"]),
        (Term(("cafe",)), "cafe\u0301 Café", ["cafe\u0301", "Café"]),
        (Term(("한",)), "\u1112\u1161\u11ab국", ["\u1112\u1161\u11ab"]),
        (Term(("a", "b")), "a", []),
    ],
)
def test_terms_are_marked_as_they_were_written(term: Term, text: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in spans((term,), text)] == marked
    assert is_in((term,), text) == bool(marked)


def test_marks_that_overlap_are_one() -> None:
    assert spans((Term(("a", "b")), Term(("b", "c")), Term(("e",))), "a b c d e") == [
        (0, 5),
        (8, 9),
    ]


@given(TEXTS)
def test_a_part_of_a_text_folds_as_the_whole_does(text: str) -> None:
    assert folded_text(folded_text(text)) == folded_text(text)
    assert _located(text)[0] == atoms_of(text)


@given(TEXTS, st.data())
def test_an_index_leads_to_every_text_that_holds_a_term(text: str, data: st.DataObject) -> None:
    atoms = atoms_of(text)
    if not atoms:
        return
    first = data.draw(st.integers(0, len(atoms) - 1))
    term = Term(tuple(atoms[first : data.draw(st.integers(first + 1, len(atoms)))]))
    begun = Term((*term.atoms[:-1], term.atoms[-1][:1]), begun=True)
    tokens = tokens_of(message("65e0782f1c9d440000000001", 1, text=text))
    for one in (term, begun):
        assert is_in((one,), text)
        wanted = needed((one,))
        assert set(wanted.whole) <= set(tokens)
        assert all(any(token.startswith(start) for token in tokens) for start in wanted.begun)


def test_what_must_be_in_the_index() -> None:
    assert needed((Term(("foo", "ba"), begun=True),)) == Tokens(("foo",), ("ba",))
    assert needed((Term(tuple("東京都")),)) == Tokens(("東京", "京都"))
    assert needed((Term(("東", "a")),)) == Tokens(("a",), ("東",))
    assert needed((Term(("x" * 99,), begun=True),)) == Tokens(("x" * 40,))


def test_a_deleted_message_is_under_nothing() -> None:
    said = message("65e0782f1c9d440000000001", 1, text="hello hello", attachments=("x",))
    assert len(tokens_of(said)) == 3
    gone = message("65e0782f1c9d440000000001", 1, text="hello", deleted=at(1))
    assert tokens_of(gone) == []


@given(TEXTS)
def test_tokens_hold_nothing_that_an_index_would_cut(text: str) -> None:
    for token in tokens_of(message("65e0782f1c9d440000000001", 1, text=text)):
        assert all(char.isalnum() for char in token if char.isascii()), token
