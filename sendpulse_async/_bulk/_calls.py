"""The two calls: one returns a report, the other hands out the outcomes as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import attrs
from anyio.abc import ObjectReceiveStream

from .._arguments import check_whole
from .._errors import ConfigurationError
from .._hooks import BulkRun
from .._journal import DeliveryLog
from .._outcomes import Outcome, Report
from .._policies import RateLimit
from .._quota import Quota
from .._senders import EventSender, carrier_of
from .._telling import OnOutcome, tell
from ._places import Places
from ._resuming import Resuming
from ._rules import StopRules
from ._run import Run, Settle
from ._source import Events, Source


@attrs.frozen
class Options:
    """What a run can be told, checked."""

    max_in_flight: int
    rate_limit: RateLimit | Quota | None
    max_failures: int | None
    on_outcome: OnOutcome | None
    journal: DeliveryLog | None
    resend_unknown: bool

    def __attrs_post_init__(self) -> None:
        check_whole("max_in_flight", self.max_in_flight)
        if self.max_failures is not None:
            check_whole("max_failures", self.max_failures, 0)
        if self.on_outcome is not None and not callable(self.on_outcome):
            raise ConfigurationError("on_outcome must be callable")
        if self.journal is not None and (isinstance(self.journal, type) or not isinstance(self.journal, DeliveryLog)):
            raise ConfigurationError("journal must be a Journal, or a log that processes share")
        if self.resend_unknown and self.journal is None:
            raise ConfigurationError("resend_unknown needs a journal, which knows what is unknown")

    @asynccontextmanager
    async def run(self, sender: EventSender, events: Events, settle: Settle) -> AsyncIterator[Run]:
        """Begin a run; its journal is open for as long."""
        quota = self.rate_limit if isinstance(self.rate_limit, Quota) else Quota(self.rate_limit)
        carrier = carrier_of(sender)
        seen = BulkRun(self.max_in_flight)
        run = Run(
            carrier, Source(events), settle, StopRules(self.max_failures), Places(quota, carrier.quota), seen=seen
        )
        carrier.audience.run(seen)
        try:
            async with self._journal_of(run):
                yield run
        finally:
            carrier.audience.report(run.tally.report(), seen)

    @asynccontextmanager
    async def _journal_of(self, run: Run) -> AsyncIterator[None]:
        if self.journal is None:
            yield
            return
        async with self.journal.run() as log:
            run.journal = Resuming(log, run.sender, self.resend_unknown)
            yield


async def send_many(
    sender: EventSender,
    events: Events,
    *,
    max_in_flight: int = 32,
    rate_limit: RateLimit | Quota | None = None,
    journal: DeliveryLog | None = None,
    resend_unknown: bool = False,
    max_failures: int | None = None,
    on_outcome: OnOutcome | None = None,
) -> Report:
    """Send many events, and report what came of each.

    An event that fails ends nothing: it has its outcome, and the run goes on. The rate limit and its pauses are waited
    for before an event's deadline begins. The run stops early, with `Report.stopped_because`, when the credentials are
    refused, when nothing is permitted, when five events in a row find no such event, when the service seems to be down
    (five failures in a row, a wait of 5 s, one more failure), after five pauses in a row without an accepted event, and
    after more than `max_failures` failures.

    Args:
        sender: Sends one event.
        events: Any iterable or async iterable of what `send_event` takes; never pulled more than `max_in_flight` ahead.
        max_in_flight: Events on their way at a time.
        rate_limit: Holds for this run, on top of the sender's own.
        journal: A `Journal`, or a `RedisDeliveryLog` where runs on several machines must know of each other. Makes the
            run resumable: run again with the same journal and input. What an earlier run settled is not sent again, and
            counts as `resumed`; what it left unknown is reported again.
        resend_unknown: Send also what an earlier run left unknown; that may double it.
        max_failures: Events that may end otherwise than accepted; None: any number.
        on_outcome: Called once with each `Outcome`; sync or async.

    Returns:
        The counts, and the first 1,000 failures.

    Raises:
        ConfigurationError: An argument is wrong; nothing was sent.
        JournalError: The journal cannot be used, or belongs to another input; events in flight have ended.
        Exception: What the input or `on_outcome` raised, after the events in flight have ended.
    """
    options = Options(max_in_flight, rate_limit, max_failures, on_outcome, journal, resend_unknown)

    async def settle(outcome: Outcome) -> None:
        if on_outcome is not None:
            await tell(on_outcome, outcome)

    async with options.run(sender, events, settle) as run:
        await work(run, max_in_flight)
    report = run.tally.report()
    if run.fault is not None:
        run.fault.add_note(f"sendpulse_async: a bulk run ended here, after {report.summary()}")
        raise run.fault
    return report


class OutcomeStream:
    """The outcomes of a run, in the order in which events complete; iterate over it once."""

    def __init__(self, run: Run, received: ObjectReceiveStream[Outcome]) -> None:
        self._run = run
        self._received = received

    @property
    def report(self) -> Report:
        """The report of the outcomes so far; of all of them once the iteration has ended."""
        return self._run.tally.report()

    @property
    def resumed(self) -> int:
        """Events that an earlier run of the journal settled, so far; of them no outcome tells."""
        return self._run.tally.resumed

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    async def __anext__(self) -> Outcome:
        try:
            return await self._received.receive()
        except anyio.EndOfStream:
            if self._run.fault is not None:
                raise self._run.fault from None
            raise StopAsyncIteration from None


@asynccontextmanager
async def stream_many(
    sender: EventSender,
    events: Events,
    *,
    max_in_flight: int = 32,
    rate_limit: RateLimit | Quota | None = None,
    journal: DeliveryLog | None = None,
    resend_unknown: bool = False,
    max_failures: int | None = None,
    on_outcome: OnOutcome | None = None,
) -> AsyncIterator[OutcomeStream]:
    """Send many events, and hand out their outcomes as they come.

    A consumer that stops reading stops the run after the events in flight. Leaving the context cancels these; whoever
    wants to know their outcomes gives `on_outcome`.

    Args:
        sender: As for `send_many`.
        events: As for `send_many`.
        max_in_flight: As for `send_many`.
        rate_limit: As for `send_many`.
        journal: As for `send_many`.
        resend_unknown: As for `send_many`.
        max_failures: As for `send_many`.
        on_outcome: As for `send_many`.

    Yields:
        The outcomes, with a `report` of those so far.

    Raises:
        ConfigurationError: An argument is wrong; nothing was sent.
        JournalError: The journal cannot be used; from the iteration, if it fails later or belongs to another input.
        Exception: What the input or `on_outcome` raised, from the iteration, after the events in flight have ended.
    """
    options = Options(max_in_flight, rate_limit, max_failures, on_outcome, journal, resend_unknown)
    given, received = anyio.create_memory_object_stream[Outcome](0)

    async def settle(outcome: Outcome) -> None:
        await tell(on_outcome, outcome)
        await given.send(outcome)

    fault: BaseException | None = None
    with given, received:  # closed however it ends, be it before the run begins
        async with options.run(sender, events, settle) as run, anyio.create_task_group() as group:
            group.start_soon(partial(work, run, max_in_flight, given))
            try:
                yield OutcomeStream(run, received)
            except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - raised below, out of the group
                fault = error  # which would wrap it
            finally:
                received.close()  # so that no outcome waits for a reader who has left
                group.cancel_scope.cancel()
    if fault is not None:
        raise fault


async def work(run: Run, workers: int, given: Any = None) -> None:
    """Let so many workers bring a run to its end, and close what its outcomes are given to."""
    try:
        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(run.work)
    finally:
        if given is not None:
            given.close()
