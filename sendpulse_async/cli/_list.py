"""Sends a list: with progress, a file of failures, a report, and an end in order at Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import attrs

from .. import AuthorizedEventSender, Journal, JournalError, Outcome, OutcomeStream, RawEventSender, Report, stream_many
from .._journal import EntryState
from .._telling import OnOutcome
from ._consoles import complain, open_stderr
from ._exit_codes import ExitCode, code_of_report
from ._failures import FailuresError, FailuresFile
from ._feed import Feed
from ._input import InputError
from ._interrupts import Interrupts
from ._output import Output
from ._progress import Progress, open_progress

_STOPPING = "Stopping: no more lines are taken, the events in flight will end. Ctrl-C again aborts them."


@attrs.frozen
class Plan:
    """How a list is sent.

    Attributes:
        total: Rows of the list, or None where nobody knows.
        file: The list, for what is said of it.
        max_in_flight: Events on their way at a time.
        max_failures: Events that may fail; None: any number.
        journal: Makes the run resumable.
        resend_unknown: Send again what an earlier run left unknown.
        failures: The file of the events that were not accepted.
        how_to_resume: What a user types to go on after an end before the end.
    """

    total: int | None
    file: Path
    max_in_flight: int
    max_failures: int | None
    journal: Journal | None
    resend_unknown: bool
    failures: Path | None
    how_to_resume: str


class ListRun:
    """One list on its way.

    Args:
        sender: Where it goes.
        feed: Its rows.
        plan: How it is sent.
        output: Where outcomes and the report are written.
    """

    def __init__(self, sender: RawEventSender | AuthorizedEventSender, feed: Feed, plan: Plan, output: Output) -> None:
        self._sender = sender
        self._feed = feed
        self._plan = plan
        self._output = output
        self._stderr = open_stderr()
        self._fault: InputError | JournalError | FailuresError | None = None
        self._is_interrupted = False

    async def send(self) -> ExitCode:
        """Send all of it, and report."""
        progress = open_progress(self._stderr, self._plan.total, self._pause)
        outcomes: OutcomeStream | None = None
        try:
            with self._failures() as failures, Interrupts(self._interrupt) as interrupts:
                # The hook hears of aborted events too, of which the stream does not tell.
                async with progress, self._events(partial(self._note, progress, failures)) as outcomes:
                    self._feed.on_rows = lambda: progress.resume(outcomes.resumed)
                    with interrupts.scope:
                        async for _ in outcomes:
                            pass
                    progress.resume(outcomes.resumed)
        except (FailuresError, InputError, JournalError) as fault:
            if outcomes is None:
                raise
            self._fault = self._fault or fault
        return self._end(outcomes.report, await self._rejected())

    def _events(self, on_outcome: OnOutcome) -> AbstractAsyncContextManager[OutcomeStream]:
        plan = self._plan
        return stream_many(
            self._sender,
            self._feed.rows(),
            max_in_flight=plan.max_in_flight,
            max_failures=plan.max_failures,
            journal=plan.journal,
            resend_unknown=plan.resend_unknown,
            on_outcome=on_outcome,
        )

    @contextmanager
    def _failures(self) -> Iterator[FailuresFile | None]:
        with ExitStack() as stack:
            yield None if self._plan.failures is None else stack.enter_context(FailuresFile(self._plan.failures))

    def _note(self, progress: Progress, failures: FailuresFile | None, outcome: Outcome) -> None:
        progress.note(outcome)
        self._output.note(outcome)
        if failures is not None and not isinstance(self._fault, FailuresError):
            try:
                failures.note(outcome)
            except FailuresError as fault:  # what is in flight ends all the same
                self._fault = fault
                self._feed.stop()

    def _interrupt(self) -> None:
        self._is_interrupted = True
        self._feed.stop()
        self._stderr.say(_STOPPING)

    def _pause(self) -> float:
        """Return for how many seconds a 429 keeps everybody waiting."""
        return self._sender.quota.pause_left

    async def _rejected(self) -> int:
        """Return how many events this run and earlier ones of its journal rejected."""
        if self._plan.journal is None or isinstance(self._fault, JournalError):
            return 0
        async with self._plan.journal as journal:
            return (await journal.counts())[EntryState.REJECTED]

    def _end(self, report: Report, rejected: int) -> ExitCode:
        self._output.report(report, None if self._feed.is_read else self._feed.line)
        if self._fault is not None:
            where = f"{self._plan.file}: " if isinstance(self._fault, InputError) else ""
            complain(f"{where}{self._fault}")
        code = self._code(report, rejected)
        if self._plan.journal is not None and not self._feed.is_read:
            self._stderr.say(("To go on: ", "bold"), self._plan.how_to_resume)
        return code

    def _code(self, report: Report, rejected: int) -> ExitCode:
        if self._is_interrupted:
            return ExitCode.INTERRUPTED
        if isinstance(self._fault, InputError):
            return ExitCode.UNREADABLE
        if self._fault is not None:
            return ExitCode.STOPPED
        code = code_of_report(report)
        return ExitCode.FAILED if code is ExitCode.ACCEPTED and rejected else code
