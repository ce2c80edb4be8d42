"""Measuring in turn: A B C, A B C, so that whatever drifts on the host drifts for all."""

import time
from collections.abc import Callable
from statistics import median

from msgspec import Struct

from bench.load import LoadFailed, Result
from bench.processes import Cpus, Failed, Server, usage
from bench.report import Figure

MEBIBYTE = 1024 * 1024

# Seconds. V8 has compiled what is hot after one, and caches and pools are full after two. While
# the others have their turns, a server cools down: without a lead Node would lose 12 %.
WARM_UP = 2.0
LEAD = 1.0


class Conditions(Struct, frozen=True):
    """How long, how often and where to measure."""

    seconds: float
    rounds: int
    cpus: Cpus | None

    @property
    def server_cpu(self) -> int | None:
        """The CPU that servers are tied to."""
        return None if self.cpus is None else self.cpus.server


def nothing() -> None:
    """Do nothing."""


class Entrant(Struct, frozen=True):
    """A server, how it is measured for some seconds, and how to wait until it rests after that."""

    server: Server
    measure: Callable[[float], Result]
    rest: Callable[[], None] = nothing


class Turn(Struct, frozen=True):
    """One measurement of one server; the shares are of one CPU, None where they are unknown."""

    result: Result
    server_cpu: float | None
    database_cpu: float | None
    rss: int | None


def in_turn(
    title: str, entrants: list[Entrant], database: int | None, conditions: Conditions
) -> list[Figure]:
    """Warm every server up, measure each in every round, and give a figure for each."""
    for entrant in entrants:
        take(entrant, database, min(WARM_UP, conditions.seconds))
        entrant.rest()
    turns: list[list[Turn]] = [[] for _ in entrants]
    for _ in range(conditions.rounds):
        for entrant, taken in zip(entrants, turns, strict=True):
            take(entrant, database, min(LEAD, conditions.seconds))
            taken.append(take(entrant, database, conditions.seconds))
            entrant.rest()
    return [
        figure(title, entrant.server.name, taken)
        for entrant, taken in zip(entrants, turns, strict=True)
    ]


def take(entrant: Entrant, database: int | None, seconds: float) -> Turn:
    """Measure one server once."""
    pids = (entrant.server.pid, database)
    began, before = time.perf_counter(), [pid and usage(pid) for pid in pids]
    try:
        result = entrant.measure(seconds)
    except (LoadFailed, OSError) as error:
        server = entrant.server
        raise Failed(f"{server.name}: {error} (its log ends: {server.last_words()})") from error
    wall, after = time.perf_counter() - began, [pid and usage(pid) for pid in pids]
    server_cpu, database_cpu = (
        (then.cpu - first.cpu) / wall if then and first else None
        for first, then in zip(before, after, strict=True)
    )
    return Turn(result, server_cpu, database_cpu, after[0].rss if after[0] else None)


def figure(title: str, name: str, turns: list[Turn]) -> Figure:
    """Put the turns of one server together: the median of each value."""
    rates = [turn.result.rate for turn in turns]
    resident = middle([turn.rss for turn in turns])
    return Figure(
        benchmark=title,
        server=name,
        rate=median(rates),
        low=min(rates),
        high=max(rates),
        p50_ms=milliseconds([turn.result.p50 for turn in turns]),
        p99_ms=milliseconds([turn.result.p99 for turn in turns]),
        server_cpu=middle([turn.server_cpu for turn in turns]),
        database_cpu=middle([turn.database_cpu for turn in turns]),
        load_cpu=median(turn.result.own_cpu for turn in turns),
        rss_mib=resident and resident / MEBIBYTE,
    )


def milliseconds(seconds: list[float | None]) -> float | None:
    """Return the median of the known times, in milliseconds."""
    time = middle(seconds)
    return None if time is None else time * 1000


def middle(values: list[float | None] | list[int | None]) -> float | None:
    """Return the median of the known values."""
    known = [value for value in values if value is not None]
    return median(known) if known else None
