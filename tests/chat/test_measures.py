"""What the core counts while it works."""

from chat.measures import Distribution, Measures


def test_values_are_counted_by_the_least_bound_that_holds_them() -> None:
    distribution = Distribution((1, 10))
    for value in (0, 1, 1.5, 10, 11, 1000):
        distribution.note(value)
    assert (distribution.counts, distribution.total) == ([2, 2, 2], 1023.5)


def test_measures_begin_at_nothing() -> None:
    measures = Measures()
    assert (measures.messages, sum(measures.commit_seconds.counts)) == (0, 0)
