"""Token buckets."""

import pytest

from chat import limits as module
from chat.errors import TooMany
from chat.limits import Limits, Rule
from tests.chat.conftest import Clock

RULE = Rule("knock", burst=3, per_second=1 / 8)


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock=clock)


def taken(limits: Limits, rule: Rule = RULE, key: str = "ann") -> int:
    """Take until it is refused, and count."""
    for count in range(1000):
        try:
            limits.take(rule, key)
        except TooMany:
            return count
    raise AssertionError("there is no limit")


def test_a_burst_passes_and_no_more(limits: Limits) -> None:
    assert taken(limits) == 3


def test_a_refusal_says_how_long_to_wait_and_the_wait_is_enough(
    limits: Limits, clock: Clock
) -> None:
    taken(limits)
    clock.seconds += 2.5
    with pytest.raises(TooMany) as refused:
        limits.take(RULE, "ann")
    assert (refused.value.code, refused.value.retry_after) == ("rate_limited", 6)
    clock.seconds += 6
    limits.take(RULE, "ann")


@pytest.mark.parametrize(("seconds", "count"), [(7, 0), (8, 1), (20, 2), (24, 3), (10_000, 3)])
def test_a_bucket_fills_with_time_up_to_its_burst(
    limits: Limits, clock: Clock, seconds: float, count: int
) -> None:
    taken(limits)
    clock.seconds += seconds
    assert taken(limits) == count


def test_trying_while_refused_costs_nothing(limits: Limits, clock: Clock) -> None:
    taken(limits)
    for _ in range(8):
        clock.seconds += 1
        refused = taken(limits)
    assert refused == 1


def test_buckets_are_apart_by_key_and_by_rule(limits: Limits) -> None:
    taken(limits)
    assert taken(limits, key="bob") == 3
    assert taken(limits, Rule("ring", burst=2, per_second=1)) == 2


def test_what_is_given_back_can_be_taken_again(limits: Limits) -> None:
    taken(limits)
    limits.give_back(RULE, "ann")
    assert taken(limits) == 1


def test_nobody_can_be_given_more_than_the_burst(limits: Limits) -> None:
    for _ in range(5):
        limits.give_back(RULE, "ann")
    assert taken(limits) == 3


def test_switched_off_everything_passes(clock: Clock) -> None:
    limits = Limits(enabled=False, clock=clock)
    for _ in range(100):
        limits.take(RULE, "ann")
    limits.give_back(RULE, "ann")


def test_of_too_many_buckets_the_one_used_longest_ago_is_forgotten(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BUCKETS", 2)
    taken(limits, key="ann")
    taken(limits, key="bob")
    assert taken(limits, key="ann") == 0
    taken(limits, key="eve")
    assert len(limits._buckets) == 2
    assert taken(limits, key="ann") == 0
    assert taken(limits, key="bob") == 3
