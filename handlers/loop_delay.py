"""How late the event loop comes to what is due: the first sign of too much work."""

import asyncio
import time

from chat.measures import SECONDS, Distribution

# Four times a second tells of a loop that is held up, and costs nothing.
PAUSE_SECONDS = 0.25


class LoopDelay:
    """How late the event loop comes to what is due."""

    def __init__(self) -> None:
        self.seconds = Distribution(SECONDS)

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            due = time.monotonic() + PAUSE_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)
            self.seconds.note(max(0.0, time.monotonic() - due))
