"""The requests that are being answered; a stop waits for them."""

import asyncio


class Running:
    """Knows the requests that have begun and not ended."""

    def __init__(self) -> None:
        self._requests: set[object] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False

    def begin(self, request: object) -> None:
        """Note that a request is being answered."""
        self._requests.add(request)
        self._idle.clear()

    def end(self, request: object) -> None:
        """Note that a request has been answered, or that nobody waits; twice does no harm."""
        self._requests.discard(request)
        if not self._requests:
            self._idle.set()

    async def drained(self, seconds: float) -> int:
        """Wait until nothing runs, as long as that may take, and return how many still do."""
        self.stopping = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            pass
        return len(self._requests)
