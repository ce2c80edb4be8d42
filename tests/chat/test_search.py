"""What a user's text asks for, and how what was found is shown and ranked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import Invalid
from chat.search import EXCERPT, MAX_QUERY, MAX_TERMS, Segment, excerpt, parsed, score
from models.words import Term


def shown(text: str, query: str) -> str:
    """An excerpt with its marks in brackets."""
    return "".join(
        f"[{one.text}]" if one.match else one.text for one in excerpt(text, parsed(query))
    )


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  hello   World ", [Term(("hello",)), Term(("world",))]),
        ('"hello world" x', [Term(("hello", "world")), Term(("x",))]),
        ('"hello world', [Term(("hello", "world"))]),
        ("“hello world”", [Term(("hello", "world"))]),
        ("hel* wor*", [Term(("hel",), begun=True), Term(("wor",), begun=True)]),
        ('"hel*"', [Term(("hel",))]),
        ("*hel", [Term(("hel",))]),
        ("e-mail", [Term(("e", "mail"))]),
        ("東京 京*", [Term(("東", "京")), Term(("京",), begun=True)]),
        ("a OR b", [Term(("a",)), Term(("or",)), Term(("b",))]),
        ("NOT -a AND (b", [Term(("not",)), Term(("a",)), Term(("and",)), Term(("b",))]),
        ("room:x NEAR(a,b)", [Term(("room", "x")), Term(("near", "a", "b"))]),
        ("hello hello", [Term(("hello",))]),
        ('" , " ! "', []),
        ("$where {$ne: 1} %_ \\", [Term(("where",)), Term(("ne",)), Term(("1",))]),
    ],
)
def test_a_text_asks_for_words_phrases_and_beginnings(text: str, terms: list[Term]) -> None:
    assert list(parsed(text)) == terms


def test_what_would_find_too_much_is_refused() -> None:
    with pytest.raises(Invalid, match="at least 2 letters"):
        parsed("a*")
    with pytest.raises(Invalid, match="at most 10"):
        parsed(" ".join(f"w{n}" for n in range(MAX_TERMS + 1)))


@given(st.text(max_size=MAX_QUERY))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        terms = parsed(text)
    except Invalid:
        return
    assert all(term.atoms for term in terms)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("say Hello there", "hello", "say [Hello] there"),
        ("hello", "hello", "[hello]"),
        ("<b>hello</b> & hello", "hello", "<b>[hello]</b> & [hello]"),
        ("nothing of it", "hello", "nothing of it"),
        ("", "hello", ""),
        ("das Straßenfest", "strasse*", "das [Straßenfest]"),
        ("東京都の天気", "京都", "東[京都]の天気"),
    ],
)
def test_what_was_looked_for_is_marked(text: str, query: str, expected: str) -> None:
    assert shown(text, query) == expected


def test_an_excerpt_is_around_the_first_mark() -> None:
    text = "x " * 500 + "hello " + "y " * 500
    segments = excerpt(text, parsed("hello"))
    assert segments[0] == segments[-1] == Segment("…", match=False)
    assert Segment("hello", match=True) in segments
    assert sum(len(one.text) for one in segments) == EXCERPT + 2
    at_the_end = excerpt("x " * 500 + "hello", parsed("hello"))
    assert at_the_end[-1] == Segment("hello", match=True)


@given(st.text("ab <>&é東", max_size=400), st.sampled_from(["a", "ab", "東", "é"]))
def test_an_excerpt_is_a_part_of_the_text(text: str, query: str) -> None:
    segments = excerpt(text, parsed(query))
    whole = "".join(one.text for one in segments)
    assert whole.removeprefix("…").removesuffix("…") in text
    assert all(one.text for one in segments)


def test_who_says_it_more_often_and_shorter_is_better() -> None:
    terms = parsed("cat dog")
    texts = [
        "cat dog cat",
        "cat dog",
        "cat dog and much more that is not it " * 1,
        "cat and " * 30 + "dog",
    ]
    scores = [score(text, terms) for text in texts]
    assert scores[0] > scores[1] > scores[2]
    assert score("nothing", terms) == 0
