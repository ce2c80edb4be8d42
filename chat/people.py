"""What people are called, at hand for whoever tells of them."""

from collections import OrderedDict
from collections.abc import Iterable, Set

from chat.errors import NotFound
from chat.events import Pair, Person
from chat.live_room import LiveRoom
from models.disk import Disk
from models.records import User, folded
from models.store import Store

# A user is some 600 bytes, so all of them are 12 MB.
MAX_KNOWN = 20_000

# Known as such for longer, because they may be online: an id is 100 bytes, so all are 10 MB.
MAX_INVISIBLE = 100_000

NOBODY = "Deleted user"


class People:
    """A short memory of users, for their names."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._disk = disk
        self._known: OrderedDict[str, User] = OrderedDict()
        self._names: dict[str, str] = {}
        self._stale: set[str] = set()
        # Hardly anybody; to look at a thousand users instead took 0.3 ms for each who came.
        self._invisible: set[str] = set()
        # How often somebody was forgotten: what was being read at that moment may be out of date.
        self._forgotten = 0

    def name(self, user_id: str) -> str:
        """What somebody is called, if that was loaded."""
        user = self._known.get(user_id)
        return NOBODY if user is None or user.deleted is not None else user.name

    def known_by_name(self, name: str) -> User | None:
        """The user of a name, if they are at hand as they are now."""
        user_id = self._names.get(folded(name))
        if user_id is None or not self._is_fresh(user_id):
            return None
        user = self._known[user_id]
        return user if folded(user.name) == folded(name) else None

    def pair(self, room: LiveRoom, user_id: str) -> Pair | None:
        """Somebody in a direct room and the other one, as they are called; else nobody."""
        other = room.other(user_id)
        if other is None:
            return None
        return Pair(Person(user_id, self.name(user_id)), Person(other, self.name(other)))

    def tells_reading(self, user_id: str) -> bool:
        """Whether somebody lets others know how far they have read."""
        user = self._known.get(user_id)
        return user is not None and user.receipts

    def is_invisible(self, user_id: str) -> bool:
        """Whether somebody does not want to be seen online."""
        return user_id in self._invisible

    @property
    def invisible(self) -> Set[str]:
        """Those at hand who do not want to be seen online."""
        return self._invisible

    def note(self, user: User) -> None:
        """Know somebody from now on."""
        before = self._known.get(user.id)
        if before is not None and before.name != user.name:
            self._names.pop(folded(before.name), None)
        self._known[user.id] = user
        self._known.move_to_end(user.id)
        self._names[folded(user.name)] = user.id
        self._stale.discard(user.id)
        (self._invisible.add if user.invisible else self._invisible.discard)(user.id)
        if len(self._known) > MAX_KNOWN:
            oldest, gone = self._known.popitem(last=False)
            self._names.pop(folded(gone.name), None)
            self._stale.discard(oldest)
        if len(self._invisible) > MAX_INVISIBLE:
            self._invisible.pop()

    def knows(self, user_id: str) -> bool:
        """Tell whether somebody is at hand, and keep them so."""
        if user_id not in self._known:
            return False
        self._known.move_to_end(user_id)
        return True

    def has_account(self, user_id: str) -> bool:
        """Tell whether somebody is at hand as they are now, and has not gone."""
        user = self._known.get(user_id)
        return user is not None and user.deleted is None and user_id not in self._stale

    def forget(self, user_id: str) -> None:
        """Ask the store again for somebody who has changed; until then they are who they were."""
        self._forgotten += 1
        if user_id in self._known:
            self._stale.add(user_id)

    async def load(self, user_ids: Iterable[str]) -> dict[str, User]:
        """See to it that the names of some users are at hand; and return those that exist."""
        wanted = set(user_ids)
        users = {one: self._known[one] for one in wanted if self._is_fresh(one)}
        for one in users:
            self._known.move_to_end(one)
        while unknown := wanted - users.keys():
            forgotten = self._forgotten
            read = await self._disk.run(self._store.users.many, unknown)
            if forgotten == self._forgotten:
                for user in read.values():
                    self._keep(user)
                return users | read
        return users

    async def as_stored(self, user_id: str) -> User:
        """Somebody as they are now, whoever has changed that: for what they may do by it."""
        user = await self._disk.run(self._store.users.get, user_id)
        if user is None:
            raise no_such_user()
        return user

    async def users(self, user_ids: Iterable[str]) -> list[User]:
        """Some users, in the order of their ids; those that do not exist are left out."""
        wanted = sorted(set(user_ids))
        users = await self.load(wanted)
        return [users[user_id] for user_id in wanted if user_id in users]

    async def others(self, user_id: str, user_ids: Iterable[str]) -> list[User]:
        """The other people of a list, all of whom must be there."""
        wanted = set(user_ids) - {user_id}
        people = [one for one in await self.users(wanted) if one.deleted is None]
        if len(people) < len(wanted):
            raise no_such_user()
        return people

    async def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names; those that are nobody's are left out."""
        wanted = {folded(name) for name in names}
        if not wanted:
            return []
        forgotten = self._forgotten
        found = await self._disk.run(self._store.users.named, wanted)
        if forgotten == self._forgotten:
            for user in found:
                self._keep(user)
        return sorted(found, key=lambda user: user.name)

    def _is_fresh(self, user_id: str) -> bool:
        return user_id in self._known and user_id not in self._stale

    def _keep(self, user: User) -> None:
        """Know somebody who was read, unless they were noted meanwhile, as they are by now."""
        if not self._is_fresh(user.id):
            self.note(user)


def no_such_user() -> NotFound:
    """The refusal of an id or a name that is nobody's."""
    return NotFound("user_not_found", "there is no such user")
