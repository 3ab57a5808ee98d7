"""The one demo account that every sandbox has, and the tokens that it gives out."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Final

from .._contract import API_KEY_PREFIX, RAW_EVENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._switches import Switches

ACCOUNT: Final = "7043663"
EVENT_PATH: Final = f"{RAW_EVENT_PREFIX}eb561baa181247d1cd378c4ead632877/{ACCOUNT}"
"""The sample of SendPulse's own page, *How to send events*."""

CLIENT_ID: Final = "5a6d0b0c5d1e4f7f8a9b2c3d4e5f6071"
CLIENT_SECRET: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105  a demo value: it opens the sandbox alone
API_KEY: Final = f"{API_KEY_PREFIX}{'5a6d0b0c' * 8}"

MAX_TOKENS: Final = 10_000
"""Live tokens that are known; beyond this the oldest is forgotten."""

_JWT_HEADER: Final = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"


class TokenDesk:
    """Gives out tokens and knows which of them still open the doors.

    Args:
        switches: Gives the switches: how long a token lives, and whether a new one revokes the old.
        clock: Seconds that only grow.
    """

    def __init__(self, switches: Callable[[], Switches], clock: Callable[[], float] = time.monotonic) -> None:
        self._switches = switches
        self._clock = clock
        self._lock = threading.Lock()
        self._expiries: dict[str, float] = {}

    def issue(self) -> str:
        """Return a new token, shaped like the JWT that SendPulse gives today."""
        token = f"{_JWT_HEADER}.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(64)}"
        with self._lock:
            now = self._clock()
            switches = self._switches()
            if switches.new_token_revokes_old:
                self._expiries = {}
            self._forget(now)
            self._expiries[token] = now + switches.token_lifetime
        return token

    def _forget(self, now: float) -> None:
        # Oldest first, and no further than needed: to look at each at every token would take ever longer.
        while self._expiries:
            oldest = next(iter(self._expiries))
            if len(self._expiries) < MAX_TOKENS and self._expiries[oldest] > now:
                return
            del self._expiries[oldest]

    def opens(self, bearer: str) -> bool:
        """Tell whether this bearer value is a live token, or the account's API key where that is accepted."""
        if bearer == API_KEY:
            return self._switches().accepts_api_key
        return self._expiries.get(bearer, 0.0) > self._clock()

    def expire(self, bearer: str) -> None:
        """Make one token invalid."""
        with self._lock:
            self._expiries.pop(bearer, None)

    def revoke_all(self) -> None:
        """Make every token that was given out invalid."""
        with self._lock:
            self._expiries = {}
