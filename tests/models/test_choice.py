"""Which store is taken, and what that imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.choice import choose_store
from models.logged import LoggedStore
from models.mongo import MongoStore
from models.sqlite import SQLiteStore
from models.store import Unusable


@pytest.mark.parametrize("uri", [None, ""])
def test_without_a_uri_it_is_a_file_of_the_data_folder(tmp_path: Path, uri: str | None) -> None:
    store = choose_store(uri, tmp_path / "data")
    assert isinstance(store, LoggedStore)
    assert isinstance(store.underlying, SQLiteStore)
    assert list(tmp_path.iterdir()) == []
    store.open()
    store.close()
    assert (tmp_path / "data" / "hubbub.db").is_file()


def test_with_a_uri_it_is_mongodb(mongo_uri: str, tmp_path: Path) -> None:
    store = choose_store(mongo_uri, tmp_path, timeout=9.0)
    assert isinstance(store, LoggedStore)
    assert isinstance(store.underlying, MongoStore)
    store.open()
    store.ping()
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_guest_may_open_what_is_in_use(tmp_path: Path) -> None:
    owner, guest = choose_store(None, tmp_path), choose_store(None, tmp_path, guest=True)
    owner.open()
    guest.open()
    with pytest.raises(Unusable):
        choose_store(None, tmp_path).open()
    guest.close()
    owner.close()


def test_an_embedded_store_does_without_the_driver(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        from models.choice import choose_store
        store = choose_store(None, Path(sys.argv[1]))
        store.open()
        store.close()
        sys.exit("pymongo" in sys.modules)
    """
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
