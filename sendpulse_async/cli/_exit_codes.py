"""What the exit codes mean; they are stable, for scripts rely on them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from .. import AuthenticationError, Outcome, OutcomeStatus, Report


class ExitCode(IntEnum):
    """How a command ended. Where several codes hold, the first of 130, 4, 5, 6, 7 and 3 counts.

    Attributes:
        meaning: What `--help` says of it.
    """

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a member of its number and its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    ACCEPTED = 0, "every event was accepted"
    DIFFERED = 1, "the demo did not go as scripted"
    USAGE = 2, "wrong usage or settings; nothing was sent"
    FAILED = 3, "some events were rejected or not sent"
    UNREADABLE = 4, "the input could not be read"
    REFUSED = 5, "the credentials were refused"
    STOPPED = 6, "stopped early: SendPulse is down or refuses all, more than --max-errors failed, or the disk failed"
    UNKNOWN = 7, "of some events it is unknown whether they were taken"
    INTERRUPTED = 130, "interrupted by Ctrl-C"


def code_of_report(report: Report) -> ExitCode:
    """Return the code for a run."""
    if report.stopped_because is not None:
        is_refused = isinstance(report.stopped_because, AuthenticationError)
        return ExitCode.REFUSED if is_refused else ExitCode.STOPPED
    if report.unknown:
        return ExitCode.UNKNOWN
    return ExitCode.FAILED if report.accepted + report.resumed < report.total else ExitCode.ACCEPTED


def code_of_outcome(outcome: Outcome) -> ExitCode:
    """Return the code for one event."""
    if isinstance(outcome.error, AuthenticationError):
        return ExitCode.REFUSED
    return _CODES[outcome.status]


_CODES = {
    OutcomeStatus.ACCEPTED: ExitCode.ACCEPTED,
    OutcomeStatus.REJECTED: ExitCode.FAILED,
    OutcomeStatus.NOT_SENT: ExitCode.FAILED,
    OutcomeStatus.UNKNOWN: ExitCode.UNKNOWN,
}
