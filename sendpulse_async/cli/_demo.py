"""`demo`: a sandbox, a file with good and bad rows, both doors, and the proof that nothing was sent twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources

from .. import (
    AuthorizedEventSender,
    ClientCredentials,
    Outcome,
    OutcomeStatus,
    Quota,
    RateLimit,
    RawEventSender,
    Report,
    send_many,
)
from ..sandbox import Sandbox
from ._consoles import Console, how_to_call, open_stderr, open_stdout
from ._exit_codes import ExitCode
from ._input import Input, InputOptions, Row
from ._progress import open_progress
from ._report import show_report
from ._script import RAW_ROWS, differences, prepare, taken_counts

SENDPULSE_LIMIT = RateLimit(per_second=10)
EVENT_NAME = "demo_order"
_DEADLINE = 120.0
"""Seconds; a busy machine must not change the outcomes."""
_IN_FLIGHT = 8
_SUMMED = ("total", "accepted", "rejected", "not_sent", "unknown", "elapsed", "failures", "failures_dropped")


async def play(rate_limit: RateLimit | None = SENDPULSE_LIMIT) -> ExitCode:
    """Run the demo and compare it with its script.

    Args:
        rate_limit: What both senders share.
    """
    stdout, rows, outcomes = open_stdout(), _rows(), list[Outcome]()
    async with Sandbox() as sandbox:
        prepare(sandbox, rows)
        _show_intention(stdout, sandbox, rows)
        async with open_progress(open_stderr(), len(rows)) as progress:

            def hear(outcome: Outcome) -> None:
                outcomes.append(outcome)
                progress.note(outcome)

            report = await _send(sandbox, rows, Quota(rate_limit), hear)
        found = differences(rows, outcomes, sandbox)
        stdout.say()
        show_report(stdout, report)
        _show_proof(stdout, sandbox, outcomes)
    _show_end(stdout, found)
    return ExitCode.DIFFERED if found else ExitCode.ACCEPTED


def _rows() -> list[Row]:
    with resources.as_file(resources.files(__package__ or "") / "demo.csv") as path:
        return [*Input(InputOptions(path)).rows_of_file()]


async def _send(sandbox: Sandbox, rows: Sequence[Row], quota: Quota, hear: Callable[[Outcome], object]) -> Report:
    async with RawEventSender(sandbox.event_url, rate_limit=quota, deadline=_DEADLINE) as by_url:
        first = await send_many(by_url, rows[:RAW_ROWS], max_in_flight=_IN_FLIGHT, on_outcome=hear)
    async with AuthorizedEventSender(
        ClientCredentials(sandbox.client_id, sandbox.client_secret),
        event_name=EVENT_NAME,
        base_url=sandbox.origin,
        rate_limit=quota,
        deadline=_DEADLINE,
    ) as by_name:
        second = await send_many(by_name, rows[RAW_ROWS:], max_in_flight=_IN_FLIGHT, on_outcome=hear)
    return _joined(first, second)


def _joined(first: Report, second: Report) -> Report:
    sums = {name: getattr(first, name) + getattr(second, name) for name in _SUMMED}
    return Report(**sums, stopped_because=first.stopped_because or second.stopped_because)


def _show_intention(console: Console, sandbox: Sandbox, rows: Sequence[Row]) -> None:
    console.say(("A demo of sendpulse_async; nothing leaves this machine.", "bold"))
    console.say(f"A stand-in for SendPulse runs at {sandbox.origin}.")
    console.say(f"It is sent the {len(rows)} orders of a CSV file: {RAW_ROWS} through an event's own URL,")
    console.say("the others by the event's name with a token. On purpose a few rows are wrong,")
    console.say("and a few meet faults.")


def _show_proof(console: Console, sandbox: Sandbox, outcomes: Sequence[Outcome]) -> None:
    repeated = [outcome for outcome in outcomes if outcome.receipt is not None and outcome.receipt.attempts > 1]
    taken = taken_counts(sandbox.events)
    twice = sum(count > 1 for count in taken.values())
    doubtful = [o for o in outcomes if o.status is OutcomeStatus.UNKNOWN and taken[o.event["order_id"]]]
    console.say(("What the stand-in saw:", "bold"))
    console.say(f"  {taken.total()} events taken, ", (f"{twice or 'none'} of them twice", "red" if twice else "green"))
    console.say(f"  {_lines(repeated)}: refused for a moment (429, 503), so sent again, and then accepted")
    console.say(f"  {_lines(doubtful)}: unknown here, yet taken there: a repeat would have doubled them")
    console.say()


def _lines(outcomes: Sequence[Outcome]) -> str:
    return f"lines {', '.join(str(line) for line in sorted(o.event.line for o in outcomes)) or '(none)'}"


def _show_end(console: Console, found: Sequence[str]) -> None:
    if found:
        console.say(("Not as scripted:", "bold red"))
        for difference in found:
            console.say(f"  {difference}")
        return
    program = how_to_call()
    console.say(("All went as scripted.", "bold green"), " With an account of your own, either by an event's URL:")
    console.say("  export SENDPULSE_EVENT_URL='https://events.sendpulse.com/events/id/...'")
    console.say(f"  {program} send-many contacts.csv")
    console.say("or by its name:")
    console.say("  export SENDPULSE_CLIENT_ID=... SENDPULSE_CLIENT_SECRET=...")
    console.say(f"  {program} send-many contacts.csv --event-name purchase")
    console.say(f"Try these on this machine first: {program} sandbox")
