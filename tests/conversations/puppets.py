"""Clients of Socket.IO in Node that a test leads by the hand; see `tests/javascript/puppets.js`."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from tests.handlers.described import check_callback, check_event
from tests.node import FOLDER

# Longer than anything here takes, shorter than the patience of whoever waits for the tests.
LONGEST = 10.0


Auth = Mapping[str, Any]


class Puppet:
    """One client: it keeps what it hears, which must be as it is described."""

    def __init__(self, theatre: "Theatre", name: str, dialects: tuple[str, ...]) -> None:
        self.name = name
        self.dialects = dialects
        self.upgrades = False
        self.unheard: deque[tuple[str, Any]] = deque()
        self._theatre = theatre
        self._who = theatre.enter(self)

    # What it says.

    def emit(self, event: str, *args: object) -> None:
        """Say something, without a callback."""
        self._do("emit", event=event, args=args, ask=None)

    async def ask(self, event: str, *args: object) -> Any:
        """Say something, and return what the callback is called with."""
        answer = await self._ask("emit", event=event, args=args)
        check_callback(self.dialects, event, answer)
        return answer[0]

    async def code_of(self, event: str, *args: object) -> str:
        """Say something, and return the code of its refusal, or "ok"."""
        answer = await self.ask(event, *args)
        return "ok" if answer["ok"] else str(answer["code"])

    # What it hears.

    async def hear(self, event: str, /, **fields: object) -> Any:
        """Wait for an event with these fields; others stay where they are."""

        def found() -> tuple[str, Any] | None:
            for heard in self.unheard:
                if heard[0] == event and all(heard[1].get(k) == v for k, v in fields.items()):
                    return heard
            return None

        await self._theatre.until(found, f"{self.name} hears {event} {fields or ''}")
        heard = found()
        assert heard is not None
        self.unheard.remove(heard)
        return heard[1]

    def events(self) -> list[str]:
        """What it has heard and was not asked for yet, by name."""
        return [event for event, _ in self.unheard]

    def heard(self, event: str) -> list[Any]:
        """What has come of an event and was not asked for yet."""
        return [argument for name, argument in self.unheard if name == event]

    async def silence(self) -> list[str]:
        """What is left of all that was told before this moment, by name."""
        await self._ask("emit", event="sync", args=[{}])
        return self.events()

    def take(self, said: dict[str, Any]) -> None:
        """Hear something."""
        if "state" in said:
            self.unheard.append((said["state"], said["args"][0]))
            return
        check_event(self.dialects, said["event"], said["args"])
        self.unheard.append((said["event"], said["args"][0]))

    # What becomes of it.

    async def transport(self) -> str:
        """The transport that it is on, once it has upgraded where it can."""
        [name] = await self._ask("transport", upgrades=self.upgrades)
        return str(name)

    async def drop(self) -> None:
        """Lose the connection."""
        self._do("drop")
        await self.hear("disconnect")

    async def reconnect(self, auth: Auth | None = None) -> None:
        """Come back."""
        self._do("reconnect", auth=auth)
        await self.hear("connect")

    async def leave(self) -> None:
        """Go."""
        self._do("disconnect")
        await self.hear("disconnect")

    def connect(self, url: str, first: list[Any], options: dict[str, Any]) -> None:
        """Begin to connect."""
        self.upgrades = len(options["transports"]) > 1
        self._do("connect", url=url, first=first, options=options)

    def _do(self, deed: str, **fields: object) -> None:
        self._theatre.do(deed, who=self._who, **fields)

    async def _ask(self, deed: str, **fields: object) -> list[Any]:
        return await self._theatre.ask(deed, who=self._who, **fields)


class Theatre:
    """All clients of one process of Node."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]
        self._puppets: dict[int, Puppet] = {}
        self._answers: dict[int, list[Any]] = {}
        self._numbers = count(1)
        self._news = asyncio.Event()
        self._fault: AssertionError | None = None

    async def open(self, node: Path) -> None:
        """Start Node."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            str(node), "puppets.js", cwd=FOLDER, stdin=pipe, stdout=pipe
        )
        self._reading = asyncio.ensure_future(self._read())

    async def close(self) -> None:
        """Stop it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    def clear(self) -> None:
        """Have all go that are there."""
        for who in self._puppets:
            self.do("disconnect", who=who)
        self._puppets.clear()
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def enter(self, puppet: Puppet) -> int:
        """Make room for one."""
        who = next(self._numbers)
        self._puppets[who] = puppet
        return who

    def do(self, deed: str, **fields: object) -> None:
        """Have something done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": deed, **fields}).encode() + b"\n")

    async def ask(self, deed: str, **fields: object) -> list[Any]:
        """Have something done, and wait for its answer."""
        number = next(self._numbers)
        self.do(deed, **{**fields, "ask": number})
        await self.until(lambda: number in self._answers, f"an answer to {fields}")
        return self._answers.pop(number)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until what was heard makes something so."""
        try:
            async with asyncio.timeout(LONGEST):
                while not condition():
                    if self._fault is not None:
                        raise self._fault
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            heard = {puppet.name: puppet.events() for puppet in self._puppets.values()}
            raise AssertionError(f"nothing came of: {what}; unheard: {heard}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            try:
                self._take(json.loads(line))
            except AssertionError as fault:
                self._fault = fault
            self._news.set()

    def _take(self, said: dict[str, Any]) -> None:
        if "ask" in said:
            self._answers[said["ask"]] = said["args"]
        elif said["who"] in self._puppets:
            self._puppets[said["who"]].take(said)


class Puppets:
    """Clients that come to one server, over some transports."""

    def __init__(self, theatre: Theatre, url: str, transports: str) -> None:
        self._theatre = theatre
        self._url = url
        self._transports = transports.split(",")

    async def connect(self, name: str, auth: Auth | None = None, **more: Any) -> Puppet:
        """Connect somebody, and wait for that."""
        puppet = self.begin(name, auth, **more)
        await puppet.hear("connect")
        return puppet

    def begin(
        self,
        name: str,
        auth: Auth | None = None,
        *,
        first: list[Any] | None = None,
        dialects: tuple[str, ...] | None = None,
        **options: Any,
    ) -> Puppet:
        """Begin to connect somebody, who says something before that is decided."""
        named = (auth or {}).get("dialect", "").upper()
        known = (named,) if named else ("P", "C") if auth else ("J", "R")
        puppet = Puppet(self._theatre, name, dialects or known)
        options = {"transports": self._transports, **options}
        if auth is not None:
            options["auth"] = auth
        puppet.connect(self._url, first or [], options)
        return puppet
