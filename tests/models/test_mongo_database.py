"""The database: its version, its indexes, its address, and what can go wrong with them."""

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from pymongo import MongoClient
from pymongo.database import Database as Collections

from models.contract.messages import Wanted
from models.mongo import MongoStore, schema
from models.mongo.schema import INDEXES, MIGRATIONS
from models.records import EVERYONE, new_id
from models.store import Duplicate, NewMessage, Taken, Unavailable, Unusable
from models.words import Term
from tests.contract.samples import at_once, message, say, user
from tests.mongod import Mongod

Client = MongoClient[dict[str, Any]]

PASSWORD = "s3cr3t-word"


@pytest.fixture
def collections(mongo_uri: str, mongo_client: Client) -> Collections[dict[str, Any]]:
    """The empty database of the store, to look behind its back."""
    return mongo_client["hubbub"]


def opened(uri: str) -> MongoStore:
    """An open store."""
    store = MongoStore(uri)
    store.open()
    return store


def test_a_uri_without_a_name_means_hubbub(mongod: Mongod, mongo_client: Client) -> None:
    store = opened(f"mongodb://127.0.0.1:{mongod.port}")
    store.close()
    assert "hubbub" in mongo_client.list_database_names()


def test_a_uri_names_the_database(mongod: Mongod, mongo_client: Client) -> None:
    store = opened(mongod.uri("hubbub_named"))
    kept = store.users.add(user("ada"))
    store.close()
    assert [each["name"] for each in mongo_client["hubbub_named"].users.find()] == [kept.name]
    mongo_client.drop_database("hubbub_named")


def test_a_new_database_has_the_version_and_all_indexes(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    opened(mongo_uri).close()
    assert collections.meta.find_one({"_id": "schema"}) == {
        "_id": "schema",
        "version": len(MIGRATIONS),
    }
    for name, indexes in INDEXES.items():
        there = collections[name].index_information()
        assert {index.document["name"] for index in indexes} <= there.keys()


def test_an_index_that_was_lost_is_made_again(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    opened(mongo_uri).close()
    collections.users.drop_index("name_key_1")
    opened(mongo_uri).close()
    assert collections.users.index_information()["name_key_1"]["unique"]


def test_a_newer_database_is_refused_with_a_clear_line(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    newer = len(MIGRATIONS) + 1
    collections.meta.insert_one({"_id": "schema", "version": newer})
    store = MongoStore(mongo_uri)
    with pytest.raises(Unusable) as refusal:
        store.open()
    assert str(refusal.value) == (
        f"the database hubbub was written by a newer Hubbub (data version {newer}, "
        f"this one knows {len(MIGRATIONS)})"
    )
    with pytest.raises(Unavailable):
        store.ping()


def test_an_older_database_is_migrated_step_by_step(
    mongo_uri: str,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = opened(mongo_uri)
    kept = store.users.add(user("ada"))
    store.close()
    collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 1}})
    taken: list[object] = []

    def step(number: int) -> Callable[[Collections[dict[str, Any]]], None]:
        def migrate(database: Collections[dict[str, Any]]) -> None:
            schema = database.meta.find_one({"_id": "schema"})
            assert schema is not None
            taken.append((number, schema["version"]))
            database.users.update_many({}, {"$set": {f"step_{number}": True}})

        return migrate

    monkeypatch.setattr("models.mongo.database.MIGRATIONS", (step(1), step(2), step(3)))
    store = opened(mongo_uri)
    assert store.users.get(kept.id) == kept
    store.close()
    opened(mongo_uri).close()
    assert taken == [(2, 1), (3, 2)]
    assert collections.users.count_documents({"step_1": True}) == 0
    assert collections.users.count_documents({"step_2": True, "step_3": True}) == 1


def test_names_that_looked_alike_already_stay(
    mongo_uri: str, collections: Collections[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(mongo_uri)
    kept = [store.users.add(user(name)) for name in ("ada", "Grace", "Bob")]
    store.close()
    collections.users.update_one({"name": "Bob"}, {"$set": {"name": "Ａda", "name_key": "ａda"}})  # noqa: RUF001
    collections.users.update_many({}, {"$unset": {"look_key": 1}})
    collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 4}})
    monkeypatch.setattr("models.mongo.schema._STEP", 1)
    store = opened(mongo_uri)
    looks = {one["name"]: one["look_key"] for one in collections.users.find()}
    assert looks == {"ada": "ada", "Grace": "grace", "Ａda": None}  # noqa: RUF001
    for one in kept:
        store.users.change(one.id, display_name="new")
    with pytest.raises(Taken):
        store.users.add(user("adＡ"))  # noqa: RUF001
    store.close()


