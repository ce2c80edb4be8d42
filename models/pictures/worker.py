"""The worker process: reads jobs from its standard input, one at a time, until that ends.

It starts with nothing of the server's (no secret, no socket, no store), and takes limits upon
itself before it looks at the first byte.
"""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from models.pictures.cleaning import clean, portray
from models.pictures.jobs import Answer, Clean, Failed, Job, Portray, TooCostly

# Python with Pillow takes some 150 MB of addresses. A pixel takes 4 bytes, and writing a picture
# needs it up to four times over: as it was, turned, in plain colours, and in the encoder.
BASE_BYTES = 384 * 1024 * 1024
BYTES_PER_PIXEL = 16

MAX_RESULT_BYTES = 256 * 1024 * 1024
CPU_SECONDS = 20

# Chat comes first where CPUs are few. A worker that is only nice keeps its CPU for up to 5 ms from
# a thread that has a message to write.
NICENESS = 19

_jobs: msgspec.json.Decoder[Job] = msgspec.json.Decoder(Job)


def main(pixels: int) -> None:
    """Work until there is no more to do, or until a job has shown that memory is scarce."""
    _step_back()
    _limit(resource.RLIMIT_AS, BASE_BYTES + pixels * BYTES_PER_PIXEL)
    _limit(resource.RLIMIT_FSIZE, MAX_RESULT_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    for line in sys.stdin.buffer:
        _limit_cpu()
        try:
            answer = carry_out(_jobs.decode(line))
        except MemoryError:
            _say(Failed("costly"))
            return
        _say(answer)


def carry_out(job: Job) -> Answer:
    """Do a job; whatever a picture makes Pillow raise means that it cannot be read."""
    source, target = Path(job.source), Path(job.target)
    try:
        match job:
            case Clean():
                return clean(source, target, pixels=job.pixels, frames=job.frames)
            case Portray():
                return portray(source, target, pixels=job.pixels)
    except TooCostly:
        return Failed("costly")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoders raise all there is
        return Failed("unreadable")


def _say(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _step_back() -> None:
    os.nice(NICENESS)
    if sys.platform == "linux":
        with suppress(OSError):  # where that is forbidden, it stays nice
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(what, (value, hard))
    except (ValueError, OSError):
        # macOS knows no limit of addresses; the time that a job may take bounds it there.
        if sys.platform == "linux":
            raise


def _limit_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
