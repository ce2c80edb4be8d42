"""Records to documents and back."""

import bson
import pytest
from bson import ObjectId
from bson.codec_options import CodecOptions

from models.mongo import documents
from models.records import Hint, new_id
from tests.contract.samples import (
    NOT_IDS,
    at,
    full_message,
    member,
    message,
    room,
    session,
    upload,
    user,
)

AWARE: CodecOptions[documents.Document] = CodecOptions(tz_aware=True)


def through_bson(document: documents.Document) -> documents.Document:
    """A document as MongoDB gives it back."""
    return bson.decode(bson.encode(document), AWARE)


def test_users() -> None:
    full = user("Ada", email="A@b.c", avatar="x", last_seen=at(1), deleted=at(2), disabled=True)
    for record in (user(), full):
        assert documents.user_of(through_bson(documents.user_document(record))) == record
    assert documents.user_document(full)["email_key"] == "a@b.c"


def test_sessions() -> None:
    record = session(new_id())
    assert documents.session_of(through_bson(documents.session_document(record))) == record


def test_rooms() -> None:
    hint = Hint(seq=1, rev=2, sender=new_id(), text="\0é", at=at(0.001))
    for record in (room(), room("direct", name=None, pair="a:b", creator=new_id(), hint=hint)):
        assert documents.room_of(through_bson(documents.room_document(record))) == record


def test_memberships() -> None:
    record = member(new_id(), new_id(), role="owner", delivered=3, read=2, muted=True, hidden=True)
    assert documents.membership_of(through_bson(documents.membership_document(record))) == record


def test_messages() -> None:
    for record in (message(new_id(), 1), full_message(new_id(), 2)):
        assert documents.message_of(through_bson(documents.message_document(record))) == record


def test_uploads() -> None:
    record = upload(new_id(), width=1, height=2, placeholder="data:x")
    assert documents.upload_of(through_bson(documents.upload_document(record))) == record


def test_ids_are_kept_as_object_ids() -> None:
    kept = documents.message_document(full_message(new_id(), 1))
    assert {type(kept[field]) for field in ("_id", "room", "sender", "reply_to")} == {ObjectId}
    texts = [*kept["attachments"], *kept["mentions"], *kept["reactions"][0]["users"]]
    assert {type(key) for key in texts} == {ObjectId}


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_stays_text(text: str) -> None:
    assert documents.key_of(text) == text
