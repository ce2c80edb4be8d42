"""How often people are mentioned: as messages say it now, and no more than count."""

import pytest

from chat.badges import Badges


def test_a_message_counts_for_whom_it_mentions_now() -> None:
    badges = Badges()
    badges.note(1, ())
    badges.note(2, ("ann", "bob"))
    badges.note(4, ("ann",))
    badges.note(3, ("ann",))
    assert [badges.count("ann", read) for read in range(5)] == [3, 3, 2, 1, 0]
    badges.note(2, ("bob", "cleo"))
    badges.note(2, ("bob", "cleo"))
    badges.note(4, ())
    assert [badges.count(user, 0) for user in ("ann", "bob", "cleo", "dot")] == [1, 1, 1, 0]


def test_only_so_much_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.badges.MAX_NAMING", 3)
    monkeypatch.setattr("chat.badges.MAX_COUNTED", 2)
    badges = Badges()
    for seq in range(5):
        badges.note(seq, ("ann", f"user{seq}"))
    assert badges.count("ann", -1) == 2
    assert [badges.count(f"user{seq}", -1) for seq in range(5)] == [0, 0, 1, 1, 1]
    assert (len(badges._naming), len(badges._places)) == (3, 4)
