"""Searching in MongoDB: an index over the tokens of messages, which are kept in their documents.

One token leads, through all its messages of the wanted rooms, the latest first; what else is wanted
is looked for in those. The one that the fewest messages have leads, as far as that can be known for
little.
"""

import heapq
import time
from collections.abc import Iterator, Sequence

import pymongo
from pymongo import DESCENDING
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from models.mongo.documents import UNREAD, Document, key_of, keys_of, message_of
from models.mongo.schema import SEARCH
from models.records import Message
from models.sift import is_findable, place_of, sifted
from models.store import Found, Place, TooSlow, Wanted
from models.words import needed, sender_token, showing_token

# Beyond 200 ranges of an index MongoDB sorts what it found instead of merging it.
_ROOMS_AT_ONCE = 190

# To count so many takes 10 ms; of tokens that have more messages any may lead.
_COUNTED = 10_000
_COMPARED = 8

_PAGE = 50
_LARGEST_PAGE = 2_000

_TIME_IS_OVER = 50

_LATEST_FIRST = [("created", DESCENDING), ("_id", DESCENDING)]


def search(messages: Collection[Document], wanted: Wanted) -> Found:
    """A page of what is wanted."""
    if not is_findable(wanted):
        return Found([])
    deadline = time.monotonic() + wanted.seconds
    tokens = needed(wanted.terms)
    whole = list(tokens.whole)
    if wanted.sender is not None:
        whole.append(sender_token(wanted.sender))
    if wanted.showing:
        whole.append(showing_token())
    try:
        with pymongo.timeout(wanted.seconds):
            leading = _leading(messages, whole, tokens.begun, wanted.rooms)
            candidates = _candidates(messages, {**leading, **_times(wanted)}, wanted)
            return sifted(candidates, wanted, deadline)
    except OperationFailure as error:
        if error.code == _TIME_IS_OVER:
            raise TooSlow("the search took too long") from error
        raise


def _leading(
    messages: Collection[Document], whole: list[str], begun: Sequence[str], rooms: Sequence[str]
) -> Document:
    """The condition that the index answers, and those that are looked at behind it."""
    if not whole:
        first, *rest = sorted(begun, key=len, reverse=True)
        return _all({"tokens": _begins(first)}, [{"tokens": _begins(one)} for one in rest])
    lead = _rarest(messages, whole, rooms)
    others: list[Document] = [
        # As an expression, or MongoDB might let this one lead.
        {"$expr": {"$in": [{"$literal": one}, "$tokens"]}}
        for one in whole
        if one != lead
    ]
    others += [{"tokens": _begins(one)} for one in begun]
    return _all({"tokens": lead}, others)


def _all(lead: Document, others: Sequence[Document]) -> Document:
    return {**lead, "$and": list(others)} if others else lead


def _begins(text: str) -> Document:
    return {"$elemMatch": {"$gte": text, "$lt": text + "\U0010ffff"}}


def _rarest(messages: Collection[Document], tokens: list[str], rooms: Sequence[str]) -> str:
    if len(tokens) == 1:
        return tokens[0]
    where = {"room": key_of(rooms[0])} if len(rooms) == 1 else {}
    counts = {
        token: messages.count_documents({"tokens": token, **where}, limit=_COUNTED, hint=SEARCH)
        for token in sorted(tokens, key=len, reverse=True)[:_COMPARED]
    }
    return min(counts, key=lambda token: counts[token])


def _times(wanted: Wanted) -> Document:
    times: Document = {}
    if wanted.since is not None:
        times["$gte"] = wanted.since
    if wanted.until is not None:
        times["$lt"] = wanted.until
    return {"created": times} if times else {}


def _candidates(
    messages: Collection[Document], condition: Document, wanted: Wanted
) -> Iterator[Message]:
    """What fits the condition, of all rooms, the latest first."""
    parts = [
        _pages(messages, condition, wanted.rooms[first : first + _ROOMS_AT_ONCE], wanted)
        for first in range(0, len(wanted.rooms), _ROOMS_AT_ONCE)
    ]
    return heapq.merge(*parts, key=place_of, reverse=True)


def _pages(
    messages: Collection[Document], condition: Document, rooms: Sequence[str], wanted: Wanted
) -> Iterator[Message]:
    """What fits of some rooms, in pages: a sort without a bound could take any memory."""
    before, size = wanted.before, max(_PAGE, min(wanted.limit + 1, _LARGEST_PAGE))
    while True:
        where = {"$and": [condition, {"room": {"$in": keys_of(rooms)}}, _earlier(before)]}
        page = list(messages.find(where, UNREAD, hint=SEARCH).sort(_LATEST_FIRST).limit(size))
        for document in page:
            yield message_of(document)
        if len(page) < size:
            return
        before = Place(page[-1]["created"], str(page[-1]["_id"]))
        size = min(size * 4, _LARGEST_PAGE)


def _earlier(before: Place | None) -> Document:
    if before is None:
        return {}
    return {
        # The first bound says nothing new, but it is the one that an index can follow.
        "created": {"$lte": before.created},
        "$or": [{"created": {"$lt": before.created}}, {"_id": {"$lt": key_of(before.id)}}],
    }
