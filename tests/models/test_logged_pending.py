"""What is in the log and not in its place yet."""

from msgspec.structs import replace

from models.logged.pending import Pending
from models.records import new_id
from models.store import ChangedMessage, NewMessage
from tests.contract.samples import message

ROOM, OTHER = new_id(), new_id()


def test_all_that_is_written_of_one_message_counts() -> None:
    said = message(ROOM, 1)
    pending = Pending()
    edits = [ChangedMessage(replace(said, rev=rev)) for rev in (2, 3)]
    pending.add("entry", [NewMessage(said), *edits])
    assert len(pending) == 3
    pending.placed(pending.take(2))
    assert len(pending) == 1
    pending.forget(ROOM)
    assert len(pending) == 0