def test_a_database_without_a_version_is_migrated_from_the_beginning(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    store = opened(mongo_uri)
    store.rooms.change(EVERYONE, name="all of us")
    store.close()
    collections.meta.delete_many({})
    store = opened(mongo_uri)
    everyone = store.rooms.get(EVERYONE)
    assert everyone is not None
    assert everyone.name == "all of us"
    store.close()


def test_data_that_fits_no_index_is_unusable_with_a_clear_line(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    opened(mongo_uri).close()
    collections.users.drop_index("name_key_1")
    collections.users.insert_many([{"name_key": "ada"}, {"name_key": "ada"}])
    store = MongoStore(mongo_uri)
    with pytest.raises(Unusable, match=r"^cannot index hubbub\.users: .*name_key"):
        store.open()
    collections.users.delete_many({})
    store.open()
    store.close()


def test_an_index_of_another_kind_is_unusable(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    opened(mongo_uri).close()
    collections.users.drop_index("name_key_1")
    collections.users.create_index("name_key")
    with pytest.raises(Unusable, match=r"^cannot index hubbub\.users"):
        MongoStore(mongo_uri).open()
    collections.users.drop_index("name_key_1")
    opened(mongo_uri).close()


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://ada:{PASSWORD}@",
        f"mongodb://ada:{PASSWORD}@/hubbub",
        f"mongodb://ada:{PASSWORD}@127.0.0.1:port/hubbub",
        f"mongodb://ada:a/{PASSWORD}@127.0.0.1/hubbub",
        f"mongodb://ada:a@{PASSWORD}@127.0.0.1/hubbub",
        f"mongodb://ada:a%{PASSWORD}@127.0.0.1/hubbub",
        f"mongodb://ada:{PASSWORD}@127.0.0.1/a b.c$",
        f"mongodb://ada:{PASSWORD}@127.0.0.1/hubbub?tlsCAFile=nowhere&tls=true",
        f"mongodb://ada:{PASSWORD}@127.0.0.1/hubbub?tls=true&ssl=false",
        f"http://ada:{PASSWORD}@127.0.0.1/",
        f"ada:{PASSWORD}@127.0.0.1",
    ],
)
def test_a_malformed_uri_is_unusable_and_its_password_is_never_told(uri: str) -> None:
    with pytest.raises(Unusable) as refusal:
        MongoStore(uri, timeout=0.5).open()
    assert str(refusal.value).startswith("MONGODB_URI is malformed")
    assert PASSWORD not in told(refusal.value)


def test_a_wrong_password_is_unusable_and_never_told(mongod: Mongod) -> None:
    store = MongoStore(f"mongodb://ada:{PASSWORD}@127.0.0.1:{mongod.port}/hubbub")
    with pytest.raises(Unusable) as refusal:
        store.open()
    assert str(refusal.value) == "MongoDB does not let Hubbub in: Authentication failed."
    assert PASSWORD not in told(refusal.value)


def test_a_server_that_is_away_is_unavailable_and_the_password_is_never_told() -> None:
    store = MongoStore(f"mongodb://ada:{PASSWORD}@127.0.0.1:1/hubbub", timeout=0.2)
    with pytest.raises(Unavailable) as refusal:
        store.open()
    assert PASSWORD not in told(refusal.value)
    assert PASSWORD not in repr(store)


def test_options_of_the_uri_do_not_weaken_what_an_answer_means(mongod: Mongod) -> None:
    options = "w=1&journal=false&readConcernLevel=local&readPreference=nearest"
    store = opened(f"{mongod.uri()}?{options}")
    with store._database.use() as collections:
        assert collections.write_concern.document == {"w": "majority", "j": True}
        assert collections.read_concern.level == "majority"
        assert collections.read_preference.name == "Primary"
    store.close()


def test_opening_again_replaces_the_client(mongo_store: MongoStore) -> None:
    first = mongo_store._database._client
    mongo_store.open()
    mongo_store.ping()
    assert mongo_store._database._client is not first


def test_all_that_one_call_asks_shares_one_time_limit(mongo_uri: str) -> None:
    store = MongoStore(mongo_uri, timeout=0.5)
    store.open()

    def ask_for_ever() -> None:
        with store._database.use() as collections:
            while True:
                collections.command("ping")

    with pytest.raises(Unavailable):
        ask_for_ever()
    store.close()


def told(error: BaseException) -> str:
    """All that a log would say about an error."""
    return "".join(traceback.format_exception(error))


def test_older_messages_are_made_searchable_and_a_start_that_breaks_off_goes_on(
    mongo_uri: str, collections: Collections[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(mongo_uri)
    say(store, *(message(EVERYONE, number, text=f"hello {number}") for number in range(1, 6)))
    store.close()
    collections.messages.update_many({}, {"$unset": {"tokens": ""}})
    collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 3}})
    monkeypatch.setattr(schema, "_STEP", 2)
    assert schema._searchable(collections)  # and then the process was killed
    store = opened(mongo_uri)
    wanted = Wanted(rooms=(EVERYONE,), terms=(Term(("hello",)),))
    assert [one.seq for one in store.messages.search(wanted).messages] == [5, 4, 3, 2, 1]
    store.close()
    assert not schema._searchable(collections)


