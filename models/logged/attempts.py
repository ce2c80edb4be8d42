"""What was ever tried to be stored: what comes behind all of that needs no look into the store."""

from collections.abc import Sequence
from operator import lt

from models.records import Message, new_id

# The part of an id that every process chooses by chance when it begins.
_PROCESS = slice(8, 18)

# Whoever names messages like ids of this process does so on purpose; of more nobody is trusted.
MAX_IMITATORS = 1_000

# Behind all ids.
_NEVER = "~"


class Attempts:
    """Tells which messages are new without a doubt.

    A message that its client gives no name has its own id for one. No other process makes the ids
    of this one, and those grow: so what is behind all that were tried was never stored, and nobody
    has used its name, but for who could guess the id.
    """

    def __init__(self) -> None:
        # The greatest id that was tried, or that came before all this.
        self._last = new_id()
        # Who has named a message like an id of this process; perhaps like one that is yet to come.
        self._imitators: set[str] = set()

    def begin(self, new: Sequence[Message]) -> list[Message]:
        """Note new messages before they are tried; those that may have been stored before."""
        named = [message for message in new if message.client_id != message.id]
        self._imitators.update(
            message.sender
            for message in named
            if message.client_id[_PROCESS] == message.id[_PROCESS]
        )
        if len(self._imitators) > MAX_IMITATORS:
            self._imitators.clear()
            self._last = _NEVER
        ids = [self._last, *(message.id for message in new)]
        self._last = max(ids)
        # Not where the clock went back, the count of ids began anew, or it was tried before.
        if not all(map(lt, ids, ids[1:])):
            return list(new)
        if not self._imitators:
            return named
        return [m for m in new if m.client_id != m.id or m.sender in self._imitators]
