"""`Retry-After`: how long an answer asks to wait."""

from __future__ import annotations

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from .._http import Response

LONGEST = 86_400.0
"""Seconds. The longest window of a quota is a day, and one odd answer must not silence an account for years."""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after(response: Response, wall_time: float) -> float | None:
    """Return the longest wait that the answer asks for, in seconds; what is no finite future time is ignored.

    A date is reckoned from the answer's own `Date` as well as from this machine's clock: two clocks may be hours apart,
    and either may be wrong, so the shorter wait counts.

    Args:
        response: As it came.
        wall_time: Unix time in seconds.
    """
    if not (asked := response.header(b"retry-after")):
        return None
    nows = [*_moments(response.header(b"date")), wall_time]
    waits = [float(value) for value in asked if _SECONDS.fullmatch(value)]
    for moment in _moments(asked):
        waits += sorted(moment - now for now in nows if moment >= now)[:1]
    finite = [wait for wait in waits if wait < math.inf]
    return min(max(finite), LONGEST) if finite else None


def _moments(values: list[str]) -> list[float]:
    """Return the Unix times of those that are HTTP dates."""
    moments = []
    for value in values:
        try:
            date = parsedate_to_datetime(value)
            moments.append((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            continue
    return moments
