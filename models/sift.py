"""Looks at the candidates that an index names, and keeps what is wanted; for every store."""

import time
from collections.abc import Iterable

from models.contract.messages import Found, Place, Wanted
from models.records import Message, is_id
from models.store import TooSlow
from models.words import is_in


def place_of(message: Message) -> Place:
    """Where a message stands."""
    return Place(message.created, message.id)


def is_findable(wanted: Wanted) -> bool:
    """Tell whether there is anything to look for: what is no id stands for nothing."""
    ids = [*wanted.rooms, *([] if wanted.sender is None else [wanted.sender])]
    return bool(wanted.rooms) and all(map(is_id, ids)) and wanted.limit > 0


def sifted(candidates: Iterable[Message], wanted: Wanted, deadline: float) -> Found:
    """A page of what is wanted of candidates that come in order, until there is no more time."""
    rooms = frozenset(wanted.rooms)
    found: list[Message] = []
    last: Place | None = None
    try:
        for message in candidates:
            if message.room in rooms and _is_wanted(message, wanted):
                if len(found) == wanted.limit:
                    return Found(found, place_of(found[-1]))
                found.append(message)
            last = place_of(message)
            if time.monotonic() > deadline:
                return Found(found, last)
    except TooSlow:
        if last is None:
            raise
        return Found(found, last)
    return Found(found)


def _is_wanted(message: Message, wanted: Wanted) -> bool:
    if message.deleted is not None:
        return False
    if wanted.before is not None and place_of(message) >= wanted.before:
        return False
    if wanted.sender not in (None, message.sender):
        return False
    if wanted.showing and not message.attachments:
        return False
    if wanted.since is not None and message.created < wanted.since:
        return False
    if wanted.until is not None and message.created >= wanted.until:
        return False
    return is_in(wanted.terms, message.text)
