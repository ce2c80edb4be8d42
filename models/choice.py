"""Which store a server keeps everything in."""

from pathlib import Path

from models.logged import LoggedStore
from models.store import Store


def choose_store(
    mongodb_uri: str | None, data_dir: Path, *, guest: bool = False, timeout: float = 4.0
) -> Store:
    """MongoDB where a URI names one, and else a file in the data folder; not open yet.

    A guest is for a moment there, perhaps beside a server.
    Each is imported only when it is chosen, so that an embedded store does without a driver.
    """
    if mongodb_uri:
        from models.mongo import MongoStore

        return LoggedStore(MongoStore(mongodb_uri, timeout=timeout), guest=guest)
    from models.sqlite import SQLiteStore

    return LoggedStore(SQLiteStore(data_dir / "hubbub.db", guest=guest), guest=guest)
