"""What comes of an event that its run pulled, and did not send."""

from __future__ import annotations

from .._errors import DeliveryError, FailureScope, NotSentError, SendPulseError, UnknownDeliveryError
from .._outcomes import Outcome, attempts_of
from .._senders import Job


def unsent(job: Job, why: str, cause: SendPulseError | None) -> Outcome:
    """Return the outcome of an event that was not sent, or not again.

    Args:
        job: The event's.
        why: What it was not sent for.
        cause: What stopped the run, if anything did.
    """
    error: DeliveryError
    if job.was_unknown:
        text = f"an earlier run may have sent it; this one did not: {why}"
        error = UnknownDeliveryError(text, scope=FailureScope.EVENT)
    else:
        error = NotSentError(f"not sent: {why}", scope=FailureScope.EVENT)
    error.__cause__ = cause
    error.attempts = attempts_of(job.outcome)
    return Outcome(job.index, job.given, error.status, error=error)
