"""When a bulk run stops before its input ends: pure, fed with one outcome after the other."""

from __future__ import annotations

from enum import Enum

import attrs

from .._errors import (
    DeliveryError,
    DuplicateEventError,
    FailureScope,
    InvalidEventError,
    OutcomeStatus,
    SendPulseError,
    StoppedError,
    UnknownDeliveryError,
)
from .._outcomes import Outcome

STREAK = 5
"""Failures in a row, in the order in which they complete, that say more than five single ones."""


class BreakerState(Enum):
    """Whether events are pulled."""

    CLOSED = "closed"
    OPEN = "open"
    """Nothing is pulled, but for one event to probe with once all others have ended."""
    BROKEN = "broken"
    """The probe failed too."""


@attrs.define
class Breaker:
    """Meets an outage by stopping: a million events must not be spoiled one by one."""

    state: BreakerState = BreakerState.CLOSED
    is_probing: bool = False
    _failures: int = 0

    @property
    def is_open(self) -> bool:
        """Whether events wait for a probe."""
        return self.state is BreakerState.OPEN

    def note(self, outcome: Outcome) -> None:
        """Take in what came of an event."""
        if _says_nothing(outcome.error):
            return
        if not _is_outage(outcome):
            self._failures = 0
            if self.is_probing:
                self.state, self.is_probing = BreakerState.CLOSED, False
            return
        self._failures += 1
        if self.is_probing:
            self.state = BreakerState.BROKEN
        elif self._failures >= STREAK:
            self.state = BreakerState.OPEN


@attrs.define
class StopRules:
    """Everything that ends a run early.

    Args:
        max_failures: Events that may fail; the next failure stops the run. None: any number.
    """

    max_failures: int | None = None
    breaker: Breaker = attrs.field(factory=Breaker)
    _failures: int = attrs.field(default=0, init=False)
    _endpoint_failures: int = attrs.field(default=0, init=False)

    def note(self, outcome: Outcome) -> SendPulseError | None:
        """Take in what came of an event, and return why the run has to stop, or None."""
        self.breaker.note(outcome)
        if outcome.status is OutcomeStatus.ACCEPTED:
            self._endpoint_failures = 0
            return None
        self._failures += 1
        if self.breaker.state is BreakerState.BROKEN:
            return StoppedError(f"{STREAK} events in a row failed, and so did the probe after a wait: {outcome.error}")
        error = outcome.error
        if isinstance(error, DeliveryError):
            if error.scope is FailureScope.ACCOUNT:
                return error
            self._endpoint_failures = self._endpoint_failures + 1 if error.scope is FailureScope.ENDPOINT else 0
            if self._endpoint_failures >= STREAK:
                return error
        if self.max_failures is not None and self._failures > self.max_failures:
            return StoppedError(f"more events failed than max_failures={self.max_failures} allows")
        return None


def _says_nothing(error: SendPulseError | None) -> bool:
    """Tell whether the service had no part in it: it was found before any I/O, or is another process's affair."""
    if isinstance(error, DuplicateEventError):
        return error.status_code is None
    if isinstance(error, UnknownDeliveryError):
        return error.scope is FailureScope.EVENT
    return isinstance(error, InvalidEventError)


def _is_outage(outcome: Outcome) -> bool:
    if outcome.status is OutcomeStatus.UNKNOWN:
        return True
    error = outcome.error
    return (
        outcome.status is OutcomeStatus.NOT_SENT
        and isinstance(error, DeliveryError)
        and error.scope is FailureScope.SERVICE
    )
