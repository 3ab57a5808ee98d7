"""One bulk run: workers on one input, which wait for the quota before an event's deadline begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import attrs

from .._errors import (
    DeliveryError,
    InvalidEventError,
    NotSentError,
    OutcomeStatus,
    RateLimitedError,
    SendPulseError,
    UnknownDeliveryError,
)
from .._outcomes import Outcome
from .._quota import Quota
from .._senders import SETTLE_PATIENCE, EventSender, Job, Sender
from ._rules import BreakerState, StopRules
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

    sender: EventSender
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
    _waiting: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)
    _outage_lock: anyio.Lock = attrs.field(factory=anyio.Lock, init=False)
    _event_ended: anyio.Event = attrs.field(factory=anyio.Event, init=False)

    async def work(self) -> None:
        """Take events from the input until it or the run ends; a run has as many workers as events in flight."""
        try:
            while await self._may_pull():
                await self._one_event()
        except Exception as fault:  # noqa: BLE001 - raised again when the events in flight have ended
            self._is_over, self.fault = True, self.fault or fault

    async def _one_event(self) -> None:
        if (item := await self.source.pull()) is None:
            self._is_over = True
            return
        self._in_flight += 1
        try:
            await self._finish(await self._outcome(*item))
        finally:
            self._in_flight -= 1
            self._event_ended.set()

    async def _finish(self, outcome: Outcome) -> None:
        if outcome.status is OutcomeStatus.ACCEPTED:
            self._pauses = 0
        if (reason := self.rules.note(outcome)) is not None:
            self._stop(reason)
        await self.settle(outcome)
        if not isinstance(self.sender, Sender) or isinstance(outcome.error, InvalidEventError):
            await anyio.lowlevel.checkpoint()  # nothing else may have given the event loop a turn

    def _stop(self, reason: SendPulseError) -> None:
        """Pull no more, and end the waits of events of which no byte has left."""
        self._is_over, self.stopped_because = True, self.stopped_because or reason
        for scope in self._waiting:
            scope.cancel()

    async def _may_pull(self) -> bool:
        """Tell whether the run goes on; in an outage one worker probes for it, and the others wait."""
        breaker = self.rules.breaker
        if breaker.state is BreakerState.OPEN:
            async with self._outage_lock:
                if breaker.state is BreakerState.OPEN and not self._is_over:
                    await self._nobody_in_flight()
                    await self.sleep(PROBE_DELAY)
                    breaker.is_probing = True
                while breaker.state is BreakerState.OPEN and not self._is_over:
                    await self._one_event()
        return not self._is_over

    async def _nobody_in_flight(self) -> None:
        while self._in_flight:
            self._event_ended = anyio.Event()
            await self._event_ended.wait()

    # One event

    async def _outcome(self, index: int, event: Any) -> Outcome:
        """Bring an event to its outcome; a pause of the quota puts it back, and its deadline begins anew."""
        while await self._has_place(index, event):
            began = self.quota.now()
            outcome = await self._deliver(index, event)
            if not isinstance(outcome.error, RateLimitedError):
                return outcome
            self._pauses += self.quota.pause(began, outcome.error.retry_after)
            if self._pauses >= MAX_PAUSES:
                self._stop(outcome.error)
                return outcome
        return self._unsent(index, event, f"the run was stopped: {self.stopped_because}")

    async def _has_place(self, index: int, event: Any) -> bool:
        quotas = [self.quota, self.sender.quota] if isinstance(self.sender, Sender) else [self.quota]
        if not all(quota.is_open for quota in quotas):
            await self._wait_for(quotas, index, event)
        return self.stopped_because is None

    async def _wait_for(self, quotas: list[Quota], index: int, event: Any) -> None:
        with anyio.CancelScope() as scope:
            self._waiting.add(scope)
            try:
                for quota in quotas:
                    await quota.wait()
            except anyio.get_cancelled_exc_class():
                if not scope.cancel_called:
                    await self._interrupt(self._unsent(index, event, "the run was cancelled"))
                raise
            finally:
                self._waiting.discard(scope)

    async def _deliver(self, index: int, event: Any) -> Outcome:
        if isinstance(self.sender, Sender):
            job = Job(index, event, None, self.sender.deadline, has_place=True, on_interrupt=self._tell_interrupted)
            return await self.sender.deliver(job)
        try:
            return Outcome(index, event, OutcomeStatus.ACCEPTED, await self.sender.send_event(event))
        except InvalidEventError as error:
            return Outcome(index, event, OutcomeStatus.REJECTED, error=error)
        except DeliveryError as error:
            return Outcome(index, event, error.status, error=error)
        except anyio.get_cancelled_exc_class():
            doubt = UnknownDeliveryError("the run was cancelled while a sender of your own had the event")
            await self._interrupt(Outcome(index, event, doubt.status, error=doubt))
            raise

    def _unsent(self, index: int, event: Any, why: str) -> Outcome:
        error = NotSentError(f"not sent: {why}")
        error.__cause__ = self.stopped_because
        return Outcome(index, event, error.status, error=error)

    async def _interrupt(self, outcome: Outcome) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(SETTLE_PATIENCE):
            await self._tell_interrupted(outcome)

    async def _tell_interrupted(self, outcome: Outcome) -> None:
        try:
            await self.settle(outcome)
        except Exception as fault:  # noqa: BLE001 - a cancellation is under way, and must come through
            self.fault = self.fault or fault
