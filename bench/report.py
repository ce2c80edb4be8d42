"""The report: one aligned table for people, the same figures as JSON for programs."""

from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path

import msgspec
from msgspec import Struct

Row = tuple[str, ...]

UNKNOWN = "-"


class Figure(Struct, frozen=True, kw_only=True):
    """What one server did in one benchmark: medians over the rounds, and the extremes."""

    benchmark: str
    server: str
    rate: float | None
    low: float | None
    high: float | None
    ratio: float | None = None  # of the rate to that of the peer
    p50_ms: float | None
    p99_ms: float | None
    server_cpu: float | None
    database_cpu: float | None
    load_cpu: float | None
    rss_mib: float | None
    hash_ms: float | None = None  # one bare hash, in the library that this server uses
    hash_share: float | None = None  # of one CPU
    socket_kib: float | None = None  # resident memory of one idle socket


class Report(Struct, frozen=True):
    """All figures of a run, and where and how they were taken."""

    host: dict[str, str]
    figures: list[Figure]


def beside(reference: str, figures: Sequence[Figure]) -> list[Figure]:
    """Add to figures of one benchmark their ratio to one of the servers."""
    base = next(figure.rate for figure in figures if figure.server == reference)
    return [
        msgspec.structs.replace(figure, ratio=figure.rate and base and figure.rate / base)
        for figure in figures
    ]


def number(value: float | None) -> str:
    """Write a number in about three digits."""
    if value is None:
        return UNKNOWN
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    """Write a share of one CPU."""
    return UNKNOWN if value is None else f"{value:.0%}"


COLUMNS: dict[str, Callable[[Figure], str]] = {
    "benchmark": lambda figure: figure.benchmark,
    "server": lambda figure: figure.server,
    "per s": lambda figure: number(figure.rate),
    "lowest": lambda figure: number(figure.low),
    "highest": lambda figure: number(figure.high),
    "ratio": lambda figure: number(figure.ratio),
    "p50 ms": lambda figure: number(figure.p50_ms),
    "p99 ms": lambda figure: number(figure.p99_ms),
    "server CPU": lambda figure: share(figure.server_cpu),
    "database CPU": lambda figure: share(figure.database_cpu),
    "load CPU": lambda figure: share(figure.load_cpu),
    "RSS MiB": lambda figure: number(figure.rss_mib),
    "hash ms": lambda figure: number(figure.hash_ms),
    "hash share": lambda figure: share(figure.hash_share),
    "KiB a socket": lambda figure: number(figure.socket_kib),
}
WORDS = 2  # the first columns hold words, and are aligned to the left


def table(figures: Sequence[Figure]) -> str:
    """Lay figures out in aligned columns, without those in which nothing is known.

    A benchmark's name stands on its first line alone.
    """
    rows: list[Row] = [tuple(COLUMNS)]
    said = None
    for figure in figures:
        cells = [write(figure) for write in COLUMNS.values()]
        rows.append(tuple(["", *cells[1:]] if figure.benchmark == said else cells))
        said = figure.benchmark
    said_anything = [
        any(cell != UNKNOWN for cell in column[1:]) for column in zip(*rows, strict=True)
    ]
    rows = [tuple(compress(row, said_anything)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(line(row, widths) for row in rows)


def line(row: Row, widths: Sequence[int]) -> str:
    """Pad the cells of one row."""
    cells = [
        cell.ljust(width) if index < WORDS else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def save(report: Report, file: Path) -> None:
    """Write a report as JSON."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
