"""What the tests of a log in front of a store share."""

from collections.abc import Callable, Collection, Iterable, Sequence

from models.contract.log import Log
from models.logged import LoggedStore
from models.records import Message
from models.store import NewMessage, Outcome, Unavailable, Write


def nothing() -> None:
    """What happens where no test has a say."""


def away() -> None:
    """What a store does that does not answer."""
    raise Unavailable("the store is away")


class HookedLog:
    """A log in a store; a test may act just before an entry is appended, and just behind that."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.before: Callable[[], None] = nothing
        self.behind: Callable[[], None] = nothing
        self.withdraw = log.withdraw
        self.entries = log.entries
        self.is_news = log.is_news
        self.has_rooms = log.has_rooms

    def append(self, entry_id: str, body: bytes) -> None:
        """Keep an entry, between what the test does once."""
        before, self.before = self.before, nothing
        behind, self.behind = self.behind, nothing
        before()
        self._log.append(entry_id, body)
        behind()

    def remove(self, entry_ids: Collection[str]) -> None:
        """Forget entries."""
        self._log.remove(entry_ids)

    def __len__(self) -> int:
        return sum(1 for _, body in self._log.entries() if body)


class HookedCommit:
    """The `commit` of a store; a test may act just before a batch comes to its place, or behind."""

    def __init__(self, commit: Callable[..., list[Outcome]]) -> None:
        self._commit = commit
        self.before: Callable[[], None] = nothing
        self.behind: Callable[[], None] = nothing
        self.batches: list[list[Write]] = []

    def __call__(self, writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        before, self.before = self.before, nothing
        behind, self.behind = self.behind, nothing
        self.batches.append(list(writes))
        before()
        outcomes = self._commit(writes, later=later)
        behind()
        return outcomes


def say_later(store: LoggedStore, *messages: Message) -> list[Outcome]:
    """Commit new messages as a large batch, which goes into the log."""
    return store.commit(news(messages), later=True)


def news(messages: Iterable[Message]) -> list[Write]:
    """New messages as writes."""
    return [NewMessage(each) for each in messages]
