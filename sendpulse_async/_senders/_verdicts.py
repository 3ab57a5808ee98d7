"""What an exchange means for its event: from its result, or from how far it got before it was broken off."""

from __future__ import annotations

import time

from .._errors import (
    AuthenticationError,
    DeliveryError,
    FailureScope,
    InvalidEventError,
    NotSentError,
    OutcomeStatus,
    UnknownDeliveryError,
)
from .._http import Progress
from .._outcomes import Outcome, Receipt
from .._wire import Answer, judge, read_answer
from ._job import Job, still_unknown

Result = Answer | DeliveryError | InvalidEventError
"""What an event came to."""


def verdict(progress: Progress, why: str) -> Answer | DeliveryError:
    """Say what an exchange that was broken off here means, from how far it got."""
    if progress.head is not None:
        answer = read_answer(progress.head, time.time())
        error = judge(answer, is_handed_over=progress.is_handed_over)
        if isinstance(error, AuthenticationError):  # one refusal that was not followed up says nothing of the account
            return NotSentError(f"{error}, and {why}", scope=FailureScope.EVENT, status_code=error.status_code)
        return error or answer
    if progress.is_handed_over:
        return UnknownDeliveryError(f"sent, but {why} before an answer came")
    return NotSentError(f"not wholly sent: {why}")


def outcome_of(job: Job, progress: Progress, elapsed: float, result: Result) -> Outcome:
    """Return the outcome of a job from what it came to, after so many seconds."""
    attempts = job.earlier_attempts + progress.attempts
    if isinstance(result, Answer):
        receipt = Receipt(result.status_code, attempts, elapsed, result.is_confirmed, result.body)
        return Outcome(job.index, job.given, OutcomeStatus.ACCEPTED, receipt)
    # Without its traceback, whose frames would keep the event and all that it passed alive with the error.
    result = result.with_traceback(None)
    result.__context__ = None
    if progress.was_unknown and not isinstance(result, UnknownDeliveryError):
        result = still_unknown(result)
    if isinstance(result, InvalidEventError):
        return Outcome(job.index, job.given, OutcomeStatus.REJECTED, error=result)
    result.attempts, result.elapsed = attempts, elapsed
    return Outcome(job.index, job.given, result.status, error=result)
