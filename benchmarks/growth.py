"""What the cost of `send_many` does as the work grows: ever more events, and ever more of them in flight."""

from __future__ import annotations

from typing import Any

from .contenders import CONTENDERS, DIRECT_SEND_MANY, HTTPX_SEND_MANY
from .loops import is_here
from .measure import Figures, Job, measured_or_told
from .place import Place
from .servers import Certificates, serving

IN_FLIGHT = 100
"""Of the runs with ever more events."""

Row = dict[str, Any]


def grown(
    counts: list[int], in_flight: list[int], loop: str, files: Certificates, failures: list[str]
) -> dict[str, Any]:
    """Measure both transports over plain HTTP without a delay, each size once, in turn.

    Args:
        counts: Of events, at 100 in flight.
        in_flight: With the middle one of these counts, the lower of two.
        loop: The kind of the event loop.
        files: For the server.
        failures: What fails is added there, and left out.
    """
    sizes = [(count, IN_FLIGHT) for count in counts]
    middle = counts[(len(counts) - 1) // 2] if counts else 0
    widths = [(middle, width) for width in in_flight if middle]
    with serving("http", 0, files) as served:
        return {
            "server": served.name,
            "by_events": _rows(sizes, served.origin, loop, failures),
            "by_in_flight": _rows(widths, served.origin, loop, failures),
        }


def _rows(sizes: list[tuple[int, int]], origin: str, loop: str, failures: list[str]) -> list[Row]:
    names = [name for name in (DIRECT_SEND_MANY, HTTPX_SEND_MANY) if is_here(*CONTENDERS[name].needs)]
    jobs = [
        Job(name, Place(origin, None, in_flight), loop, events=events) for events, in_flight in sizes for name in names
    ]
    rows = ((job, measured_or_told(job, failures)) for job in jobs)
    return [_row(job, figures) for job, figures in rows if figures is not None]


def _row(job: Job, figures: Figures) -> Row:
    return {
        "contender": job.contender,
        "events": job.events,
        "in_flight": job.place.in_flight,
        "us_per_event": 1e6 / figures["events_per_second"],
        "cpu_us_per_event": figures["cpu_us_per_event"],
        "peak_mb": figures["peak_mb"],
    }
