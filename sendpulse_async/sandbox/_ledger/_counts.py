"""Counts of what arrived, bounded whatever arrives."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._entry import LedgerEntry

SECONDS: Final = 60
TOP: Final = 20
_MAX_NAMES: Final = 2_000
_MAX_NAME: Final = 200


class Counts:
    """Counts requests by second, by event's name and by status.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = int(clock())
        self._per_second: deque[int] = deque([0] * SECONDS, maxlen=SECONDS)
        self._names: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def add(self, entry: LedgerEntry) -> None:
        """Count a request."""
        self._turn()
        self._per_second[-1] += 1
        self._statuses[str(entry.status or "none")] += 1
        if entry.event is not None:
            self._names[entry.event[:_MAX_NAME]] += 1
        if len(self._names) > _MAX_NAMES:
            # Names at random cannot fill the memory; those that come often stay.
            self._names = Counter(dict(self._names.most_common(_MAX_NAMES // 2)))

    def per_second(self) -> list[int]:
        """Return the requests of the last 60 seconds, the one that runs last."""
        self._turn()
        return list(self._per_second)

    def by_event(self) -> dict[str, int]:
        """Return the 20 names that came most often, and how often."""
        return dict(self._names.most_common(TOP))

    def by_status(self) -> dict[str, int]:
        """Return how often each status was answered; `none` where no answer was given."""
        return dict(sorted(self._statuses.items()))

    def _turn(self) -> None:
        second = int(self._clock())
        self._per_second.extend([0] * min(SECONDS, second - self._second))
        self._second = second
