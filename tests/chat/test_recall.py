"""Messages at hand: whole pages or none, as they are stored now, and not too many."""

from datetime import UTC, datetime

from chat.recall import PART, Recall, Shelf, weight_of
from models.records import Message

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def said(seq: int, text: str = "hello") -> Message:
    names = {"id": f"{seq:024x}", "room": "a" * 24, "sender": "b" * 24, "client_id": str(seq)}
    return Message(**names, seq=seq, rev=seq, text=text, created=MOMENT)


def seqs(messages: list[Message] | None) -> list[int] | None:
    return None if messages is None else [message.seq for message in messages]


def test_a_page_is_whole_or_none() -> None:
    recall = Recall(Shelf())
    recall.keep(map(said, range(3, 3 * PART)))
    for first, last in ((3, 3), (3, PART), (PART - 1, 2 * PART + 1), (PART, 3 * PART - 1)):
        assert seqs(recall.page(first, last)) == list(range(first, last + 1))
    for first, last in ((2, 5), (1, 1), (PART, 3 * PART), (4 * PART, 4 * PART)):
        assert recall.page(first, last) is None


def test_the_latest_form_of_a_message_is_kept() -> None:
    recall = Recall(Shelf())
    recall.keep([said(1), said(1, "changed")])
    assert recall.page(1, 1) == [said(1, "changed")]


def test_the_part_that_was_used_longest_ago_is_forgotten() -> None:
    shelf = Shelf(most=3 * weight_of(said(PART)))
    one, other = Recall(shelf), Recall(shelf)
    one.keep([said(1), said(PART)])
    other.keep([said(1)])
    assert one.page(1, 1)
    other.keep([said(PART)])
    assert len(shelf) == 3
    assert one.page(PART, PART) is None
    assert one.page(1, 1)
    assert other.page(1, 1)
    assert other.page(PART, PART)
    one.keep([said(PART)])
    assert one.page(PART, PART) == [said(PART)]


def test_what_is_heavy_makes_more_room() -> None:
    shelf = Shelf(most=20 * weight_of(said(1)))
    recall = Recall(shelf)
    recall.keep(said(number * PART) for number in range(10))
    heavy = said(10 * PART, "x" * 11 * weight_of(said(1)))
    recall.keep([heavy])
    assert recall.page(10 * PART, 10 * PART) == [heavy]
    assert len(shelf) == 9
    recall.keep([said(10 * PART)])
    assert shelf.weight == 9 * weight_of(said(1))


def test_what_is_heavier_than_all_there_may_be_is_not_kept() -> None:
    shelf = Shelf(most=1000)
    recall = Recall(shelf)
    recall.keep([said(1, "x" * 2000), said(2)])
    assert recall.page(1, 1) is None
    assert recall.page(2, 2) == [said(2)]
    assert len(shelf) == 1
