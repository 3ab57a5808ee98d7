"""What came of an event, and of a run of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from ._errors import OutcomeStatus, SendPulseError

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class Receipt:
    """SendPulse's word that it took an event (not: that a person got the message).

    Attributes:
        status_code: The HTTP status, 2xx.
        attempts: Requests that were begun for this event.
        elapsed: Seconds from the call to the answer, waiting included.
        confirmed: False where the 2xx status came but its body, with the result, did not.
        body: The answer's body, at most 64 KiB.
    """

    status_code: int
    attempts: int
    elapsed: float
    confirmed: bool
    body: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen
class Outcome:
    """What came of one event. Its repr holds nothing of the event.

    Attributes:
        index: The event's place in the input, from 0; for a single `send_event` the number of the sender's call.
        event: The event as it was given.
        status: One of the four.
        receipt: Where it was accepted.
        error: Where it was not.
    """

    index: int
    event: Any = attrs.field(repr=False)
    status: OutcomeStatus
    receipt: Receipt | None = None
    error: SendPulseError | None = None


def attempts_of(outcome: Outcome | None) -> int:
    """Return how many requests were begun for an event: none for one that was found wrong before."""
    told = outcome and (outcome.receipt or outcome.error)
    return getattr(told, "attempts", 0)


FAILURES_KEPT = 1000


@attrs.frozen
class Report:
    """What came of a bulk run.

    Attributes:
        total: Events pulled from the input: the sum of the five counts that follow.
        accepted: SendPulse took them.
        rejected: They will not be taken as they are.
        not_sent: Surely not taken; safe to send again.
        unknown: Perhaps taken; sending them again may double them.
        resumed: Settled by an earlier run; no outcome again.
        elapsed: Seconds.
        failures: The first 1,000 outcomes that are not ACCEPTED, in the order they came to be.
        failures_dropped: Failures beyond these.
        stopped_because: What ended the run before its input did, or None.
    """

    total: int = 0
    accepted: int = 0
    rejected: int = 0
    not_sent: int = 0
    unknown: int = 0
    resumed: int = 0
    elapsed: float = 0.0
    failures: Sequence[Outcome] = attrs.field(default=(), repr=False)
    failures_dropped: int = 0
    stopped_because: SendPulseError | None = None

    def summary(self) -> str:
        """Return the counts in one line."""
        counts = (
            (self.accepted, "accepted"),
            (self.rejected, "rejected"),
            (self.not_sent, "not sent"),
            (self.unknown, "unknown"),
            (self.resumed, "settled before"),
        )
        parts = [f"{count:,} {name}" for count, name in counts if count]
        text = f"{self.total:,} event{'' if self.total == 1 else 's'}: {', '.join(parts) or 'nothing to do'}"
        return text if self.stopped_because is None else f"{text}; stopped: {self.stopped_because}"

    def raise_for_failures(self) -> None:
        """Do nothing if every event was accepted and the input was read to its end.

        Raises:
            BulkError: Otherwise; its `report` is this one.
        """
        if self.accepted + self.resumed < self.total or self.stopped_because is not None:
            raise BulkError(self)


class BulkError(SendPulseError):
    """Not every event of a bulk run was accepted.

    Attributes:
        report: The run's report.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return self.report.summary()
