"""A run whose input comes in parts: each is brought to its end, and what stops one stops all that follow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs

from .._errors import SendPulseError
from .._journal import Entry
from .._outcomes import Outcome
from .._senders import EventSender
from ._calls import Options, work
from ._run import Run
from ._source import Source


@attrs.define(eq=False)
class PartedRun:
    """One run over many inputs; between two of them nothing is in flight."""

    _part: Run
    _workers: int

    @property
    def stopped_because(self) -> SendPulseError | None:
        """What stopped the run; events that came after it were not sent."""
        return self._part.stopped_because

    @property
    def has_journal(self) -> bool:
        """Whether it can be resumed."""
        return self._part.journal is not None

    async def send(self, events: Iterable[Any], note: Callable[[int, Entry], None]) -> None:
        """Send the next part, whose events are numbered on from those of the parts before.

        Args:
            events: Events or flat mappings; all of them are pulled, after a stop too.
            note: Told of each event, once, what came of it: in this run or, where its journal has it settled, earlier.

        Raises:
            JournalError: As for `send_many`.
            Exception: What the input or `note` raised, after the events in flight have ended.
        """

        async def settle(outcome: Outcome) -> None:
            note(outcome.index, Entry.of(outcome.index, outcome))

        last = self._part
        journal = last.journal and attrs.evolve(last.journal, on_settled=note)
        source = Source(events, last.source.pulled)
        self._part = attrs.evolve(last, source=source, settle=settle, journal=journal, is_exhaustive=True)
        if last.stopped_because is not None:
            self._part.stop(last.stopped_because)
        await work(self._part, self._workers)
        if self._part.fault is not None:
            raise self._part.fault


@asynccontextmanager
async def run_in_parts(sender: EventSender, options: Options) -> AsyncIterator[PartedRun]:
    """Begin a run over many inputs; its journal is open for as long.

    Raises:
        ConfigurationError: An argument is wrong.
        JournalError: The journal cannot be used.
    """
    async with options.run(sender, (), _unheard) as nothing_yet:
        yield PartedRun(nothing_yet, options.max_in_flight)


async def _unheard(_: Outcome) -> None:
    """Hear what an input without events says."""
