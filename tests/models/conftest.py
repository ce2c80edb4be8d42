"""What the tests of MongoDB's store share."""

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database as Collections

from models.mongo import MongoStore


@pytest.fixture
def collections(
    mongo_store: MongoStore, mongo_client: MongoClient[dict[str, Any]]
) -> Collections[dict[str, Any]]:
    """The database of the open store, to act behind its back."""
    return mongo_client["hubbub"]
