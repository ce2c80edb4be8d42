"""A disk whose threads answer in an order that chance decides."""

import asyncio
import random
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from models.disk import Disk

P = ParamSpec("P")
T = TypeVar("T")


class ShuffledDisk:
    """Hands the answers of threads on in an order that chance decides, and never for want of time.

    An answer is kept back until another call has been answered or nothing else is under way.
    """

    def __init__(self, disk: Disk, chance: random.Random) -> None:
        self._run = disk.run
        self._chance = chance
        self._under_way = 0
        self._kept: list[asyncio.Event] = []

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._under_way += 1
        try:
            return await self._run(call, *args, **kwargs)
        finally:
            if self._chance.random() < 0.5:
                mine = asyncio.Event()
                self._kept.append(mine)
                self._let_one_go(only_if_all_wait=True)
                await mine.wait()
            self._under_way -= 1
            self._let_one_go(only_if_all_wait=self._chance.random() < 0.5)

    def _let_one_go(self, *, only_if_all_wait: bool) -> None:
        all_wait = len(self._kept) == self._under_way
        if self._kept and (all_wait or not only_if_all_wait):
            # One that is let go counts as under way until it has said so itself.
            self._kept.pop(self._chance.randrange(len(self._kept))).set()
