"""The limits of an account: so many requests in any second, so many in any minute."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

MAX_ACCOUNTS: Final = 1_000
"""Accounts come from URLs, so anybody may make them up: beyond this the one idle longest is forgotten."""
LEEWAY: Final = 0.1
"""Seconds that a window is shorter than its name: a client that keeps to the limit exactly sends the first request
after the window just at its end, and a moment more or less on the way must not be held against it."""
SECOND: Final = 1.0 - LEEWAY
MINUTE: Final = 60.0 - LEEWAY


class Limiter:
    """Counts the requests of each account in sliding windows; it asks no clock and waits for nothing.

    A request that it refuses does not count.
    """

    def __init__(self) -> None:
        # Least recently admitted first.
        self._admitted: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, account: str, now: float, per_second: int | None, per_minute: int | None) -> float | None:
        """Count this request, or return the window, `SECOND` or `MINUTE`, that is full.

        Args:
            account: Whose request it is.
            now: Seconds that never go back.
            per_second: Requests in a second. None: any number.
            per_minute: Requests in a minute. None: any number.
        """
        horizon = MINUTE if per_minute is not None else SECOND
        self._forget(now - horizon)
        times = self._admitted.get(account, deque())
        while times and times[0] <= now - horizon:
            times.popleft()
        for window, limit in ((SECOND, per_second), (MINUTE, per_minute)):
            if limit is not None and len(times) >= limit and now - times[-limit] < window:
                return window
        times.append(now)
        self._admitted[account] = times
        self._admitted.move_to_end(account)
        return None

    def _forget(self, before: float) -> None:
        while self._admitted:
            account = next(iter(self._admitted))
            if len(self._admitted) <= MAX_ACCOUNTS and self._admitted[account][-1] > before:
                return
            del self._admitted[account]
