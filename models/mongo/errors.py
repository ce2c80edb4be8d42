"""PyMongo's errors, turned into the store's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson.errors import InvalidDocument
from pymongo.errors import (
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from models.store import Refused, StoreError, Taken, Unavailable, Unusable

_DUPLICATE = 11000

# The codes with which MongoDB says that it has certainly not written: DocumentValidationFailure,
# BSONObjectTooLarge, OutOfDiskSpace. Any other leaves the outcome open.
_REFUSALS = frozenset({121, 10334, 14031})

# Unauthorized, AuthenticationFailed, AtlasError (which is how Atlas says the same).
_DENIALS = frozenset({13, 18, 8000})

# What is in use already, by the fields of the unique index that says so.
_UNIQUE = {
    ("_id",): "id",
    ("name_key",): "name",
    ("look_key",): "name",
    ("email_key",): "email",
    ("pair",): "pair",
    ("room", "seq"): "number",
    ("room", "rev"): "number",
    ("same",): "client_id",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn PyMongo's errors into the store's; what it does not know leaves the outcome open."""
    try:
        yield
    except BulkWriteError as error:
        raise _bulk_error(error) from error
    except WriteConcernError as error:  # it is written, and perhaps not for good
        raise Unavailable("a write was not confirmed") from error
    except OperationFailure as error:
        raise _operation_error(error.code, error.details or {}) from error
    except InvalidDocument as error:  # it was too large, and so was never sent
        raise Refused(str(error)) from error
    except PyMongoError as error:
        raise Unavailable(_first_words(error)) from error


def _first_words(error: PyMongoError) -> str:
    """What happened, without the state of every server and timeout that PyMongo adds to it."""
    return str(error).partition(", Timeout:")[0].partition(" (configured timeouts:")[0]


def is_duplicate(error: BulkWriteError | DuplicateKeyError) -> bool:
    """Tell whether a batch broke off because something was in use already."""
    if isinstance(error, DuplicateKeyError):
        return True
    return any(refused["code"] == _DUPLICATE for refused in error.details["writeErrors"])


def _bulk_error(error: BulkWriteError) -> StoreError:
    details = error.details
    # A batch stops at the first write that is refused, so there is one at most.
    for refused in details["writeErrors"]:
        translation = _operation_error(refused["code"], refused)
        written = details["nInserted"] + details["nMatched"] + details["nUpserted"]
        if isinstance(translation, Refused) and written:
            return Unavailable(f"a part of the batch was refused: {translation}")
        return translation
    return Unavailable("the batch was not confirmed")


def _operation_error(code: int | None, details: Mapping[str, Any]) -> StoreError:
    text = str(details.get("errmsg", f"MongoDB answered with the error {code}"))
    if code == _DUPLICATE:
        return Taken(_UNIQUE.get(tuple(details.get("keyPattern", ())), "id"))
    if code in _REFUSALS:
        return Refused(text)
    if code in _DENIALS:
        return Unusable(f"MongoDB does not let Hubbub in: {text}")
    return Unavailable(text)
