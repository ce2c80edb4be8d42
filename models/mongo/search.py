"""Searching in MongoDB: an index over the tokens of messages, which are kept in their documents.

One token leads, through all its messages of the wanted rooms, the latest first; what else is wanted
is looked for in those. The one that the fewest messages have leads, as far as that can be known for
little. What is under many tokens (all that begin alike) is in no order, and must be sorted: where
there is too much of that, every message of the rooms is looked at, for it will often fit.
"""

import heapq
import time
from collections.abc import Iterator, Sequence

import pymongo
from pymongo import DESCENDING
from pymongo.collection import Collection
from pymongo.errors import NetworkTimeout, OperationFailure

from models.mongo.documents import SAID, UNREAD, Document, key_of, keys_of, message_of
from models.mongo.schema import SEARCH
from models.records import Message
from models.sift import is_findable, place_of, sifted
from models.store import Found, Place, TooSlow, Wanted
from models.words import Tokens, needed, sender_token, showing_token

# Beyond 200 ranges of an index MongoDB sorts what it found instead of merging it.
_ROOMS_AT_ONCE = 190

# To count so many takes 10 ms; of tokens that have more messages any may lead.
_COUNTED = 10_000
_COMPARED = 8

# What so few messages have may lead, whatever the others have.
_FEW = 500

_PAGE = 20
_LARGEST_PAGE = 2_000

_TIME_IS_OVER = 50

# Behind every character that a token may hold.
_END = "\U0010ffff"

_LATEST_FIRST = [("created", DESCENDING), ("_id", DESCENDING)]


def search(messages: Collection[Document], wanted: Wanted) -> Found:
    """A page of what is wanted."""
    if not is_findable(wanted):
        return Found([])
    deadline = time.monotonic() + wanted.seconds
    with pymongo.timeout(wanted.seconds):
        return sifted(_candidates(messages, wanted), wanted, deadline)


def _candidates(messages: Collection[Document], wanted: Wanted) -> Iterator[Message]:
    """What may be wanted, the latest first, until the time is over."""
    try:
        condition = {**_leading(messages, _tokens(wanted), wanted.rooms), **_times(wanted)}
        parts = [
            _pages(messages, condition, wanted.rooms[first : first + _ROOMS_AT_ONCE], wanted)
            for first in range(0, len(wanted.rooms), _ROOMS_AT_ONCE)
        ]
        yield from heapq.merge(*parts, key=place_of, reverse=True)
    except NetworkTimeout as error:
        raise TooSlow("the search took too long") from error
    except OperationFailure as error:
        if error.code == _TIME_IS_OVER:
            raise TooSlow("the search took too long") from error
        raise


def _tokens(wanted: Wanted) -> Tokens:
    tokens = needed(wanted.terms)
    whole = list(tokens.whole)
    if wanted.sender is not None:
        whole.append(sender_token(wanted.sender))
    if wanted.showing:
        whole.append(showing_token())
    return Tokens(tuple(whole), tokens.begun)


def _leading(messages: Collection[Document], tokens: Tokens, rooms: Sequence[str]) -> Document:
    """The condition that the index answers, and those that are looked at behind it."""
    lead = _rarest(messages, tokens, rooms)
    others = [_holds(one) for one in tokens.whole if {"tokens": one} != lead]
    others += [_holds_begun(one) for one in tokens.begun if _begins(one) != lead]
    return {**lead, "$expr": {"$and": others}} if others else lead


def _rarest(messages: Collection[Document], tokens: Tokens, rooms: Sequence[str]) -> Document:
    """The one of the fewest messages that is known to have few; else one that is in order."""
    leads: list[Document] = [{"tokens": one} for one in _longest(tokens.whole)]
    leads += [_begins(one) for one in _longest(tokens.begun)]
    if len(leads) == 1 and tokens.whole:
        return leads[0]
    where = {"room": key_of(rooms[0])} if len(rooms) == 1 else {}
    ordered = leads[0] if tokens.whole else {"tokens": SAID}
    best, least = ordered, _COUNTED
    for lead in leads[:_COMPARED]:
        count = messages.count_documents({**lead, **where}, limit=least, hint=SEARCH)
        if count < least:
            best, least = lead, count
        if least < _FEW:
            break
    return best


def _longest(tokens: Sequence[str]) -> list[str]:
    """Tokens with the longest first, for those are often rare."""
    return sorted(tokens, key=len, reverse=True)


def _begins(text: str) -> Document:
    return {"tokens": {"$elemMatch": {"$gte": text, "$lt": text + _END}}}


def _holds(token: str) -> Document:
    # As an expression, or MongoDB might let this one lead.
    return {"$in": [{"$literal": token}, "$tokens"]}


def _holds_begun(text: str) -> Document:
    begins = {"$and": [{"$gte": ["$$one", text]}, {"$lt": ["$$one", text + _END]}]}
    found = {"$filter": {"input": "$tokens", "as": "one", "cond": begins}}
    return {"$ne": [found, []]}


def _times(wanted: Wanted) -> Document:
    times: Document = {}
    if wanted.since is not None:
        times["$gte"] = wanted.since
    if wanted.until is not None:
        times["$lt"] = wanted.until
    return {"created": times} if times else {}


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
