"""Two who talk to each other, and one who does them no good."""

from models.records import EVERYONE
from tests.handlers.conftest import Hubbub
from tests.handlers.sockets import Client


class Neighbours:
    """Two who talk to each other, whatever somebody else does meanwhile."""

    def __init__(self, hub: Hubbub, one: Client, other: Client) -> None:
        self._hub = hub
        self._one, self._other = one, other
        self._said = 0

    async def talk(self) -> None:
        """Say something, and see that it arrives."""
        self._said += 1
        content = f"undisturbed {self._said}"
        await self._one.ask("SEND_MESSAGE", roomId=EVERYONE, content=content)
        await self._other.hear("MESSAGE", content=content)


async def neighbours(hub: Hubbub) -> Neighbours:
    return Neighbours(hub, *await hub.sockets(*await hub.residents("one", "other")))


async def attacker(hub: Hubbub) -> Client:
    return await hub.socket(await hub.resident(f"eve{len(hub.clients)}"))
