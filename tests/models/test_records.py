"""Ids, times and the forms in which names are compared."""

import unicodedata
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.records import EVERYONE, folded, is_id, look_of, new_id, now, pair_of
from tests.contract.samples import NOT_IDS


def test_new_ids_are_ids_and_come_in_order() -> None:
    ids = [new_id() for _ in range(100)]
    assert all(map(is_id, ids))
    assert ids == sorted(set(ids))


def test_everyone_is_an_id_that_spells_its_name() -> None:
    assert is_id(EVERYONE)
    assert bytes.fromhex(EVERYONE).rstrip(b"\0") == b"everyone"


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


def test_now_is_utc_and_ends_at_the_millisecond() -> None:
    moment = now()
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0


def test_a_pair_has_one_key() -> None:
    assert pair_of("b", "a") == pair_of("a", "b") == "a:b"


@given(st.text())
def test_texts_that_look_the_same_fold_to_the_same(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)) == folded(text)


@pytest.mark.parametrize(
    ("text", "form"), [("Ada", "ada"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("É", "é")]
)
def test_the_folded_form(text: str, form: str) -> None:
    assert folded(text) == form


@given(st.text())
def test_what_is_compared_as_the_same_looks_the_same(text: str) -> None:
    assert look_of(folded(text)) == look_of(text) == look_of(look_of(text))


@pytest.mark.parametrize(
    ("text", "form"),
    [("Ａｄａ", "ada"), ("x²", "x2"), ("𝓐da", "ada"), ("ｱｷ", "アキ"), ("Ada   B", "ada b")],  # noqa: RUF001
)
def test_how_names_look(text: str, form: str) -> None:
    assert look_of(text) == form
