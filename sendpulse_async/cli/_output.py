"""What a run writes to stdout: a report for people, or an object a line for programs."""

from __future__ import annotations

import json
from typing import Any, Protocol

from .. import Outcome, Report
from ._consoles import Console
from ._report import show_report


class Output(Protocol):
    """Told each outcome, and the report at the end."""

    def note(self, outcome: Outcome) -> None:
        """Take in what came of a row."""
        ...

    def report(self, report: Report, last_line: int | None) -> None:
        """Write the report; `last_line`: see `show_report`."""
        ...


class ForPeople:
    """The report alone: outcomes are the progress bar's."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, outcome: Outcome) -> None:
        """Say nothing."""

    def report(self, report: Report, last_line: int | None) -> None:
        """Write it."""
        show_report(self._console, report, last_line)


class ForPrograms:
    """One JSON object a line, without addresses and payloads: each outcome with its line, then the report."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, outcome: Outcome) -> None:
        """Write it."""
        told: Any = outcome.receipt or outcome.error
        self._write(
            line=outcome.event.line,
            status=outcome.status.value,
            attempts=getattr(told, "attempts", 0),
            status_code=getattr(told, "status_code", None),
            error=None if outcome.error is None else str(outcome.error),
        )

    def report(self, report: Report, last_line: int | None) -> None:
        """Write it."""
        counts = ("total", "accepted", "rejected", "not_sent", "unknown", "resumed")
        reason = report.stopped_because
        self._write(
            report={name: getattr(report, name) for name in counts},
            elapsed=round(report.elapsed, 3),
            stopped_because=None if reason is None else str(reason),
            last_line=last_line,
        )

    def _write(self, **values: Any) -> None:
        self._console.say(json.dumps(values))
