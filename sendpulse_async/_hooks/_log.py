"""The hooks that write the log."""

from __future__ import annotations

from .._logging import facts, logger
from .._outcomes import Outcome, Report, attempts_of
from ._hooks import Hooks
from ._values import Attempt, BulkRun, Pause, Sending, TokenRequest

_COUNTS = ("total", "accepted", "rejected", "not_sent", "unknown", "resumed")


class Log(Hooks):
    """Writes what operators look for; of single events it writes at DEBUG alone."""

    def on_attempt(self, attempt: Attempt, sending: Sending) -> None:
        """Write what a request met that was not accepted."""
        if attempt.error is None:
            return
        about = facts(
            index=sending.index,
            event_name=sending.event_name,
            attempt=attempt.number,
            status=attempt.status,
            status_code=attempt.status_code,
            error=attempt.error,
            elapsed=attempt.elapsed,
        )
        kind = type(attempt.error).__name__
        text = "event %d: attempt %d ended %s, %s"
        logger.debug(text, sending.index, attempt.number, attempt.status.value, kind, extra=about)

    def on_outcome(self, outcome: Outcome, sending: Sending) -> None:
        """Write what came of an event."""
        told = outcome.receipt or outcome.error
        about = facts(
            index=sending.index,
            event_name=sending.event_name,
            attempts=attempts_of(outcome),
            status=outcome.status,
            status_code=getattr(told, "status_code", None),
            error=outcome.error,
            elapsed=getattr(told, "elapsed", None),
        )
        text = "event %d: %s after %d attempt(s)"
        logger.debug(text, sending.index, outcome.status.value, attempts_of(outcome), extra=about)

    def on_pause(self, pause: Pause) -> None:
        """Warn: everybody waits."""
        text = "SendPulse says that the quota is used up: no request begins for %.1f s"
        logger.warning(text, pause.seconds, extra=facts(pause=pause.seconds))

    def on_token(self, request: TokenRequest) -> None:
        """Write that there is a new token, or warn that there is none."""
        status_code = None if request.error is None else request.error.status_code
        about = facts(error=request.error, status_code=status_code, elapsed=request.elapsed)
        if request.error is None:
            logger.info("a new token was fetched", extra=about)
        else:
            logger.warning("a token request failed: %s", type(request.error).__name__, extra=about)

    def on_report(self, report: Report, run: BulkRun) -> None:  # noqa: ARG002 - the hook's signature
        """Write the counts of a run."""
        about = facts(elapsed=report.elapsed, **{name: getattr(report, name) for name in _COUNTS})
        text = "a bulk run ended: of %d event(s) %d accepted, %d settled before"
        logger.info(text, report.total, report.accepted, report.resumed, extra=about)
