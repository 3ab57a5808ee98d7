"""One measurement in a process of its own, so that its memory and its CPU belong to one contender.

How many events are measured follows from how fast the first ones went, which also open the connections: as many as fit
into the seconds that are given, and never fewer than are in flight. Time and CPU are those of these events alone, the
CPU of all threads; the peak of memory is the process's, with Python and the client in it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import attrs

from .contenders import CONTENDERS
from .loops import running
from .place import Bulk, Place

LATENCIES = 10_000
"""The last ones are kept, so that what is measured does not grow with the events."""
FEWEST, MOST = 20, 200_000
PILOT = 0.05
"""Seconds that the events must have taken from which the speed is read."""
TOO_LONG = 1.5
"""Seconds for the first events alone, handshakes included, after which the rest of the pilot is left out."""
PATIENCE = 120.0

Figures = dict[str, float]


@attrs.frozen
class Job:
    """What is measured once.

    Args:
        contender: Its name.
        place: Where it sends.
        loop: The event loop's kind.
        seconds: About how long; the pilot comes on top.
        events: How many, instead; 0: as many as fit into the seconds.
    """

    contender: str
    place: Place
    loop: str = "asyncio"
    seconds: float = 0.5
    events: int = 0


class MeasurementError(Exception):
    """The contender failed; the text is the end of what it said."""


def measured(job: Job) -> Figures:
    """Measure in a fresh process.

    Raises:
        MeasurementError: The contender failed, or did not end in time.
    """
    command = [sys.executable, "-m", "benchmarks.measure", json.dumps(attrs.asdict(job))]
    patience = PATIENCE + job.events / 1000
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=True)
    except subprocess.CalledProcessError as error:
        last_line = error.stderr.strip().rpartition("\n")[2]
        raise MeasurementError(last_line or f"ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(f"no figures within {patience:.0f} s") from error
    figures: Figures = json.loads(ended.stdout)
    return figures


def measured_or_told(job: Job, failures: list[str]) -> Figures | None:
    """Measure in a fresh process; where that fails, say so, add it to the failures, and go on with None."""
    try:
        return measured(job)
    except MeasurementError as error:
        scheme = job.place.origin.partition(":")[0]
        failures.append(f"{job.contender}, {scheme}, {job.place.in_flight} in flight: {error}")
        tell(failures[-1])
        return None


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def play(job: Job) -> Figures:
    """Open the contender, let it run warm, and measure it."""
    async with CONTENDERS[job.contender].open(job.place) as bulk:
        count = await _pilot(bulk, job)
        latencies: deque[float] = deque(maxlen=LATENCIES)
        wall, cpu = time.perf_counter(), time.process_time()
        await bulk(count, latencies.append)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    ordered = sorted(latencies)
    return {
        "events": count,
        "events_per_second": count / wall,
        "cpu_us_per_event": cpu / count * 1e6,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "peak_mb": peak_bytes() / 2**20,
    }


async def _pilot(bulk: Bulk, job: Job) -> int:
    """Open the connections, then read the speed from ever more events; return how many to measure."""
    least = max(FEWEST, job.place.in_flight)
    count, took = least, await _timed(bulk, job.place.in_flight)
    if job.events:
        return job.events
    if took < TOO_LONG:
        took = await _timed(bulk, count)
        while took < min(job.seconds, PILOT):
            count *= 4
            took = await _timed(bulk, count)
    return min(MOST, max(least, int(count / took * job.seconds)))


async def _timed(bulk: Bulk, count: int) -> float:
    began = time.perf_counter()
    await bulk(count, float)
    return time.perf_counter() - began


def peak_bytes() -> int:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` of a child of Linux begins with that of its parent
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Measure the job of the first argument and print its figures as JSON."""
    fields = json.loads(sys.argv[1])
    job = Job(**fields | {"place": Place(**fields["place"])})
    print(json.dumps(running(play(job), job.loop)), flush=True)
    os._exit(0)  # threads of pyreqwest 0.15 abort about every second process that Python finalizes


if __name__ == "__main__":
    main()
