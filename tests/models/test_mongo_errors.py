"""What PyMongo's errors come to."""

from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo import errors

from models.mongo.errors import translated
from models.store import Refused, StoreError, Taken, Unavailable, Unusable


def refused(code: int, **written: int) -> errors.BulkWriteError:
    """A batch of which one write was refused."""
    return errors.BulkWriteError({
        "writeErrors": [{"index": 0, "code": code, "errmsg": "no", "keyPattern": {"pair": 1}}],
        "writeConcernErrors": [],
        "nInserted": 0,
        "nMatched": 0,
        "nUpserted": 0,
        **written,
    })  # fmt: skip


def duplicate(*fields: str) -> errors.DuplicateKeyError:
    """A document that a unique index refused."""
    return errors.DuplicateKeyError("no", 11000, {"keyPattern": dict.fromkeys(fields, 1)})


CASES: list[tuple[Exception, type[StoreError]]] = [
    (errors.AutoReconnect("gone"), Unavailable),
    (errors.NotPrimaryError("stepped down"), Unavailable),
    (errors.NetworkTimeout("late"), Unavailable),
    (errors.ServerSelectionTimeoutError("nobody"), Unavailable),
    (errors.ExecutionTimeout("late", 50), Unavailable),
    (errors.WTimeoutError("late", 64), Unavailable),
    (errors.InvalidOperation("closed"), Unavailable),
    (errors.ConfigurationError("no DNS"), Unavailable),
    (errors.OperationFailure("what?", 1), Unavailable),
    (errors.OperationFailure("what?"), Unavailable),
    (errors.OperationFailure("full", 14031), Refused),
    (errors.WriteConcernError("written, and full now", 14031), Unavailable),
    (errors.WriteError("invalid", 121), Refused),
    (errors.WriteError("too large", 10334), Refused),
    (errors.DocumentTooLarge("too large"), Refused),
    (InvalidDocument("too large"), Refused),
    (errors.OperationFailure("who?", 18), Unusable),
    (errors.OperationFailure("may not", 13), Unusable),
    (refused(14031), Refused),
    (refused(14031, nInserted=1), Unavailable),
    (refused(14031, nMatched=1), Unavailable),
    (refused(50), Unavailable),
    (refused(11000, nInserted=1), Taken),
]


@pytest.mark.parametrize(("error", "kind"), CASES, ids=lambda case: getattr(case, "__name__", None))
def test_an_error_becomes_one_of_the_store(error: Exception, kind: type[StoreError]) -> None:
    with pytest.raises(kind), translated():
        raise error


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (duplicate("_id"), "id"),
        (duplicate("name_key"), "name"),
        (duplicate("email_key"), "email"),
        (duplicate("pair"), "pair"),
        (duplicate("room", "seq"), "number"),
        (duplicate("room", "rev"), "number"),
        (
            duplicate(
                "same",
            ),
            "client_id",
        ),
        (refused(11000), "pair"),
    ],
)
def test_what_is_taken_is_told_by_the_index(error: Exception, field: str) -> None:
    with pytest.raises(Taken) as refusal, translated():
        raise error
    assert refusal.value.field == field


def test_a_batch_without_a_confirmation_is_unavailable() -> None:
    details: dict[str, Any] = {"writeErrors": [], "writeConcernErrors": [{"code": 64}]}
    with pytest.raises(Unavailable), translated():
        raise errors.BulkWriteError(details)


def test_other_errors_pass() -> None:
    with pytest.raises(LookupError), translated():
        raise LookupError
