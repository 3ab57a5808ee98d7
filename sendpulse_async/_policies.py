"""The two values that a caller tunes: when to repeat, and how fast to send. They decide; they never wait."""

from __future__ import annotations

import sys
from typing import Self

import attrs
from attrs import validators

from ._errors import ConfigurationError, OutcomeStatus

LARGEST = sys.float_info.max


@attrs.frozen
class _Number:
    """An attrs validator: a finite number from `minimum` on, or above it."""

    minimum: float
    exclusive: bool = False

    def __call__(self, instance: object, attribute: attrs.Attribute[float], value: object) -> None:
        name = f"{type(instance).__name__}.{attribute.name}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigurationError(f"{name} must be a number, not {type(value).__name__}")
        if not -LARGEST <= value <= LARGEST:
            raise ConfigurationError(f"{name} must be a finite number")
        if value < self.minimum or (self.exclusive and value == self.minimum):
            bound = "more than" if self.exclusive else "at least"
            raise ConfigurationError(f"{name} must be {bound} {self.minimum:g}")


@attrs.frozen
class _Whole:
    """An attrs validator: an integer from `minimum` on."""

    minimum: int

    def __call__(self, instance: object, attribute: attrs.Attribute[int], value: object) -> None:
        name = f"{type(instance).__name__}.{attribute.name}"
        if isinstance(value, bool) or not isinstance(value, int) or value < self.minimum:
            raise ConfigurationError(f"{name} must be a whole number, at least {self.minimum}")


def _flag(instance: object, attribute: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{type(instance).__name__}.{attribute.name} must be True or False")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When an event that was not accepted is sent again, decided from what came of it.

    Only events that SendPulse surely did not take are repeated, unless `repeat_unknown` says otherwise.

    Args:
        max_attempts: Requests for one event, the first included. Repeats after a refused token come on top.
        base_delay: Upper bound of the first random delay, in seconds; it doubles with each attempt.
        max_delay: Upper bound of any random delay, in seconds.
        repeat_unknown: Also repeat events that may have been taken already. An event can then reach a person twice.
        budget_ratio: Repeats that a sender may make for each event it is given, on average.
        budget_reserve: Repeats that it may make on top, before that average counts.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    max_attempts: int = attrs.field(default=4, validator=_Whole(1))
    base_delay: float = attrs.field(default=0.5, validator=_Number(0))
    max_delay: float = attrs.field(default=30.0, validator=_Number(0))
    repeat_unknown: bool = attrs.field(default=False, validator=_flag)
    budget_ratio: float = attrs.field(default=0.1, validator=_Number(0))
    budget_reserve: int = attrs.field(default=20, validator=_Whole(0))

    @classmethod
    def at_most_once(cls) -> Self:
        """Return the default: an event is never sent again once SendPulse may have it."""
        return cls()

    @classmethod
    def at_least_once(cls) -> Self:
        """Return the policy that would rather send twice than lose: see `repeat_unknown`."""
        return cls(repeat_unknown=True)

    def next_delay(
        self, status: OutcomeStatus, attempts: int, jitter: float, retry_after: float | None = None
    ) -> float | None:
        """Say how long to wait before the next attempt, or None for no further one.

        Args:
            status: What came of the latest attempt.
            attempts: Attempts made so far.
            jitter: A random number from 0 to 1.
            retry_after: Seconds that SendPulse asked to wait at least, if it did.
        """
        repeatable = status is OutcomeStatus.NOT_SENT or (status is OutcomeStatus.UNKNOWN and self.repeat_unknown)
        if not repeatable or attempts >= self.max_attempts:
            return None
        delay = jitter * min(self.base_delay * 2.0 ** min(attempts - 1, 64), self.max_delay)
        return max(delay, retry_after or 0.0)


@attrs.frozen(kw_only=True)
class RateLimit:
    """How fast requests may begin. Give it to a sender, or to a `Quota` that several senders share.

    Every rate that is given holds at once. Within a minute and a day no window of that length sees more than the
    limit: a tenth of it may go as fast as the shorter rates allow, the rest is spread evenly.

    Args:
        per_second: Requests a second, evenly spaced.
        per_minute: Requests in any minute, or None.
        per_day: Requests in any 24 hours, or None.
        burst: Requests that may go at once after a quiet time.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    per_second: float = attrs.field(validator=_Number(1e-300, exclusive=True))
    per_minute: int | None = attrs.field(default=None, validator=validators.optional(_Whole(1)))
    per_day: int | None = attrs.field(default=None, validator=validators.optional(_Whole(1)))
    burst: int = attrs.field(default=1, validator=_Whole(1))
