"""The command line: `python -m bench [name ...] [--seconds N] [--rounds N] [--json FILE]`."""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

from bench import (
    accounts,
    connections,
    echo,
    fanout,
    latency,
    memory,
    messages,
    reading,
    search,
    socketio_fanout,
    socketio_memory,
    socketio_messages,
    socketio_polling,
    uploads,
)
from bench.processes import Cpus, Failed, choose_cpus, node
from bench.report import Figure, Report, save, table
from bench.turns import Conditions

BENCHMARKS = {
    "registrations": accounts.registrations,
    "logins": accounts.logins,
    "profile": accounts.profile,
    "history": reading.history,
    "rooms": reading.rooms,
    "search": search.search,
    "messages": messages.messages,
    "latency": latency.latency,
    "connections": connections.connections,
    "fanout": fanout.fanout,
    "echo": echo.echo,
    "memory": memory.memory,
    "socketio-messages": socketio_messages.socketio_messages,
    "socketio-fanout": socketio_fanout.socketio_fanout,
    "socketio-memory": socketio_memory.socketio_memory,
    "socketio-polling": socketio_polling.socketio_polling,
    "uploads": uploads.uploads,
}


def options() -> argparse.Namespace:
    """Read the command line."""
    listed = "\n".join(f"  {name:15}{run.__doc__}" for name, run in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Hubbub beside its peers, in turn, on one CPU each.",
        epilog=f"benchmarks (all, unless some are named):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", help="a benchmark")
    parser.add_argument("--seconds", type=float, default=4, help="length of a turn (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = parser.parse_args()
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name}; there are: {', '.join(BENCHMARKS)}")
    if chosen.seconds <= 0 or chosen.rounds < 1:
        parser.error("--seconds and --rounds must be greater than zero")
    return chosen


def describe(conditions: Conditions) -> dict[str, str]:
    """Say what the figures depend on."""
    version = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)
    return {
        "python": platform.python_version(),
        "node": version.stdout.strip().removeprefix("v"),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "pinning": pinning(conditions.cpus),
        "rounds": f"{conditions.rounds} of {conditions.seconds:g} s each, in turn",
    }


def pinning(cpus: Cpus | None) -> str:
    """Say where everything runs."""
    if cpus is None:
        return "NONE (fewer than two CPUs, or no affinity here): server and load disturb each other"
    return f"server on CPU {cpus.server}, load and database on CPU {cpus.load}"


def main() -> None:
    """Run the chosen benchmarks and print what they found."""
    chosen = options()
    conditions = Conditions(chosen.seconds, chosen.rounds, choose_cpus())
    if conditions.cpus is not None:
        # What this process starts from now on (the database, above all) stays on this CPU too.
        os.sched_setaffinity(0, {conditions.cpus.load})
    host = describe(conditions)
    figures: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures += BENCHMARKS[name](conditions)
    print("\n".join(f"{name}: {value}" for name, value in host.items()), end="\n\n")
    print(table(figures))
    if chosen.json is not None:
        save(Report(host, figures), chosen.json)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: stopped")
