"""Searching in MongoDB: an index over the tokens of messages, which are kept in their documents.

One token leads, through all its messages of the wanted rooms, the latest first; what else is wanted
is looked for in those. The one that the fewest messages have leads, as far as that can be known for
little. What is under many tokens (all that begin alike) is in no order and must be sorted, so it
leads only where it is seldom found behind what leads otherwise: a word, or all there is.
"""

import heapq
import time
from collections.abc import Collection as Some
from collections.abc import Iterator, Sequence

import pymongo
from pymongo import DESCENDING, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import NetworkTimeout, OperationFailure

from models.contract.messages import Found, Place, Wanted
from models.mongo.documents import (
    LEFT,
    SAID,
    UNREAD,
    WORDS,
    Document,
    key_of,
    keys_of,
    late_tokens,
    message_of,
)
from models.mongo.schema import SEARCH
from models.records import Message
from models.sift import is_findable, place_of, sifted
from models.store import TooSlow
from models.words import needed, sender_token, showing_token

# Beyond 200 ranges of an index MongoDB sorts what it found instead of merging it.
_ROOMS_AT_ONCE = 190

# To count so many takes 10 ms; of words that have more messages any may lead.
_COUNTED = 10_000
_COMPARED = 8

# What so few messages have may lead, whatever the others have.
_FEW = 500

# So many messages are looked at for what begins so, which takes 30 ms. Where that was not enough,
# it leads if it is rare: to sort so many takes 0.1 s, and 0.4 s from a cold disk.
_LOOKED_AT = 2_000
_SORTED = 5_000
_AGAIN = 5
_BEGUN = 2

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
        return sifted(_candidates(_Search(messages, wanted), wanted), wanted, deadline)


def enter_left(messages: Collection[Document], limit: int, rooms: Some[str] | None) -> int:
    """Give messages their tokens that were left for later."""
    where: Document = {"tokens": LEFT}
    if rooms is not None:
        where["room"] = {"$in": keys_of(rooms)}
    left = list(messages.find(where, WORDS, hint=SEARCH).limit(limit))
    if left:
        # Only where they are still left: whoever has changed one meanwhile has given it its tokens.
        # With a hint, or MongoDB would try both indexes each time.
        updates = [
            UpdateOne(
                {"_id": one["_id"], "tokens": LEFT},
                {"$set": {"tokens": late_tokens(one)}},
                hint="_id_",
            )
            for one in left
        ]
        messages.bulk_write(updates, ordered=False)
    return len(left)


def _candidates(asked: "_Search", wanted: Wanted) -> Iterator[Message]:
    """What may be wanted, the latest first, until the time is over."""
    try:
        lead, count = asked.rarest()
        parts = []
        for first in range(0, len(wanted.rooms), _ROOMS_AT_ONCE):
            rooms = wanted.rooms[first : first + _ROOMS_AT_ONCE]
            parts.append(asked.found({"room": {"$in": keys_of(rooms)}}, lead, count))
        yield from heapq.merge(*parts, key=place_of, reverse=True)
    except NetworkTimeout as error:
        raise TooSlow("the search took too long") from error
    except OperationFailure as error:
        if error.code == _TIME_IS_OVER:
            raise TooSlow("the search took too long") from error
        raise


class _Search:
    """What is asked of the database for one page."""

    def __init__(self, messages: Collection[Document], wanted: Wanted) -> None:
        self._messages = messages
        self._before = wanted.before
        self._times = _times(wanted)
        self._size = max(_PAGE, min(wanted.limit + 1, _LARGEST_PAGE))
        # Across many rooms a count would have to look at each message.
        self._counted_in = {"room": key_of(wanted.rooms[0])} if len(wanted.rooms) == 1 else {}
        tokens = needed(wanted.terms)
        sender = () if wanted.sender is None else (sender_token(wanted.sender),)
        showing = (showing_token(),) if wanted.showing else ()
        self._whole = _longest([*tokens.whole, *sender, *showing])
        self._begun = _longest(tokens.begun)

    def rarest(self) -> tuple[Document, int]:
        """The word that leads, and how many messages have it, as far as was counted."""
        best, least = self._whole[0] if self._whole else SAID, _COUNTED
        if len(self._whole) + len(self._begun) > 1:
            for token in self._whole[:_COMPARED]:
                count = self._count({"tokens": token}, least)
                if count < least:
                    best, least = token, count
                if least < _FEW:
                    break
        return {"tokens": best}, least

    def found(self, rooms: Document, lead: Document, count: int) -> Iterator[Message]:
        """What fits, of some rooms, the latest first."""
        edge = self._edge(rooms, lead) if self._begun and count >= _FEW else None
        number = 0
        for message in self._pages(rooms, lead, self._size, self._before, edge):
            number += 1
            yield message
        if edge is not None:
            # Where some were found, as much again and again will do.
            is_rare = number * _AGAIN < self._size
            then = (self._rare_beginning() if is_rare else None) or lead
            yield from self._pages(rooms, then, max(1, self._size - number), edge)

    def _edge(self, rooms: Document, lead: Document) -> Place | None:
        """The place behind the latest of those that the lead has, if there are more."""
        until = {} if self._before is None else {"created": {"$lte": self._before.created}}
        where = {"$and": [lead, rooms, self._times, until]}
        last = self._messages.find(where, {"created": 1}, hint=SEARCH).sort(_LATEST_FIRST)
        places = list(last.skip(_LOOKED_AT).limit(1))
        return Place(places[0]["created"], str(places[0]["_id"])) if places else None

    def _rare_beginning(self) -> Document | None:
        for text in self._begun[:_BEGUN]:
            if self._count(_begins(text), _SORTED) < _SORTED:
                return _begins(text)
        return None

    def _count(self, condition: Document, most: int) -> int:
        where = {**condition, **self._counted_in}
        return self._messages.count_documents(where, limit=most, hint=SEARCH)

    def _pages(
        self,
        rooms: Document,
        lead: Document,
        size: int,
        before: Place | None,
        edge: Place | None = None,
    ) -> Iterator[Message]:
        """What fits, in pages: a sort without a bound could take any memory."""
        others = [_holds(one) for one in self._whole if {"tokens": one} != lead]
        others += [_holds_begun(one) for one in self._begun if _begins(one) != lead]
        also = {"$expr": {"$and": others}} if others else {}
        fits = [lead, rooms, self._times, _not_earlier(edge), also]
        while True:
            where = {"$and": [*fits, _earlier(before)]}
            found = self._messages.find(where, UNREAD, hint=SEARCH).sort(_LATEST_FIRST)
            page = list(found.limit(size))
            for document in page:
                yield message_of(document)
            if len(page) < size:
                return
            before = Place(page[-1]["created"], str(page[-1]["_id"]))
            size = min(size * 4, _LARGEST_PAGE)


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


def _earlier(before: Place | None) -> Document:
    return {} if before is None else _beside("$lt", "$lte", before)


def _not_earlier(edge: Place | None) -> Document:
    return {} if edge is None else _beside("$gte", "$gte", edge)


def _beside(compared: str, bound: str, place: Place) -> Document:
    """The condition on one side of a place, and the part of it that an index can follow."""
    # With `$or` there would be two ways to follow it, and to try both takes longer than to search.
    places = [["$created", "$_id"], [place.created, key_of(place.id)]]
    return {"created": {bound: place.created}, "$expr": {compared: places}}
