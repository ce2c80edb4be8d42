"""Who is online: whoever has at least one socket, and for a grace after the last one has gone."""

import asyncio
import logging
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

from msgspec import Struct

from chat.events import UserOffline, UserOnline
from chat.hub import Hub, Outbox
from chat.people import People
from models.records import User
from models.store import StoreError

log = logging.getLogger("hubbub.presence")

# Who comes and goes within this time is told at once.
GATHER_SECONDS = 0.05

# Up to this many people online, everybody is told who comes and goes, as older clients expect.
MAX_TOLD = 1_000


News = UserOnline | UserOffline
Neighbours = Callable[[str], Awaitable[set[str]]]


class OnlinePage(Struct, frozen=True):
    """Some of those who are online, and whether there are more."""

    users: list[str]
    has_more: bool


class Presence:
    """Announces who comes and goes. It begins empty, so nobody is online after a crash."""

    def __init__(
        self,
        hub: Hub,
        people: People,
        grace: float,
        neighbours: Neighbours | None = None,
        note_gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._hub = hub
        self._neighbours = neighbours
        self._note_gone = note_gone
        self._people = people
        self._grace = grace
        # Whoever has a socket or may be back, by id: pages of them are cut from it as it is.
        self._present: list[str] = []
        # As many of them as are told at once, until somebody comes or goes.
        self._online: list[str] | None = None
        # Those whose last socket has gone, and who may be back before anybody is told; and when
        # that is, the next first. One timer for all: to make one takes 5 µs, and to cancel it 2.
        self._leaving: OrderedDict[str, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._news: list[News] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def is_online(self, user_id: str) -> bool:
        """Tell whether somebody is online, and lets it be seen."""
        return self._is_present(user_id) and not self._people.is_invisible(user_id)

    def online(self) -> list[str]:
        """Those who are online, as many as are told at once."""
        if self._people.invisible:
            return self.page(limit=MAX_TOLD).users
        if self._online is None:
            self._online = self._present[:MAX_TOLD]
        return self._online

    def page(
        self, among: Iterable[str] | None = None, *, after: str | None = None, limit: int = MAX_TOLD
    ) -> OnlinePage:
        """Those who are online, of all or of some, by id and from the one behind `after` on."""
        present = self._present
        if among is not None:
            present = sorted(user for user in set(among) if self._is_present(user))
        first = 0 if after is None else bisect_right(present, after)
        seen: Iterable[str] = islice(present, first, None)
        if unseen := self._people.invisible:
            seen = (one for one in seen if one not in unseen)
        users = list(islice(seen, limit + 1))
        return OnlinePage(users[:limit], len(users) > limit)

    def connect(self, outbox: Outbox) -> None:
        """Let a socket hear, and announce its user if it is the first."""
        first = self._hub.connect(outbox)
        if self._leaving.pop(outbox.user, None) is None and first:
            insort(self._present, outbox.user)
            self._online = None
            self._announce(UserOnline(outbox.user, self._people.name(outbox.user)))

    def disconnect(self, outbox: Outbox) -> None:
        """Forget a socket, and announce after the grace that its user has gone."""
        if self._hub.disconnect(outbox):
            self._note_gone(outbox.user)
            moment = asyncio.get_running_loop().time() + self._grace
            self._leaving[outbox.user] = moment
            self._wake(moment)

    def reveal(self, user: User, *, before: bool) -> None:
        """Let somebody be seen or not as they want it now, and announce it if it was otherwise."""
        self._people.note(user)
        if user.invisible == before or not self._is_present(user.id):
            return
        event = UserOffline if user.invisible else UserOnline
        self._gather(event(user.id, self._people.name(user.id)))

    def close(self) -> None:
        """Announce nothing more."""
        self._leaving.clear()
        for timer in (self._timer, self._gathering):
            if timer is not None:
                timer.cancel()
        for task in self._telling:
            task.cancel()

    def _is_present(self, user_id: str) -> bool:
        return self._hub.is_connected(user_id) or user_id in self._leaving

    def _wake(self, moment: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(moment, self._let_go)

    def _let_go(self) -> None:
        """Announce those who have not come back in time."""
        self._timer = None
        present = asyncio.get_running_loop().time()
        while self._leaving:
            user_id, moment = next(iter(self._leaving.items()))
            if moment > present:
                self._wake(moment)
                return
            self._gone(user_id)

    def _gone(self, user_id: str) -> None:
        del self._leaving[user_id]
        del self._present[bisect_left(self._present, user_id)]
        self._online = None
        self._announce(UserOffline(user_id, self._people.name(user_id)))

    def _announce(self, event: News) -> None:
        """Tell who comes and goes, unless they do not want to be seen."""
        if not self._people.is_invisible(event.user):
            self._gather(event)

    def _gather(self, event: News) -> None:
        """Gather what is told, so that a crowd is told in one write for each socket."""
        self._news.append(event)
        if len(self._news) == 1:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell)

    def _tell(self) -> None:
        news, self._news = self._news, []
        if len(self._hub.users()) <= MAX_TOLD:
            self._hub.tell_news(news)
            return
        if self._neighbours is None:
            return
        task = asyncio.get_running_loop().create_task(self._tell_neighbours(news, self._neighbours))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_neighbours(self, news: list[News], find: Neighbours) -> None:
        """Tell those alone who share a room with whoever comes or goes."""
        for event in news:
            try:
                neighbours = await find(event.user)
            except StoreError as error:
                log.warning("could not tell who comes and goes: %s", error)
                return
            self._hub.tell_users(neighbours, event)
