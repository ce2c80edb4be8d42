"""How late the event loop comes to what is due: the first sign of too much work."""

import asyncio
import time
from collections.abc import Callable

from chat.measures import SECONDS, Distribution

# Four times a second tells of a loop that is held up, and costs nothing.
PAUSE_SECONDS = 0.25


class LoopDelay:
    """How late the event loop comes to what is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.seconds = Distribution(SECONDS)

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            due = self._clock() + PAUSE_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)
            self.seconds.note(max(0.0, self._clock() - due))
