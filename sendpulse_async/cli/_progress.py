"""How a run shows how far it is: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol, Self

import rich.progress

from .. import Outcome, OutcomeStatus
from ._consoles import Console

PLAIN_INTERVAL = 10.0
"""Seconds between two plain lines."""


class Progress(Protocol):
    """Shows how far a run is while it is entered."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def note(self, outcome: Outcome) -> object:
        """Take in what came of one event."""
        ...


def open_progress(console: Console, total: int) -> Progress:
    """Return what suits the console.

    Args:
        console: Where to show it.
        total: Rows of the input.
    """
    return Bar(console, total) if console.is_interactive else Lines(console, total)


class Bar:
    """A bar with counts, rate and the time that is left."""

    def __init__(self, console: Console, total: int) -> None:
        self._failed = 0
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("Sending"),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.MofNCompleteColumn(),
            _RateColumn(),
            rich.progress.TimeRemainingColumn(elapsed_when_finished=True),
            rich.progress.TextColumn("{task.fields[failed]}", style="yellow"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=total, failed="")

    async def __aenter__(self) -> Self:
        self._bar.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._bar.stop()

    def note(self, outcome: Outcome) -> None:
        """Take in what came of one event."""
        if outcome.status is not OutcomeStatus.ACCEPTED:
            self._failed += 1
        self._bar.update(self._task, advance=1, failed=f"{self._failed:,} failed" if self._failed else "")


class _RateColumn(rich.progress.ProgressColumn):
    def render(self, task: rich.progress.Task) -> str:
        return f"{task.completed / task.elapsed if task.elapsed else 0:.1f}/s"


class Lines:
    """A line every ten seconds, which a log can keep.

    Args:
        console: Where to write.
        total: Rows of the input.
        sleep: Waits for some seconds.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        console: Console,
        total: int,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._total = total
        self._sleep = sleep
        self._clock = clock
        self._counts: Counter[OutcomeStatus] = Counter()

    async def __aenter__(self) -> Self:
        self._began = self._clock()
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.cancel()
        # What ails stderr must not end a run.
        await asyncio.gather(self._writer, return_exceptions=True)

    def note(self, outcome: Outcome) -> None:
        """Take in what came of one event."""
        self._counts[outcome.status] += 1

    async def _write(self) -> None:
        while True:
            await self._sleep(PLAIN_INTERVAL)
            done = self._counts.total()
            failed = done - self._counts[OutcomeStatus.ACCEPTED]
            rate = done / max(self._clock() - self._began, 1e-3)
            self._console.say(f"{done:,} of {self._total:,} events, {rate:.1f} a second, {failed:,} failed")
