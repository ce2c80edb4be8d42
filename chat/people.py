"""What people are called, at hand for whoever tells of them."""

from collections import OrderedDict
from collections.abc import Iterable

from models.disk import Disk
from models.records import User, folded
from models.store import Store

# A user is some 600 bytes, so all of them are 12 MB.
MAX_KNOWN = 20_000

NOBODY = "Deleted user"


class People:
    """A short memory of users, for their names."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._known: OrderedDict[str, User] = OrderedDict()
        self._stale: set[str] = set()

    def name(self, user_id: str) -> str:
        """What somebody is called, if that was loaded."""
        user = self._known.get(user_id)
        return NOBODY if user is None or user.deleted is not None else user.name

    def tells_reading(self, user_id: str) -> bool:
        """Whether somebody lets others know how far they have read."""
        user = self._known.get(user_id)
        return user is None or user.receipts

    def is_invisible(self, user_id: str) -> bool:
        """Whether somebody does not want to be seen online."""
        user = self._known.get(user_id)
        return user is not None and user.invisible

    def note(self, user: User) -> None:
        """Know somebody from now on."""
        self._known[user.id] = user
        self._known.move_to_end(user.id)
        self._stale.discard(user.id)
        if len(self._known) > MAX_KNOWN:
            oldest, _ = self._known.popitem(last=False)
            self._stale.discard(oldest)

    def knows(self, user_id: str) -> bool:
        """Tell whether somebody is at hand, and keep them so."""
        if user_id not in self._known:
            return False
        self._known.move_to_end(user_id)
        return True

    def forget(self, user_id: str) -> None:
        """Ask the store again for somebody who has changed; until then they are who they were."""
        if user_id in self._known:
            self._stale.add(user_id)

    async def load(self, user_ids: Iterable[str]) -> None:
        """See to it that the names of some users are at hand."""
        wanted = set(user_ids)
        unknown = [one for one in wanted if one not in self._known or one in self._stale]
        if unknown:
            users = await self._disk.run(self._store.users.many, unknown)
            for user in users.values():
                self.note(user)

    async def users(self, user_ids: Iterable[str]) -> list[User]:
        """Some users, in the order of their ids; those that do not exist are left out."""
        wanted = sorted(set(user_ids))
        await self.load(wanted)
        return [self._known[user_id] for user_id in wanted if user_id in self._known]

    async def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names; those that are nobody's are left out."""
        found = []
        for name in sorted({folded(name) for name in names}):
            user = await self._disk.run(self._store.users.by_name, name)
            if user is not None:
                self.note(user)
                found.append(user)
        return found