def test_older_messages_are_known_when_they_are_sent_again_and_a_start_that_breaks_off_goes_on(
    mongo_uri: str, collections: Collections[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(mongo_uri)
    said = [message(EVERYONE, number) for number in range(1, 6)]
    say(store, *said)
    store.close()
    collections.messages.drop_index("same_1")
    collections.messages.update_many({}, {"$unset": {"same": ""}})
    collections.messages.create_index(["sender", "client_id"], unique=True)
    collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 5}})
    monkeypatch.setattr(schema, "_STEP", 2)
    assert schema._same(collections)  # and then the process was killed
    store = opened(mongo_uri)
    again = [replace(one, id=new_id(), seq=5 + one.seq, rev=5 + one.rev) for one in said]
    assert say(store, *again) == [*map(Duplicate, said)]
    assert {"same_1"} == {"same_1", "sender_1_client_id_1"} & set(
        collections.messages.index_information()
    )
    store.close()
    assert not schema._same(collections)


def test_what_makes_older_messages_the_same_is_noted_and_a_start_that_breaks_off_goes_on(
    mongo_uri: str, collections: Collections[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(mongo_uri)
    client_ids = ("plain", "a\0b", "$sender", "", "é 👍🏽")
    said = [message(EVERYONE, number, client_id=each) for number, each in enumerate(client_ids, 1)]
    given_up = message(EVERYONE, 6)
    say(store, *said)
    store.withdraw([NewMessage(given_up)], above=6)
    store.close()
    kept = sorted(collections.messages.find(), key=repr)
    collections.messages.drop_index("same_1")
    collections.messages.update_many({}, {"$unset": {"same": ""}})
    collections.messages.create_index([("sender", 1), ("client_id", 1)], unique=True)
    collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 5}})
    monkeypatch.setattr(schema, "_STEP", 2)
    assert schema._same(collections)  # and then the process was killed
    for _ in range(2):
        store = opened(mongo_uri)
        assert sorted(collections.messages.find(), key=repr) == kept
        indexes = collections.messages.index_information()
        assert indexes["same_1"]["unique"]
        assert "sender_1_client_id_1" not in indexes
        for each in said:
            assert store.messages.by_client_id(each.sender, each.client_id) == each
        again = [replace(each, id=new_id(), seq=6, rev=6) for each in said]
        assert say(store, *again) == list(map(Duplicate, said))
        with pytest.raises(Taken):
            say(store, given_up)
        store.close()
        # As if it had been killed behind the step, before that was noted.
        collections.meta.update_one({"_id": "schema"}, {"$set": {"version": 5}})


def test_two_that_take_the_step_at_once_do_each_other_no_harm(
    mongo_uri: str, collections: Collections[dict[str, Any]]
) -> None:
    store = opened(mongo_uri)
    said = message(EVERYONE, 1)
    say(store, said)
    store.close()
    collections.messages.update_many({}, {"$unset": {"same": ""}})
    assert at_once([partial(schema._same, collections)] * 2).count(True) >= 1
    assert at_once([partial(schema._same, collections)] * 2) == [False, False]
    store = opened(mongo_uri)
    assert store.messages.by_client_id(said.sender, said.client_id) == said
    store.close()
