"""REST for whoever runs the server."""

from handlers.base import JsonHandler
from handlers.calls import call
from handlers.views import Moment, View
from models.records import now


class Health(View, frozen=True):
    """A sign of life."""

    status: str
    timestamp: Moment


class HealthHandler(JsonHandler):
    """Whether the process is alive."""

    @call()
    async def get(self) -> Health:
        """Say so, and nothing that a stranger could use."""
        return Health(status="OK", timestamp=now())


class ReadyHandler(JsonHandler):
    """Whether the process can do its work."""

    @call()
    async def get(self) -> Health:
        """Ask the store."""
        await self.services.ping()
        return Health(status="OK", timestamp=now())
