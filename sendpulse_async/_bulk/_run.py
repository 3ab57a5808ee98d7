"""One bulk run: workers on one input, which wait for the quota before an event's deadline begins."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import attrs

from .._errors import (
    FailureScope,
    InvalidEventError,
    NotSentError,
    OutcomeStatus,
    RateLimitedError,
    SendPulseError,
)
from .._hooks import briefly, tell_interrupted
from .._outcomes import Outcome
from .._quota import Quota
from .._senders import ForeignSender, Job, Sender
from ._rules import StopRules
from ._source import Source

PROBE_DELAY = 5.0
"""Seconds between the last event in flight and the probe, once the breaker is open."""
MAX_PAUSES = 5
"""Pauses in a row without an accepted event: then the quota is gone for longer than a run should wait."""

Settle = Callable[[Outcome], Awaitable[None]]


@attrs.define(eq=False)
class Run:
    """The workers' shared state.

    Args:
        sender: Sends one event.
        source: The input.
        settle: Told each outcome, once.
        rules: Say when to stop.
        quota: The run's own limit, and the pause that puts an event back.
        sleep: Waits for some seconds.

    Attributes:
        stopped_because: What ended the run before its input did.
        fault: What the input, `settle` or the code itself raised.
    """

    sender: Sender | ForeignSender
    source: Source
    settle: Settle
    rules: StopRules
    quota: Quota
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    stopped_because: SendPulseError | None = attrs.field(default=None, init=False)
    fault: Exception | None = attrs.field(default=None, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    _in_flight: int = attrs.field(default=0, init=False)
    _pauses: int = attrs.field(default=0, init=False)
    _paused_at: float = attrs.field(default=-math.inf, init=False)
    _pulls: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)
    _waits: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)
    _outage_lock: anyio.Lock = attrs.field(factory=anyio.Lock, init=False)
    _event_ended: anyio.Event = attrs.field(factory=anyio.Event, init=False)

    async def work(self) -> None:
        """Take events from the input until it or the run ends; a run has as many workers as events in flight."""
        try:
            while not self._is_over:
                if self.rules.breaker.is_open:
                    await self._probe()
                elif (item := await self._pull()) is not None:
                    await self._bring(*item, is_held=self.rules.breaker.is_open)
        except Exception as fault:  # noqa: BLE001 - raised again when the events in flight have ended
            self.fault = self.fault or fault
            self._end()

    # Pulling and ending

    async def _pull(self) -> tuple[int, Any] | None:
        """Return the next item; None, and the run is over, where there is none or nobody wants it any more."""
        item = await self._awaited() if self.source.may_wait else self.source.next()
        if item is None:
            self._end()
        return item

    async def _awaited(self) -> tuple[int, Any] | None:
        with anyio.CancelScope() as scope:
            self._pulls.add(scope)
            try:
                return await self.source.pull()
            finally:
                self._pulls.discard(scope)
        return None

    def _end(self) -> None:
        """Pull no more."""
        self._is_over = True
        for scope in self._pulls:
            scope.cancel()

    def _stop(self, reason: SendPulseError) -> None:
        """Pull no more, and end the waits of events of which no byte has left."""
        self.stopped_because = self.stopped_because or reason
        for scope in self._waits:
            scope.cancel()
        self._end()

    # An outage

    async def _probe(self) -> None:
        """Send one event to see whether the outage is over."""
        async with self._probe_turn(has_event=False):
            if self.rules.breaker.is_open and not self._is_over and (item := await self._pull()) is not None:
                await self._bring(*item, is_held=False)

    @asynccontextmanager
    async def _probe_turn(self, *, has_event: bool) -> AsyncIterator[None]:
        """Wait until nobody is in flight, and once a while longer; the other workers wait meanwhile."""
        breaker = self.rules.breaker
        async with self._outage_lock:
            while self._in_flight:
                self._event_ended = anyio.Event()
                await self._event_ended.wait()
            is_wanted = self.stopped_because is None if has_event else not self._is_over
            if breaker.is_open and not breaker.is_probing and is_wanted:
                await self.sleep(PROBE_DELAY)
            breaker.is_probing = breaker.is_open
            yield

    # One event

    async def _bring(self, index: int, given: Any, *, is_held: bool) -> None:
        """Bring a pulled event to its outcome, and tell it, whoever cancels.

        Args:
            index: Its number.
            given: It.
            is_held: The breaker opened while it was pulled: it has to wait, and may be the probe itself.
        """
        job = Job(index, given)
        try:
            if is_held:
                async with self._probe_turn(has_event=True):
                    await self._deliver(job)
            else:
                await self._deliver(job)
        except anyio.get_cancelled_exc_class():
            if not job.is_told:
                await self._tell_interrupted(job, job.outcome or self._unsent(job, "the run was cancelled"))
            raise
        except Exception:
            if not job.is_told:
                await self._finish(job, job.outcome or self._unsent(job, "the run broke off"))
            raise

    async def _deliver(self, job: Job) -> None:
        self._in_flight += 1
        try:
            await self._finish(job, await self._outcome(job))
        finally:
            self._in_flight -= 1
            self._event_ended.set()

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        job.outcome, job.is_told = outcome, True
        if (reason := self.rules.note(outcome)) is not None:
            self._stop(reason)
        try:
            if self.sender.is_heard:
                await self.sender.tell(outcome)
        finally:
            await self.settle(outcome)
        if isinstance(self.sender, ForeignSender) or isinstance(outcome.error, InvalidEventError):
            await anyio.lowlevel.checkpoint()  # nothing else may have given the event loop a turn

    async def _outcome(self, job: Job) -> Outcome:
        """Bring an event to its outcome; a pause of the quota puts it back, and its deadline begins anew."""
        if (refused := self.sender.check(job)) is not None:
            return refused
        own, senders = self.quota, self.sender.quota
        if senders is not None and senders is not own:
            job.also = own
        while True:
            if not (own.is_open and (senders is None or senders.is_open)):
                await self._wait_for(own, senders)
            if self.stopped_because is not None:
                return self._unsent(job, f"the run was stopped: {self.stopped_because}")
            job.place_at = None if senders is None else senders.now()
            began = self.quota.now()
            job.earlier_attempts, job.deadline = _attempts(job.outcome), self.sender.deadline
            outcome = await self.sender.deliver(job)
            if not self._is_put_back(outcome, began):
                return outcome

    def _is_put_back(self, outcome: Outcome, began: float) -> bool:
        """Tell whether an event that began then waits for the end of a pause; too many of them stop the run."""
        if outcome.status is OutcomeStatus.ACCEPTED:
            self._pauses = 0
            self.quota.resume(began)
        error = outcome.error
        if not isinstance(error, RateLimitedError):
            return False
        self.quota.pause(began, error.retry_after)
        if began >= self._paused_at:  # events that were under way together meet one pause
            self._paused_at = self.quota.now()
            self._pauses += 1
        if self._pauses < MAX_PAUSES:
            return True
        self._stop(error)
        return False

    async def _wait_for(self, own: Quota, senders: Quota | None) -> None:
        """Wait for a place under both limits, without bound, until the run stops."""
        if self.stopped_because is not None:
            return
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                await own.wait()
                if senders is not None and senders is not own:
                    await senders.wait()
            finally:
                self._waits.discard(scope)

    def _unsent(self, job: Job, why: str) -> Outcome:
        error = NotSentError(f"not sent: {why}", scope=FailureScope.EVENT)
        error.__cause__ = self.stopped_because
        error.attempts = _attempts(job.outcome)
        return Outcome(job.index, job.given, error.status, error=error)

    async def _tell_interrupted(self, job: Job, outcome: Outcome) -> None:
        job.is_told = True
        await self.sender.tell(outcome, tell_interrupted)
        try:
            await briefly(self.settle(outcome))
        except Exception as fault:  # noqa: BLE001 - a cancellation is under way, and must come through
            self.fault = self.fault or fault


def _attempts(outcome: Outcome | None) -> int:
    told = outcome and (outcome.receipt or outcome.error)
    return getattr(told, "attempts", 0)
