"""How a run shows how far it is: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import asyncio
import math
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

    def resume(self, count: int) -> object:
        """Take in how many events an earlier run has settled, so far."""
        ...


def open_progress(console: Console, total: int | None, pause: Callable[[], float] = lambda: 0.0) -> Progress:
    """Return what suits the console.

    Args:
        console: Where to show it.
        total: Rows of the input; None: nobody knows.
        pause: Says for how many seconds a 429 keeps everybody waiting.
    """
    return Bar(console, total, pause) if console.is_interactive else Lines(console, total, pause)


def _waiting(seconds: float) -> str:
    return f"waiting {math.ceil(seconds)} s: 429" if seconds > 0 else ""


class Bar:
    """A bar with counts, rate and the time that is left."""

    def __init__(self, console: Console, total: int | None, pause: Callable[[], float]) -> None:
        self._failed = 0
        self._resumed = 0
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("Sending"),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.MofNCompleteColumn(),
            _RateColumn(),
            rich.progress.TimeRemainingColumn(elapsed_when_finished=True),
            rich.progress.TextColumn("{task.fields[failed]}", style="yellow"),
            _PauseColumn(pause),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=total, failed="", resumed=0)

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

    def resume(self, count: int) -> None:
        """Take in how many events an earlier run has settled, so far."""
        if count > self._resumed:
            self._bar.update(self._task, advance=count - self._resumed, resumed=count)
            self._resumed = count


class _RateColumn(rich.progress.ProgressColumn):
    def render(self, task: rich.progress.Task) -> str:
        sent = task.completed - task.fields["resumed"]
        return f"{sent / task.elapsed if task.elapsed else 0:.1f}/s"


class _PauseColumn(rich.progress.ProgressColumn):
    def __init__(self, pause: Callable[[], float]) -> None:
        super().__init__()
        self._pause = pause

    def render(self, task: rich.progress.Task) -> str:  # noqa: ARG002 - the column's verb
        return _waiting(self._pause())


class Lines:
    """A line every ten seconds, which a log can keep.

    Args:
        console: Where to write.
        total: Rows of the input; None: nobody knows.
        pause: See `open_progress`.
        sleep: Waits for some seconds.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        console: Console,
        total: int | None,
        pause: Callable[[], float] = lambda: 0.0,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._total = total
        self._pause = pause
        self._sleep = sleep
        self._clock = clock
        self._counts: Counter[OutcomeStatus] = Counter()
        self._resumed = 0

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

    def resume(self, count: int) -> None:
        """Take in how many events an earlier run has settled, so far."""
        self._resumed = count

    async def _write(self) -> None:
        while True:
            await self._sleep(PLAIN_INTERVAL)
            self._console.say(self._line())

    def _line(self) -> str:
        sent = self._counts.total()
        rate = sent / max(self._clock() - self._began, 1e-3)
        of_all = "" if self._total is None else f" of {self._total:,}"
        parts = [f"{sent + self._resumed:,}{of_all} events", f"{rate:.1f} a second"]
        if self._resumed:
            parts.append(f"{self._resumed:,} settled before")
        if self._total is not None and sent and rate:
            parts.append(f"{_duration((self._total - sent - self._resumed) / rate)} left")
        parts.append(f"{sent - self._counts[OutcomeStatus.ACCEPTED]:,} failed")
        return ", ".join([*parts, *filter(None, [_waiting(self._pause())])])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
