"""Counts what came of a run; its memory does not grow with the input."""

from __future__ import annotations

import time
from collections import Counter

from .._errors import OutcomeStatus, SendPulseError
from .._outcomes import FAILURES_KEPT, Outcome, Report


class Tally:
    """The making of a report.

    Attributes:
        resumed: Events that an earlier run settled.
        stopped_because: What ended the run before its input did.
    """

    def __init__(self) -> None:
        self.resumed = 0
        self.stopped_because: SendPulseError | None = None
        self._began = time.monotonic()
        self._accepted = 0
        self._counts: Counter[OutcomeStatus] = Counter()
        self._failures: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if outcome.status is OutcomeStatus.ACCEPTED:
            self._accepted += 1
            return
        self._counts[outcome.status] += 1
        if len(self._failures) < FAILURES_KEPT:
            self._failures.append(outcome)

    def report(self) -> Report:
        """Return the report of what was counted so far."""
        failed = self._counts.total()
        return Report(
            total=self._accepted + failed + self.resumed,
            accepted=self._accepted,
            rejected=self._counts[OutcomeStatus.REJECTED],
            not_sent=self._counts[OutcomeStatus.NOT_SENT],
            unknown=self._counts[OutcomeStatus.UNKNOWN],
            resumed=self.resumed,
            elapsed=time.monotonic() - self._began,
            failures=tuple(self._failures),
            failures_dropped=failed - len(self._failures),
            stopped_because=self.stopped_because,
        )
