"""REST for whoever runs the server."""

from handlers.base import JsonHandler
from models.records import now


class HealthHandler(JsonHandler):
    """Whether the process is alive."""

    async def get(self) -> None:
        """Say so, and nothing that a stranger could use."""
        self.answer({"status": "OK", "timestamp": now()})


class ReadyHandler(JsonHandler):
    """Whether the process can do its work."""

    async def get(self) -> None:
        """Ask the store."""
        await self.services.ping()
        self.answer({"status": "OK", "timestamp": now()})
