"""Questions that many ask at the same time, put to the store as one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# One answer to so many takes a few milliseconds, on either store.
MOST = 256


class Gathering(Generic[K, V]):
    """Asks for what has gathered while the last answer was under way, in one question.

    An answer is never older than the question: whoever asks while a question is under way waits
    for the next one.
    """

    def __init__(self, answer: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._answer = answer
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """What is known by a key; nothing, if nothing is."""
        asked = self._asked.get(key)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asked[key] = loop.create_future()
            asked.add_done_callback(_looked_at)
            if self._task is None:
                self._task = loop.create_task(self._go_on())
        # Shielded: one that gives up waiting must not take the answer from the others.
        return await asyncio.shield(asked)

    async def _go_on(self) -> None:
        while self._asked:
            keys = list(self._asked)[:MOST]
            waiting = {key: self._asked.pop(key) for key in keys}
            try:
                answers = await self._answer(keys)
            except Exception as error:  # noqa: BLE001 - whatever it is, they all wait for it
                for asked in waiting.values():
                    asked.set_exception(error)
            else:
                for key, asked in waiting.items():
                    asked.set_result(answers.get(key))
        self._task = None


def _looked_at(asked: asyncio.Future[V]) -> None:
    if not asked.cancelled():
        asked.exception()  # perhaps nobody waits for it any more
