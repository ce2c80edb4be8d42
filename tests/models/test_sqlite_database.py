"""The file: its migrations, its owner, its permissions, and what can go wrong with it."""

import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from models.contract.messages import Wanted
from models.records import EVERYONE, look_of, new_id
from models.sqlite import SQLiteStore, database, index
from models.sqlite.rows import insertion, message_row
from models.sqlite.schema import MIGRATIONS
from models.store import Duplicate, Refused, Taken, Unavailable, Unusable
from models.words import Term
from tests.contract.samples import add_messages, add_room, message, say, user

WRITER = """if True:
    import sys
    from pathlib import Path
    from models.records import EVERYONE, look_of, new_id
    from models.sqlite import SQLiteStore
    from tests.contract.samples import message, say
    store = SQLiteStore(Path(sys.argv[1]))
    store.open()
    number = 0
    while True:
        number += 1
        said = message(EVERYONE, number)
        say(store, said)
        print(said.id, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file may be made."""
    return tmp_path / "hubbub.db"


@pytest.fixture
def guest(path: Path) -> Iterator[SQLiteStore]:
    """A store beside the owner's; not open."""
    store = SQLiteStore(path, guest=True)
    yield store
    store.close()


def make_older(path: Path, version: int) -> None:
    """A file as the Hubbub of an older version left it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("look_of", 1, look_of, deterministic=True)
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        if version:
            for number, name in ((2, "grace"), (1, "ada")):
                connection.execute(
                    """INSERT INTO users (id, name, name_key, display_name, display_key,
                        password_hash, role, created, disabled)
                    VALUES (?, ?, ?, ?, ?, 'x', 'user', 0, 0)""",
                    (f"{number:024x}", name, name, name, name),
                )
        connection.commit()


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_an_older_file_is_migrated_and_keeps_its_data(path: Path, version: int) -> None:
    make_older(path, version)
    store = SQLiteStore(path)
    store.open()
    names = [each.name for each in store.users.page(limit=5)]
    assert names == (["ada", "grace"] if version else [])
    assert store.rooms.get(EVERYONE) is not None
    assert store.users.add(user(password_hash="x")).role == ("user" if version else "admin")
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_names_that_looked_alike_already_stay(path: Path) -> None:
    make_older(path, 12)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE users SET name = 'Ａda', name_key = 'ａda' WHERE name = 'grace'")  # noqa: RUF001
        connection.commit()
    store = SQLiteStore(path)
    store.open()
    older, younger = store.users.page(limit=5)
    assert (older.name, younger.name) == ("ada", "Ａda")  # noqa: RUF001
    for one in (older, younger):
        assert store.users.change(one.id, display_name="new").display_name == "new"
        assert store.users.by_name(one.name) == store.users.get(one.id)
    with pytest.raises(Taken):
        store.users.add(user("adＡ"))  # noqa: RUF001
    store.close()


def test_a_file_from_before_the_log_gets_one_and_keeps_its_messages(path: Path) -> None:
    make_older(path, 13)
    older = message(EVERYONE, 1, text="before the log")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(*insertion("messages", message_row(older)))
        connection.commit()
    store = SQLiteStore(path)
    store.open()
    assert list(store.log.entries()) == []
    store.log.append("0" * 23 + "1", b"an entry")
    again = replace(older, id=new_id(), seq=2, rev=2)
    assert not store.log.is_news([again])
    assert say(store, again) == [Duplicate(older)]
    store.close()
    store.open()
    assert list(store.log.entries()) == [("0" * 23 + "1", b"an entry")]
    assert store.messages.history(EVERYONE, limit=5) == [older]
    store.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_older(path, 1)
    broken = (MIGRATIONS[0], ("CREATE TABLE half (x)", "CREATE TABLE users (x)"))
    monkeypatch.setattr("models.sqlite.database.MIGRATIONS", broken)
    store = SQLiteStore(path)
    with pytest.raises(Unavailable, match="users"):
        store.open()
    monkeypatch.undo()
    store.open()
    assert len(store.users.page(limit=5)) == 2
    store.close()


def test_a_newer_file_is_refused_with_a_clear_line(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    store = SQLiteStore(path)
    with pytest.raises(Unusable) as refusal:
        store.open()
    assert str(refusal.value) == (
        f"{path} was written by a newer Hubbub (data version {len(MIGRATIONS) + 1}, "
        f"this one knows {len(MIGRATIONS)})"
    )


def test_a_file_has_one_owner(path: Path, sqlite_store: SQLiteStore) -> None:
    second = SQLiteStore(path)
    with pytest.raises(Unusable) as refusal:
        second.open()
    assert str(refusal.value) == f"{path} is in use by another Hubbub process"
    sqlite_store.ping()
    sqlite_store.close()
    second.open()
    second.ping()
    second.close()


def test_what_a_guest_writes_is_seen_by_the_owner(
    sqlite_store: SQLiteStore, guest: SQLiteStore
) -> None:
    guest.open()
    kept = guest.users.add(user("ada"))
    assert sqlite_store.users.by_name("ada") == kept
    with pytest.raises(Taken):
        sqlite_store.users.add(user("ADA"))
    room = add_room(sqlite_store)
    said = add_messages(sqlite_store, room.id, 3)
    assert guest.messages.history(room.id, limit=5) == said
    guest.close()
    sqlite_store.ping()


def test_a_guest_becomes_the_owner_where_there_is_none(path: Path, guest: SQLiteStore) -> None:
    guest.open()
    with pytest.raises(Unusable):
        SQLiteStore(path).open()


def test_nobody_else_may_read_the_file(path: Path, sqlite_store: SQLiteStore) -> None:
    sqlite_store.users.add(user())
    for file in (path, path.with_name("hubbub.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("start", [0, 4096])
def test_a_damaged_file_is_unusable(path: Path, start: int) -> None:
    store = SQLiteStore(path)
    store.open()
    add_messages(store, EVERYONE, 200)
    store.close()
    data = bytearray(path.read_bytes())
    data[start : start + 20_000] = b"\xa5" * 20_000
    path.write_bytes(data)

    def open_and_read() -> None:
        store.open()
        store.users.page(limit=5)
        store.messages.history(EVERYONE, limit=500)

    with pytest.raises(Unusable, match="damaged"):
        open_and_read()
    store.close()


def test_a_folder_in_place_of_the_file_is_unusable(path: Path) -> None:
    path.mkdir()
    with pytest.raises(Unusable, match=r"cannot use .*hubbub\.db"):
        SQLiteStore(path).open()


def test_a_file_in_place_of_the_folder_is_unusable(path: Path) -> None:
    path.write_text("")
    with pytest.raises(Unusable, match="cannot use"):
        SQLiteStore(path / "hubbub.db").open()


def test_a_full_disk_refuses_and_stores_nothing(sqlite_store: SQLiteStore) -> None:
    room = add_room(sqlite_store)
    said = add_messages(sqlite_store, room.id, 2)
    with sqlite_store._database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    sqlite_store._database._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = [message(room.id, number, text="x" * 100_000) for number in (3, 4)]
    with pytest.raises(Refused):
        say(sqlite_store, *large)
    assert sqlite_store.messages.history(room.id, limit=5) == said
    sqlite_store._database._writer.execute("PRAGMA max_page_count = 1000000")
    say(sqlite_store, *large)
    assert sqlite_store.messages.history(room.id, limit=5) == [*said, *large]


def test_a_write_to_a_file_that_may_only_be_read_is_refused(sqlite_store: SQLiteStore) -> None:
    refused = user("ada")
    sqlite_store._database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(Refused):
        sqlite_store.users.add(refused)
    assert sqlite_store.users.get(refused.id) is None


def test_what_holds_the_file_too_long_is_a_refusal(path: Path, sqlite_store: SQLiteStore) -> None:
    sqlite_store._database._writer.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused):
            sqlite_store.users.add(user())
    sqlite_store.users.add(user())


def test_a_batch_is_all_or_nothing(sqlite_store: SQLiteStore) -> None:
    room = add_room(sqlite_store)
    say(sqlite_store, message(room.id, 3))
    said = [message(room.id, number) for number in (1, 2, 3)]
    with pytest.raises(Taken):
        say(sqlite_store, *said)
    assert sqlite_store.messages.many(each.id for each in said) == {}


def test_readers_see_what_was_committed_only(sqlite_store: SQLiteStore) -> None:
    with sqlite_store._database.write() as connection:
        connection.execute("UPDATE rooms SET name = 'half'")
        everyone = sqlite_store.rooms.get(EVERYONE)
        assert everyone is not None
        assert everyone.name == "everyone"


def test_everything_acknowledged_outlives_a_killed_process(path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(200)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    store = SQLiteStore(path)
    store.open()
    history = store.messages.history(EVERYONE, limit=100_000)
    wanted = Wanted(rooms=(EVERYONE,), terms=(Term(("message",)),), limit=100_000)
    found = store.messages.search(wanted).messages
    store.close()
    assert found[::-1] == history
    assert [each.id for each in history][: len(acknowledged)] == acknowledged
    assert len(history) - len(acknowledged) in (0, 1)
    assert [each.seq for each in history] == list(range(1, len(history) + 1))


def test_older_messages_are_made_searchable_and_a_start_that_breaks_off_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_older(path, 6)
    with closing(sqlite3.connect(path)) as connection:
        for number in range(1, 6):
            row = message_row(message(EVERYONE, number, text=f"hello {number}"))
            connection.execute(*insertion("messages", row))
        connection.commit()
    monkeypatch.setattr(index, "_STEP", 2)
    steps = index._fill_step
    calls = iter([steps, steps])

    def broken_off(*arguments: Any) -> None:
        next(calls)(*arguments)

    store = SQLiteStore(path)
    with monkeypatch.context() as patch:
        patch.setattr(index, "_fill_step", broken_off)
        with pytest.raises(StopIteration):
            store.open()
    store.open()
    wanted = Wanted(rooms=(EVERYONE,), terms=(Term(("hello",)),))
    assert [one.seq for one in store.messages.search(wanted).messages] == [5, 4, 3, 2, 1]
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM search_backlog").fetchone() == (0,)
        connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 0)")


def test_a_python_that_cannot_search_is_told_so() -> None:
    error = sqlite3.OperationalError("no such module: fts5")
    assert isinstance(database._translation(error), Unusable)
