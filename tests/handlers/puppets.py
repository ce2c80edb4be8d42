"""Clients of Socket.IO in Node that a test leads by the hand; see `tests/javascript/puppets.js`."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from tests.node import FOLDER

# Longer than anything here takes, shorter than the patience of whoever waits for the tests.
LONGEST = 10.0


class Puppet:
    """One client: it keeps what it hears."""

    def __init__(self, puppets: "Puppets", who: str) -> None:
        self.who = who
        self.unheard: deque[tuple[str, list[Any]]] = deque()
        self._puppets = puppets

    async def hear(self, event: str, /, **fields: object) -> Any:
        """Wait for an event, whose first argument has these fields; others stay where they are."""

        def found() -> tuple[str, list[Any]] | None:
            for heard in self.unheard:
                first = heard[1][0] if heard[1] else None
                if heard[0] == event and all(first.get(k) == v for k, v in fields.items()):
                    return heard
            return None

        await self._puppets.until(lambda: found() is not None, f"{self.who} hears {event}")
        heard = found()
        assert heard is not None
        self.unheard.remove(heard)
        return heard[1][0] if heard[1] else None

    def emit(self, event: str, *args: object) -> None:
        """Say something, without a callback."""
        self._puppets.do("emit", who=self.who, event=event, args=args, ask=None)

    async def ask(self, event: str, *args: object) -> Any:
        """Say something, and return what the callback is called with."""
        return await self._puppets.ask("emit", who=self.who, event=event, args=args)

    async def transport(self) -> str:
        """The transport that it is on, once it has upgraded where it can."""
        return str(await self._puppets.ask("transport", who=self.who))

    def events(self) -> list[str]:
        """What it has heard and was not asked for yet, by name."""
        return [event for event, _ in self.unheard]

    def heard(self, event: str) -> list[Any]:
        """What has come of an event and was not asked for yet."""
        return [args[0] for name, args in self.unheard if name == event]

    async def caught_up(self) -> None:
        """Wait until all is here that was told before this moment."""
        await self.ask("sync", {})

    def forget(self) -> None:
        """Think no more of what has come."""
        self.unheard.clear()

    async def leave(self) -> None:
        """Go."""
        self._puppets.do("disconnect", who=self.who)
        await self.hear("disconnect")


class Puppets:
    """All clients of one process of Node."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]
        self._puppets: dict[str, Puppet] = {}
        self._answers: dict[int, Any] = {}
        self._asked = count(1)
        self._news = asyncio.Event()

    async def start(self, node: Path, url: str, transports: str) -> None:
        """Start Node."""
        self._process = await asyncio.create_subprocess_exec(
            str(node),
            "puppets.js",
            url,
            transports,
            cwd=FOLDER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.ensure_future(self._read())

    async def stop(self) -> None:
        """Stop it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def connect(self, who: str, auth: Mapping[str, Any] | None = None, **more: Any) -> Puppet:
        """Connect somebody, and wait for that."""
        puppet = self.begin(who, auth, **more)
        await puppet.hear("connect")
        return puppet

    def begin(self, who: str, auth: Mapping[str, Any] | None = None, **more: Any) -> Puppet:
        """Begin to connect somebody."""
        puppet = self._puppets[who] = Puppet(self, who)
        options = {**more, "auth": auth} if auth is not None else more
        self.do("connect", who=who, options=options)
        return puppet

    def do(self, deed: str, **fields: object) -> None:
        """Have something done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": deed, **fields}).encode() + b"\n")

    async def ask(self, deed: str, **fields: object) -> Any:
        """Have something done, and wait for its answer."""
        number = next(self._asked)
        self.do(deed, ask=number, **fields)
        await self.until(lambda: number in self._answers, f"an answer to {fields}")
        return self._answers.pop(number)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until what was heard makes something so."""
        try:
            async with asyncio.timeout(LONGEST):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            heard = {who: puppet.events() for who, puppet in self._puppets.items()}
            raise AssertionError(f"nothing came of: {what}; unheard: {heard}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "ask" in said:
                self._answers[said["ask"]] = said["args"][0] if said["args"] else None
            else:
                self._puppets[said["who"]].unheard.append((said["event"], said["args"]))
            self._news.set()
