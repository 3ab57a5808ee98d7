"""Where a run's events wait for the quota: before their deadlines begin, and again when a pause puts them back."""

from __future__ import annotations

import math

import anyio
import attrs

from .._errors import OutcomeStatus, RateLimitedError
from .._outcomes import Outcome
from .._quota import Quota
from .._senders import Job

MAX_PAUSES = 5
"""Pauses in a row without an accepted event: then the quota is gone for longer than a run should wait."""


@attrs.define(eq=False)
class Places:
    """The places of one run's events under its own limit and its sender's.

    Args:
        own: The run's own limit, and the pause that puts an event back.
        senders: The sender's, or None where none is known.

    Attributes:
        is_exhausted: There were too many pauses in a row.
    """

    own: Quota
    senders: Quota | None
    is_exhausted: bool = attrs.field(default=False, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    _pauses: int = attrs.field(default=0, init=False)
    _paused_at: float = attrs.field(default=-math.inf, init=False)
    _waits: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)

    async def take(self, job: Job) -> float:
        """Wait for a place, without bound, until there is one or the run ends; return when that was."""
        own, senders = self.own, self.senders
        if senders is not None and senders is not own:
            job.also = own
        if not (own.is_open and (senders is None or senders.is_open)) and not self._is_over:
            await self._wait()
        job.place_at = None if senders is None else senders.now()
        return own.now()

    async def _wait(self) -> None:
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                await self.own.wait()
                if self.senders is not None and self.senders is not self.own:
                    await self.senders.wait()
            finally:
                self._waits.discard(scope)

    def end(self) -> None:
        """End the waits of events of which no byte has left."""
        self._is_over = True
        for scope in self._waits:
            scope.cancel()

    async def is_put_back(self, outcome: Outcome, began: float) -> bool:
        """Tell whether an event that began then waits for the end of a pause; too many of them exhaust the quota."""
        if outcome.status is OutcomeStatus.ACCEPTED:
            self._pauses = 0
            self.own.resume(began)
        error = outcome.error
        if not isinstance(error, RateLimitedError):
            return False
        if began >= self._paused_at:  # events that were under way together meet one pause
            self._paused_at = self.own.now()
            self._pauses += 1
        await self.own.pause(began, error.retry_after)
        self.is_exhausted = self._pauses >= MAX_PAUSES
        return not self.is_exhausted
