"""A token in hand: until when it serves, and from when on the next one is fetched."""

from __future__ import annotations

import math

import attrs

from .._tokens import Token

EARLY_SHARE = 0.2
"""The last share of a token's life, in which it still serves while the next one is fetched."""
LONGEST_EARLY = 300.0
"""Seconds of that share at most."""


@attrs.frozen
class Lease:
    """A token with its times in the monotonic clock, which no change of the wall clock moves."""

    token: Token
    refresh_at: float = math.inf
    expires_at: float = math.inf

    @classmethod
    def begun(cls, token: Token, now: float, unix_time: float) -> Lease:
        """Return the lease of a token that is in hand from now on; `now` is in the monotonic clock."""
        if token.expires_at is None:
            return cls(token)
        life = token.expires_at - unix_time
        return cls(token, now + life - min(life * EARLY_SHARE, LONGEST_EARLY), now + life)

    def postponed(self, now: float) -> Lease:
        """Return one whose token serves on; the next one is asked for after half of what is left of it."""
        return attrs.evolve(self, refresh_at=now + (self.expires_at - now) / 2)
