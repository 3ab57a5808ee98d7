"""One bulk run: workers on one input, which wait for the quota before an event's deadline begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import attrs

from .._errors import InvalidEventError, JournalError, SendPulseError
from .._hooks import BulkRun
from .._outcomes import Outcome, attempts_of
from .._senders import ForeignSender, Job, Sender
from .._telling import briefly, tell_interrupted
from ._places import Places
from ._resuming import Resuming
from ._rules import StopRules
from ._source import Source
from ._tally import Tally
from ._unsent import unsent

PROBE_DELAY = 5.0
"""Seconds between the last event in flight and the probe, once the breaker is open."""

Settle = Callable[[Outcome], Awaitable[None]]


@attrs.define(eq=False)
class Run:
    """The workers' shared state.

    Args:
        sender: Sends one event.
        source: The input.
        settle: Told each outcome, once.
        rules: Say when to stop.
        places: Where events wait for the quota.
        journal: Asked and told of each event; None: there is none.
        is_exhaustive: What is left of the input when the run stops has outcomes, too.
        sleep: Waits for some seconds.
        tally: Counts what came of it.
        seen: What hooks see of it.

    Attributes:
        fault: What the input, the journal, `settle` or the code itself raised.
    """

    sender: Sender | ForeignSender
    source: Source
    settle: Settle
    rules: StopRules
    places: Places
    journal: Resuming | None = None
    is_exhaustive: bool = False
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    tally: Tally = attrs.field(factory=Tally)
    seen: BulkRun | None = None
    fault: Exception | None = attrs.field(default=None, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    _in_flight: int = attrs.field(default=0, init=False)
    _pulls: set[anyio.CancelScope] = attrs.field(factory=set[anyio.CancelScope], init=False)
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
            if self.is_exhaustive:
                await self._pass_over()
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

    @property
    def stopped_because(self) -> SendPulseError | None:
        """What ended the run before its input did."""
        return self.tally.stopped_because

    def stop(self, reason: SendPulseError) -> None:
        """Pull no more, and end the waits of events of which no byte has left."""
        self.tally.stopped_because = self.tally.stopped_because or reason
        self.places.end()
        self._end()

    async def _pass_over(self) -> None:
        """Tell what came of the events that are left: none is sent, but earlier runs may have settled some."""
        while self.fault is None and (item := self.source.next()) is not None:
            outcome = await self._outcome(job := self._job(*item))
            if outcome is None:
                self.tally.resumed += 1
            else:
                await self._tell(job, outcome)
            await anyio.lowlevel.checkpoint()

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
        job = self._job(index, given)
        try:
            if is_held:
                async with self._probe_turn(has_event=True):
                    await self._deliver(job)
            else:
                await self._deliver(job)
        except anyio.get_cancelled_exc_class():
            if job.is_settled:
                self.tally.resumed += 1
            elif not job.is_told:
                outcome = job.outcome or unsent(job, "the run was cancelled", self.stopped_because)
                await self._tell_interrupted(job, outcome)
            raise
        except Exception:
            if not job.is_told:
                await self._finish(job, job.outcome or unsent(job, "the run broke off", self.stopped_because))
            raise

    def _job(self, index: int, given: Any) -> Job:
        doubt = self.journal is not None  # until that has spoken
        return Job(index, given, was_unknown=doubt, run=self.seen)

    async def _deliver(self, job: Job) -> None:
        self._in_flight += 1
        try:
            if (outcome := await self._outcome(job)) is None:
                self.tally.resumed += 1
            else:
                await self._finish(job, outcome)
        finally:
            self._in_flight -= 1
            self._event_ended.set()

    async def _finish(self, job: Job, outcome: Outcome) -> None:
        job.outcome, job.is_told = outcome, True
        if not job.is_old and (reason := self.rules.note(outcome)) is not None:
            self.stop(reason)
        try:
            if self.journal is not None:
                await self.journal.settle(outcome)
        finally:
            await self._tell(job, outcome)
        if isinstance(self.sender, ForeignSender) or isinstance(outcome.error, InvalidEventError):
            await anyio.lowlevel.checkpoint()  # nothing else may have given the event loop a turn

    def _note(self, job: Job, outcome: Outcome) -> None:
        self.tally.add(outcome)
        if not job.is_old:
            self.sender.note(job, outcome)

    async def _tell(self, job: Job, outcome: Outcome) -> None:
        self._note(job, outcome)
        try:
            if self.sender.is_heard:
                await self.sender.tell(outcome)
        finally:
            await self.settle(outcome)

    async def _outcome(self, job: Job) -> Outcome | None:
        """Bring an event to its outcome; None: an earlier run settled it. A pause puts it back, with a new deadline."""
        refused = self.sender.check(job)
        if self.journal is not None:
            refused = await self.journal.admit(job, refused)
        if refused is not None or job.is_settled:
            return refused
        while True:
            began = await self.places.take(job)
            if (reason := self.stopped_because) is not None:
                return unsent(job, f"the run was stopped: {reason}", reason)
            job.earlier_attempts, job.deadline = attempts_of(job.outcome), self.sender.deadline
            outcome = job.outcome = await self.sender.carry(job)  # known to whoever is cancelled in the next line
            if not await self.places.is_put_back(outcome, began):
                if self.places.is_exhausted and outcome.error is not None:
                    self.stop(outcome.error)
                return outcome
            if self.journal is not None:
                await self.journal.put_back(outcome)

    async def _tell_interrupted(self, job: Job, outcome: Outcome) -> None:
        job.is_told = True
        try:
            if self.journal is not None:
                await briefly(self.journal.settle(outcome))
        except JournalError as fault:
            self.fault = self.fault or fault
        self._note(job, outcome)
        await self.sender.tell(outcome, tell_interrupted)
        try:
            await briefly(self.settle(outcome))
        except Exception as fault:  # noqa: BLE001 - a cancellation is under way, and must come through
            self.fault = self.fault or fault
