"""How outcomes and reports read."""

from __future__ import annotations

from .. import Outcome, OutcomeStatus, Report
from ._consoles import Console

PROBLEMS_SHOWN = 20

_STYLES = {
    OutcomeStatus.ACCEPTED: ("green", "SendPulse took them"),
    OutcomeStatus.REJECTED: ("red", "will not be taken as they are"),
    OutcomeStatus.NOT_SENT: ("yellow", "surely not taken: safe to send again"),
    OutcomeStatus.UNKNOWN: ("magenta", "may have been taken: sending them again may double them"),
}


def word_of(status: OutcomeStatus) -> tuple[str, str]:
    """Return a status as people read it, with its style."""
    return status.value.replace("_", " "), _STYLES[status][0]


def show_outcome(console: Console, outcome: Outcome, contact: str) -> None:
    """Write one line on one event.

    Args:
        console: Where to write.
        outcome: What came of the event.
        contact: Whom it concerns, masked.
    """
    receipt = outcome.receipt
    if receipt is None:
        console.say(word_of(outcome.status), f" {contact}: {outcome.error}")
        return
    tries = "1 attempt" if receipt.attempts == 1 else f"{receipt.attempts} attempts"
    doubt = "" if receipt.confirmed else "; the answer's body was cut"
    answer = f"HTTP {receipt.status_code} after {receipt.elapsed:.2f} s, {tries}{doubt}"
    console.say(word_of(outcome.status), f" {contact}: {answer}")


def show_report(console: Console, report: Report, last_line: int | None = None) -> None:
    """Write what came of a run whose events were rows.

    Args:
        console: Where to write.
        report: The run's report.
        last_line: The line after which nothing was read, where the run ended before its input did.
    """
    rate = report.total / report.elapsed if report.elapsed else 0.0
    events = f"{report.total:,} event{'' if report.total == 1 else 's'}"
    console.say((events, "bold"), f" in {report.elapsed:.1f} s, {rate:.1f} a second")
    _show_counts(console, report)
    _show_problems(console, report)
    if report.stopped_because is not None:
        console.say(("Stopped early: ", "bold red"), str(report.stopped_because))
    if last_line is not None:
        console.say(f"The lines after line {last_line} were not taken." if last_line else "No line was taken.")


def _show_counts(console: Console, report: Report) -> None:
    for status, (style, meaning) in _STYLES.items():
        count = getattr(report, status.value)
        if count or status is OutcomeStatus.ACCEPTED:
            word, _ = word_of(status)
            console.say("  ", (f"{word:<9}", style), f"{count:>9,}   ", (meaning, "dim"))
    if report.resumed:
        console.say("  ", (f"{'before':<9}", "cyan"), f"{report.resumed:>9,}   ", ("settled by an earlier run", "dim"))
    console.say()


def _show_problems(console: Console, report: Report) -> None:
    if not report.failures:
        return
    console.say(("Problems, by line of the file:", "bold"))
    problems = sorted(report.failures, key=lambda outcome: outcome.event.line)
    shown = problems[:PROBLEMS_SHOWN]
    width = len(str(shown[-1].event.line))
    for outcome in shown:
        word, style = word_of(outcome.status)
        console.say(f"  line {outcome.event.line:>{width}}  ", (f"{word:<9}", style), f" {outcome.error}")
    rest = len(problems) + report.failures_dropped - len(shown)
    if rest:
        console.say(f"  and {rest:,} more")
    console.say()
