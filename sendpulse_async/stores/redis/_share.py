"""What one process may send on its own while Redis is away."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from ..._policies import RateLimit
from ..._quota import Gcra, meters


def share(limit: RateLimit, processes: int, shared: Sequence[Gcra], known_at: float, now: float) -> list[Gcra]:
    """Return the meters of one of so many processes, which go on where the shared ones end.

    Its first place comes an interval after the last one that anybody has of the shared meters, as far as that was
    known some time ago: who waited then is taken to have asked again. So falling back is no burst. Of what a minute and
    a day may still have at once each process gets its part.
    """
    own = meters(_part(limit, processes))
    queue = 0.0 if known_at == -math.inf else shared[0].earliest(known_at) - known_at
    start = max(now + queue, *(meter.earliest(now) for meter in shared))
    for number, (meter, all_have) in enumerate(zip(own, shared, strict=True)):
        left = 0 if number == 0 else min(meter.burst, _at_once(all_have, start) // processes)
        meter.due = start + (meter.burst - left) * meter.interval
    return own


def _part(limit: RateLimit, processes: int) -> RateLimit:
    def part(count: int | None) -> int | None:
        return None if count is None else max(1, count // processes)

    return attrs.evolve(
        limit,
        per_second=limit.per_second / processes,
        per_minute=part(limit.per_minute),
        per_day=part(limit.per_day),
        burst=max(1, limit.burst // processes),
    )


def _at_once(meter: Gcra, now: float) -> int:
    """Return how many requests may begin at once at a time when one may."""
    return meter.burst if now >= meter.due else meter.burst + math.floor((now - meter.due) / meter.interval)
