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

    def name(self, user_id: str) -> str:
        """What somebody is called, if that was loaded."""
        user = self._known.get(user_id)
        return NOBODY if user is None or user.deleted is not None else user.name

    def note(self, user: User) -> None:
        """Know somebody from now on."""
        self._known[user.id] = user
        self._known.move_to_end(user.id)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def forget(self, user_id: str) -> None:
        """Ask the store again for somebody who has changed."""
        self._known.pop(user_id, None)

    async def load(self, user_ids: Iterable[str]) -> None:
        """See to it that the names of some users are at hand."""
        unknown = [user_id for user_id in set(user_ids) if user_id not in self._known]
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
