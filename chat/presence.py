"""Who is online: whoever has at least one socket, and for a grace after the last one has gone."""

import asyncio

from chat.events import Event, UserOffline, UserOnline
from chat.hub import Hub, Outbox
from chat.people import People

# Up to this many people online, everybody is told who comes and goes, as older clients expect.
MAX_TOLD = 1_000


class Presence:
    """Announces who comes and goes. It begins empty, so nobody is online after a crash."""

    def __init__(self, hub: Hub, people: People, grace: float) -> None:
        self._hub = hub
        self._people = people
        self._grace = grace
        # Those whose last socket has gone, and who may be back before anybody is told.
        self._leaving: dict[str, asyncio.TimerHandle] = {}

    def is_online(self, user_id: str) -> bool:
        """Tell whether somebody is online, and lets it be seen."""
        present = self._hub.is_connected(user_id) or user_id in self._leaving
        return present and not self._people.is_invisible(user_id)

    def online(self) -> list[str]:
        """Those who are online, as many as are told at once."""
        users = {*self._hub.users(), *self._leaving}
        return sorted(user for user in users if not self._people.is_invisible(user))[:MAX_TOLD]

    def connect(self, outbox: Outbox) -> None:
        """Let a socket hear, and announce its user if it is the first."""
        first = self._hub.connect(outbox)
        leaving = self._leaving.pop(outbox.user, None)
        if leaving is not None:
            leaving.cancel()
        elif first:
            self._announce(UserOnline(outbox.user, self._people.name(outbox.user)), outbox.user)

    def disconnect(self, outbox: Outbox) -> None:
        """Forget a socket, and announce after the grace that its user has gone."""
        if self._hub.disconnect(outbox):
            loop = asyncio.get_running_loop()
            self._leaving[outbox.user] = loop.call_later(self._grace, self._gone, outbox.user)

    def close(self) -> None:
        """Announce nothing more."""
        for handle in self._leaving.values():
            handle.cancel()
        self._leaving.clear()

    def _gone(self, user_id: str) -> None:
        del self._leaving[user_id]
        self._announce(UserOffline(user_id, self._people.name(user_id)), user_id)

    def _announce(self, event: Event, user_id: str) -> None:
        if len(self._hub.users()) <= MAX_TOLD and not self._people.is_invisible(user_id):
            self._hub.tell_all(event, without=user_id)
