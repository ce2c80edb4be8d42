"""Batches that are handed to the store before it is their turn, so that it never waits for one.

Their numbers presume that all in front of them is stored as it was numbered. So one is written only
if that has happened, and right behind it, by the same thread: no turn of the event loop, which may
be busy telling, lies in between.
"""

from collections.abc import Callable, Sequence

from models.store import ChangedMessage, NewMessage, Outcome, Stored, Write


class Withheld(Exception):
    """A batch was not written, for what it presumed has not happened."""


class Turn:
    """Tells the batch behind another whether that came out as presumed."""

    __slots__ = ("as_presumed",)

    def __init__(self, *, as_presumed: bool = False) -> None:
        self.as_presumed = as_presumed


def commit_in_turn(
    prepare: Callable[[], Callable[[], list[Outcome]]],
    writes: Sequence[Write],
    turn: Turn,
    before: Turn | None,
) -> list[Outcome]:
    """Commit a batch, unless something before it came out otherwise; to be called in order."""
    if before is not None and not before.as_presumed:
        raise Withheld
    outcomes = prepare()()
    turn.as_presumed = _as_numbered(writes, outcomes)
    return outcomes


def _as_numbered(writes: Sequence[Write], outcomes: Sequence[Outcome]) -> bool:
    """Tell whether no number has moved down."""
    for write, outcome in zip(writes, outcomes, strict=True):
        if not isinstance(write, NewMessage | ChangedMessage):
            continue
        stored = outcome.message if isinstance(outcome, Stored) else None
        if stored is None or stored.rev != write.message.rev:
            return False
    return True
