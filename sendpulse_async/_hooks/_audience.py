"""Tells each hook what there is to tell; what one raises harms neither the others nor the event."""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs

from .._errors import DeliveryError, OutcomeStatus
from .._logging import facts, logger
from .._outcomes import Outcome, Report
from ._hooks import Hooks
from ._log import Log
from ._values import Attempt, BulkRun, Pause, Sending, TokenRequest

_LOG = Log()


class Audience:
    """A sender's hooks, and the log.

    Args:
        hooks: The caller's.
    """

    def __init__(self, hooks: tuple[Hooks, ...] = ()) -> None:
        self._hooks = hooks
        self._all = (_LOG, *hooks)

    def start(self, sending: Callable[[], Sending]) -> Watch | None:
        """Tell that an event sets out; return what tells the rest of it, or None: nobody wants to hear of it.

        The log is asked for each event, since its level may change; to make its records for nobody would cost more.
        """
        hooks = self._all if logger.isEnabledFor(logging.DEBUG) else self._hooks
        if not hooks:
            return None
        watch = Watch(hooks, sending())
        watch.start()
        return watch

    def pause(self, seconds: float) -> None:
        """Tell that there is a new pause."""
        told = Pause(seconds)
        _tell(self._all, lambda hook: hook.on_pause(told))

    def token(self, elapsed: float, error: DeliveryError | None) -> None:
        """Tell what came of a request for a token."""
        told = TokenRequest(elapsed, error)
        _tell(self._all, lambda hook: hook.on_token(told))

    def run(self, run: BulkRun) -> None:
        """Tell that a bulk run begins."""
        _tell(self._all, lambda hook: hook.on_run(run))

    def report(self, report: Report, run: BulkRun) -> None:
        """Tell what came of it."""
        _tell(self._all, lambda hook: hook.on_report(report, run))


@attrs.define(eq=False)
class Watch:
    """Tells of one event."""

    _hooks: tuple[Hooks, ...]
    _sending: Sending
    _attempts: int = attrs.field(default=0, init=False)

    def start(self) -> None:
        """Tell that it sets out."""
        _tell(self._hooks, lambda hook: hook.on_start(self._sending))

    def attempt(self, elapsed: float, status_code: int | None, error: DeliveryError | None) -> None:
        """Tell what came of a request."""
        self._attempts += 1
        status = OutcomeStatus.ACCEPTED if error is None else error.status
        told = Attempt(self._attempts, status, status_code, elapsed, error)
        _tell(self._hooks, lambda hook: hook.on_attempt(told, self._sending))

    def end(self, outcome: Outcome) -> None:
        """Tell what came of the event."""
        _tell(self._hooks, lambda hook: hook.on_outcome(outcome, self._sending))


def _tell(hooks: tuple[Hooks, ...], call: Callable[[Hooks], None]) -> None:
    for hook in hooks:
        try:
            call(hook)
        except Exception as fault:  # noqa: BLE001 - whatever a hook raises, the event has its outcome
            text = "a method of the hooks %s raised %s; nothing else changes"
            logger.error(text, type(hook).__name__, type(fault).__name__, extra=facts(error=fault))
