"""The rules of a worker: what becomes of a message, from what the log knows and from what came of the event."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from ..._errors import OutcomeStatus
from ..._journal import Entry, EntryState
from ..._outcomes import Outcome

LONGEST_DELAY = 300.0
"""Seconds for which SendPulse's own word on when to come back is heeded: others wait behind it."""
LOST = "a worker ended while it was being sent"
UNREADABLE = "it cannot be read as an event"
DOUBTS = 5
"""Events in a row that end UNKNOWN before a worker lets through one at a time."""
LONGEST_REST = 60.0


@attrs.frozen
class Done:
    """Nothing more is to be done."""


@attrs.frozen
class Later:
    """It is tried again after some seconds."""

    delay: float


@attrs.frozen
class Dead:
    """It becomes a dead letter."""

    status: OutcomeStatus
    reason: str


Verdict = Done | Later | Dead


@attrs.frozen
class Rules:
    """Judge events.

    Args:
        retry_delay: Seconds until an event is tried again.
        claim_lasts: Seconds after which an event that was claimed, and not settled, cannot be under way any more.
    """

    retry_delay: float
    claim_lasts: float

    def of_entry(self, entry: Entry | None, now: float) -> Verdict | None:
        """Return what becomes of an event of which the log knows; None: it is to be sent.

        What was rejected may have died before its dead letter was written: it is written again.
        """
        if entry is None or entry.state in {EntryState.NOT_SENT, EntryState.REFUSED}:
            return None
        if entry.state is EntryState.ACCEPTED:
            return Done()
        if entry.state is EntryState.REJECTED:
            return Dead(OutcomeStatus.REJECTED, entry.reason)
        if entry.state is EntryState.UNKNOWN:
            return Dead(OutcomeStatus.UNKNOWN, entry.reason)
        return Later(self.retry_delay) if now - entry.at < self.claim_lasts else Dead(OutcomeStatus.UNKNOWN, LOST)

    def of_outcome(self, outcome: Outcome) -> Verdict:
        """Return what becomes of an event that was tried."""
        if outcome.status is OutcomeStatus.ACCEPTED:
            return Done()
        if outcome.status is OutcomeStatus.NOT_SENT:
            asked = getattr(outcome.error, "retry_after", None) or 0.0
            return Later(max(self.retry_delay, min(asked, LONGEST_DELAY)))
        return Dead(outcome.status, str(outcome.error))


@attrs.define
class Breaker:
    """Lets few events meet an outage that answers with doubt.

    After `DOUBTS` events in a row that ended UNKNOWN it lets through one at a time, at first each second, then ever
    less often, until one has an outcome that is certain.

    Args:
        longest: Seconds that an event may take.
        clock: Seconds, monotonic.
    """

    longest: float
    clock: Callable[[], float]
    _doubts: int = attrs.field(default=0, init=False)
    _closed_until: float = attrs.field(default=0.0, init=False)

    def lets_pass(self) -> bool:
        """Tell whether an event may be sent now; one that may is to be noted."""
        if self._doubts < DOUBTS:
            return True
        now = self.clock()
        if now < self._closed_until:
            return False
        self._closed_until = now + self.longest
        return True

    def note(self, status: OutcomeStatus) -> None:
        """Note what came of an event that was let through."""
        if status is OutcomeStatus.UNKNOWN:
            self._doubts += 1
        elif status is not OutcomeStatus.NOT_SENT:
            self._doubts = 0
        rest = min(2.0 ** min(self._doubts - DOUBTS, 16), LONGEST_REST)
        self._closed_until = self.clock() + rest
